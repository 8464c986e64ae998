"""Build an earlier commit of the package, and import it beside the present one.

cd tests && python -m benchmarks.load_before
"""

import functools
import importlib
import io
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

COMMIT = "f77b907"
ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "build" / "before"
INSTALLED = ROOT / "build" / "bench" / "before"

# Other names for the package and its library: a process has one of each name.
PACKAGE = "doubles_before"
RENAMED = {
    "doubles_ffi": PACKAGE,
    "libdoubles.": f"lib{PACKAGE}.",  # in setup.py
    'libraries=["doubles"]': f'libraries=["{PACKAGE}"]',  # in build_ffi.py
    "[lib]\n": f'[lib]\nname = "{PACKAGE}"\n',  # in Cargo.toml
}


class BeforeMissingError(ImportError):
    """Why there is no earlier commit."""


def build():
    """Install the commit under other names, where `load_before` looks."""
    archive = subprocess.run(
        ["git", "archive", "--format=zip", COMMIT], cwd=ROOT, check=False, capture_output=True
    )
    if archive.returncode:
        raise BeforeMissingError(f"git has no {COMMIT}: {archive.stderr.decode().strip()}")
    shutil.rmtree(SOURCES, ignore_errors=True)
    zipfile.ZipFile(io.BytesIO(archive.stdout)).extractall(SOURCES)
    (SOURCES / "doubles_ffi").rename(SOURCES / PACKAGE)
    for path in (path for path in SOURCES.rglob("*.*") if path.suffix in {".py", ".toml"}):
        text = path.read_text("utf-8")
        for old, new in RENAMED.items():
            text = text.replace(old, new)
        path.write_text(text, "utf-8")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    install = [*pip, "--no-deps", "--upgrade", "--target", INSTALLED, SOURCES]
    subprocess.run(install, check=True)


@functools.cache
def load_before():
    """Return the package as it was at that commit."""
    if not INSTALLED.exists():
        raise BeforeMissingError(f"{COMMIT} is not built: `make bench` builds it")
    sys.path.append(str(INSTALLED))
    return importlib.import_module(PACKAGE)


if __name__ == "__main__":
    try:
        build()
    except BeforeMissingError as error:
        print(f"without {COMMIT}: {error}", file=sys.stderr)
