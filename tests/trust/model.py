"""What a row of docs/reliability.md is made of."""

import importlib
import math
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from trust.code import ROOT, fingerprint

# Where inputs that made a row fail are kept, a folder for each row.
KEPT = ROOT / "build" / "trust"

# The code of the crate without its tests, and that of the package without the cluster.
LIBRARY = (
    "rustlib/src",
    "rustlib/Cargo.lock",
    ":!rustlib/src/**/tests.rs",
    ":!rustlib/src/**/tests",
)
PACKAGE = ("doubles_ffi", ":!doubles_ffi/cluster")
PRODUCT = (*LIBRARY, *PACKAGE)

# All of it without the loops over bytes, which call nothing, allocate nothing and keep nothing.
WITHOUT_KERNELS = (*PRODUCT, ":!rustlib/src/kernel")

# What calls the system, starts threads and keeps something from one call to the next.
SYSTEM = tuple(f"rustlib/src/{name}.rs" for name in ("pool", "os", "parallel", "kernel", "ffi"))
SYSTEM += ("rustlib/src/ffi", "rustlib/Cargo.lock")

# The rows in order. Each is a module beside this file:
# - The first line of its docstring is the promise.
# - `GOAL` says in words what a run of full length reaches, `HOURS` how long two idle cores take.
# - `COVERS` are the files whose code it tests. When that changes, what was found is dropped.
# - `run(seconds, earlier)` tries for about that long and returns a `Figure`. Infinite seconds are
#   the full length: until the goal. `earlier` is the `state` of the last figure of the same code.
ROWS = (
    "fuzzing",
    "python_fuzzing",
    "sanitizers",
    "mutants",
    "python_mutants",
    "cpus",
    "interpreters",
    "free_threaded",
    "windows",
    "fork",
    "files",
    "interrupts",
    "panics",
    "resources",
    "huge",
    "soak",
    "hostile",
    "supply_chain",
    "model_checking",
)


@dataclass(frozen=True)
class Figure:
    """What a run of a row has found: in a few words, and whether the promise held.

    `reached` is whether it got as far as its goal; a run that was cut short holds but falls short.
    `details` are shown below the table, where there is room. Rows whose runs add up have a `state`,
    which the next run takes as its start.
    """

    text: str
    passed: bool
    reached: bool = True
    details: str = ""
    state: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    name: str
    promise: str
    goal: str
    run: Callable[[float, dict], Figure]
    hours: float = 0
    covers: tuple[str, ...] = PRODUCT

    def code(self):
        """Return the fingerprint of the code that it tests."""
        return fingerprint(*self.covers)


class MissingError(Exception):
    """This machine lacks what a row needs; says how to get it."""


class FailedError(Exception):
    """A check has failed; has what its command said."""


def run_checks(checks, earlier, seconds=math.inf):
    """Return the figure of a row that consists of checks.

    Args:
        checks: {name: (function that raises if the check fails, seconds that it takes about)}.
        earlier: the state of the last figure, which names those that need not run again.
        seconds: how long they may take. Those that take none always run.
    """
    end = time.monotonic() + seconds
    clean, left_out = [*earlier.get("clean", ())], []
    for name, (check, needed) in checks.items():
        if name in clean:
            continue
        if needed and time.monotonic() + needed > end:
            left_out.append(name)
            continue
        try:
            check()
        except MissingError as fault:
            left_out.append(f"{name} ({fault})")
            continue
        except FailedError as fault:
            say(f"{fault}")
            return Figure(f"{name}: not clean", passed=False)
        clean.append(name)
        say(f"clean: {name}")
    details = "; ".join(clean) + f"; not checked: {', '.join(left_out)}" * bool(left_out)
    text = f"{len(clean)} of {len(checks)} checks, all clean"
    state = {"clean": clean}
    return Figure(text, passed=True, reached=not left_out, details=details, state=state)


def need(tool, command, *, wanted=True):
    """Install a tool that is missing, if that is wanted and works; else raise MissingError."""
    if shutil.which(tool) is None and wanted:
        say(f"{tool} is missing: {command}")
        subprocess.run(["/bin/sh", "-c", command], check=False)
    if shutil.which(tool) is None:
        raise MissingError(f"needs {tool}: {command}")


def need_debian(package, tool=None):
    install = (
        f"DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends {package}"
    )
    need(tool or package, f"{install} || {{ apt-get update -qq && {install}; }}")


def need_crate(name, seconds):
    """Have a crate's command in PATH. It takes minutes to compile, which a trial does not have."""
    need(name, f"cargo install --quiet --locked {name}", wanted=math.isinf(seconds))


def load(name):
    module = importlib.import_module(f"trust.{name}")
    promise = module.__doc__.partition("\n")[0].removesuffix(".")
    return Row(name, promise, module.GOAL, module.run, module.HOURS, module.COVERS)


def load_all():
    return [load(name) for name in ROWS]


def keep(row, name, data):
    """Write an input that made a row fail where it can be found, and say where."""
    folder = KEPT / row
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(data)
    say(f"kept {path}")


def say(text):
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)
