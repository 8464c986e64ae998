"""Every supported Python counts alike, however it was built for and however it is started.

Each Python at hand gets its wheel, and each CPython the one for the stable ABI, in an environment
of its own where all tests run that need no checkout. The newest is also started in unusual ways. As
root, what this system lacks comes from Debian sid, in a folder that is made once. Free-threaded
CPython is a row of its own.
"""

import json
import os
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import wheels
from trust import sid
from trust.model import PACKAGE, Figure, MissingError, say

GOAL = (
    "CPython 3.10 to 3.15 with its own wheel and with abi3's, and PyPy 3.11: all tests, on PyPy"
    " without those of NumPy, columns and C; -O, -I, -bb, dev mode and the C locale: all tests;"
    " subinterpreters: a clear error"
)
HOURS = 0.6
COVERS = (*PACKAGE, "rustlib/include", "build_ffi.py", "setup.py")

WANTED = ["cp310", "cp311", "cp312", "cp313", "cp314", "cp315", "pp311"]

FAILED = "FAILED"

FIRST_WITH_SUBINTERPRETERS = 314

MODES = {
    "-O": (("-O",), {}),
    "-I": (("-I",), {}),
    "-bb": (("-bb",), {}),
    "dev mode": (("-X", "dev"), {}),
    # Python then takes names for UTF-8 (PEPs 538 and 540). Where that is forbidden, the tests can't
    # make their files, whose names are not all ASCII.
    "C locale": ((), {"LC_ALL": "C"}),
}

SUBINTERPRETER = """
from concurrent import interpreters

try:
    interpreters.create().exec("import doubles_ffi; assert doubles_ffi.count_doubles('aaa') == 2")
except interpreters.ExecutionFailed as error:
    print(error.excinfo.type.__name__, error.excinfo.msg)
else:
    print("counted")
"""

FROM_SID = wheels.WORK / "trust/sid.json"


def run(seconds, _earlier):
    """Test with every Python that can be had, until the time is up."""
    deadline = time.monotonic() + seconds
    wheels.sources()
    # In a trial, what is in sid gets half of the time.
    outcomes = try_all(time.monotonic() + seconds / 2, [])
    try:
        sid.make(seconds)
    except MissingError as error:
        say(f"{error}")
    else:
        outcomes |= try_in_sid(deadline, [tag for tag in outcomes if " " not in tag])
    late = [what for what, outcome in outcomes.items() if outcome is None]
    missing = [tag for tag in WANTED if tag not in outcomes]
    tried = {what: outcome for what, outcome in outcomes.items() if outcome is not None}
    parts = [f"{what} {outcome}" for what, outcome in tried.items()]
    parts += [f"no time for {', '.join(late)}"] if late else []
    parts += [f"not at hand: {', '.join(missing)}"] if missing else []
    failed = [what for what, outcome in tried.items() if outcome == FAILED]
    text = f"{len(tried) - len(failed)} of {len(outcomes) + len(missing)} ways to run it"
    reached, details = not (late or missing), "; ".join(parts)
    return Figure(text, passed=not failed, reached=reached, details=details)


def try_all(deadline, known):
    """Return for each test what came of it: tests passed, a failure, or None for lack of time."""
    pythons = {tag: path for tag, path in wheels.interpreters().items() if tag not in known}
    cpythons = [tag for tag in pythons if re.fullmatch(r"cp\d+", tag)]
    rooms = {}
    one_at_a_time = threading.Lock()  # All wheels are built in the same folder.

    def room(tag, *, stable_abi=False):
        name = f"trust/{tag}{'-abi3' if stable_abi else ''}"
        with one_at_a_time:
            if name not in rooms:
                wheel = wheels.build(pythons[tag], name, stable_abi=stable_abi)
                rooms[name] = wheels.Installed(pythons[tag], name, wheel)
            return rooms[name]

    plan = {tag: lambda tag=tag: tests_passed(room(tag)) for tag in pythons}
    for tag in cpythons:
        plan[f"{tag} abi3"] = lambda tag=tag: tests_passed(room(tag, stable_abi=True))
        if int(tag.removeprefix("cp")) >= FIRST_WITH_SUBINTERPRETERS:
            plan[f"{tag} subinterpreter"] = lambda tag=tag: subinterpreter(room(tag))
    # Once will do, so not in sid again.
    for tag in [] if known else cpythons[-1:]:
        for mode, (flags, environment) in MODES.items():
            plan[f"{tag} {mode}"] = lambda tag=tag, flags=flags, environment=environment: (
                tests_passed(room(tag), *flags, **environment)
            )
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        outcomes = pool.map(lambda what: attempt(what, plan[what], deadline), plan)
        return dict(zip(plan, outcomes))


def attempt(what, action, deadline):
    """Return what an action returns, or that it failed, or None if it is too late."""
    if time.monotonic() >= deadline:
        return None
    try:
        outcome = action()
    except (subprocess.CalledProcessError, AssertionError) as error:
        say(str(error))
        outcome = FAILED
    say(f"{what}: {outcome}")
    return outcome


def tests_passed(room, *flags, **environment):
    """Run all tests, and return how many passed."""
    # pytest says that -O takes away the asserts that it does not rewrite. Hypothesis compares bytes
    # with integers, which -bb forbids.
    quiet = ("-W", "ignore::pytest.PytestConfigWarning")
    quiet += ("-W", "ignore::BytesWarning:hypothesis.internal.cache")
    return re.search(r"\d+ passed", room.test(*flags, options=quiet, **environment))[0]


def subinterpreter(room):
    """Return what a subinterpreter with a GIL of its own does: it counts, or says why it can't."""
    answer = wheels.run(room.python, "-c", SUBINTERPRETER).strip()
    assert re.fullmatch("counted|ImportError .*subinterpreters?.*", answer), answer
    return answer.partition(" ")[0]


def try_in_sid(deadline, known):
    """Run the same in Debian sid, with the Pythons that are not known."""
    # Seen there as here, while the command runs: the checkout, the toolchain, what pip needs.
    toolchain = wheels.run("rustc", "--print", "sysroot").strip()
    cargo = os.environ.get("CARGO_HOME", str(Path.home() / ".cargo"))
    here = [wheels.ROOT, toolchain, cargo, "/proc", "/dev", "/etc/ssl", "/etc/resolv.conf"]
    here += [path for path in ("/etc/hosts", "/etc/pip.conf") if Path(path).exists()]
    lines = ["set -e"]
    for path in here:
        make = "mkdir -p" if Path(path).is_dir() else "touch"
        lines += [f"{make} '{sid.FOLDER}{path}'", f"mount --rbind '{path}' '{sid.FOLDER}{path}'"]
    seconds = deadline - time.monotonic()
    arguments = f"{seconds} {' '.join(known)}"
    command = f"cd '{wheels.ROOT}/tests' && exec python3 -m trust.interpreters {arguments}"
    lines += [f'exec chroot "{sid.FOLDER}" sh -c "{command}"']
    environment = {
        **os.environ,
        "PATH": f"{toolchain}/bin:/usr/sbin:/usr/bin:/bin",
        "CARGO_HOME": cargo,
    }
    script = "\n".join(lines)
    subprocess.run(["unshare", "--mount", "sh", "-c", script], check=True, env=environment)
    return json.loads(FROM_SID.read_text())


if __name__ == "__main__":  # In sid.
    results = try_all(time.monotonic() + float(sys.argv[1]), sys.argv[2:])
    FROM_SID.write_text(json.dumps(results))
