"""Build and import the peers: the crate beside this file, which only the benchmarks use."""

import functools
import importlib.machinery
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

CRATE = Path(__file__).parent / "peers"
NAME = "doubles_peers"


class PeersMissingError(ImportError):
    """Why there are no peers."""


def load_peers():
    """Return the peers' module, built anew if its sources have changed."""
    module = _load_peers()
    if isinstance(module, PeersMissingError):
        raise module
    return module


@functools.cache
def _load_peers():
    """Return the module, or why there is none: it is asked for often."""
    if shutil.which("cargo") is None:
        return PeersMissingError("the peers need cargo: see https://rustup.rs")
    command = ["cargo", "build", "--locked", "--release", "--target-dir", "target"]
    command += ["--message-format", "json-render-diagnostics"]
    environment = os.environ | {"PYO3_PYTHON": sys.executable}
    cargo = subprocess.run(
        command, cwd=CRATE, env=environment, capture_output=True, text=True, check=False
    )
    if cargo.returncode:
        return PeersMissingError(f"cargo can't build the peers: {cargo.stderr.strip()}")
    messages = map(json.loads, cargo.stdout.splitlines())
    files = [file for message in messages for file in message.get("filenames", [])]
    # No suffix of a Python module: cargo names the file as it names any library.
    path = next(file for file in files if Path(file).stem == f"lib{NAME}")
    loader = importlib.machinery.ExtensionFileLoader(NAME, path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(NAME, loader))
    loader.exec_module(module)
    return module
