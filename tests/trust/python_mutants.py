"""Every mutant of the Python code fails a test.

cd tests && python -m trust.python_mutants SECONDS

cosmic-ray makes the changes. Those that change nothing are listed, each with its reason. This
imports pytest once and forks for each of the others; the child imports the changed module and runs
the tests: first those that reach the changed line, the quick ones before the slow ones. Programs
that tests start are as they were. What was killed is kept in build/trust, as long as the code of
its module stays the same.
"""

import difflib
import functools
import importlib.abc
import importlib.util
import json
import os
import random
import re
import resource
import signal
import sys
import time
from pathlib import Path

from trust.children import PartError, ask
from trust.code import fingerprint
from trust.model import KEPT, ROOT, Figure, keep, say

GOAL = "each mutant of the modules below killed, or listed with the reason why it can't be"
HOURS = 1.5
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
    "_library/runs": ["find_runs"],
    "_library/squeezer": ["runs", "squeeze_command"],
    "generate": ["generate"],
    "ladder": ["ladder"],
    "run_columns": ["find_runs"],
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
    r"([A-Z_]*(SLICE|SIZE)|_PIPE|WORTH_SPLITTING|_KEPT|_CHUNK|_ROOM|_AT_ONCE|AHEAD) = .*\n.*": (
        "a tuned number: the answers are the same, and take another time or other memory"
    ),
    r'.*sys\.implementation\.name == "pypy".*\n.*': "the way of PyPy, whose tests are others",
    r"(.*)sys\.platform == (.*)\n\1sys\.platform (>=?|is) \2": "not on Windows, before and after",
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
    r"_ENDIAN = .*\n_ENDIAN = .* ([<>]=|is) .*": "the same on a little-endian machine",
    r"(.*) == ffi\.NULL(.*)\n\1 <= ffi\.NULL\2": "no pointer is below null",
    r"(.*) != ffi\.NULL(.*)\n\1 > ffi\.NULL\2": "no pointer is below null",
    r"(.*\.length) == 0(.*)\n\1 <= 0\2": "no length is below zero",
    r"((?:stretch|part)\.append\(.*, .*, .*, )1\)\n\1[02]\)": (
        "on how many threads a block is counted: the count is the same"
    ),
    r"(.*, pointer, size, )0\)\n\1 ?1\)": "on how many threads a chunk is counted",
    r"room, self\._room = self\._room, -1\n.*, (- ?[02]|~ ?1|not 1)": (
        "no chunk but an empty one is appended in place, and that changes nothing"
    ),
    r"if status == 0:\nif status >= 0:": "no status is above zero",
    r"if self\._stretch is left:(.*)\nif self\._stretch == left:\1": "a stretch equals only itself",
    r"(.*)tallies\[1\]:\n\1tallies\[ ?-1\]:": "the last of two",
    r"(.*)tallies\[0\] != (.*)\n\1tallies\[0\] is not \2": "each boolean is one object",
    r"if len\(set\(alphabet\)\) < (.*)\nif len\(set\(alphabet\)\) (!=|is not) \1": (
        "a set is never longer, and CPython has each small number once"
    ),
    r"if number > self\._rooms(.*)\nif number (!=|is not) self\._rooms\1": (
        "room of another size is as good, and takes longer to make"
    ),
    r"(.*self\._room\(size) // 2 \+ 2\)(.*)\n\1 ((\+|\*|\*\*|\|) 2 \+ 2|// 1 \+ 2|// 2 \+ 3)\)\2": (
        "room for more is enough as well"
    ),
    r"\n?@overload": "only type checkers read it",
    r"most: int = 1,\nmost: int = [02],": "an overload, which only type checkers read",
    r"(.*)self\._is_text == (.*)\n\1self\._is_text is \2": "each boolean is one object",
    r"if size >= sys\.maxsize:\nif size > sys\.maxsize:": "only PyPy has no error of its own",
    r"room = AHEAD \* threads\nroom = AHEAD \S+ threads": (
        "how far ahead threads run: the results are the same, in the same order"
    ),
}

# Seconds after which a test run hangs, as a mutant may make it.
PATIENCE = 300

# Tests that run alone at first, as most mutants fail one of them: no others are collected.
QUICK = 12

# Seconds of processor time after which these hang, in an endless loop.
QUICK_PATIENCE = 30

