"""How the command ends: closed streams, full disks, Ctrl-C, and what reaches a reader before."""

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from commands import ENVIRONMENT, command, interrupt, on_terminal, shell, started, terminal
from systems import (
    INTERRUPTED,
    WINDOWS,
    is_readable,
    make_sparse,
    need_posix,
    posix_only,
    press_ctrl_c,
)

from doubles_ffi import cli
from doubles_ffi.cli import main, progress, system, view


@pytest.fixture(autouse=True)
def files(folder):
    (folder / "letters").write_text("aaa")
    (folder / "жук.txt").write_text("жжук", "utf-8")
    (folder / "many").write_text("aab" * 300_000)
    (folder / "list").write_text("letters\n" * 1_000_000)
    (folder / "line").write_text("a\n")
    (folder / "empty").touch()
    make_sparse(folder / "sparse", 1 << 40)
    if not WINDOWS:
        os.mkfifo(folder / "fifo")


COUNTED = "2\tletters\n2\ttotal\n"
FULL = "standard output: No space left on device"


# What Python does when it exits, and shells with the streams, shows in a process alone.
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    ("line", "status", "output", "complaint"),
    [
        ("doubles count letters >&-", 2, "", "standard output: is closed"),
        ("doubles count <&-", 2, "", "-: standard input is closed"),
        ("doubles count letters missing 2>&-", 2, COUNTED, ""),
        ("doubles count letters missing 2>/dev/full", 2, COUNTED, ""),
        ("doubles count letters >/dev/full", 2, "", FULL),
        ("doubles find letters >/dev/full", 2, "", FULL),
        ("doubles find many >/dev/full", 2, "", FULL),
        ("doubles squeeze letters many >/dev/full", 2, "", FULL),
        ("doubles squeeze letters >&-", 2, "", "standard output: is closed"),
        ("doubles squeeze many letters | head -c 3", 0, "aba", ""),
        ("yes ab | doubles squeeze | head -c 3", 0, "ab\n", ""),
        ("doubles squeeze many - <many | wc -c", 0, "1200000\n", ""),
        ("ulimit -f 9999; doubles random 20M >a", 2, "", "standard output: File too large"),
        ("doubles count --help | true", 0, "", ""),
        ("doubles random 100T | head -c 5 | wc -c", 0, "5\n", ""),
        ("doubles random 5M --seed 1 | wc -c", 0, "5000000\n", ""),
        ("doubles find many | wc -l", 0, "300000\n", ""),
        ("doubles find many | head -n 1", 0, "many:1:1: a\n", ""),
        (
            "doubles find missing many | head -n 1",
            *(0, "many:1:1: a\n", "missing: No such file or directory"),
        ),
        ("yes aab | doubles find -m 2", 0, "-:1:1: a\n-:2:1: a\n", ""),
        ("PYTHONIOENCODING=latin-1 doubles count жук.txt", 0, "1\tжук.txt\n", ""),
    ],
)
def test_how_it_ends_in_a_shell(line, status, output, complaint, unbuffered):
    end = shell(line, PYTHONUNBUFFERED=unbuffered)
    expected = f"doubles: {complaint}\n" if complaint else ""
    assert (end.returncode, end.stdout.decode(), end.stderr.decode()) == (status, output, expected)


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(("target", "status"), [("/dev/full", 2), ("&-", 0)])
def test_help_that_can_not_be_written(target, status, unbuffered):
    end = shell(f"doubles --help >{target}", PYTHONUNBUFFERED=unbuffered)
    assert end.returncode == status or (unbuffered and end.returncode == 0)
    assert b"Traceback" not in end.stderr
    assert b"Exception" not in end.stderr


def test_other_processes_see_errors_in_their_order():
    for subcommand, written in (("count", b"letters"), ("find", b"letters"), ("squeeze", b"a")):
        end = shell(f"doubles {subcommand} letters missing жук.txt letters 2>&1")
        before, after = end.stdout.split(b"doubles: missing: No such file or directory\n")
        assert before.count(written) == after.count(written) > 0


