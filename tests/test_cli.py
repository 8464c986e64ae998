"""What the command prints, in this process; test_ends.py has how it ends, in its own."""

import contextlib
import errno
import io
import json
import os
import re
import runpy
import shlex
import signal
import string
import subprocess
import sys
from pathlib import Path

import pytest
from commands import (
    Terminal,
    command,
    converse,
    on_terminal,
    read_all,
    shell,
    started,
    stdin,
    terminal,
)
from systems import WINDOWS, posix_only, write_or_skip

from doubles_ffi import __version__, random_string
from doubles_ffi.cli import main, names, progress, streams

BOTH = "2\tletters\n1\tжук.txt\n3\ttotal\n"
MISSING = "doubles: missing: No such file or directory\n"
TABLE = f"""\
{BOTH}
unit  code    doubles
a     U+0061        2  ████████████████
ж     U+0436        1  ████████
"""
BYTES = """\
3\ttotal

unit  code  doubles
a     0x61        2  ██████████████████
"""
# What Windows says otherwise.
NULL = "embedded null character" if WINDOWS else "embedded null byte"
NOT_A_DIRECTORY = "Invalid argument" if WINDOWS else "Not a directory"
TOO_LONG = "No such file or directory" if WINDOWS else "File name too long"
NOT_TEXT = "not utf-8: invalid continuation byte at byte 0; try --bytes, or --encoding NAME"


@pytest.fixture
def files(folder, monkeypatch):
    monkeypatch.setenv("COLUMNS", "39")
    (folder / "letters").write_text("aaa")
    (folder / "жук.txt").write_text("жжук", encoding="utf-8")
    (folder / "latin").write_bytes("éé".encode("latin-1"))
    (folder / "--bytes").write_text("aa")
    (folder / "empty").touch()
    (folder / "with-nul").write_bytes(b"a\0b\nletters\n")  # Windows has a device NUL.
    return folder


def raises(error):
    def fail(*_, **__):
        raise error

    return fail


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("line", "output", "errors"),
    [
        ("letters", "2\tletters\n", ""),
        ("empty", "0\tempty\n", ""),
        ("жук.txt", "1\tжук.txt\n", ""),
        ("--bytes жук.txt", "0\tжук.txt\n", ""),
        ("--encoding latin-1 latin", "1\tlatin\n", ""),
        ("--bytes latin", "1\tlatin\n", ""),
        ("letters жук.txt", BOTH, ""),
        ("letters letters", "2\tletters\n2\tletters\n4\ttotal\n", ""),
        ("letters --bytes жук.txt", "2\tletters\n0\tжук.txt\n2\ttotal\n", ""),
        ("--total-only letters жук.txt", "3\ttotal\n", ""),
        ("--total-only letters", "2\ttotal\n", ""),
        ("--threads 1 letters жук.txt", BOTH, ""),
        ("-- letters", "2\tletters\n", ""),
        ("-- --bytes", "1\t--bytes\n", ""),
        ("letters --total-only -- --bytes", "3\ttotal\n", ""),
        ("letters жук.txt --tally", TABLE, ""),
        ("letters --tally жук.txt --top 2", TABLE, ""),
        ("--tally -- letters жук.txt", TABLE, ""),
        ("--total-only --tally --top 1 --bytes letters latin", BYTES, ""),
        ("--files-from empty", "", ""),
        ("letters --files-from missing", "2\tletters\n", MISSING),
        ("--files-from with-nul", "2\tletters\n2\ttotal\n", f"doubles: a\0b: {NULL}\n"),
        (
            "'' letters/",  # Names are taken literally.
            "0\ttotal\n",
            f"doubles: : No such file or directory\ndoubles: letters/: {NOT_A_DIRECTORY}\n",
        ),
        (
            "missing letters . latin жук.txt",
            BOTH,
            f"{MISSING}doubles: .: Is a directory; try -r\ndoubles: latin: {NOT_TEXT}\n",
        ),
        (
            "--json жук.txt missing letters",
            '{"file": "жук.txt", "count": 1, "length": 4}\n'
            '{"file": "missing", "error": "No such file or directory"}\n'
            '{"file": "letters", "count": 2, "length": 3}\n',
            MISSING,
        ),
        (
            "--json --tally letters жук.txt",
            '{"file": "letters", "count": 2, "length": 3, "tally": {"a": 2}}\n'
            '{"file": "жук.txt", "count": 1, "length": 4, "tally": {"ж": 1}}\n',
            "",
        ),
        (
            "--json --total-only missing letters",
            '{"files": 1, "count": 2, "length": 3}\n',
            MISSING,
        ),
        (
            "--json --tally --bytes --total-only letters latin",
            '{"files": 2, "count": 3, "length": 5, "tally": {"0x61": 2, "0xE9": 1}}\n',
            "",
        ),
    ],
)
def test_count(line, output, errors, capsys):
    assert main(["count", *shlex.split(line)]) == (2 if errors else 0)
    assert capsys.readouterr() == (output, errors)


