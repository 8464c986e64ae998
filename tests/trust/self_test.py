"""Plant faults in a copy of the project, one by one, and expect a row to fail for each.

cd tests && python -m trust.self_test [PLANT]...
"""

import os
import subprocess
import sys
import time

from trust.model import ROOT, say
from trust.plants import PLANTS

COPY = ROOT / "build" / "trust-self-test"

# A row has to find its fault in this time.
MINUTES = 1.5


def main(names):
    plants = [plant for plant in PLANTS if not names or plant.name in names]
    renew()
    missed = []
    # Without a fault each row passes, or its failing with one would say nothing.
    missed += [row for row in dict.fromkeys(plant.row for plant in plants) if fails(row)]
    for plant in plants:
        start = time.monotonic()
        with_fault(plant)
        found = fails(plant.row)
        seconds = time.monotonic() - start
        say(f"{plant.name}: {'found' if found else 'MISSED'} by {plant.row}, {seconds:.0f} s")
        missed += [plant.name] * (not found)
        git("checkout", "--quiet", ".")
    say(f"wrong: {', '.join(missed)}" if missed else f"{len(plants)} faults, all found")
    return bool(missed) or not plants


def renew():
    """Copy the last commit; what an earlier copy has compiled stays."""
    if not COPY.exists():
        git("clone", "--quiet", "--no-checkout", str(ROOT), str(COPY), folder=ROOT)
    git("fetch", "--quiet", "origin", "HEAD")
    git("checkout", "--quiet", "--force", "FETCH_HEAD")
    build()


def with_fault(plant):
    path = COPY / plant.file
    text = path.read_text("utf-8")
    if text.count(plant.old) != 1:
        raise ValueError(
            f"{plant.name}: {text.count(plant.old)} places with the text to replace, not 1"
        )
    path.write_text(text.replace(plant.old, plant.new), "utf-8")
    build()


def build():
    subprocess.run([sys.executable, "setup.py", "--quiet", "build"], cwd=COPY, check=True)


def fails(row):
    """Return whether a row fails in the copy."""
    command = [sys.executable, "-m", "trust", "--minutes", str(MINUTES), row]
    environment = os.environ | {"PYTHONPATH": str(COPY)}  # Before the checkout that is installed.
    return subprocess.run(command, cwd=COPY / "tests", env=environment, check=False).returncode == 1


def git(*arguments, folder=COPY):
    subprocess.run(["git", *arguments], cwd=folder, check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