@pytest.mark.parametrize("subcommand", ["count", "find", "squeeze"])
def test_a_closed_pipe_is_silent(subcommand):
    reading, writing = os.pipe()
    os.close(reading)
    end = command(subcommand, input=b"aaa", stdout=writing)
    os.close(writing)
    assert (end.returncode, end.stderr) == (0, b"")


@posix_only("pipes have no such mode")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("line", ["random 5M", "find many", "squeeze many"])
def test_a_pipe_in_non_blocking_mode_is_an_error_when_it_is_full(line, unbuffered):
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with os.fdopen(reading), os.fdopen(writing):
        end = subprocess.run(
            [sys.executable, "-m", "doubles_ffi", *line.split()],
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
            env={**ENVIRONMENT, "PYTHONUNBUFFERED": unbuffered},
        )
    complaint = end.stderr.decode()
    assert end.returncode == 2
    assert complaint.startswith("doubles: standard output: ")
    assert len(complaint.splitlines()) == 1


class Full(io.RawIOBase):
    """A pipe in non-blocking mode that is full."""

    def write(self, _):
        return None


def test_a_full_pipe_without_a_buffer_in_this_process(capsys, monkeypatch):
    stream = io.TextIOWrapper(Full(), write_through=True)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        assert main(["random", "5"]) == 2
    assert capsys.readouterr().err.startswith("doubles: standard output: ")


class Interrupted(io.RawIOBase):
    """A terminal where Ctrl-C is pressed."""

    def readable(self):
        return True

    def readinto(self, _):
        raise KeyboardInterrupt


@posix_only("has no /dev/full")
def test_how_it_ends_in_this_process(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(Interrupted()))
    assert main(["count"]) == 130
    monkeypatch.setattr(sys, "stdin", None)
    assert main(["count"]) == 2
    assert capsys.readouterr() == ("", "doubles: -: standard input is closed\n")
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert main(["count", "letters"]) == 2
    assert capsys.readouterr().err == f"doubles: {FULL}\n"
    for line, status in (
        ("random 1", 0),
        ("count letters", 0),
        ("count missing letters", 2),
        ("find letters", 0),
        ("find missing letters", 2),
        ("squeeze letters", 0),
        ("squeeze missing letters", 2),
    ):
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "w") as pipe:
            monkeypatch.setattr(sys, "stdout", pipe)
            assert main(line.split()) == status
    capsys.readouterr()
    monkeypatch.setattr(sys, "stdout", None)
    assert main(["count", "letters"]) == 2
    assert capsys.readouterr().err == "doubles: standard output: is closed\n"
    with pytest.raises(SystemExit):
        main(["--help"])
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stderr", full)
        assert main(["count", "letters"]) == 2
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["count", "letters"]) == 2


# Ctrl-C.

# Loaded by Python before the command: presses Ctrl-C at a moment.
PRESSES = """
import atexit, os, signal, sys

class Press:
    @staticmethod
    def find_spec(name, *_):
        if name == os.environ["MOMENT"]:
            signal.raise_signal(signal.SIGINT)

if os.environ["MOMENT"] == "end":
    atexit.register(signal.raise_signal, signal.SIGINT)
else:
    sys.meta_path.insert(0, Press)
"""
# Where the package is installed, the script is beside Python.
SCRIPTS = (Path(cli.__file__).with_name("doubles"), Path(sys.executable).with_name("doubles"))
SCRIPT = next(filter(Path.exists, SCRIPTS), None)
MODULES = ["", "._native", ".cli.count", ".cli.chart"]
MOMENTS = ["argparse", *(f"doubles_ffi{module}" for module in MODULES), "end"]