FOLDER = KEPT / "python_mutants"
KILLED = FOLDER / "killed.json"

PYTEST = ["-xq", "-p", "no:cacheprovider", "-p", "no:benchmark", "--hypothesis-profile=mutants"]
PYTEST += ["-o", "addopts=--doctest-modules --import-mode=importlib"]
PYTEST += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]


def run(seconds, _earlier):
    seconds = min(seconds, 3600 * 3 * HOURS)
    try:
        found = ask("trust.python_mutants", seconds, seconds=seconds + PATIENCE)
    except PartError as error:
        return Figure(str(error), passed=False)
    alive = found["alive"]
    for number, (name, diff) in enumerate(alive):
        say(f"alive: {name}\n{diff}")
        keep("python_mutants", f"{number}.diff", diff.encode())
    tried = found["killed"] + found["equivalent"] + len(alive)
    text = f"{tried:,} of {found['all']:,} tried: {found['killed']:,} killed, "
    text += f"{found['equivalent']} equivalent, {len(alive)} alive"
    return Figure(text, passed=not alive, reached=tried == found["all"])


def main(seconds):
    """Try mutants until the time is over, as many at a time as there are processors."""
    import pytest  # noqa: F401 (each child has it then)

    end = time.monotonic() + float(seconds)
    os.chdir(ROOT)
    FOLDER.mkdir(parents=True, exist_ok=True)
    codes = {module: fingerprint(f"doubles_ffi/{module}.py") for module in MODULES}
    known = {name: code for name, code in read(KILLED).items() if code in codes.values()}
    mutants = all_mutants()
    waiting = [mutant for mutant in mutants if known.get(mutant.name) != codes[mutant.module]]
    found = {"all": len(mutants), "equivalent": 0, "alive": []}
    found["killed"] = len(mutants) - len(waiting)
    # Module by module, as the tests of each are measured first.
    order = dict(zip(MODULES, random.sample(range(len(MODULES)), len(MODULES))))
    waiting.sort(key=lambda mutant: (order[mutant.module], random.random()))
    running = {}
    while running or (waiting and time.monotonic() < end):
        while waiting and len(running) < os.cpu_count() and time.monotonic() < end:
            mutant = waiting.pop()
            if any(re.fullmatch(change, changed_lines(mutant.diff)) for change in EQUIVALENT):
                found["equivalent"] += 1
                continue
            tests = covering(mutant)
            pid = fork(lambda mutant=mutant, tests=tests: judge(mutant, tests))
            running[pid] = mutant, time.monotonic()
        for pid, (mutant, start) in [*running.items()]:
            if time.monotonic() > start + PATIENCE:
                os.killpg(pid, signal.SIGKILL)
            done, status = os.waitpid(pid, os.WNOHANG)
            if not done:
                continue
            del running[pid]
            if status:
                found["killed"] += 1
                known[mutant.name] = codes[mutant.module]
                KILLED.write_text(json.dumps(known))
            else:
                found["alive"].append((mutant.name, mutant.diff))
        time.sleep(0.05)
    print(json.dumps(found))


def read(path):
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


