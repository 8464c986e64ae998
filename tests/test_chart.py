"""The tally, as a table and as a plot."""

import re
from itertools import pairwise

import pytest

from doubles_ffi.cli import chart

# A letter, CJK of two cells, an emoji, a combining mark, a space, controls, a surrogate, RTL.
ENTRIES = [
    ("ж", 1234567),
    ("漢", 1000),
    ("😀", 900),
    ("\u0301", 800),
    (" ", 700),
    ("\n", 600),
    ("\0", 500),
    ("\u200b", 400),
    ("\ud800", 300),
    ("ש", 1),
]


def cells(text):
    """Columns in a terminal, for the texts of this file."""
    return sum(0 if c == "\u0301" else 2 if c in "漢😀" else 1 for c in text)


def test_every_unit_is_visible_and_has_its_code():
    rows = list(chart.table(ENTRIES, 80, "utf-8", color=False))[1:]
    shown = [re.match(r"(.+?)  +(U\+\S+) ", row).groups() for row in rows]
    assert shown == [
        ("ж", "U+0436"),
        ("漢", "U+6F22"),
        ("😀", "U+1F600"),
        ("◌\u0301", "U+0301"),
        ("' '", "U+0020"),
        ("\\n", "U+000A"),
        ("\\x00", "U+0000"),
        ("\\u200b", "U+200B"),
        ("\\ud800", "U+D800"),
        ("ש", "U+05E9"),
    ]
    rows = list(chart.table([(0x0A, 2), (0xFF, 1)], 40, "utf-8", color=False))[1:]
    assert [row.split()[:3] for row in rows] == [["\\n", "0x0A", "2"], ["\\xff", "0xFF", "1"]]


def test_columns_are_aligned_whatever_the_width_of_a_character():
    lines = list(chart.table(ENTRIES, 80, "utf-8", color=False))
    assert max(map(cells, lines)) == 80
    ends = [cells(re.match(r".* [\d,]+(?=  )", line)[0]) for line in lines[1:]]
    assert len(set(ends)) == 1


def test_bars_are_proportional_to_doubles():
    entries = [("a", times) for times in range(160, 0, -1)]
    lines = list(chart.table(entries, 43, "utf-8", color=False))[1:]
    bars = [line.split()[-1] for line in lines]
    assert bars[0] == "█" * 20
    lengths = [8 * (len(bar) - 1) + " ▏▎▍▌▋▊▉█".index(bar[-1]) for bar in bars]
    assert all(left >= right for left, right in pairwise(lengths))
    assert lengths[:80:20] == [160, 140, 120, 100]
    assert bars[-1] == "▏"


def test_a_terminal_whose_encoding_lacks_a_unit():
    lines = list(chart.table([("ж", 4), ("é", 2)], 40, "latin-1", color=False))
    "\n".join(lines).encode("latin-1")
    assert lines[1].split() == ["?", "U+0436", "4", "#" * 17]
    assert lines[2].split() == ["é", "U+00E9", "2", "#" * 9]


def test_an_empty_table_and_a_narrow_terminal():
    assert list(chart.table([], 80, "utf-8", color=False)) == ["unit  code  doubles"]
    lines = list(chart.table([("a", 2)], 1, "utf-8", color=False))
    assert lines[1].split() == ["a", "U+0061", "2", "█"]


@pytest.fixture
def labels(monkeypatch):
    """What is written at the axis of each plot."""
    from matplotlib.axes import Axes

    seen = []
    set_yticks = Axes.set_yticks

    def spy(axes, ticks, labels, **options):
        seen[:] = labels
        return set_yticks(axes, ticks, labels, **options)

    monkeypatch.setattr(Axes, "set_yticks", spy)
    return seen


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_a_plot_labels_each_unit_by_its_code_and_glyph_or_name(suffix, labels, tmp_path, capfd):
    # matplotlib warns of each glyph that its font lacks, and a warning fails a test.
    long, private = "\ufbf9", "\U0010fffd"  # The name of the first has 82 characters.
    entries = [*ENTRIES, (long, 1), (private, 1), (0xFF, 1)]
    chart.draw(entries, str(tmp_path / f"out.{suffix}"))
    assert labels == [
        "U+0436  ж",
        "U+6F22  CJK UNIFIED IDEOGRAPH-6F22",
        "U+1F600  😀",
        "U+0301  ◌\u0301",
        "U+0020  ' '",
        "U+000A  \\n",
        "U+0000  \\x00",
        "U+200B  \\u200b",
        "U+D800  \\ud800",
        "U+05E9  ש",
        "U+FBF9  ARABIC LIGATURE UIGHUR KIRGHI…",
        "U+10FFFD  \\U0010fffd",
        "0xFF  \\xff",
    ]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("units", "bars"), [(0, 0), (512, 100)])
def test_a_plot_has_at_most_a_hundred_bars(units, bars, labels, tmp_path):
    chart.draw([(chr(0x4E00 + i), 1) for i in range(units)], str(tmp_path / "a.png"))
    assert len(labels) == bars