@posix_only("imports the package before the command can say what Ctrl-C does")
@pytest.mark.parametrize("moment", MOMENTS)
def test_ctrl_c_at_any_moment_gives_no_traceback(tmp_path, moment):
    (tmp_path / "sitecustomize.py").write_text(PRESSES)
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[1])])
    end = subprocess.run(
        [sys.executable, SCRIPT, "count", "--tally", "letters"],
        capture_output=True,
        check=False,
        timeout=60,
        env={**ENVIRONMENT, "PYTHONPATH": path, "MOMENT": moment},
    )
    assert (end.returncode, end.stderr) == (-signal.SIGINT, b"")


@pytest.mark.parametrize(
    "line",
    [
        "count empty sparse",
        "count --bytes empty sparse",
        "count --threads 1 empty sparse",
        "count --tally empty sparse",
        "count --encoding utf-16 empty sparse",
        "count letters fifo",
        "count letters -",
        "count --files-from list",
        "count --plot out.png letters",
        "find letters sparse",
        "find letters fifo",
        "find letters -",
        "squeeze line sparse",
        "squeeze --bytes line sparse",
        "squeeze line fifo",
        "squeeze line -",
    ],
)
def test_ctrl_c_ends_the_process(line):
    if "--plot" in line:
        pytest.importorskip("matplotlib")
    if "fifo" in line:
        need_posix("has no FIFOs in folders")
    with started(*line.split(), stdin=subprocess.PIPE) as process:
        assert interrupt(process) == (INTERRUPTED, b"")


def test_ctrl_c_where_nobody_reads():
    with started("count", "--files-from", "list") as process:
        assert is_readable(process.stdout, 60)  # It fills the pipe, and waits.
        press_ctrl_c(process)
        assert process.wait(timeout=60) == INTERRUPTED
        assert process.stderr.read() == b""


@pytest.mark.parametrize("columns", [0, 60])
def test_ctrl_c_erases_progress(columns):
    make_sparse(Path("sparse"), 1 << 36)
    status, shown = on_terminal(
        *("count", "--progress", "always", "sparse"),
        is_interrupted=True,
        size=(24, columns),
    )
    assert status == -signal.SIGINT
    assert shown.endswith(b"\r" + b" " * ((columns or 80) - 1) + b"\r")


def test_ctrl_c_leaves_no_highlight_on_a_terminal():
    Path("runs").write_text(("a" * 390 + "\n") * 20_000)
    status, shown = on_terminal("find", "runs", is_interrupted=True)
    assert status == -signal.SIGINT
    assert shown.endswith(b"\x1b[m")


@posix_only("has no signal handler for that, but one of the console")
@pytest.mark.parametrize("action", [signal.SIG_DFL, signal.SIG_IGN, signal.default_int_handler])
def test_ctrl_c_is_changed_where_it_would_end_the_process(action, monkeypatch):
    """This process would not survive it."""
    calls = []
    monkeypatch.setattr(signal, "getsignal", lambda _: action)
    monkeypatch.setattr(signal, "signal", lambda *arguments: calls.append(arguments))
    monkeypatch.setattr(signal, "raise_signal", calls.append)
    with system.on_ctrl_c(lambda: calls.append("called")):
        if calls:
            calls[0][1](signal.SIGINT, None)
    default = (signal.SIGINT, signal.SIG_DFL)
    expected = [default, "called", signal.SIGINT, default] if action == signal.SIG_DFL else []
    assert calls[1:] == expected


@pytest.mark.parametrize(
    ("action", "name", "expected"),
    [
        (progress._erase_line, "stderr", b"\r" + b" " * 79 + b"\r"),
        (view.end_highlight, "stdout", b"\x1b[m"),
    ],
)
def test_ctrl_c_tidies_a_terminal_up_unless_it_is_gone(action, name, expected, monkeypatch):
    with terminal((0, 0)) as (screen, stream):
        monkeypatch.setattr(sys, name, stream)
        action()
        assert b"".join(os.read(screen, 1) for _ in expected) == expected
        os.dup2(os.open(os.devnull, os.O_RDONLY), screen)  # Closes the terminal.
        action()
