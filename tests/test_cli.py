"""The command, in this process for what it prints and in its own for how it ends."""

import contextlib
import errno
import io
import json
import os
import re
import resource
import runpy
import select
import signal
import string
import subprocess
import sys
from pathlib import Path

import pytest
from commands import (
    ENVIRONMENT,
    Terminal,
    answer,
    command,
    interrupt,
    on_terminal,
    read_all,
    shell,
    started,
    stdin,
    terminal,
)

from doubles_ffi import __version__, cli, random_string
from doubles_ffi.cli import main, names, progress, streams, view
from doubles_ffi.files import FileCounter


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "letters").write_text("aaa")
    (tmp_path / "жук.txt").write_text("жжук", encoding="utf-8")
    (tmp_path / "latin").write_bytes("éé".encode("latin-1"))
    (tmp_path / "empty").touch()
    return tmp_path


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["letters"], "2\tletters\n"),
        (["empty"], "0\tempty\n"),
        (["жук.txt"], "1\tжук.txt\n"),
        (["--bytes", "жук.txt"], "0\tжук.txt\n"),
        (["--encoding", "latin-1", "latin"], "1\tlatin\n"),
        (["--bytes", "latin"], "1\tlatin\n"),
        (["letters", "жук.txt"], "2\tletters\n1\tжук.txt\n3\ttotal\n"),
        (["letters", "letters"], "2\tletters\n2\tletters\n4\ttotal\n"),
        (["letters", "--bytes", "жук.txt"], "2\tletters\n0\tжук.txt\n2\ttotal\n"),
        (["--total-only", "letters", "жук.txt"], "3\ttotal\n"),
        (["--total-only", "letters"], "2\ttotal\n"),
        (["--threads", "1", "letters", "жук.txt"], "2\tletters\n1\tжук.txt\n3\ttotal\n"),
        (["--", "letters"], "2\tletters\n"),
    ],
)
def test_files(arguments, expected, capsys):
    assert main(["count", *arguments]) == 0
    assert capsys.readouterr() == (expected, "")


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_standard_input(arguments, capsys, monkeypatch):
    stdin(monkeypatch, b"hello\n\n")
    assert main(["count", *arguments]) == 0
    assert capsys.readouterr() == ("2\t-\n", "")


TABLE = """\
2\tletters
1\tжук.txt
3\ttotal

unit  code    doubles
a     U+0061        2  ████████████████
ж     U+0436        1  ████████
"""


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    "arguments",
    [
        ["letters", "жук.txt", "--tally"],
        ["--tally", "letters", "жук.txt"],
        ["letters", "--tally", "жук.txt", "--top", "2"],
        ["--tally", "--", "letters", "жук.txt"],
    ],
)
def test_tally(arguments, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "39")
    assert main(["count", *arguments]) == 0
    assert capsys.readouterr() == (TABLE, "")


@pytest.mark.usefixtures("files")
def test_the_tally_has_no_more_than_asked_for(capsys):
    assert (
        main(["count", "--total-only", "--tally", "--top", "1", "--bytes", "letters", "latin"]) == 0
    )
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in lines] == [
        ["3", "total"],
        [],
        ["unit", "code", "doubles"],
        ["a", "0x61", "2"],
    ]


def test_after_two_dashes_all_are_files(files, capsys):
    names = ["-x", "--bytes", "-h", "--tally", "--files-from=a", "--"]
    for name in names:
        (files / name).write_text("aa")
    assert main(["count", "--", *names]) == 0
    expected = "".join(f"1\t{name}\n" for name in names) + "6\ttotal\n"
    assert capsys.readouterr() == (expected, "")
    assert main(["count", "letters", "--total-only", "--", "--bytes"]) == 0
    assert capsys.readouterr().out == "3\ttotal\n"


@pytest.mark.usefixtures("files")
def test_json(capsys):
    assert main(["count", "--json", "жук.txt", "missing", "letters"]) == 2
    output, errors = capsys.readouterr()
    assert [json.loads(line) for line in output.splitlines()] == [
        {"file": "жук.txt", "count": 1, "length": 4},
        {"file": "missing", "error": "No such file or directory"},
        {"file": "letters", "count": 2, "length": 3},
    ]
    assert errors == "doubles: missing: No such file or directory\n"


@pytest.mark.usefixtures("files")
def test_json_keeps_text_as_it_is(capsys, monkeypatch):
    assert main(["count", "--json", "--tally", "жук.txt"]) == 0
    expected = '{"file": "жук.txt", "count": 1, "length": 4, "tally": {"ж": 1}}\n'
    assert capsys.readouterr().out == expected
    output = io.StringIO()  # in no encoding
    monkeypatch.setattr(sys, "stdout", output)
    assert main(["count", "--json", "жук.txt"]) == 0
    assert output.getvalue().startswith('{"file": "\\u0436\\u0443\\u043a.txt", ')


@pytest.mark.parametrize(
    "name", ["a\x7fb", "\x9b1m", "\n\r\x1b", "\udcff", "ж\u202e", "\U000e0001x"]
)
def test_json_escapes_what_can_not_be_seen(name, files, capsys):
    (files / name).write_text("aa")
    assert main(["count", "--json", name]) == 0
    line = capsys.readouterr().out
    assert line.removesuffix("\n").isprintable()
    assert json.loads(line)["file"] == name


@pytest.mark.usefixtures("files")
def test_a_total_in_json_has_no_record_of_what_failed(capsys):
    assert main(["count", "--json", "--total-only", "missing", "letters"]) == 2
    assert json.loads(capsys.readouterr().out) == {"files": 1, "count": 2, "length": 3}


