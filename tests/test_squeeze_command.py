"""`doubles squeeze`, held against itertools; test_ends.py has how it ends."""

import gzip
import subprocess
import sys
import unicodedata

import pytest
import reference
from commands import converse, on_terminal, started, stdin
from hypothesis import assume, example, given
from hypothesis import strategies as st
from strategies import binary, runs, share_fixtures
from systems import posix_only

from doubles_ffi.cli import main, sets

HINT = "; try --bytes, or --encoding NAME"
TEXTS = runs | st.text(max_size=200) | st.text("aжж€𝄞\n", max_size=60)
BLOCKS = st.sampled_from([1, 2, 3, 5, 7, 64, 4096])


@pytest.fixture
def squeeze(folder, capsysbinary):
    """Return a function that squeezes contents of files, and returns all that the command does."""

    def run(*options, contents, block=None):
        names = []
        for number, content in enumerate(contents):
            names.append(str(number))
            (folder / names[-1]).write_bytes(content)
        with pytest.MonkeyPatch.context() as patch:
            if block:
                patch.setattr("doubles_ffi.files.reading.READ_SIZE", block)
            status = main(["squeeze", *options, *names])
        output, errors = capsysbinary.readouterr()
        return status, output, errors.decode()

    return run


@share_fixtures
@given(TEXTS, st.integers(1, 4), BLOCKS, st.lists(st.integers(0, 200), max_size=3))
@example("жж", 1, 1, [1])
@example("", 1, 1, [0])
def test_text_in_files_cut_anywhere_is_one_text(squeeze, text, most, block, cuts):
    ends = [*sorted(min(cut, len(text)) for cut in cuts), len(text)]
    parts = [text[start:end].encode() for start, end in zip([0, *ends], ends)]
    expected = "".join(reference.squeezed(text, most)).encode()
    assert squeeze("-n", str(most), contents=parts, block=block) == (0, expected, "")


@share_fixtures
@given(TEXTS, st.sampled_from(["a", "a\n", "ж€", "𝄞"]), BLOCKS)
def test_only_some_characters(squeeze, text, only, block):
    expected = "".join(reference.squeezed(text, 1, only.__contains__)).encode()
    found = squeeze("--only", only, contents=[text.encode()], block=block)
    assert found == (0, expected, "")


@share_fixtures
@given(binary | TEXTS.map(str.encode), st.integers(1, 3), BLOCKS)
def test_bytes(squeeze, data, most, block):
    expected = bytes(reference.squeezed(data, most))
    assert squeeze("--bytes", f"--most={most}", contents=[data], block=block) == (0, expected, "")
    latin = squeeze("--encoding", "latin-1", "-n", str(most), contents=[data], block=block)
    assert latin == (0, expected, "")


