"""The inputs of the races. Each `make` takes a size and returns items with their answers."""

import math

import reference
from benchmarks import texts
from benchmarks.model import Input

# Short items come in hundreds and differ, so that no branch is predicted by habit. The fastest
# cache holds them.
CALLS = 500
IN_CACHE = 32_000


def storage(data):
    """Return the bytes that a str or bytes takes in memory, as CPython keeps it (PEP 393)."""
    if not isinstance(data, str):
        return bytes(data)
    widest = max(data, default="")
    codec = "latin-1" if widest <= "\xff" else "utf-16-le" if widest <= "\uffff" else "utf-32-le"
    return data.encode(codec, "surrogatepass")


def counted(items):
    """Return items as an input, counted by the definition."""
    size = sum(len(storage(item)) for item in items)
    return Input(items, list(map(reference.count, items)), size)


def short(text, size, convert=str):
    """Return pieces of a text: a tenth longer or shorter than that, where a tenth is a unit."""
    text *= math.ceil(1.1 * size * CALLS / len(text)) + 1
    distinct = min(CALLS, max(IN_CACHE // size, 3))
    lengths = [size + (i % 3 - 1) * (size // 10) for i in range(distinct)]
    starts = range(0, distinct * (size + 1), size + 1)
    pieces = counted([convert(text[i : i + length]) for i, length in zip(starts, lengths)])
    times = CALLS // distinct
    return Input(pieces.items * times, pieces.expected * times, pieces.size * times)


def short_letters(size, convert=str):
    return short(texts.letters(size * CALLS), size, convert)


def short_letters_as_bytes(size):
    return short_letters(size, str.encode)


def short_letters_as_bytearray(size):
    return short_letters(size, lambda piece: bytearray(piece, "ascii"))


def chunks(size):
    """Return chunks of bytes, all of that length."""
    return counted([texts.letters(size).encode()] * CALLS)


def one_in_a_hundred(size):
    """Return lines of text as bytes; about one in a hundred characters is a double."""
    return counted([texts.one_in_a_hundred(size).encode()])


def letters(size):
    return counted([texts.letters(size)])


def letters_as_bytes(size):
    return counted([texts.letters(size).encode()])


def repeated(piece, size, encoding=None):
    """Return about `size` units of one piece, over and over; encoded, if that is asked for."""
    piece = piece[:size]
    times = size // len(piece)
    seams = (times - 1) * (piece[-1] == piece[0])
    data = (piece if encoding is None else piece.encode(encoding)) * times
    size = len(data) if encoding else len(storage(piece)) * times
    return Input([data], [reference.count(piece) * times + seams], size)


def many_letters(size):
    """Return letters as bytes; more than 10 MB are the same ones again."""
    return repeated(texts.letters(min(size, 10_000_000)).encode(), size)


def several_letters(size):
    """Return letters as bytes, of two lengths in two places, each several times."""
    data = texts.letters(size).encode()
    return counted([data, data[: -(size // 999)]] * 4)


def utf8(text, size):
    """Return about `size` bytes of UTF-8."""
    return repeated(text, math.ceil(size * len(text) / len(text.encode())), "utf-8")


def length(size):
    """Return a length, for what makes random text."""
    return Input([size], [size], size)


def rows(scripts, lengths, size):
    """Return `size` str of these lengths, as items."""
    text = texts.sample(*scripts) if scripts else texts.letters(10_007)
    text *= max(lengths) // len(text) + 2
    period = len(text) - max(lengths)
    items = [text[i * 31 % period :][: lengths[i % len(lengths)]] for i in range(size)]
    return counted(items)


def column(scripts, lengths, size):
    """Return the same as one item."""
    found = rows(scripts, lengths, size)
    return Input([found.items], [found.expected], found.size)