@pytest.mark.usefixtures("files")
def test_json_with_tallies_and_total(capsys):
    assert main(["count", "--json", "--tally", "letters", "жук.txt"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["tally"] for line in lines] == [{"a": 2}, {"ж": 1}]
    assert main(["count", "--json", "--tally", "--bytes", "--total-only", "letters", "latin"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "files": 2,
        "count": 3,
        "length": 5,
        "tally": {"0x61": 2, "0xE9": 1},
    }


@pytest.mark.parametrize("separator", ["\n", "\0"])
@pytest.mark.parametrize("last", [True, False])
def test_names_from_a_file(separator, last, files, capsys):
    names = ["letters", "жук.txt", "", "letters"]
    (files / "list").write_text(separator.join(names) + separator * last, "utf-8")
    null = ["-0"] if separator == "\0" else []
    assert main(["count", "empty", "--files-from", "list", *null]) == 0
    expected = "0\tempty\n2\tletters\n1\tжук.txt\n2\tletters\n5\ttotal\n"
    assert capsys.readouterr() == (expected, "")


@pytest.mark.usefixtures("files")
def test_names_from_standard_input(capsys, monkeypatch):
    stdin(monkeypatch, b"letters\nempty\n-\n")
    assert main(["count", "--files-from", "-"]) == 2
    output, errors = capsys.readouterr()
    assert output == "2\tletters\n0\tempty\n2\ttotal\n"
    assert errors == "doubles: -: is the list of files\n"


def test_a_list_without_an_end_in_sight(files, capsys):
    (files / "list").write_bytes(b"x" * 300_000 + b"\nletters\n")
    assert main(["count", "--files-from", "list", "--total-only"]) == 2
    assert capsys.readouterr().out == "2\ttotal\n"


# All files are slow, and so are given to threads.
SLOW = """
import sys
from doubles_ffi.cli import main, scheduling
scheduling._QUICK = 1e-12
sys.exit(main())
"""


@pytest.mark.parametrize("program", [["-m", "doubles_ffi"], ["-c", SLOW]], ids=["quick", "slow"])
@pytest.mark.parametrize("end", [b"\n", b"\0"])
@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_list_that_is_still_being_written(program, end, threads, files):
    null = ["-0"] if end == b"\0" else []
    arguments = ["count", "--files-from", "-", "--threads", threads, *null]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, *program, *arguments], cwd=files, env=ENVIRONMENT, stdin=pipe, stdout=pipe
    ) as process:
        try:
            for written, expected in (
                (b"letters" + end, b"2\tletters\n"),
                (b"empty" + end, b"0\tempty\n"),
                (b"letters" + end + b"empty" + end, b"2\tletters\n0\tempty\n"),
                (b"empty" + end + b"lett", b"0\tempty\n"),
                (b"ers" + end, b"2\tletters\n"),
            ):
                process.stdin.write(written)
                process.stdin.flush()
                assert answer(process, len(expected)) == expected
        finally:
            process.stdin.close()
            process.kill()


def test_a_list_in_a_pipe_that_nobody_has_opened_yet(files):
    os.mkfifo(files / "fifo")
    with started("count", "letters", "--files-from", "fifo", cwd=files) as process:
        assert answer(process, 10) == b"2\tletters\n"
        (files / "fifo").write_text("empty\n")
        assert process.communicate(timeout=60)[0] == b"0\tempty\n2\ttotal\n"


@pytest.mark.usefixtures("files")
def test_answers_are_written_before_the_next_name_is_waited_for(monkeypatch):
    output = io.BytesIO()

    def slow(*_):
        yield "letters"
        yield "empty"
        yield None
        assert output.getvalue() == b"2\tletters\n0\tempty\n"

    monkeypatch.setattr("doubles_ffi.cli.names.listed", slow)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(output))
    assert main(["count", "--files-from", "-"]) == 0
    assert output.getvalue() == b"2\tletters\n0\tempty\n2\ttotal\n"


def test_a_list_says_when_more_is_to_come(tmp_path, monkeypatch):
    reading, writing = os.pipe()
    os.write(writing, b"one\n\ntwo\nthr")
    with os.fdopen(reading) as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        found = names.listed("-", b"\n")
        assert [next(found) for _ in range(3)] == ["one", "two", None]
        os.write(writing, b"ee")
        assert next(found) is None
        os.close(writing)
        assert list(found) == ["three"]
    os.mkfifo(tmp_path / "fifo")
    assert next(names.listed(str(tmp_path / "fifo"), b"\n")) is None


