"""The most doubled units: as a table with bars for the terminal, and as a plot."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from doubles_ffi.cli.glyphs import can_encode, code, glyph

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence
    from typing import TypeAlias

    from doubles_ffi.cli.glyphs import Unit

    Entry: TypeAlias = tuple[Unit, int]  # a unit and how many doubles it makes

# Bars are drawn to an eighth of a cell.
_EIGHTHS = " ▏▎▍▌▋▊▉█"

_COLOR, _PLAIN = "\x1b[36m", "\x1b[0m"

# The most bars that fit a plot, and the most characters of a name.
_MOST_BARS = 100
_LONGEST_NAME = 30

# The font that comes with matplotlib.
_FONT = "DejaVu Sans"


def table(entries: Sequence[Entry], width: int, encoding: str, *, color: bool) -> Iterator[str]:
    """Yield the lines of a table, `width` cells wide, of characters that an encoding has."""

    def shown(text: str, instead: str) -> str:
        return text if can_encode(text, encoding) else instead

    heads = ("unit", "code", "doubles")
    rows = [(shown(glyph(unit), "?"), code(unit), f"{times:,}") for unit, times in entries]
    widths = [max(map(_cells, column)) for column in zip(heads, *rows)]
    room = max(width - sum(widths) - 2 * len(widths), 1)
    most = max((times for _, times in entries), default=1)
    bars = [_bar(times / most, room) for _, times in entries]
    if not can_encode(_EIGHTHS, encoding):
        bars = ["#" * len(bar) for bar in bars]
    for row, bar in zip([heads, *rows], ["", *bars]):
        left, middle, right = (" " * (cells - _cells(text)) for text, cells in zip(row, widths))
        line = f"{row[0]}{left}  {row[1]}{middle}  {right}{row[2]}  "
        yield f"{line}{_COLOR}{bar}{_PLAIN}" if color and bar else (line + bar).rstrip()


def _bar(part: float, room: int) -> str:
    full, eighths = divmod(round(part * room * 8), 8)
    return "█" * full + _EIGHTHS[eighths].strip() or _EIGHTHS[1]


def _cells(text: str) -> int:
    """Return how many cells of a terminal a text takes, as Unicode's annex 11 defines it."""
    return sum(_cells_of(c) for c in text)


def _cells_of(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def draw(entries: Sequence[Entry], path: str) -> None:
    """Draw a bar for each unit, the first on top, in the format that the path ends with.

    A unit is labelled by its code and its glyph, or by its code and its name if the font that comes
    with matplotlib lacks the glyph. More than a hundred bars are not drawn.

    Raises:
        ImportError: matplotlib is not installed.
        OSError: the file can't be written.
    """
    from matplotlib.figure import Figure
    from matplotlib.font_manager import findfont
    from matplotlib.ft2font import FT2Font
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.ticker import MaxNLocator

    entries = entries[:_MOST_BARS]
    known = FT2Font(findfont(_FONT)).get_charmap()
    labels = [_label(unit, known) for unit, _ in entries]
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1)  # inches
    figure = Figure(figsize=(7, 1 + 0.3 * max(len(entries), 2)), layout=layout)
    axes = figure.subplots()
    axes.barh(range(len(entries)), [times for _, times in entries])
    axes.set_yticks(range(len(entries)), labels, family=_FONT, parse_math=False)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.05 * max((times for _, times in entries), default=1))
    axes.set_xlabel("doubles")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


def _label(unit: Unit, known: Container[int]) -> str:
    # The code comes first: after Hebrew, matplotlib might draw it from right to left.
    shown = glyph(unit)
    if not all(ord(c) in known for c in shown):
        shown = unicodedata.name(str(unit))  # All characters with a glyph have one.
        if len(shown) > _LONGEST_NAME:
            shown = f"{shown[: _LONGEST_NAME - 1]}…"
    return f"{code(unit)}  {shown}"
