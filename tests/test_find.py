"""`doubles find`, in this process for what it prints and in its own for how it ends."""

import itertools
import json
import os
import re
import subprocess
import sys
import threading
import time
import unicodedata

import pytest
from commands import PEAK, Terminal, converse, on_terminal, shell, started, stdin
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import runs, share_fixtures
from systems import linux_only, posix_only

from doubles_ffi._library.search import write_runs
from doubles_ffi.cli import find as finding
from doubles_ffi.cli import formats, main, view
from doubles_ffi.files.content import read_chunks

ESCAPES = re.compile("\x1b\\[[\\d;]*m")


def show(*arguments, status=0, **environment):
    """Return what the command shows on a terminal with colours."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("NO_COLOR", raising=False)
        for name, value in {"TERM": "xterm", **environment}.items():
            patch.setenv(name, value)
        terminal = Terminal()
        patch.setattr(sys, "stdout", terminal)
        assert main(["find", *arguments]) == status
    return terminal.getvalue()


@pytest.fixture
def files(folder):
    (folder / "letters").write_text("hello,\nbookkeeper\n")
    (folder / "жук.txt").write_text("жжук\n\n\n  \t\té", "utf-8")
    (folder / "bad").write_bytes(b"aab\xffcc\n")
    (folder / "marked").write_text("aab", "utf-8-sig")
    (folder / "empty").touch()
    return folder


LETTERS = "letters:1:3: l\nletters:2:2: o\nletters:2:4: k\nletters:2:6: e\n"
BEETLE = "жук.txt:1:1: ж\nжук.txt:1:5: \\n x3\nжук.txt:4:1: ' '\nжук.txt:4:3: \\t\n"
BYTES = "жук.txt:1:9: \\n x3\nжук.txt:4:1: ' '\nжук.txt:4:3: \\t\n"


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["letters"], LETTERS),
        (["empty"], ""),
        (["жук.txt"], BEETLE),
        (["жук.txt", "letters"], BEETLE + LETTERS),
        (["--bytes", "жук.txt"], BYTES),
        (["--bytes", "--", "bad"], "bad:1:1: a\nbad:1:5: c\n"),
        (["--encoding", "latin-1", "bad"], "bad:1:1: a\nbad:1:5: c\n"),
        (["--encoding", "cp1252", "bad"], "bad:1:1: a\nbad:1:5: c\n"),
        (["--encoding", "utf-8-sig", "marked"], "marked:1:1: a\n"),
        (["marked"], "marked:1:2: a\n"),
        (["--min-run", "3", "letters", "жук.txt"], "жук.txt:1:5: \\n x3\n"),
        (["--min-run", "4", "жук.txt"], ""),
        (["--min-run", "1", "marked"], "marked:1:1: \\ufeff x1\nmarked:1:2: a\nmarked:1:4: b x1\n"),
        (["--longest", "letters", "empty", "жук.txt"], "letters:1:3: l\nжук.txt:1:5: \\n x3\n"),
        (["--longest", "--min-run", "3", "letters"], ""),
        (["-m", "1", "letters", "жук.txt"], "letters:1:3: l\nжук.txt:1:1: ж\n"),
        (["--max-count=3", "letters"], "".join(LETTERS.splitlines(keepends=True)[:3])),
        (["-m4", "letters"], LETTERS),
        (["-r", "--glob", "l*"], LETTERS.replace("letters", f".{os.sep}letters")),
    ],
)
def test_files(arguments, expected, capsysbinary):
    assert main(["find", *arguments]) == 0
    assert capsysbinary.readouterr() == (expected.encode(), b"")


def test_names_from_lists_and_standard_input(files, capsysbinary, monkeypatch):
    (files / "list").write_bytes(b"letters\0empty\0letters")
    for piped, arguments, expected in (
        (b"", ["-0", "--files-from", "list"], 2 * LETTERS),
        (b"letters\n", ["--files-from", "-"], LETTERS),
        (b"a\nbb", ["-"], "-:2:1: b\n"),
        (b"a\nbb", [], "-:2:1: b\n"),
    ):
        stdin(monkeypatch, piped)
        assert main(["find", *arguments]) == 0
        assert capsysbinary.readouterr().out == expected.encode()


def glyph(unit):
    """Return how a unit is shown; shares no code with the command."""
    if unit == " ":
        return "' '"
    if unicodedata.category(unit)[0] == "M":
        return "\u25cc" + unit
    return unit if unit.isprintable() else repr(unit).strip("'")


def lines_of(text, name, least=2):
    """Return the lines that the command should print."""
    line = column = 1
    for unit, group in itertools.groupby(text):
        length = len(list(group))
        if length >= least:
            times = f" x{length}" if length != 2 else ""
            yield f"{name}:{line}:{column}: {glyph(unit)}{times}\n"
        column += length
        if unit == "\n":
            line, column = line + length, 1


ANY = runs | st.text(max_size=200)
# An encoding, bytes per read, and options. A read has room for a whole mark.
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-32"]
READING = list(itertools.product(ENCODINGS, [4, 7, 4096], [[], ["--longest"]]))


@share_fixtures
@given(ANY, st.integers(1, 4), st.sampled_from(READING))
@example("жж\n\na", 2, ("utf-8", 4, []))
@example("жж\n\na", 2, ("utf-8-sig", 4, []))
@example("abb", 1, ("utf-8", 4, ["--longest"]))
@example("ж" * 20, 2, ("utf-8", 7, ["--longest"]))
def test_any_text_and_its_longest_run(files, capsysbinary, text, least, reading):
    encoding, block, options = reading
    (files / "any").write_text(text, encoding, newline="")
    options = ["--encoding", encoding, "--min-run", str(least), *options]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("doubles_ffi.files.reading.READ_SIZE", block)
        assert main(["find", *options, "any"]) == 0
    expected = [*lines_of(text, "any", least)]
    if "--longest" in options:
        longest = max((len(list(run)) for _, run in itertools.groupby(text)), default=0)
        expected = [*lines_of(text, "any", max(longest, least))][:1]
    assert capsysbinary.readouterr().out.decode() == "".join(expected)


@pytest.mark.usefixtures("files")
def test_a_file_that_fails_has_no_longest_run(capsys):
    assert main(["find", "--longest", "--json", "bad", "missing", "letters"]) == 2
    output, errors = capsys.readouterr()
    records = [json.loads(line) for line in output.splitlines()]
    assert [(record["file"], "error" in record) for record in records] == [
        ("bad", True),
        ("missing", True),
        ("letters", False),
    ]
    assert records[-1]["start"] == 2
    assert len(errors.splitlines()) == 2


@pytest.mark.usefixtures("files")
def test_on_a_terminal_the_longest_run_and_all_characters_are_shown_as_in_a_pipe():
    assert show("--longest", "letters") == "letters:1:3: l\n"
    assert show("--min-run", "1", "letters").count(" x1\n") == 10


@pytest.fixture
def _two_threads(monkeypatch):
    monkeypatch.setattr(finding, "WORTH_SPLITTING", 1)
    monkeypatch.setattr(finding, "num_threads", lambda: 2)
    monkeypatch.setattr("doubles_ffi.files.reading.READ_SIZE", 4096)


@pytest.mark.usefixtures("_two_threads")
def test_a_large_file_is_searched_by_another_thread(files, capsysbinary, monkeypatch):
    threads = set()

    def read(*arguments):
        threads.add(threading.get_ident())
        yield from read_chunks(*arguments)

    def write(*arguments):
        time.sleep(0.002)  # The search continues, and must not overwrite these runs.
        return write_runs(*arguments)

    monkeypatch.setattr(formats, "read_chunks", read)
    monkeypatch.setattr(formats, "write_runs", write)
    text = "".join(f"{i} жж\n" for i in range(10_000))
    (files / "large").write_text(text, "utf-8", newline="")
    assert main(["find", "large"]) == 0
    assert capsysbinary.readouterr().out.decode() == "".join(lines_of(text, "large"))
    assert main(["find", "--longest", "large"]) == 0
    assert capsysbinary.readouterr().out == b"large:1112:1: 1 x4\n"
    assert main(["find", "-m", "3", "large", "bad"]) == 2
    output, errors = capsysbinary.readouterr()
    assert output.decode() == "".join([*lines_of(text[:100], "large")][:3]) + "bad:1:1: a\n"
    assert b"bad: not utf-8: invalid start byte at byte 3" in errors
    assert threading.get_ident() not in threads
    monkeypatch.setattr(finding, "num_threads", lambda: 1)
    assert main(["find", "large"]) == 0
    assert threading.get_ident() in threads


def test_more_lines_than_fit_a_page_and_more_units_than_are_known(files, capsysbinary):
    units = "".join(map(chr, itertools.chain(range(33, 127), range(0x4E00, 0x5E00))))
    text = "\n".join(unit * (2 + i % 3) for i, unit in enumerate(units * 5))
    (files / "many").write_text(text, "utf-8")
    assert main(["find", "many"]) == 0
    output = capsysbinary.readouterr().out
    assert len(output) > formats._PAGE
    assert output.decode() == "".join(lines_of(text, "many"))


@pytest.mark.usefixtures("files")
def test_json(capsys):
    assert main(["find", "--json", "letters", "жук.txt", "-m", "2"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"file": "letters", "line": 1, "column": 3, "start": 2, "length": 2, "unit": "l"},
        {"file": "letters", "line": 2, "column": 2, "start": 8, "length": 2, "unit": "o"},
        {"file": "жук.txt", "line": 1, "column": 1, "start": 0, "length": 2, "unit": "ж"},
        {"file": "жук.txt", "line": 1, "column": 5, "start": 4, "length": 3, "unit": "\n"},
    ]
    assert main(["find", "--json", "--bytes", "-m1", "жук.txt"]) == 0
    assert json.loads(capsys.readouterr().out)["unit"] == "0x0A"


@pytest.mark.parametrize("before", ["", "ab", "aa" * 40_000])
def test_errors_give_the_position_in_a_file_that_begins_with_a_mark(before, files, capsys):
    (files / "marked").write_bytes(before.encode("utf-8-sig") + b"\xff")
    reason = f"not utf-8-sig: invalid start byte at byte {len(before) + 3}"
    expected = f"doubles: marked: {reason}; try --bytes, or --encoding NAME\n"
    assert main(["find", "--encoding", "utf-8-sig", "marked"]) == 2
    show("--encoding", "utf-8-sig", "marked", status=2)
    assert capsys.readouterr().err == 2 * expected


@pytest.mark.usefixtures("files")
def test_errors_are_reported_after_the_runs_before_them(capsysbinary):
    assert main(["find", "missing", "bad", "empty"]) == 2
    output, errors = capsysbinary.readouterr()
    assert output == b"bad:1:1: a\n"
    assert errors.decode().splitlines() == [
        "doubles: missing: No such file or directory",
        "doubles: bad: not utf-8: invalid start byte at byte 3; try --bytes, or --encoding NAME",
    ]
    assert main(["find", "--json", "missing", "bad"]) == 2
    records = [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()]
    assert [[*record][1] for record in records] == ["error", "line", "error"]
    assert records[0] == {"file": "missing", "error": "No such file or directory"}


def test_an_output_whose_encoding_lacks_a_unit(files, capsysbinary, monkeypatch):
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "latin-1")
    (files / "some").write_text("жжéé", "utf-8")
    assert main(["find", "some"]) == 0
    assert capsysbinary.readouterr().out == b"some:1:1: U+0436\nsome:1:3: \xe9\n"


# On a terminal.


def marked(line):
    """Return the parts of a line that are highlighted, after its prefix."""
    return re.findall("\x1b\\[7;31m(.*?)\x1b\\[m", line)


@pytest.mark.usefixtures("files")
def test_lines_on_a_terminal():
    on, off = "\x1b[7;31m", "\x1b[m"
    assert show("letters", "жук.txt").splitlines() == [
        f"letters:1:3: he{on}ll{off}o,",
        f"letters:2:2: b{on}oo{off}{on}kk{off}{on}ee{off}per",
        f"жук.txt:1:1: {on}жж{off}ук{on}\\n\\n\\n{off}",
        f"жук.txt:4:1: {on}  {off}{on}\\t\\t{off}é",
    ]


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_without_colors_a_terminal_gets_the_output_of_a_pipe(variable, value):
    assert show("letters", **{variable: value}) == LETTERS


def visible(text, least):
    """Return a text as a terminal shows it, where runs of at least `least` are highlighted."""
    runs = ("".join(group) for _, group in itertools.groupby(text))
    return "".join(
        glyph(c)
        if not c.isprintable() or (len(run) >= least and unicodedata.category(c)[0] == "M")
        else c
        for run in runs
        for c in run
    )


@share_fixtures
@given(ANY, st.integers(2, 3), st.sampled_from([3, 7, 4096]))
@example("e\u0301\u0301", 2, 3)
@example("e\u0301\u0301", 3, 3)
def test_any_text_on_a_terminal(files, text, least, block):
    (files / "any").write_text(text, "utf-8", newline="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("doubles_ffi.files.reading.READ_SIZE", block)
        patch.setattr(finding, "WORTH_SPLITTING", 1)
        patch.setattr(finding, "num_threads", lambda: 2)
        output = show("--min-run", str(least), "any")
    plain = ESCAPES.sub("", output)
    assert plain.replace("\n", "").isprintable()
    found = [unit for line in output.splitlines() for unit in marked(line)]
    runs = ("".join(group) for _, group in itertools.groupby(text))
    assert found == [visible(run, least) for run in runs if len(run) >= least]
    # Each line is shown with its number; once, unless a read ends right before its newline.
    lines = text.split("\n")
    for line in plain.splitlines():
        _, number, column, shown = line.split(":", 3)
        whole = visible(lines[int(number) - 1], least)
        assert shown[1:].rstrip("\\n") == whole.rstrip("\\n") or len(whole) > 300
        assert 0 < int(column) <= len(lines[int(number) - 1]) + 1


def test_long_lines_are_shown_in_parts(files):
    before, width = view._BEFORE, view._WIDTH
    text = "ab" * 1000 + "cc" + "ab" * 100 + "dd" + "ab" * 1000 + "ee" + "x\n"
    (files / "long").write_text("\n" + text)
    first, second = show("long").splitlines()
    assert marked(first) == ["cc", "dd"]
    assert marked(second) == ["ee"]
    assert first.startswith("long:2:2001: ...")
    assert first.endswith("...")
    assert second.startswith("long:2:4205: ...")
    assert second.endswith("ee\x1b[mx")
    for line, start in ((first, 2000), (second, 4204)):
        shown = ESCAPES.sub("", line).split(": ")[1]
        assert shown.strip(".") == text.rstrip()[start - before : start - before + width]


@pytest.mark.parametrize("unit", ["a", "\n"])
def test_a_run_of_megabytes_is_shown_in_part(unit, files):
    (files / "long").write_text("xy" + unit * 2_000_000 + "zz")
    first, *others = show("long").splitlines()
    assert first.startswith("long:1:3: ")
    shown = glyph(unit)
    assert marked(first) == [shown * view._WIDTH]
    assert ESCAPES.sub("", first).endswith("...")
    assert [marked(line) for line in others] == [["zz"]]


def test_a_line_that_ends_where_an_excerpt_does(files):
    width = view._WIDTH
    for size, is_cut in ((width, False), (width + 1, True)):
        for end in ("\n", "", "\nx"):
            (files / "line").write_text("aa" + ("xy" * width)[: size - 2] + end)
            assert show("line").rstrip().endswith("...") == is_cut


@pytest.mark.usefixtures("files")
def test_a_terminal_shows_at_most_max_count_runs():
    assert [marked(line) for line in show("-m", "2", "letters").splitlines()] == [["ll"], ["oo"]]


@pytest.mark.usefixtures("files")
def test_a_terminal_shows_the_runs_before_an_error(capsys):
    assert ESCAPES.sub("", show("bad", status=2)) == "bad:1:1: aab\n"
    assert "invalid start byte at byte 3" in capsys.readouterr().err


def test_a_terminal_whose_encoding_lacks_a_character(files, monkeypatch):
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "latin-1")
    (files / "some").write_text("жéé", "utf-8")
    assert ESCAPES.sub("", show("some")) == "some:1:2: \\u0436éé\n"


@posix_only("has no names with control characters")
@pytest.mark.parametrize("options", [[], ["--bytes"], ["--encoding", "latin-1"], ["--json"]])
def test_no_control_character_reaches_a_terminal(options, files):
    name = "a\x1b]0;b\x07\n\x9b31m"
    garbage = bytes(range(256)) * 3 + b"".join(bytes([i, i]) for i in range(256)) + b"\x1b[2J" * 99
    text = "".join(chr(i) * 2 for i in range(0x3000)) + "\u202e\u202e\U000e0001\U000e0001"
    for data in (garbage, text.encode()):
        (files / name).write_bytes(data)
        _, shown = on_terminal("find", *options, name, f"missing{name}")
        assert len(shown) > 200
        plain = ESCAPES.sub("", shown.decode().replace("\r\n", ""))
        assert plain.isprintable()
    _, shown = on_terminal("find", "missing\x1b")
    assert b"\x1b" not in shown


def test_a_run_is_shown_as_soon_as_its_end_is_read():
    with started("find", stdin=subprocess.PIPE) as process:
        converse(
            process,
            (b"aab", b"-:1:1: a\n"),
            (b"\n\xd0\xb6", b""),
            (b"\xd0", b""),
            (b"\xb6x", "-:2:1: ж\n".encode()),
            (b"zzy\nqqr", b"-:2:4: z\n-:3:1: q\n"),
        )


@linux_only
def test_memory_is_bounded(files):
    with (files / "sparse").open("wb") as file:
        file.truncate(1 << 30)
    (files / "endless").write_text("ab" * 50_000_000 + "cc")
    for subcommand, name, expected in (
        ("count", "sparse", b"1073741823\tsparse\n"),  # on several threads
        ("find", "sparse", b"\\x00 x1073741824\n"),
        ("find", "endless", b": c\n"),
        ("squeeze", "sparse", b"\0"),
        ("squeeze", "endless", b"abc"),
    ):
        end = subprocess.run(
            [sys.executable, "-c", PEAK, subcommand, name], capture_output=True, check=True
        )
        assert end.stdout.endswith(expected)
        assert int(end.stderr) < 48 * 1024
    status, shown = on_terminal("find", "endless", program=("-c", PEAK))
    *_, line, peak = shown.splitlines()
    assert status == 0
    assert marked(line.decode()) == ["cc"]
    assert int(peak) < 48 * 1024


LITTLE_MEMORY = """
import resource, sys
from doubles_ffi.cli import find, main

pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + (12 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
sys.exit(main(sys.argv[1:]))
"""


@linux_only
@pytest.mark.parametrize(
    ("unit", "status", "error"),
    [("l", 0, b""), ("\U0010ffff", 2, b"doubles: find: not enough memory\n")],
)
def test_memory_is_for_the_units_that_are_found(unit, status, error, files):
    (files / "letters").write_text(2 * unit, "utf-8")
    command = [sys.executable, "-c", LITTLE_MEMORY, "find", "letters"]
    end = subprocess.run(command, capture_output=True, check=False)
    assert (end.returncode, end.stderr) == (status, error)
    assert end.stdout == (b"letters:1:1: l\n" if status == 0 else b"")


@pytest.mark.parametrize(
    "line", ["count", "find -m1", "find -m1 --json", "find -m1 --encoding utf-16-le"]
)
def test_files_are_closed_when_they_are_done(files, line):
    (files / "runs").write_text("aaaabbbb")
    (files / "list").write_text("runs\n" * 300)
    end = shell(f"ulimit -n 60 && doubles {line} --files-from list | grep -c runs")
    assert (end.stdout, end.stderr) == (b"300\n", b"")


@pytest.mark.usefixtures("files")
def test_bytes_on_a_terminal():
    line, *_ = show("--bytes", "--min-run", "3", "жук.txt").splitlines()
    assert line.startswith(r"жук.txt:1:9: \xd0\xb6\xd0\xb6\xd1\x83\xd0\xba")
    assert marked(line) == [r"\n\n\n"]
