"""What the command does on Windows only, where another system can show it."""

import io

import pytest
from systems import posix_only

from doubles_ffi.cli import system

NAMES = ["a.txt", "жук.txt", "🐛.txt", "\ud800.txt", "e\u0301"]


def encoded(mark, encoding, end):
    text = mark + "".join(name + end for name in NAMES)
    return text.encode(encoding, "surrogatepass")


class Pipe:
    """A list that arrives in parts."""

    def __init__(self, parts):
        self._parts = iter(parts)

    def fileno(self):
        return 7

    def read1(self, _):
        return next(self._parts, b"")


def read_all(file):
    while data := file.read1(1000):
        yield data


@pytest.mark.parametrize("end", ["\n", "\r\n", "\0"])
@pytest.mark.parametrize(
    ("mark", "encoding"),
    [("", "utf-8"), ("\ufeff", "utf-8"), ("\ufeff", "utf-16-le"), ("\ufeff", "utf-16-be")],
)
def test_a_list_is_read_in_each_encoding_that_powershell_writes(mark, encoding, end):
    data = encoded(mark, encoding, end)
    expected = encoded("", "utf-8", end.replace("\r", ""))
    for size in (1, 2, 3, 5, len(data)):
        parts = [data[i : i + size] for i in range(0, len(data), size)]
        file = system.WindowsList(Pipe(parts))
        assert b"".join(read_all(file)) == expected
        assert file.fileno() == 7


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a\n\xe9\n", "invalid continuation byte"),
        (b"a\n\xc3", "unexpected end of data"),
        (b"\xff\xfea\0\n", "truncated data"),
    ],
)
def test_a_list_in_another_encoding_is_an_error(data, message):
    file = system.WindowsList(io.BytesIO(data))
    with pytest.raises(OSError, match=f"is not text in UTF-8 or UTF-16: {message}"):
        list(read_all(file))


def test_an_empty_list_ends_at_once():
    assert system.WindowsList(io.BytesIO()).read1(100) == b""


def test_patterns_match_sorted_names_and_keep_their_brackets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.txt", "a.txt", "ab.txt", "x[1].txt", "x1.txt"):
        (tmp_path / name).touch()
    assert system.matching(["?.txt", "x[1].*", "x[1].txt"]) == [
        *("a.txt", "b.txt"),
        "x[1].txt",
        "x[1].txt",
    ]
    assert system.matching(["no*", "-", "none"]) == ["no*", "-", "none"]


@posix_only("has the shell leave patterns")
def test_elsewhere_the_shell_has_expanded_patterns():
    assert system.expanded(["*"]) == ["*"]
    assert system.usual(error := OSError(22, "Invalid"), "*") is error