def test_json_in_no_encoding_is_escaped(files, monkeypatch):
    output = io.StringIO()
    monkeypatch.setattr(sys, "stdout", output)
    assert main(["count", "--json", str(files / "жук.txt")]) == 0
    assert output.getvalue().endswith(r'\u0436\u0443\u043a.txt", "count": 1, "length": 4}' + "\n")


@pytest.mark.parametrize(
    "name", ["a\x7fb", "\x9b1m", "\n\r\x1b", "\udcff", "ж\u202e", "\U000e0001x"]
)
def test_json_escapes_characters_that_can_not_be_seen(name, files, capsys):
    write_or_skip(files / name, "aa")
    assert main(["count", "--json", name]) == 0
    line = capsys.readouterr().out
    assert line.removesuffix("\n").isprintable()
    assert json.loads(line)["file"] == name


# Names.


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_standard_input(arguments, capsys, monkeypatch):
    stdin(monkeypatch, b"hello\n\n")
    assert main(["count", *arguments]) == 0
    assert capsys.readouterr() == ("2\t-\n", "")


@pytest.mark.parametrize("separator", ["\n", "\0"])
@pytest.mark.parametrize("last", [True, False])
def test_names_from_a_file(separator, last, files, capsys):
    # One name is longer than a read.
    names = ["letters", "x" * 300_000, "жук.txt", "", "letters"]
    (files / "list").write_text(separator.join(names) + separator * last, "utf-8")
    null = ["-0"] if separator == "\0" else []
    assert main(["count", "empty", "--files-from", "list", *null]) == 2
    output, errors = capsys.readouterr()
    assert output == "0\tempty\n2\tletters\n1\tжук.txt\n2\tletters\n5\ttotal\n"
    assert errors.endswith(f"xxx: {TOO_LONG}\n")


@pytest.mark.usefixtures("files")
def test_names_from_standard_input(capsys, monkeypatch):
    stdin(monkeypatch, b"letters\nempty\n-\n")
    assert main(["count", "--files-from", "-"]) == 2
    expected = "2\tletters\n0\tempty\n2\ttotal\n", "doubles: -: is the list of files\n"
    assert capsys.readouterr() == expected


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("end", [b"\n", b"\0"])
def test_a_list_that_is_still_being_written(end):
    arguments = ["--files-from", "-", *(["-0"] if end == b"\0" else [])]
    with started("count", *arguments, stdin=subprocess.PIPE) as process:
        converse(
            process,
            (b"letters" + end, b"2\tletters\n"),
            (b"empty" + end + b"letters" + end, b"0\tempty\n2\tletters\n"),
            (b"empty" + end + b"lett", b"0\tempty\n"),
            (b"ers" + end, b"2\tletters\n"),
        )


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("subcommand", "before", "after"),
    [("count", "2\tletters\n", "2\ttotal\n"), ("find", "letters:1:1: a x3\n", "")],
)
def test_results_are_written_before_the_next_name_is_waited_for(
    subcommand, before, after, monkeypatch
):
    output = io.BytesIO()

    def slow(*_):
        yield "letters"
        yield None
        assert output.getvalue().decode() == before
        yield "empty"

    monkeypatch.setattr("doubles_ffi.cli.names.listed", slow)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(output))
    assert main([subcommand, "--files-from", "-"]) == 0
    assert output.getvalue().decode() == before + "0\tempty\n" * (subcommand == "count") + after