@pytest.mark.usefixtures("files")
def test_no_names_at_all(capsys):
    assert main(["count", "--files-from", "empty"]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_name_that_no_file_can_have(files, capsys):
    (files / "list").write_bytes(b"a\0b\nletters\n")
    assert main(["count", "--files-from", "list"]) == 2
    output, errors = capsys.readouterr()
    assert output == "2\tletters\n2\ttotal\n"
    assert errors == "doubles: a\0b: embedded null byte\n"


@pytest.mark.usefixtures("files")
def test_a_name_without_an_end_ends_the_list(capsys, monkeypatch):
    end = shell("ulimit -v 2000000; doubles count letters --files-from /dev/zero")
    complaint = "doubles: /dev/zero: has a name of more than 1048576 bytes"
    assert (end.returncode, end.stdout) == (2, b"2\tletters\n")
    assert end.stderr.decode() == f"{complaint}; if names end with NUL, try -0\n"
    end = shell("ulimit -v 2000000; yes | tr -d '\\n' | doubles find -0 --files-from -")
    assert (end.returncode, end.stdout) == (2, b"")
    assert end.stderr.decode() == complaint.replace("/dev/zero", "-") + "\n"
    monkeypatch.setattr(names, "_LONGEST", 2)
    for options, hint in (([], "; if names end with NUL, try -0"), (["-0"], "")):
        assert main(["count", *options, "--files-from", "letters"]) == 2
        expected = f"doubles: letters: has a name of more than 2 bytes{hint}\n"
        assert capsys.readouterr().err == expected


@pytest.mark.usefixtures("files")
def test_a_list_that_can_not_be_read(capsys):
    assert main(["count", "letters", "--files-from", "missing"]) == 2
    assert capsys.readouterr() == (
        "2\tletters\n",
        "doubles: missing: No such file or directory\n",
    )


def test_a_hundred_thousand_names(files):
    names = [f"{i}.txt" for i in range(100)]
    for name in names:
        (files / name).write_text("aa")
    (files / "list").write_text("".join(f"{name}\n" for name in names * 1000))
    end = command("count", "--files-from", "list", cwd=files, stdout=subprocess.PIPE)
    assert (end.returncode, end.stderr) == (0, b"")
    lines = end.stdout.splitlines()
    assert lines[-1] == b"100000\ttotal"
    assert lines[:-1] == [f"1\t{name}".encode() for name in names * 1000]


@pytest.mark.usefixtures("files")
def test_progress_is_shown_when_asked_for(capsys, monkeypatch):
    stdin(monkeypatch, b"aa")
    assert main(["count", "--progress", "always", "letters", "missing", "жук.txt"]) == 2
    output, errors = capsys.readouterr()
    assert output == "2\tletters\n1\tжук.txt\n3\ttotal\n"
    assert "B/s]" in errors
    assert "doubles: missing: No such file" in errors
    assert main(["count", "--progress", "always", "letters"]) == 0
    assert re.search(r"3\.00/3\.00 .*B/s\]", capsys.readouterr().err)


@pytest.mark.usefixtures("files")
def test_progress_of_what_is_no_terminal_or_fast(capsys, monkeypatch):
    assert main(["count", "letters"]) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert main(["count", "letters"]) == 0
    assert main(["count", "--progress", "never", "letters"]) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(progress, "_PATIENCE", 0)
    assert main(["count", "letters"]) == 0
    assert "B/s]" in capsys.readouterr().err


def test_progress_makes_room_for_lines_on_a_terminal(files, monkeypatch):
    (files / "list").write_text("letters\n" * 3)
    monkeypatch.setattr(progress, "_PATIENCE", 0)
    terminal, output = Terminal(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", terminal)
    for stdout in (terminal, output):
        monkeypatch.setattr(sys, "stdout", stdout)
        assert main(["count", "--files-from", "list"]) == 0
    lines, total = "2\tletters\n" * 3, "6\ttotal\n"
    bar, wiped = r"\r 33%.* 3\.00/9\.00 \[.*\]", r"\r {20,}\r"
    assert re.fullmatch(f"{bar}{wiped}{lines}\r*{total}{bar}{wiped}", terminal.getvalue())
    assert output.getvalue() == lines + total


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("size", [(0, 0), (0, 80), (24, 0), (24, 80)])
def test_progress_on_a_terminal_of_any_size(size, monkeypatch, capsys):
    with terminal(size) as (screen, stream):
        monkeypatch.setattr(sys, "stderr", stream)
        assert main(["count", "--progress", "always", "letters"]) == 0
        stream.close()
        assert re.fullmatch(rb"\r100%.* 3\.00/3\.00 .*B/s\]\r {79}\r", read_all(screen))
    assert capsys.readouterr().out == "2\tletters\n"


@pytest.mark.parametrize("size", [(0, 0), (24, 60)])
def test_ctrl_c_erases_progress(size, files):
    with (files / "sparse").open("wb") as file:
        file.truncate(1 << 36)
    status, shown = on_terminal(
        *("count", "--progress", "always", "sparse"), cwd=files, is_interrupted=True, size=size
    )
    assert status == -signal.SIGINT
    assert shown.endswith(b"\r" + b" " * ((size[1] or 80) - 1) + b"\r")


@pytest.mark.parametrize("action", [signal.SIG_DFL, signal.SIG_IGN, signal.default_int_handler])
def test_ctrl_c_is_changed_where_it_would_end_the_process(action, monkeypatch):
    """This process would not survive it."""
    told = []
    monkeypatch.setattr(signal, "getsignal", lambda _: action)
    monkeypatch.setattr(signal, "signal", lambda *arguments: told.append(arguments))
    monkeypatch.setattr(signal, "raise_signal", told.append)
    with streams.on_ctrl_c(lambda: told.append("called")):
        if told:
            told[0][1](signal.SIGINT, None)
    default = (signal.SIGINT, signal.SIG_DFL)
    expected = [default, "called", signal.SIGINT, default] if action == signal.SIG_DFL else []
    assert told[1:] == expected


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
        os.dup2(os.open(os.devnull, os.O_RDONLY), screen)  # The last of those who show it.
        action()


@pytest.mark.usefixtures("files")
def test_progress_without_tqdm(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert main(["count", "--progress", "always", "letters", "жук.txt"]) == 0
    expected = "doubles: --progress: needs tqdm: pip install tqdm\n"
    assert capsys.readouterr() == ("2\tletters\n1\tжук.txt\n3\ttotal\n", expected)


def test_progress_that_can_not_be_written(files, monkeypatch):
    (files / "list").write_text("letters\nmissing\n" * 3)
    with Path("/dev/full").open("w", buffering=1) as full:
        monkeypatch.setattr(sys, "stderr", full)
        output = io.StringIO()
        monkeypatch.setattr(sys, "stdout", output)
        assert main(["count", "--progress", "always", "--files-from", "list"]) == 2
    assert output.getvalue() == "2\tletters\n" * 3 + "6\ttotal\n"


@pytest.mark.usefixtures("files")
def test_color_is_for_terminals(capsys, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)

    def is_colored():
        assert main(["count", "--tally", "letters"]) == 0
        return "\x1b[" in capsys.readouterr().out

    assert not is_colored()
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert is_colored()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not is_colored()
    monkeypatch.setenv("NO_COLOR", "")
    monkeypatch.setenv("TERM", "dumb")
    assert not is_colored()


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_plot(suffix, capsys):
    pytest.importorskip("matplotlib")
    path = Path(f"out.{suffix}")
    assert main(["count", "--plot", str(path), "letters"]) == 0
    assert capsys.readouterr() == ("2\tletters\n", "")
    assert path.read_bytes().startswith({"png": b"\x89PNG", "svg": b"<?xml"}[suffix])


@pytest.mark.usefixtures("files")
def test_a_plot_that_can_not_be_written(capsys):
    pytest.importorskip("matplotlib")
    assert main(["count", "letters", "--plot", "missing/out.png"]) == 2
    output, errors = capsys.readouterr()
    assert output == "2\tletters\n"
    assert errors == "doubles: missing/out.png: No such file or directory\n"


@pytest.mark.usefixtures("files")
def test_a_plot_that_matplotlib_refuses(capsys, monkeypatch):
    pytest.importorskip("matplotlib")

    def refuse(*_):
        raise ValueError("too large")

    monkeypatch.setattr("doubles_ffi.cli.chart.draw", refuse)
    assert main(["count", "letters", "--plot", "out.PNG"]) == 2
    assert capsys.readouterr().err == "doubles: out.PNG: too large\n"


def test_a_file_that_memory_does_not_hold(files, capsys, monkeypatch):
    def refuse(*_):
        raise MemoryError

    monkeypatch.setattr(FileCounter, "_append", refuse)
    assert main(["count", str(files / "letters")]) == 2
    assert capsys.readouterr().err.endswith("letters: not enough memory\n")


@pytest.mark.parametrize(
    ("error", "reason"),
    [(MemoryError(), "not enough memory"), (ImportError("x.so: no memory"), "x.so: no memory")],
)
def test_a_subcommand_that_memory_does_not_hold(error, reason, capsys, monkeypatch):
    def refuse(_):
        print("before", end="")
        raise error

    monkeypatch.setattr("doubles_ffi.cli.random.new_array", refuse)
    assert main(["random", "10"]) == 2
    assert capsys.readouterr() == ("before", f"doubles: random: {reason}\n")


def test_a_plot_without_matplotlib(capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(SystemExit) as end:
        main(["count", "--plot", "out.png"])
    assert end.value.code == 2
    expected = "doubles: --plot: needs matplotlib: pip install 'doubles_ffi[plot]'\n"
    assert capsys.readouterr() == ("", expected)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["-r", "a"], "-r can't be used with --cluster"),
        (["-z", "a"], "-z can't be used with --cluster"),
        (["--threads", "2", "a"], "--threads can't be used with --cluster"),
        (["a", "-"], "standard input can't be counted on a cluster"),
        ([], "standard input can't be counted on a cluster"),
    ],
)
def test_what_a_cluster_cant_do(arguments, complaint, capsys):
    with pytest.raises(SystemExit) as end:
        main(["count", "--cluster", "local", *arguments])
    assert end.value.code == 2
    assert capsys.readouterr().err.endswith(f"error: {complaint}\n")


def test_a_cluster_without_dask(capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(SystemExit) as end:
        main(["count", "--cluster", "local", "a"])
    assert end.value.code == 2
    expected = "doubles: --cluster: needs dask: pip install 'doubles_ffi[cluster]'\n"
    assert capsys.readouterr() == ("", expected)


@pytest.mark.usefixtures("files")
def test_bad_files_are_reported_and_the_others_counted(capsys):
    assert main(["count", "missing", "letters", ".", "latin", "жук.txt"]) == 2
    output, errors = capsys.readouterr()
    assert output == "2\tletters\n1\tжук.txt\n3\ttotal\n"
    missing, directory, latin = errors.splitlines()
    assert missing == "doubles: missing: No such file or directory"
    assert directory == "doubles: .: Is a directory; try -r"
    assert latin.startswith("doubles: latin: not utf-8: invalid continuation byte at byte 0")
    assert "--bytes" in latin
    assert "--encoding" in latin


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "required: COMMAND"),
        (["count", "--encoding", "nonsense"], "unknown encoding: nonsense"),
        (["count", "--encoding", "hex"], "not a text encoding"),
        (["count", "--encoding", "a\0b"], "argument --encoding: "),
        (["count", "--bytes", "--encoding", "utf-8"], "not allowed with"),
        (["count", "--nonsense"], "unrecognized arguments"),
        (["count", "--tal"], "unrecognized arguments"),
        (["count", "--tally=2"], "ignored explicit argument '2'"),
        (["count", "--top", "3"], "--top needs --tally or --plot"),
        (["count", "--tally", "--top", "x"], "--top: expected an integer from 1 to 999999999, not"),
        (["count", "--glob", "*.txt", "letters"], "--glob needs -r"),
        (
            ["count", "--threads", "0"],
            "--threads: expected an integer from 1 to 999999999, not '0'",
        ),
        (["count", "--threads", "9" * 5000], "not '99999999999999999999'"),
        (["count", "--plot", "out.txt"], "must end with .png or .svg"),
        (["count", "--progress", "often"], "invalid choice: 'often'"),
        (["count", "-0"], "-0 needs --files-from"),
        (["count", "-", "--files-from", "-"], "can't be both"),
        (["nonsense"], "invalid choice: 'nonsense'"),
        (["completions", "csh"], "invalid choice: 'csh'"),
        (["random"], "required: LENGTH"),
        (["random", "ten"], "not a length: 'ten'"),
        (["random", ""], "not a length: ''"),
        (["random", "K"], "not a length: 'K'"),
        (["random", "1.5"], "not a length: '1.5'"),
        (["random", "9" * 5000], "not a length: '99999999999999999999'"),
        (["random", "1", "--seed", "9" * 5000], "limit"),
        (["random", "1", "--alphabet", ""], "the alphabet is empty"),
        (["random", "1", "--alphabet", "aa"], "repeats a character"),
    ],
)
def test_wrong_usage(arguments, complaint, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert complaint in errors


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["0"], ""),
        (["20", "--seed", "1"], random_string(20, seed=1)),
        (["20", "--seed=-1"], random_string(20, seed=-1)),
        (["20", "--seed", "one"], random_string(20, seed="one")),
        (["20", "--seed", "1_000"], random_string(20, seed="1_000")),
        (["20", "--alphabet", "z"], "z" * 20),
        (
            ["2K", "--alphabet", "alphanumeric", "--seed", "1"],
            random_string(2000, seed=1, alphabet=string.ascii_letters + string.digits),
        ),
        (["5M", "--seed", "1"], random_string(5_000_000, seed=1)),
    ],
)
def test_random(arguments, expected, capfd):
    assert main(["random", *arguments]) == 0
    output, errors = capfd.readouterr()
    assert output == expected
    assert errors == ""


