"""The command, in this process for what it prints and in its own for how it ends."""

import io
import os
import resource
import signal
import string
import subprocess
import sys
from pathlib import Path

import pytest

from doubles_ffi import __version__, random_string
from doubles_ffi.cli import main


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "letters").write_text("aaa")
    (tmp_path / "жук.txt").write_text("жжук", encoding="utf-8")
    (tmp_path / "latin").write_bytes("éé".encode("latin-1"))
    (tmp_path / "empty").touch()
    return tmp_path


def stdin(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


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


@pytest.mark.usefixtures("files")
def test_bad_files_are_reported_and_the_others_counted(capsys):
    assert main(["count", "missing", "letters", ".", "latin", "жук.txt"]) == 2
    output, errors = capsys.readouterr()
    assert output == "2\tletters\n1\tжук.txt\n3\ttotal\n"
    missing, directory, latin = errors.splitlines()
    assert missing == "doubles: missing: No such file or directory"
    assert directory == "doubles: .: Is a directory"
    assert latin.startswith("doubles: latin: not utf-8: invalid continuation byte at byte 0")
    assert "--bytes" in latin
    assert "--encoding" in latin


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "required: COMMAND"),
        (["count", "--encoding", "nonsense"], "unknown encoding: nonsense"),
        (["count", "--encoding", "hex"], "not a text encoding"),
        (["count", "--encoding", "a\0b"], "null character"),
        (["count", "--bytes", "--encoding", "utf-8"], "not allowed with"),
        (["count", "--nonsense"], "unrecognized arguments"),
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


def test_ctrl_c(monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("doubles_ffi.cli._read", interrupt)
    assert main(["count", "file"]) == 130


# As most users have it: output buffered, and in a strict encoding.
ENVIRONMENT = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
ENVIRONMENT.pop("PYTHONUNBUFFERED", None)


def command(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "doubles_ffi", *arguments],
        stderr=subprocess.PIPE,
        check=False,
        env=ENVIRONMENT,
        **options,
    )


def test_a_closed_pipe_is_silent():
    reading, writing = os.pipe()
    os.close(reading)
    end = command("count", input=b"aaa", stdout=writing)
    os.close(writing)
    assert (end.returncode, end.stderr) == (0, b"")


def test_a_full_disk_is_reported():
    with Path("/dev/full").open("wb") as full:
        end = command("count", input=b"aaa", stdout=full)
    assert end.returncode == 2
    assert end.stderr == b"doubles: standard output: No space left on device\n"


def shell(line, **environment):
    return subprocess.run(
        ["sh", "-c", line.replace("doubles", f"{sys.executable} -m doubles_ffi")],
        capture_output=True,
        check=False,
        env={**ENVIRONMENT, **environment},
    )


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
    end = command("count", name + b"x", stdout=subprocess.PIPE)
    assert (end.returncode, end.stdout) == (2, b"")
    assert b"No such file" in end.stderr