def test_a_list_yields_none_before_it_waits(tmp_path, monkeypatch):
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
    if not WINDOWS:
        os.mkfifo(tmp_path / "fifo")
        assert next(names.listed(str(tmp_path / "fifo"), b"\n")) is None


@pytest.mark.usefixtures("files")
def test_a_name_without_an_end_ends_the_list(capsys, monkeypatch):
    end = shell("ulimit -v 2000000; doubles count letters --files-from /dev/zero")
    complaint = "doubles: /dev/zero: has a name of more than 1048576 bytes"
    assert (end.returncode, end.stdout) == (2, b"2\tletters\n")
    assert end.stderr.decode() == f"{complaint}; if names end with NUL, try -0\n"
    monkeypatch.setattr(names, "_LONGEST", 2)
    for options, hint in (([], "; if names end with NUL, try -0"), (["-0"], "")):
        assert main(["count", *options, "--files-from", "letters"]) == 2
        expected = f"doubles: letters: has a name of more than 2 bytes{hint}\n"
        assert capsys.readouterr().err == expected


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.txt", "a/z.txt", "a/B.md", "a/deep/er/.hidden.txt", "c/x.txt", "letters"):
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("aa")
    if not WINDOWS:  # There links take rights.
        (tmp_path / "tree/link.txt").symlink_to("b.txt")
        (tmp_path / "tree/loop").symlink_to("..")
        os.mkfifo(tmp_path / "tree/fifo")
    (tmp_path / "tree/empty").mkdir()


def listed(arguments, capsys, status=0):
    assert main(["count", *arguments]) == status
    names = [line.split("\t")[1] for line in capsys.readouterr().out.splitlines()]
    return [name.replace(os.sep, "/") for name in names]


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
    if not WINDOWS:
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
        if path.replace(os.sep, "/") == "tree/a/deep":
            raise PermissionError(errno.EACCES, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", fail)
    assert main(["count", "-r", "tree/a"]) == 2
    output, errors = (text.replace(os.sep, "/") for text in capsys.readouterr())
    assert output == "1\ttree/a/B.md\n1\ttree/a/z.txt\n2\ttotal\n"
    assert errors == "doubles: tree/a/deep: Permission denied\n"


@posix_only("has no names that are not Unicode")
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


# The output as an input.


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
        ("squeeze letters >> letters", ["letters"]),
        ("squeeze -z - link < letters >> letters", ["-", "link"]),
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
def test_only_a_regular_file_can_be_also_the_output():
    for line in (
        "doubles find < /dev/null > /dev/null",
        "doubles count /dev/null > /dev/null",
        "doubles squeeze < /dev/null > /dev/null",
        "echo | doubles find /dev/stdin | cat",
        "doubles random 5 < letters > letters",
    ):
        end = shell(line)
        assert (end.returncode, end.stderr) == (0, b"")
    assert on_terminal("count", "/dev/tty", typed=b"aa\n\x04") == (
        0,
        b"aa\r\n1\t/dev/tty\r\n",
    )


# What a terminal would act on.


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
def test_names_are_quoted_on_a_terminal(name, expected, files, monkeypatch):
    write_or_skip(files / name, "aa")
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
    if written != name and not WINDOWS:  # A shell reads it as the name again.
        end = subprocess.run(
            ["bash", "-c", f"printf %s {written}"], capture_output=True, check=True
        )
        assert end.stdout == os.fsencode(name)


# What a terminal would act on: a title, a colour, the next line, text from right to left.
HOSTILE = "\x1b]0;owned\a\x9b31m\r\n\u202e"


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
        (["find", "letters"], "cli.formats.read_chunks", OSError(errno.EIO, HOSTILE)),
        (["count", "-r"], "cli.names.os.scandir", OSError(errno.EIO, HOSTILE)),
        (["count", "--files-from", "a"], "cli.names.listed", OSError(errno.EIO, HOSTILE)),
        (["random", "1"], "cli.random.Source", OSError(errno.EIO, HOSTILE)),
        (["random", "1"], "cli.random.new_array", OSError(errno.EIO, HOSTILE)),
        (["random", "1"], "cli.random.new_array", ImportError(HOSTILE)),
    ],
)
def test_no_error_reaches_a_terminal_raw(arguments, replaced, error, monkeypatch):
    if replaced == "cli.chart.draw":
        pytest.importorskip("matplotlib")
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


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (FileNotFoundError("bucket/name"), "No such file: bucket/name"),
        (FileNotFoundError(), "No such file"),
        (FileNotFoundError(errno.ENOENT, "no file matches", "*.txt"), "no file matches"),
        (OSError(), "OSError"),
        (ValueError(), "ValueError"),
        (PermissionError("Access Denied"), "Access Denied"),
    ],
)
def test_errors_of_stores_say_what_is_wrong(error, reason, capsys, monkeypatch):
    cluster = pytest.importorskip("doubles_ffi.cluster")
    counted = cluster.Result((cluster.FileCount("memory://name", error=error),))
    monkeypatch.setattr("doubles_ffi.cli.clustering.count_files", lambda *_, **__: counted)
    assert main(["count", "--cluster", "local", "memory://name"]) == 2
    assert capsys.readouterr().err == f"doubles: memory://name: {reason}\n"