def test_random_is_random(capfd):
    for _ in range(2):
        assert main(["random", "40"]) == 0
        output, _ = capfd.readouterr()
        assert len(output) == 40
        assert set(output) <= set(string.ascii_letters)


def test_random_stops_with_its_reader():
    end = shell("doubles random 100T | head -c 5 | wc -c")
    assert (end.stdout.strip(), end.stderr) == (b"5", b"")


@pytest.mark.usefixtures("files")
def test_output_that_is_no_file(monkeypatch):
    output = io.StringIO()
    monkeypatch.setattr(sys, "stdout", output)
    assert main(["count", "letters"]) == 0
    assert output.getvalue() == "2\tletters\n"


def test_version(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"doubles {__version__}\n"


class Interrupted(io.RawIOBase):
    """A terminal where Ctrl-C is pressed."""

    def readable(self):
        return True

    def readinto(self, _):
        raise KeyboardInterrupt


# The ways to end, in this process; below they are tested as users meet them.
@pytest.mark.usefixtures("files")
def test_how_it_ends(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(Interrupted()))
    assert main(["count"]) == 130
    monkeypatch.setattr(sys, "stdin", None)
    assert main(["count"]) == 2
    assert capsys.readouterr() == ("", "doubles: -: standard input is closed\n")
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert main(["count", "letters"]) == 2
    assert capsys.readouterr().err == "doubles: standard output: No space left on device\n"
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        assert main(["random", "1"]) == 0
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


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(("arguments", "status"), [(["letters"], 0), (["missing", "letters"], 2)])
def test_a_reader_that_leaves_does_not_undo_an_error(arguments, status, monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        assert main(["count", *arguments]) == status


def test_a_system_without_random_numbers(capsys, monkeypatch):
    def fail(_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(os, "urandom", fail)
    assert main(["random", "10"]) == 2
    expected = "doubles: random numbers of the system: Function not implemented\n"
    assert capsys.readouterr() == ("", expected)


@pytest.mark.parametrize(
    ("before", "told"),
    [(signal.default_int_handler, [signal.SIG_DFL]), (signal.SIG_DFL, []), (signal.SIG_IGN, [])],
)
def test_the_package_is_the_command(capsys, monkeypatch, before, told):
    actions = []  # This process would not survive them.
    monkeypatch.setattr(signal, "signal", lambda _, action: actions.append(action))
    monkeypatch.setattr(signal, "getsignal", lambda _: before)
    monkeypatch.setattr(sys, "argv", ["doubles", "random", "--alphabet", "z", "3"])
    with pytest.raises(SystemExit) as end:
        runpy.run_module("doubles_ffi", run_name="__main__")
    assert end.value.code == 0
    assert capsys.readouterr().out == "zzz"
    assert actions == told  # Ctrl-C that is ignored stays ignored.


def test_a_closed_pipe_is_silent():
    reading, writing = os.pipe()
    os.close(reading)
    end = command("count", input=b"aaa", stdout=writing)
    os.close(writing)
    assert (end.returncode, end.stderr) == (0, b"")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_help_that_can_not_be_written(unbuffered):
    for target, status in (("/dev/full", 2), ("&-", 0)):
        end = shell(f"doubles --help >{target}", PYTHONUNBUFFERED=unbuffered)
        assert end.returncode == status or (unbuffered and end.returncode == 0)
        assert b"Traceback" not in end.stderr
        assert b"Exception" not in end.stderr
    end = shell("doubles count --help | true", PYTHONUNBUFFERED=unbuffered)
    assert (end.returncode, end.stderr) == (0, b"")


@pytest.mark.usefixtures("files")
def test_errors_that_can_not_be_written():
    end = shell("doubles count letters missing 2>/dev/full")
    assert (end.returncode, end.stdout) == (2, b"2\tletters\n2\ttotal\n")


def test_a_full_disk_is_reported():
    with Path("/dev/full").open("wb") as full:
        end = command("count", input=b"aaa", stdout=full)
    assert end.returncode == 2
    assert end.stderr == b"doubles: standard output: No space left on device\n"


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
# Where the package is installed, the script lies beside Python.
SCRIPTS = (Path(cli.__file__).with_name("doubles"), Path(sys.executable).with_name("doubles"))
SCRIPT = next(filter(Path.exists, SCRIPTS))


@pytest.mark.parametrize(
    "moment",
    [
        "doubles_ffi",
        "doubles_ffi._native",
        "argparse",
        "doubles_ffi.cli.count",
        "doubles_ffi.cli.chart",
        "end",
    ],
)
def test_ctrl_c_at_any_moment_gives_no_traceback(files, tmp_path, moment):
    (tmp_path / "sitecustomize.py").write_text(PRESSES)
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[1])])
    end = subprocess.run(
        [sys.executable, SCRIPT, "count", "--tally", "letters"],
        cwd=files,
        capture_output=True,
        check=False,
        timeout=60,
        env={**ENVIRONMENT, "PYTHONPATH": path, "MOMENT": moment},
    )
    assert (end.returncode, end.stderr) == (-signal.SIGINT, b"")


