"""The types of the command's arguments, in the sense of argparse: functions that convert text."""

from __future__ import annotations

import argparse
import codecs
import re
from typing import TYPE_CHECKING

from doubles_ffi.generate import LETTERS, random_string

if TYPE_CHECKING:
    from collections.abc import Callable

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}

_ALPHABETS = {
    "letters": LETTERS,
    "alphanumeric": LETTERS + "0123456789",
}


def text_encoding(name: str) -> str:
    """Return the name of an encoding as Python knows it."""
    try:
        "".encode(name)
    except (LookupError, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return codecs.lookup(name).name


def integer_from(least: int) -> Callable[[str], int]:
    """Return the type of an argument that is an integer, `least` or more."""

    def integer(text: str) -> int:
        if re.fullmatch("[0-9]{1,9}", text) and int(text) >= least:
            return int(text)
        message = f"expected an integer from {least} to 999999999, not {text[:20]!r}"
        raise argparse.ArgumentTypeError(message)

    return integer


def plot(path: str) -> str:
    """Return the name of a file that a plot can be written to."""
    if not path.lower().endswith((".png", ".svg")):
        raise argparse.ArgumentTypeError("the name must end with .png or .svg")
    return path


def length(text: str) -> int:
    """Return a length: K, M, G and T after the number are powers of a thousand."""
    unit = text[-1:] if text[-1:] in _UNITS else ""
    number = text.removesuffix(unit)
    if not re.fullmatch("[0-9]{1,18}", number):
        raise argparse.ArgumentTypeError(f"not a length: {text[:20]!r}")
    return int(number) * _UNITS[unit]


def alphabet(text: str) -> str:
    """Return the characters of an alphabet, which may be given by its name."""
    if text in _ALPHABETS:
        return _ALPHABETS[text]
    try:
        random_string(0, alphabet=text, seed=0)  # A seed keeps it from asking the system for one.
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def seed(text: str) -> int | str:
    """Return a seed, an integer if the text is one."""
    if not re.fullmatch("-?[0-9]+", text):
        return text
    try:
        return int(text)
    except ValueError as error:  # Python refuses integers of thousands of digits.
        raise argparse.ArgumentTypeError(str(error)) from None
