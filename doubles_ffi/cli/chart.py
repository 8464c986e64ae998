"""The most doubled units: as a table with bars for the terminal, and as a plot."""

from __future__ import annotations

import contextlib
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Unit = str | int  # a character, or the number of a byte
    Entry = tuple[Unit, int]  # a unit and how many doubles it makes

__all__ = ["can_encode", "code", "draw", "glyph", "is_mark", "table"]

# Bars are drawn to an eighth of a cell.
_EIGHTHS = " ▏▎▍▌▋▊▉█"

_COLOR, _PLAIN = "\x1b[36m", "\x1b[0m"

# Bars in a plot and characters in a name; more would not fit.
_MOST_BARS = 100
_LONGEST_NAME = 30

# The font that comes with matplotlib, and matplotlib's words for an upright font of regular weight.
_DEFAULT = "DejaVu Sans"
_REGULAR = ("normal", 400)

# This font shows a box for every character; it comes with newer versions of matplotlib.
_LAST_RESORT = "Last Resort"

# Carries a combining mark that has no letter.
_DOTTED_CIRCLE = "\u25cc"


def code(unit: Unit) -> str:
    """Return the number of a unit in the usual notation.

    >>> code("ж"), code(255)
    ('U+0436', '0xFF')
    """
    return f"0x{unit:02X}" if isinstance(unit, int) else f"U+{ord(unit):04X}"


def glyph(unit: Unit) -> str:
    r"""Return text that shows a unit: what can't be seen is quoted or escaped.

    >>> glyph("ж"), glyph(" "), glyph("\n"), glyph(97), glyph(255)
    ('ж', "' '", '\\n', 'a', '\\xff')
    """
    if isinstance(unit, int):
        unit = bytes([unit]).decode("ascii", "backslashreplace")
    if unit == " ":
        return "' '"
    if len(unit) == 1 and is_mark(unit):
        return _DOTTED_CIRCLE + unit
    return unit if unit.isprintable() else repr(unit)[1:-1]


def is_mark(character: str) -> bool:
    """Tell whether a character is shown together with the one before it."""
    return unicodedata.category(character).startswith("M")


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


def can_encode(text: str, encoding: str) -> bool:
    """Tell whether an encoding has all characters of a text."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def draw(entries: Sequence[Entry], path: str) -> None:
    """Draw a bar for each unit, the first on top, in the format that the path ends with.

    A unit is labelled by its code and its glyph; or by its name and "(no font)", if no font of this
    machine has the glyph. More than a hundred bars are not drawn.

    Raises:
        ImportError: matplotlib is not installed.
        OSError: the file can't be written.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.ticker import MaxNLocator

    entries = entries[:_MOST_BARS]
    families, missing = _fonts({c for unit, _ in entries for c in glyph(unit)})
    labels = [_label(unit, missing) for unit, _ in entries]
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1)  # inches
    figure = Figure(figsize=(7, 1 + 0.3 * max(len(entries), 2)), layout=layout)
    axes = figure.subplots()
    axes.barh(range(len(entries)), [times for _, times in entries])
    axes.set_yticks(range(len(entries)), labels, family=families, parse_math=False)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.05 * max((times for _, times in entries), default=1))
    axes.set_xlabel("doubles")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


def _label(unit: Unit, missing: set[str]) -> str:
    # The code comes first: after Hebrew, matplotlib might draw it from right to left.
    shown = glyph(unit)
    if not missing.isdisjoint(shown):
        name = unicodedata.name(str(unit), "")
        if len(name) > _LONGEST_NAME:
            name = f"{name[: _LONGEST_NAME - 1]}…"
        shown = f"{name} (no font)"
    return f"{code(unit)}  {shown}"


def _fonts(characters: set[str]) -> tuple[list[str], set[str]]:
    """Return fonts that have the characters, by name, and the characters that no font has."""
    from matplotlib.font_manager import fontManager
    from matplotlib.ft2font import FT2Font

    upright = {
        font.name: font.fname
        for font in fontManager.ttflist
        if (font.style, font.weight) == _REGULAR and not font.name.startswith(_LAST_RESORT)
    }
    families = []
    missing = set(characters)
    for family in sorted(upright, key=lambda family: (family != _DEFAULT, family)):
        with contextlib.suppress(OSError, RuntimeError):  # FreeType can't read the font.
            found = {c for c in missing if ord(c) in FT2Font(upright[family]).get_charmap()}
            if found or family == _DEFAULT:
                families.append(family)
                missing -= found
        if not missing:
            break
    return families, missing
