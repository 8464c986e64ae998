"""Make this library your own: `python rename.py NAME`, then build it."""

import re
import shutil
import sys
from pathlib import Path

OLD, NEW, ROOT = "bytestats", sys.argv[-1], Path(__file__).parent
SUFFIXES = {".h", ".lock", ".md", ".py", ".rs", ".toml"}
SPELLINGS = {OLD: NEW, OLD.upper(): NEW.upper(), OLD.title(): NEW.title().replace("_", "")}

paths = (*ROOT.glob("*"), *ROOT.glob("*/*"), *ROOT.glob("python/*/*"))
files = [path for path in paths if path.suffix in SUFFIXES]
texts = {path: path.read_text("utf-8") for path in files}
taken = NEW in sys.stdlib_module_names or any(NEW in text.lower() for text in texts.values())
if taken or not re.fullmatch("[a-z][a-z0-9]+(_[a-z0-9]+)*", NEW):
    sys.exit(f"usage: rename.py NAME, in lower case, and nowhere used here or by Python; not {NEW}")
for path, text in texts.items():
    renamed = re.sub("(?i)" + OLD, lambda old: SPELLINGS[old[0]], text)
    path.write_text(renamed, "utf-8", newline="\n")
for path in (*ROOT.glob(f"*/*{OLD}.*"), ROOT / "python" / OLD):
    path.rename(path.with_name(path.name.replace(OLD, NEW)))
for built in (*ROOT.glob("build"), *ROOT.glob("python/*.egg-info")):
    shutil.rmtree(built)
