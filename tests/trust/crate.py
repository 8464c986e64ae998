"""How rows build and run the crate."""

import os
import re
import subprocess

from trust.model import ROOT, FailedError, MissingError, say

CRATE = ROOT / "rustlib"
BUILD = ROOT / "build" / "trust"


def attempt(command, folder=CRATE, **environment):
    """Run a command; what it says, errors too, is its `stdout`."""
    return subprocess.run(
        command,
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )


def expect(done):
    """Return the result of a command that has succeeded.

    Raises:
        FailedError: it failed.
    """
    if done.returncode:
        raise FailedError(f"{done.args}:\n{done.stdout[-4000:]}")
    return done


def fetch(what, *command, folder=CRATE):
    """Run a command that has a part in fetching something.

    Raises:
        MissingError: it failed; it has said why.
    """
    done = attempt([*map(str, command)], folder, DEBIAN_FRONTEND="noninteractive")
    if done.returncode:
        say(done.stdout[-4000:])
        raise MissingError(f"needs {what}: {command[0]} has failed")


def host():
    """Return rustc's name of this machine. Flags for it alone leave build scripts as they are."""
    return re.search(r"host: (\S+)", attempt(["rustc", "-vV"]).stdout)[1]


def rustflags(*flags):
    """Return a setting of cargo that adds flags to those of `.cargo/config.toml`.

    That has them for a target, so cargo would ignore any under `build`.
    """
    return f"target.'cfg(all())'.rustflags={[*flags]}"


def cargo(*arguments, folder=CRATE, flags=(), target, **environment):
    """Run cargo with flags of rustc besides the project's own, in a target directory of its own.

    The flags may be unstable ones: no nightly toolchain is needed.
    """
    command = ["cargo", arguments[0], "--locked", "--target-dir", str(BUILD / target)]
    if flags:
        command += ["--config", rustflags(*flags), "--target", host()]
        environment["RUSTC_BOOTSTRAP"] = "1"
    return attempt([*command, *arguments[1:]], folder, **environment)


def c_program(library):
    """Compile `rustlib/tests/c_abi.c` beside the library in a folder, and return it."""
    program = library / "c_abi"
    paths = [f"-I{CRATE}/include", f"-L{library}", f"-Wl,-rpath,{library}"]
    source = CRATE / "tests" / "c_abi.c"
    subprocess.run(["cc", "-g", *paths, source, "-ldoubles", "-o", program], check=True)
    return program