# Progress.


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
def test_progress_is_for_terminals_and_long_counts(capsys, monkeypatch):
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
        assert re.fullmatch(rb"\r100%.* 3\.00/3\.00 .*B/s\]\r {79,80}\r", read_all(screen))
    assert capsys.readouterr().out == "2\tletters\n"


@pytest.mark.usefixtures("files")
def test_progress_without_tqdm(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert main(["count", "--progress", "always", "letters", "жук.txt"]) == 0
    expected = "doubles: --progress: needs tqdm: pip install tqdm\n"
    assert capsys.readouterr() == ("2\tletters\n1\tжук.txt\n3\ttotal\n", expected)


@posix_only("has no /dev/full")
def test_progress_that_can_not_be_written(files, monkeypatch):
    (files / "list").write_text("letters\nmissing\n" * 3)
    with Path("/dev/full").open("w", buffering=1) as full:
        monkeypatch.setattr(sys, "stderr", full)
        output = io.StringIO()
        monkeypatch.setattr(sys, "stdout", output)
        assert main(["count", "--progress", "always", "--files-from", "list"]) == 2
    assert output.getvalue() == "2\tletters\n" * 3 + "6\ttotal\n"


# Colours and plots.


@pytest.mark.usefixtures("files")
def test_colors_are_for_terminals_that_want_them(capsys, monkeypatch):
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
    assert main(["count", "letters", "--plot", f"missing/{path}"]) == 2
    expected = f"doubles: missing/{path}: No such file or directory\n"
    assert capsys.readouterr() == ("2\tletters\n", expected)


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("line", "function", "error", "complaint"),
    [
        ("count --plot a.PNG letters", "cli.chart.draw", ValueError("huge"), "a.PNG: huge"),
        ("count letters", "files.FileCounter._append", MemoryError(), "letters: not enough memory"),
        ("random 9", "generate.os.urandom", OSError(38, "-"), "random numbers of the system: -"),
        ("random 9", "cli.random.new_array", MemoryError(), "random: not enough memory"),
        ("random 9", "cli.random.new_array", ImportError("x.so: -"), "random: x.so: -"),
    ],
)
def test_errors_of_the_system(line, function, error, complaint, monkeypatch):
    if "--plot" in line:
        pytest.importorskip("matplotlib")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(f"doubles_ffi.{function}", raises(error))
    assert main(line.split()) == 2
    assert terminal.getvalue() == f"doubles: {complaint}\n"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("count --plot out.png", "--plot: needs matplotlib: pip install 'doubles_ffi[plot]'"),
        ("count --cluster local a", "--cluster: needs dask: pip install 'doubles_ffi[cluster]'"),
    ],
)
def test_a_package_that_is_missing(line, complaint, capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(SystemExit) as end:
        main(line.split())
    assert end.value.code == 2
    assert capsys.readouterr() == ("", f"doubles: {complaint}\n")


# Usage.

MANY = "9" * 5000
RANGE = "expected an integer from {} to 999999999, not {!r}"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("", "required: COMMAND"),
        ("nonsense", "invalid choice: 'nonsense'"),
        ("count --encoding nonsense", "unknown encoding: nonsense"),
        ("count --encoding hex", "not a text encoding"),
        ("count --encoding a\0b", "argument --encoding: "),
        ("count --bytes --encoding utf-8", "not allowed with"),
        ("count --nonsense", "unrecognized arguments"),
        ("count --tal", "unrecognized arguments"),
        ("count --tally=2", "ignored explicit argument '2'"),
        ("count --top 3", "--top needs --tally or --plot"),
        ("count --tally --top x", "--top: " + RANGE.format(1, "x")),
        ("count --threads 0", "--threads: " + RANGE.format(1, "0")),
        (f"count --threads {MANY}", RANGE.format(1, MANY[:20])),
        ("count --plot out.txt", "must end with .png or .svg"),
        ("count --progress often", "invalid choice: 'often'"),
        ("count - --files-from -", "can't be both"),
        ("count -0", "-0 needs --files-from"),
        ("find -0", "-0 needs --files-from"),
        ("count --glob *.txt letters", "--glob needs -r"),
        ("find --glob *", "--glob needs -r"),
        ("count --cluster local -r a", "error: -r can't be used with --cluster"),
        ("count --cluster local -z a", "error: -z can't be used with --cluster"),
        ("count --cluster local --threads 2 a", "--threads can't be used with --cluster"),
        ("count --cluster local a -", "standard input can't be counted on a cluster"),
        ("count --cluster local", "standard input can't be counted on a cluster"),
        ("find --min-run 0", "--min-run: " + RANGE.format(1, "0")),
        ("find --min-run x", "--min-run: " + RANGE.format(1, "x")),
        ("find --longest -m 2", "not allowed with argument --longest"),
        ("find -m 0", RANGE.format(1, "0")),
        ("find --tally", "unrecognized arguments"),
        ("squeeze -n 0", "-n/--most: " + RANGE.format(1, "0")),
        ("squeeze --only ''", "argument --only: the set is empty"),
        ("squeeze --only 'a\\'", r"the set ends with a backslash; write \\ for one"),
        (r"squeeze --only '\s'", r"unknown escape \s"),
        (r"squeeze --only '\8'", r"unknown escape \8"),
        ("squeeze --only z-a", "the range z-a is reversed"),
        ("squeeze --only [:word:]", "unknown class [:word:]; the classes are alnum, alpha, blank,"),
        ("squeeze --only [::]", "unknown class [::]"),
        ("squeeze --only \udcff", "the set is not valid text; try --bytes"),
        ("squeeze --encoding utf-16", "utf-16 can't be squeezed; convert it to UTF-8 first"),
        ("squeeze -r", "unrecognized arguments: -r"),
        ("completions csh", "invalid choice: 'csh'"),
        ("random", "required: LENGTH"),
        ("random ten", "not a length: 'ten'"),
        ("random ''", "not a length: ''"),
        ("random K", "not a length: 'K'"),
        ("random 1.5", "not a length: '1.5'"),
        (f"random {MANY}", f"not a length: '{MANY[:20]}'"),
        (f"random 1 --seed {MANY}", "limit"),
        ("random 1 --alphabet ''", "the alphabet is empty"),
        ("random 1 --alphabet aa", "repeats a character"),
    ],
)
def test_wrong_usage(line, complaint, capsys):
    with pytest.raises(SystemExit) as end:
        main(shlex.split(line))
    output, errors = capsys.readouterr()
    assert (end.value.code, output) == (2, "")
    assert complaint in errors


def test_version(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"doubles {__version__}\n"


def test_an_encoding_whose_errors_have_no_position(capsys, monkeypatch):
    stdin(monkeypatch, b"aa\\")
    assert main(["count", "--encoding", "punycode"]) == 2
    assert "doubles: -: not punycode: " in capsys.readouterr().err


# Random text.


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
    assert main(["random", "40"]) == main(["random", "40"]) == 0
    output, _ = capfd.readouterr()
    assert len(output) == 80
    assert output[:40] != output[40:]


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
    imported = runpy.run_module("doubles_ffi", run_name="doubles_ffi.__main__")
    assert imported["main"] is main  # For the program that pip makes on Windows.