def test_ctrl_c_in_a_large_file(files):
    with (files / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    for options in ([], ["--bytes"], ["--threads", "1"], ["--tally"], ["--encoding", "utf-16"]):
        with started("count", *options, "empty", "sparse", cwd=files) as process:
            assert interrupt(process) == (-signal.SIGINT, b"")


def test_ctrl_c_where_a_pipe_has_no_writer(files):
    os.mkfifo(files / "fifo")
    with started("count", "letters", "fifo", cwd=files) as process:
        assert interrupt(process) == (-signal.SIGINT, b"")


def test_ctrl_c_where_a_pipe_has_a_writer_that_does_not_write(files):
    with started("count", "letters", "-", cwd=files, stdin=subprocess.PIPE) as process:
        assert interrupt(process) == (-signal.SIGINT, b"")


def test_ctrl_c_in_a_plot(files):
    pytest.importorskip("matplotlib")
    with started("count", "letters", "--plot", "out.png", cwd=files) as process:
        assert interrupt(process) == (-signal.SIGINT, b"")


def test_ctrl_c_in_many_files(files):
    (files / "list").write_text("letters\n" * 1_000_000)
    with started("count", "--files-from", "list", cwd=files) as process:
        assert interrupt(process) == (-signal.SIGINT, b"")


def test_ctrl_c_where_nobody_reads(files):
    (files / "list").write_text("letters\n" * 100_000)
    with started("count", "--files-from", "list", cwd=files) as process:
        os.set_blocking(process.stdout.fileno(), False)  # It fills the pipe, and waits.
        while process.poll() is None and select.select([process.stdout], [], [], 0)[0] == []:
            pass
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == -signal.SIGINT
        assert process.stderr.read() == b""


@pytest.mark.usefixtures("files")
def test_streams_that_are_closed():
    end = shell("doubles count letters >&-")
    assert (end.returncode, end.stderr) == (2, b"doubles: standard output: is closed\n")
    end = shell("doubles count <&-")
    assert (end.returncode, end.stderr) == (2, b"doubles: -: standard input is closed\n")
    end = shell("doubles count letters missing 2>&-")
    assert (end.returncode, end.stdout) == (2, b"2\tletters\n2\ttotal\n")


@pytest.mark.usefixtures("files")
def test_names_that_the_locale_has_no_letters_for():
    end = shell("doubles count жук.txt", PYTHONIOENCODING="latin-1")
    assert (end.returncode, end.stdout) == (0, "1\tжук.txt\n".encode())


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("arguments", "refused"),
    [
        ("find --bytes -r . > out", ["./out"]),
        ("find --json letters >> letters", ["letters"]),
        ("find -z letters >> letters", ["letters"]),
        ("find < letters >> letters", ["-"]),
        ("find --encoding utf-16 - letters link < letters >> letters", ["-", "letters", "link"]),
        ("find --files-from letters >> letters", ["letters"]),
        ("count --bytes -r . > out", ["./out"]),
        ("count -z letters >> letters", ["letters"]),
        ("count - letters link < letters >> letters", ["-", "letters", "link"]),
        ("count --files-from - < letters >> letters", ["-"]),
    ],
)
def test_a_file_that_is_also_the_output_is_not_read(arguments, refused):
    os.link("letters", "link")
    end = shell(f"ulimit -f 2000; doubles {arguments}")
    expected = "".join(f"doubles: {name}: is also the output\n" for name in refused)
    assert (end.returncode, end.stderr.decode()) == (2, expected)


