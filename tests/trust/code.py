"""The code that a figure is of: what runs of some files, without comments, as a fingerprint."""

import ast
import functools
import hashlib
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@functools.cache
def fingerprint(*paths):
    """Return a text that changes with the code in files or folders, and not with their comments."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *paths]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    parts = [f"{name}\n{essence(ROOT / name)}" for name in sorted(set(names.splitlines()))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


@functools.cache
def essence(path):
    """Return the text of a file without comments, docstrings and empty lines."""
    if not path.exists():  # It is deleted, and git does not know yet.
        return ""
    text = path.read_text("utf-8", errors="replace")
    if path.suffix == ".py":
        tree = ast.parse(text)
        for node in ast.walk(tree):
            if isinstance(node, DOCUMENTED) and ast.get_docstring(node):
                del node.body[0]
        return ast.unparse(tree)
    if path.suffix in {".rs", ".c", ".h"}:
        return re.sub(r"(?m)^\s*//.*\n|^\s*\n", "", text)
    return text
