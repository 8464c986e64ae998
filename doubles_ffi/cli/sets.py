r"""The sets of characters or bytes that `doubles squeeze --only` takes, written as for `tr`.

A set lists characters, ranges such as `a-z`, escapes such as `\n` and `\377`, and classes such as
`[:space:]`.
"""

from __future__ import annotations

import os
import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_CHARACTER = r"\\(?:[0-3][0-7]{2}|[0-7]{1,2}|.)|[^\\]"
_ITEM = re.compile(
    rf"\[:(?P<name>\w*):\]|(?P<first>{_CHARACTER})(?:-(?P<last>{_CHARACTER}))?|\\", re.DOTALL
)

_ESCAPES = dict(zip("abfnrtv", "\a\b\f\n\r\t\v"))


def _is_punctuation(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"  # In ASCII, what C's `ispunct` says.


# The classes, by their characters or by a function that knows them.
_BLANK = "\t \xa0\u1680\u2000-\u200a\u202f\u205f\u3000"
_CLASSES: dict[str, str | Callable[[str], bool]] = {
    "alnum": str.isalnum,
    "alpha": str.isalpha,
    "blank": _BLANK,
    "digit": str.isdecimal,
    "lower": str.islower,
    "punct": _is_punctuation,
    "space": _BLANK + "\n-\r\x85\u2028\u2029",
    "upper": str.isupper,
}

# Above the characters of all classes. To ask for all code points would take four times as long.
_END = 0x40000

_ASCII_END = 0x80


def units_of(text: str, *, is_bytes: bool) -> set[int]:
    """Return the numbers of the characters or bytes in a set.

    Raises:
        ValueError: it is empty or not well-formed.
    """
    if is_bytes:
        text = os.fsencode(text).decode("latin-1")
    elif not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("the set is not valid text; try --bytes")
    if not text:
        raise ValueError("the set is empty")
    units: set[int] = set()
    for item in _ITEM.finditer(text):
        name, first, last = item["name"], item["first"], item["last"]
        if name is not None:
            units.update(_class(name, _ASCII_END if is_bytes else _END))
        elif first is None:
            raise ValueError(r"the set ends with a backslash; write \\ for one")
        else:
            numbers = range(_number(first), _number(last or first) + 1)
            if not numbers:
                raise ValueError(f"the range {item[0]} is reversed")
            units.update(numbers)
    return units


def _number(character: str) -> int:
    """Return the number of a character, which may be escaped."""
    escaped = character[1:]
    if not escaped:
        return ord(character)
    if escaped[0] in "01234567":
        return int(escaped, 8)
    if escaped.isalnum() and escaped not in _ESCAPES:
        raise ValueError(f"unknown escape {character}")
    return ord(_ESCAPES.get(escaped, escaped))


def _class(name: str, end: int) -> Iterable[int]:
    """Return the numbers of the characters in a class that are below `end`."""
    known = _CLASSES.get(name)
    if known is None:
        raise ValueError(f"unknown class [:{name}:]; the classes are {', '.join(_CLASSES)}")
    if isinstance(known, str):
        return (unit for unit in units_of(known, is_bytes=False) if unit < end)
    return map(ord, filter(known, map(chr, range(end))))