@pytest.mark.usefixtures("files")
def test_other_files_than_the_output_are_read():
    end = shell("doubles count --json empty out letters > out; cat out")
    assert [json.loads(line) for line in end.stdout.splitlines()] == [
        {"file": "empty", "count": 0, "length": 0},
        {"file": "out", "error": "is also the output"},
        {"file": "letters", "count": 2, "length": 3},
    ]
    end = shell("doubles find out letters > out; cat out")
    assert end.stdout == b"letters:1:1: a x3\n"


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("subcommand", ["count", "find"])
def test_the_output_can_not_be_read(subcommand, monkeypatch, capsys):
    """In this process."""
    with Path("letters").open("a") as output:
        monkeypatch.setattr(sys, "stdout", output)
        assert main([subcommand, "letters", "empty"]) == 2
        assert main([subcommand, "--files-from", "letters"]) == 2
    assert capsys.readouterr().err == "doubles: letters: is also the output\n" * 2


@pytest.mark.usefixtures("files")
def test_only_a_regular_file_can_be_also_the_output(files):
    for line in (
        "doubles find < /dev/null > /dev/null",
        "doubles count /dev/null > /dev/null",
        "echo | doubles find /dev/stdin | cat",
        "doubles random 5 < letters > letters",
    ):
        end = shell(line)
        assert (end.returncode, end.stderr) == (0, b"")
    assert on_terminal("count", "/dev/tty", cwd=files, typed=b"aa\n\x04") == (
        0,
        b"aa\r\n1\t/dev/tty\r\n",
    )