class Mutant:
    """A module whose text is changed in one place."""

    def __init__(self, item):
        self._item = item
        self.module, self.line = module_of(item.module_path), item.start_pos[0]
        self.name = f"{self.module} {item.operator_name} {item.occurrence}"

    @functools.cached_property
    def texts(self):
        """The text of the module, before and after."""
        from cosmic_ray.mutating import mutate_code
        from cosmic_ray.plugins import get_operator

        text, item = self._item.module_path.read_text("utf-8"), self._item
        operator = get_operator(item.operator_name)(**(item.operator_args or {}))
        return text, mutate_code(text.encode(), operator, item.occurrence) or text

    @property
    def diff(self):
        lines = (text.splitlines() for text in self.texts)
        return "\n".join(difflib.unified_diff(*lines, lineterm="", n=0))


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports a mutant in place of its module."""

    def __init__(self, mutant):
        self.name = f"doubles_ffi.{mutant.module.replace('/', '.')}"
        self.path, self.code = ROOT / "doubles_ffi" / f"{mutant.module}.py", mutant.texts[1]

    def find_spec(self, name, _path, _target=None):
        if name == self.name:
            return importlib.util.spec_from_file_location(name, self.path, loader=self)
        return None

    def exec_module(self, module):
        exec(compile(self.code, self.path, "exec"), module.__dict__)

    def get_source(self, _name):
        return self.code


def judge(mutant, tests):
    """Return whether a mutant fails a test."""
    os.setsid()  # All that it starts can be ended together.
    sys.meta_path.insert(0, Finder(mutant))
    resource.setrlimit(resource.RLIMIT_AS, (MOST, MOST))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    files = [f"tests/test_{name}.py" for name in MODULES[mutant.module]]
    rounds = [(QUICK_PATIENCE, tests[:QUICK])] if tests else []
    for seconds, chosen in [*rounds, (PATIENCE, files)]:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, PATIENCE))
        if wait(fork(functools.partial(pytest_fails, *chosen, plugin=Order(tests)))):
            return True
    return False


class Order:
    """Has pytest run some tests before all others, in their order."""

    def __init__(self, tests):
        self._places = {test: place for place, test in enumerate(tests)}

    def pytest_collection_modifyitems(self, items):
        items.sort(key=lambda item: self._places.get(item.nodeid, len(self._places)))


def fork(function):
    """Call a function in a child, silently; its status is whether it returned true or raised."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        # What `multiprocessing` spawns would run this module again.
        sys.modules["__main__"].__dict__.pop("__file__", None)
        sys.modules["__main__"].__spec__ = None
        status = bool(function())
    finally:
        os._exit(status)


def wait(pid):
    return bool(os.waitpid(pid, 0)[1])


def pytest_fails(*arguments, plugin):
    import pytest

    return pytest.main([*PYTEST, *arguments], plugins=[plugin]) != 0


def covering(mutant):
    """Return the tests that reach a mutant, the quickest first."""
    reached = {}
    for name in MODULES[mutant.module]:
        measured = cover(name)
        for test in measured["lines"].get(f"{mutant.module}:{mutant.line}", ()):
            reached[test] = measured["times"][test]
    return sorted(reached, key=reached.get)


@functools.cache
def cover(name):
    """Return which tests of a file reach a line, and how many seconds each test takes."""
    path = FOLDER / f"cover-{name}.json"
    code = fingerprint("doubles_ffi", f"tests/test_{name}.py")
    if read(path).get("code") != code:
        path.unlink(missing_ok=True)
        if wait(fork(lambda: measure(name, path, code))):
            raise RuntimeError(f"tests/test_{name}.py fails without a change")
    return read(path)


def measure(name, path, code):
    """Run a file's tests, and write which lines each reaches and how long it takes."""
    import coverage
    import pytest

    measured = coverage.Coverage(data_file=None, source=["doubles_ffi"], config_file=False)
    times = {}

    class Plugin:
        @pytest.hookimpl(hookwrapper=True)
        def pytest_runtest_protocol(self, item):
            measured.switch_context(item.nodeid)
            start = time.perf_counter()
            yield
            times[item.nodeid] = time.perf_counter() - start

    with measured.collect():
        if pytest_fails(f"tests/test_{name}.py", plugin=Plugin()):
            return True
    lines, data = {}, measured.get_data()
    for file in data.measured_files():
        module = module_of(Path(file).relative_to(ROOT))
        for line, tests in data.contexts_by_lineno(file).items():
            lines[f"{module}:{line}"] = [test for test in tests if test]
    path.write_text(json.dumps({"code": code, "lines": lines, "times": times}))
    return False


def all_mutants():
    import cosmic_ray.commands
    from cosmic_ray.work_db import use_db

    paths = [Path("doubles_ffi", f"{module}.py") for module in MODULES]
    with use_db(":memory:") as database:
        cosmic_ray.commands.init(paths, database, {})
        items = [mutation for item in database.work_items for mutation in item.mutations]
    return [Mutant(item) for item in items if not LEFT_OUT.fullmatch(item.operator_name)]


def module_of(path):
    return str(Path(path).relative_to("doubles_ffi").with_suffix(""))


def changed_lines(diff):
    """Return the lines that a change replaces, and the lines that it puts there."""
    lines = [line for line in diff.splitlines() if line[:3] not in {"---", "+++"}]
    return "\n".join(line[1:].strip() for line in lines if line[:1] in {"-", "+"})


if __name__ == "__main__":
    main(*sys.argv[1:])
