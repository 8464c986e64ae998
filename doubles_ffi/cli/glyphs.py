"""How a unit is shown: as a glyph, and by its number."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TypeAlias

    Unit: TypeAlias = str | int  # a character, or the number of a byte

# Carries a combining mark that has no letter.
_DOTTED_CIRCLE = "\u25cc"


def code(unit: Unit) -> str:
    """Return the number of a unit in the usual notation.

    >>> code("ж"), code(255)
    ('U+0436', '0xFF')
    """
    return f"0x{unit:02X}" if isinstance(unit, int) else f"U+{ord(unit):04X}"


def glyph(unit: Unit) -> str:
    r"""Return text that shows a unit: spaces are quoted, and characters without a glyph escaped.

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
    """Return whether a character is shown together with the one before it."""
    return unicodedata.category(character).startswith("M")


def can_encode(text: str, encoding: str) -> bool:
    """Return whether an encoding has all characters of a text."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