@share_fixtures
@given(binary | TEXTS.map(lambda text: text.encode()[:-1]), BLOCKS)
@example(b"\xd0\xb6\xd0\xb6aa\xff\xff", 3)
@example(b"aa\xe2\x82", 1)
@example(b"aa\xe2\x82a", 2)
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_text_before_a_fault_is_written(squeeze, encoding, data, block):
    assume(not data.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5")))  # Another hint.
    status, text, complaint = 0, data, ""
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        text, status = data[: error.start].decode(encoding), 2
        complaint = f"doubles: 0: not {encoding}: {error.reason} at byte {error.start}{HINT}\n"
    found = squeeze("--encoding", encoding, contents=[data], block=block)
    assert found == (status, "".join(reference.squeezed(text)).encode(), complaint)


def test_a_file_that_fails_is_reported_and_the_others_are_written(squeeze):
    """A fault ends a text; runs continue after it, and positions begin anew."""
    contents = [b"aab\xd0", b"bbc\xff", b"cc\xff\xff", b"d"]
    status, output, errors = squeeze("missing", contents=contents)
    assert (status, output) == (2, b"abcd")
    assert errors.splitlines() == [
        "doubles: missing: No such file or directory",
        f"doubles: 0: not utf-8: unexpected end of data at byte 3{HINT}",
        f"doubles: 1: not utf-8: invalid start byte at byte 3{HINT}",
        f"doubles: 2: not utf-8: invalid start byte at byte 2{HINT}",
    ]


@posix_only("a directory can't be opened: access is denied")
@pytest.mark.usefixtures("folder")
def test_a_directory_has_no_hint_to_an_option_that_is_missing(capsys):
    assert main(["squeeze", "."]) == 2
    assert capsys.readouterr().err == "doubles: .: Is a directory\n"


@pytest.mark.parametrize("arguments", [[], ["-"], ["-", "more"], ["--", "-", "more"]])
def test_standard_input(arguments, folder, capsysbinary, monkeypatch):
    (folder / "more").write_bytes(b"bb")
    stdin(monkeypatch, b"aab")
    assert main(["squeeze", *arguments]) == 0
    assert capsysbinary.readouterr().out == b"ab"


def test_compressed_files(squeeze):
    compressed = gzip.compress(b"aaa\xff")
    complaint = f"doubles: 0: not utf-8: invalid start byte at byte 3{HINT}\n"
    assert squeeze("-z", contents=[compressed, b"ab"]) == (2, b"ab", complaint)
    status, _, errors = squeeze(contents=[compressed])
    assert (status, errors) == (2, "doubles: 0: compressed with gzip; try -z\n")


def test_names_after_two_dashes_and_options_between_files(folder, capsysbinary):
    (folder / "-n").write_bytes(b"aaa")
    (folder / "b").write_bytes(b"bbb")
    assert main(["squeeze", "b", "-n", "2", "b", "--", "-n"]) == 0
    assert capsysbinary.readouterr().out == b"bbaa"


# Sets.


@pytest.mark.parametrize(
    ("only", "data", "expected"),
    [
        (r"\n", "aa\n\n\n\r\n\r\n", "aa\n\r\n\r\n"),
        (r"\t\\", "\t\t\\\\aa", "\t\\aa"),
        (r"\a\b\f\r\v", "\a\a\b\b\f\f\r\r\v\v\n\n", "\a\b\f\r\v\n\n"),
        (r"\0\7\12\1011", "\0\0\7\7\n\nAA11bb", "\0\7\nA1bb"),
        (r"\4000", " \xa0\xa00000", " \xa0\xa00"),  # An octal number has one byte.
        ("\n", "aa\n\n", "aa\n"),
        ("ж", "жжaa", "жaa"),
        ("a-c", "aabbccdd--", "abcdd--"),
        ("а-я", "ААаажжaa", "ААажaa"),
        ("ac-", "aabb--cc", "abb-c"),
        ("-ac", "aabb--cc", "abb-c"),
        (r"a\-c", "aabb--cc", "abb-c"),
        (r"\101-\103", "AABBCCDD", "ABCDD"),
        (r"\[:alpha:]", "[[::aabb]]", "[:abb]"),
        ("[a]", "[[aabb]]", "[abb]"),
        ("[:alpha", "[[::aabb", "[:abb"),
        ("[:alpha:]", "aaжжßß中中11  ..", "aжß中11  .."),
        ("[:digit:]", "aa11\u0665\u0665  ", "aa1\u0665  "),
        ("[:alnum:]", "aa11жж..", "a1ж.."),
        ("[:upper:]", "aaAAЖЖжж", "aaAЖжж"),
        ("[:lower:]", "aaAAЖЖжж", "aAAЖЖж"),
        ("[:punct:]", "!!??--$$««……aa11  ", "!?-$«…aa11  "),
        ("[:space:]", "  \t\t\n\n\xa0\xa0\u3000\u3000aa", " \t\n\xa0\u3000aa"),
        ("[:blank:]", "  \t\t\n\n\xa0\xa0aa", " \t\n\n\xa0aa"),
        ("[:digit:]a[:blank:]x-z", "aa11  yybb", "a1 ybb"),
    ],
)
def test_sets(only, data, expected, squeeze):
    assert squeeze(f"--only={only}", contents=[data.encode()]) == (0, expected.encode(), "")


@pytest.mark.parametrize(
    ("options", "data", "expected"),
    [
        (["--bytes", "--only", r"\377\0"], b"\xff\xff\0\0aa", b"\xff\0aa"),
        (["--bytes", "--only", "ж"], b"\xd0\xd0\xb6\xb6aa", b"\xd0\xb6aa"),
        pytest.param(
            *(["--bytes", "--only", "\udcff"], b"\xff\xffaa", b"\xffaa"),
            marks=posix_only("arguments are text"),
        ),
        (["--bytes", "--only", r"\200-\377"], b"\x80\x80\xff\xff\x7f\x7f", b"\x80\xff\x7f\x7f"),
        (["--encoding", "latin-1", "--only", "é"], b"\xe9\xe9aa", b"\xe9aa"),
        (["--encoding", "latin-1", "--only", "[:alpha:]"], b"\xe9\xe9aa--", b"\xe9a--"),
    ],
)
def test_sets_of_bytes(options, data, expected, squeeze):
    assert squeeze(*options, contents=[data]) == (0, expected, "")


@posix_only("has no tr")
@pytest.mark.parametrize("name", sets._CLASSES)
def test_a_class_of_bytes_is_that_of_tr(name):
    all_bytes = bytes(range(256))
    end = subprocess.run(
        ["tr", "-d", f"[:{name}:]"],
        input=all_bytes,
        stdout=subprocess.PIPE,
        check=True,
        env={"LC_ALL": "C"},
    )
    assert sets.units_of(f"[:{name}:]", is_bytes=True) == {*all_bytes} - {*end.stdout}


def test_classes_are_those_of_unicode():
    """All of it: no class may have characters above the last that the command asks for."""
    category = {c: unicodedata.category(c) for c in map(chr, range(sys.maxunicode + 1))}
    characters = [c for c in category if category[c] not in {"Cn", "Co", "Cs"}]
    information_separators = "\x1c\x1d\x1e\x1f"  # White space for Python, but not for Unicode.
    rules = {
        "alnum": lambda c: category[c][0] == "L" or c.isnumeric(),
        "alpha": lambda c: category[c][0] == "L",
        "blank": lambda c: category[c] == "Zs" or c == "\t",
        "digit": lambda c: category[c] == "Nd",
        "lower": str.islower,
        "punct": lambda c: category[c][0] in "PS",
        "space": lambda c: c.isspace() and c not in information_separators,
        "upper": str.isupper,
    }
    assert rules.keys() == sets._CLASSES.keys()
    for name, rule in rules.items():
        expected = {ord(c) for c in characters if rule(c)}
        assert sets.units_of(f"[:{name}:]", is_bytes=False) == expected, name


# In a process of its own.


def test_results_come_as_the_input_comes():
    with started("squeeze", stdin=subprocess.PIPE) as process:
        converse(process, (b"aab", b"ab"), (b"bb\xd0", b""), (b"\xb6\xd0\xb6x", "жx".encode()))


def test_a_terminal():
    typed = b"aab\n\n\x04"
    status, shown = on_terminal("squeeze", typed=typed)
    assert status == 0
    assert shown.endswith(b"ab\r\n")
