"""Every mutant of the Python code fails a test.

cosmic-ray makes the changes, in a copy. Those that change nothing are listed, each with its reason.
"""

import os
import random
import re
import shlex
import shutil
import sys
import tempfile
import time
from pathlib import Path

from trust.model import ROOT, Figure, keep, say

GOAL = "each mutant of the modules below killed, or listed with the reason why it can't be"
HOURS = 3
COVERS = ("doubles_ffi",)

# Which tests are for a module.
MODULES = {
    "_library/stretch": ["counter", "counting", "encodings", "tally"],
    "_threads": ["threads"],
    "_decoding": ["encodings", "files", "finding", "find"],
    "_input/encodings": ["encodings", "files", "finding", "find"],
    "_input/rows": ["columns"],
    "counter": ["counter"],
    "counting": ["counting", "tally", "encodings", "native", "columns"],
    "columns": ["columns", "counts", "annotations"],
    "files/content": ["files", "find"],
    "files/decompression": ["decompression"],
    "files/engine": ["files", "find"],
    "files/reading": ["files", "find", "decompression"],
    "files/system": ["files"],
    "_library/search": ["finding", "find"],
    "_library/longest": ["runs"],
    "_library/squeezer": ["runs", "squeeze_command"],
    "generate": ["generate"],
    "ladder": ["ladder"],
    "runs": ["runs", "finding", "find"],
}

# A `|` is mostly in annotations, which other tests read. Of the wrong operators, some are enough.
LEFT_OUT = re.compile(
    "core/ReplaceBinaryOperator_(BitOr_.*|.*_(Pow|Mod|Div|[LR]Shift|Bit(And|Or|Xor)))"
)

# Bytes of address space for a test run, where a mutant may ask for any number.
MOST = 16 << 30

# Lines whose mutants change nothing that a test could see, before and after, and why.
EQUIVALENT = {
    r"if TYPE_CHECKING:\nif not TYPE_CHECKING:": "what only type checkers need does no harm",
    r"([A-Z_]*(SLICE|SIZE)|_PIPE|WORTH_SPLITTING|_KEPT|_CHUNK|_ROOM|AHEAD) = .*\n.*": (
        "a tuned number: the answers are the same, and take another time or other memory"
    ),
    r'.*sys\.implementation\.name == "pypy".*\n.*': "the way of PyPy, whose tests are others",
    r"(.*)type\((\w+)\) is (\w+)(.*)\n\1type\(\2\) == \3\4": (
        "a type equals no other, unless its metaclass says so"
    ),
    r"return count if count >= 0 else check\(count\)\nreturn count if count (>|==) 0 else .*": (
        "`check` returns a count as it is"
    ),
    r"if size >= POINTER_PAYS and (.*)\nif (not )?size (\S+|is not) POINTER_PAYS and \1": (
        "the other way makes the same text"
    ),
    r"if size <= self\._room:\nif size (<|==|is) self\._room:": (
        "the other way counts the same, and takes longer"
    ),
    r"(.*)item is not end(.*)\n\1item != end\2": "an object that equals only itself",
    r"mmap\.mmap\(-1, (.*)\nmmap\.mmap\(.+, \1": "of anonymous memory, Linux ignores the file",
    r"_ENDIAN = .*\n_ENDIAN = .* <= .*": "no other name of a byte order comes first",
    r"((?:stretch|part)\.append\(.*, .*, .*, )1\)\n\1[02]\)": (
        "on how many threads a block is counted: the count is the same"
    ),
    r"if len\(set\(alphabet\)\) < (.*)\nif len\(set\(alphabet\)\) (!=|is not) \1": (
        "a set is never longer, and CPython has each small number once"
    ),
    r"if number > self\._rooms(.*)\nif number (!=|is not) self\._rooms\1": (
        "room of another size is as good, and takes longer to make"
    ),
    r"(.*self\._room\(size) // 2 \+ 2\)(.*)\n\1 ((\+|\*|\*\*|\|) 2 \+ 2|// 1 \+ 2|// 2 \+ 3)\)\2": (
        "room for more is enough as well"
    ),
    r"@overload": "only type checkers read it",
    r"room = AHEAD \* threads\nroom = AHEAD \S+ threads": (
        "how far ahead threads run: the results are the same, in the same order"
    ),
}

# Seconds after which a test run hangs, as a mutant may make it.
PATIENCE = 300


def run(seconds, _earlier):
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        copy(Path(folder))
        before = Path.cwd()
        os.chdir(folder)
        try:
            return judge(end)
        finally:
            os.chdir(before)


def copy(folder):
    for name in ("doubles_ffi", "tests"):
        ignored = shutil.ignore_patterns("__pycache__", "target")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)


def judge(end):
    """Try mutants in random order until the time is over."""
    from cosmic_ray.mutating import mutate_and_test
    from cosmic_ray.work_item import TestOutcome

    mutants = all_mutants()
    killed, equivalent, survivors = 0, 0, []
    random.shuffle(mutants)
    for mutant in mutants:
        if killed and time.monotonic() >= end:
            break
        result = mutate_and_test([mutant], command(mutant.module_path), PATIENCE)
        change = changed_lines(result.diff or "")
        is_equivalent = any(re.fullmatch(lines, change) for lines in EQUIVALENT)
        if result.test_outcome == TestOutcome.KILLED:
            killed += 1
        elif is_equivalent:
            equivalent += 1
        else:
            say(f"survived: {mutant.module_path} {mutant.operator_name}\n{result.diff}")
            keep(
                "python_mutants", f"{len(survivors)}.diff", (result.diff or result.output).encode()
            )
            survivors.append(mutant)
    tried = killed + equivalent + len(survivors)
    text = f"{tried:,} of {len(mutants):,} mutants of {len(MODULES)} modules: {killed:,} killed, "
    text += f"{equivalent} equivalent, {len(survivors)} survived"
    return Figure(text, passed=not survivors, reached=tried == len(mutants))


def all_mutants():
    import cosmic_ray.commands
    from cosmic_ray.work_db import use_db

    paths = [Path("doubles_ffi", f"{module}.py") for module in MODULES]
    with use_db(":memory:") as database:
        cosmic_ray.commands.init(paths, database, {})
        items = [mutation for item in database.work_items for mutation in item.mutations]
    return [item for item in items if not LEFT_OUT.fullmatch(item.operator_name)]


def module_of(path):
    return str(Path(path).relative_to("doubles_ffi").with_suffix(""))


def command(path):
    """Return the command that runs the tests of a module, in the copy."""
    tests = [f"tests/test_{name}.py" for name in MODULES[module_of(path)]]
    options = ["-xq", "-p", "no:cacheprovider", "--hypothesis-profile=mutants"]
    settings = [f"PYTHONPATH={Path.cwd()}", "PYTHONDONTWRITEBYTECODE=1"]
    pytest = [sys.executable, "-m", "pytest", *options, *tests]
    return shlex.join(["prlimit", f"--as={MOST}", "env", *settings, *pytest])


def changed_lines(diff):
    """Return the lines that a change replaces, and the lines that it puts there."""
    lines = [line for line in diff.splitlines() if line[:3] not in {"---", "+++"}]
    return "\n".join(line[1:].strip() for line in lines if line[:1] in {"-", "+"})