@pytest.mark.usefixtures("files")
def test_names_are_taken_literally(capsys):
    assert main(["count", "", "letters/"]) == 2
    output, errors = capsys.readouterr()
    assert output == "0\ttotal\n"
    assert errors == ("doubles: : No such file or directory\ndoubles: letters/: Not a directory\n")


def test_text_that_only_a_strange_codec_can_refuse(capsys, monkeypatch):
    stdin(monkeypatch, b"aa\\")
    assert main(["count", "--encoding", "punycode"]) == 2
    assert "doubles: -: not punycode: " in capsys.readouterr().err


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_what_can_not_be_written_whole_is_reported(tmp_path, unbuffered):
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (5_000_000, 5_000_000))

    with (tmp_path / "output").open("wb") as output:
        end = subprocess.run(
            [sys.executable, "-m", "doubles_ffi", "random", "6M"],
            stdout=output,
            stderr=subprocess.PIPE,
            check=False,
            preexec_fn=limit,
            env={**ENVIRONMENT, "PYTHONUNBUFFERED": unbuffered},
        )
    assert (end.returncode, end.stderr) == (2, b"doubles: standard output: File too large\n")


def test_random_is_whole_where_python_does_not_buffer():
    end = shell("doubles random 5M --seed 1 | wc -c", PYTHONUNBUFFERED="1")
    assert (end.stdout.strip(), end.stderr) == (b"5000000", b"")


def test_names_that_are_not_utf8(tmp_path):
    name = os.fsencode(tmp_path) + b"/\xff\xfe"
    Path(os.fsdecode(name)).write_bytes(b"aa")
    end = command("count", name, stdout=subprocess.PIPE)
    assert end.stdout == b"1\t" + name + b"\n"
    end = command("count", "--files-from", "-", input=name, stdout=subprocess.PIPE)
    assert end.stdout == b"1\t" + name + b"\n"
    end = command("count", "--json", name, stdout=subprocess.PIPE)
    assert os.fsencode(json.loads(end.stdout)["file"]) == name
    end = command("count", name + b"x", stdout=subprocess.PIPE)
    assert (end.returncode, end.stdout) == (2, b"")
    assert b"No such file" in end.stderr


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a file", "a file"),
        ("жук's.txt", "жук's.txt"),
        ("a\nb", r"'a'$'\n''b'"),
        ("\x1b[31m\x1b", r"$'\033''[31m'$'\033'"),
        ("it's\r\n", r"'it'\''s'$'\r\n'"),
        ("ж\x9b", r"'ж'$'\302\233'"),
        ("\udcff\u202e", r"$'\377\342\200\256'"),
    ],
)
def test_names_that_a_terminal_would_act_on(name, expected, files, monkeypatch):
    (files / name).write_text("aa")
    for kind, shown in ((Terminal, expected), (io.StringIO, name)):
        output, errors = kind(), kind()
        monkeypatch.setattr(sys, "stdout", output)
        monkeypatch.setattr(sys, "stderr", errors)
        assert main(["count", "--progress", "never", "--", name, f"missing{name}"]) == 2
        assert output.getvalue() == f"1\t{shown}\n1\ttotal\n"
        missing = streams.shown(f"missing{name}", errors)
        assert errors.getvalue() == f"doubles: {missing}: No such file or directory\n"
        assert (missing == f"missing{name}") == (shown == name)
    written = streams.shown(name, Terminal())
    if written != name:  # A shell reads it as the name again.
        end = subprocess.run(
            ["bash", "-c", f"printf %s {written}"], capture_output=True, check=True
        )
        assert end.stdout == os.fsencode(name)


# What a terminal would act on: a title, a colour, the next line, text from right to left.
HOSTILE = "\x1b]0;owned\a\x9b31m\r\n\u202e"


def raises(error):
    def fail(*_, **__):
        raise error

    return fail


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("arguments", "replaced", "error"),
    [
        (["count", f"--{HOSTILE}"], None, None),
        (["count", "--encoding", HOSTILE], None, None),
        (["count", "--progress", HOSTILE], None, None),
        (["count", "--top", HOSTILE], None, None),
        (["random", "1", "--alphabet", HOSTILE], None, None),
        ([HOSTILE], None, None),
        (["count", HOSTILE], None, None),
        (["find", "--files-from", HOSTILE], None, None),
        (["count", "--plot", f"{HOSTILE}/a.png", "letters"], None, None),
        (["count", "--plot", "a.png", "letters"], "cli.chart.draw", ValueError(HOSTILE)),
        (["count", "letters"], "files.FileCounter.count", OSError(HOSTILE)),
        (["count", "letters"], "files.FileCounter.count", OSError(errno.EIO, HOSTILE)),
        (["count", "letters"], "files.FileCounter.count", ValueError(HOSTILE)),
        (["find", "letters"], "cli.formats.read_pieces", OSError(errno.EIO, HOSTILE)),
        (["count", "-r"], "cli.names.os.scandir", OSError(errno.EIO, HOSTILE)),
        (["count", "--files-from", "a"], "cli.names.listed", OSError(errno.EIO, HOSTILE)),
        (["random", "1"], "cli.random.Source", OSError(errno.EIO, HOSTILE)),
        (["random", "1"], "cli.random.new_array", OSError(errno.EIO, HOSTILE)),
        (["random", "1"], "cli.random.new_array", ImportError(HOSTILE)),
    ],
)
def test_no_error_reaches_a_terminal_raw(arguments, replaced, error, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    if replaced:
        monkeypatch.setattr(f"doubles_ffi.{replaced}", raises(error))
    with contextlib.suppress(SystemExit):
        assert main(arguments) == 2
    *usage, complaint = terminal.getvalue().splitlines()
    assert complaint.startswith("doubles")
    assert "owned" in complaint or error is None
    assert "".join([*usage, complaint]).isprintable()
    assert len(usage) <= 1


@pytest.mark.usefixtures("files")
def test_no_error_of_a_cluster_reaches_a_terminal_raw(monkeypatch):
    cluster = pytest.importorskip("doubles_ffi.cluster")
    clustering = pytest.importorskip("doubles_ffi.cli.clustering")
    counted = cluster.Result((cluster.FileCount(HOSTILE, error=OSError(HOSTILE)),))

    def lose(*_, **__):
        raise cluster.ClusterError(HOSTILE, counted)

    for count in (lambda *_, **__: counted, lose):
        monkeypatch.setattr(clustering, "count_files", count)
        terminal = Terminal()
        monkeypatch.setattr(sys, "stderr", terminal)
        assert main(["count", "--cluster", HOSTILE, HOSTILE]) == 2
        assert terminal.getvalue().replace("\n", "").isprintable()
        assert terminal.getvalue().count("\n") == 1 + (count is lose)


def test_urls_of_unknown_protocols_do_not_reach_a_terminal_raw(files):
    pytest.importorskip("distributed")
    urls = [f"memory://{HOSTILE}", f"{HOSTILE}://a", f"file://{HOSTILE}*"]
    (files / "urls").write_text("\0".join(urls), "utf-8", newline="")
    status, shown = on_terminal(
        *("count", "--cluster", "local", "-0", "--files-from", "urls"), cwd=files
    )
    *complaints, total, _ = shown.decode().split("\r\n")
    assert (status, total, len(complaints)) == (2, "0\ttotal", 3)
    assert "".join(complaints).isprintable()


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.txt", "a/z.txt", "a/B.md", "a/deep/er/.hidden.txt", "c/x.txt", "letters"):
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("aa")
    (tmp_path / "tree/link.txt").symlink_to("b.txt")
    (tmp_path / "tree/loop").symlink_to("..")
    os.mkfifo(tmp_path / "tree/fifo")
    (tmp_path / "tree/empty").mkdir()


def listed(arguments, capsys, status=0):
    assert main(["count", *arguments]) == status
    return [line.split("\t")[1] for line in capsys.readouterr().out.splitlines()]


@pytest.mark.usefixtures("tree")
def test_directories(capsys, monkeypatch):
    found = [
        "tree/a/B.md",
        "tree/a/deep/er/.hidden.txt",
        "tree/a/z.txt",
        "tree/b.txt",
        "tree/c/x.txt",
        "tree/letters",
    ]
    assert listed(["-r", "tree"], capsys) == [*found, "total"]
    texts = [name for name in found if name.endswith(".txt")]
    assert listed(["--recursive", "--glob", "*.txt", "tree"], capsys) == [*texts, "total"]
    # A link and a file that are named themselves are counted, whatever the pattern.
    arguments = ["-r", "--glob=z*", "tree/loop/tree/a", "tree/link.txt", "tree/letters"]
    expected = ["tree/loop/tree/a/z.txt", "tree/link.txt", "tree/letters", "total"]
    assert listed(arguments, capsys) == expected
    assert listed(["-r", "tree/empty"], capsys) == []
    monkeypatch.chdir("tree/c")
    assert listed(["-r"], capsys) == ["./x.txt"]


@pytest.mark.usefixtures("tree")
def test_directories_in_a_list(capsys, monkeypatch):
    stdin(monkeypatch, b"tree/c\ntree/b.txt\n")
    assert listed(["-r", "--files-from", "-"], capsys) == ["tree/c/x.txt", "tree/b.txt", "total"]
    monkeypatch.setattr("doubles_ffi.cli.names.listed", lambda *_: iter(["tree/c", None]))
    assert listed(["-r", "--files-from", "-"], capsys) == ["tree/c/x.txt"]


@pytest.mark.usefixtures("tree")
def test_a_directory_that_can_not_be_read(capsys, monkeypatch):
    scandir = os.scandir

    def fail(path):
        if path == "tree/a/deep":
            raise PermissionError(errno.EACCES, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", fail)
    assert main(["count", "-r", "tree/a"]) == 2
    output, errors = capsys.readouterr()
    assert output == "1\ttree/a/B.md\n1\ttree/a/z.txt\n2\ttotal\n"
    assert errors == "doubles: tree/a/deep: Permission denied\n"
