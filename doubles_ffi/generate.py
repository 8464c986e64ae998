"""Random text."""

from __future__ import annotations

import hashlib
import operator
import string
import sys

from doubles_ffi._buffers import exact
from doubles_ffi._library import check, ffi, lib

__all__ = ["random_string"]


def random_string(
    length: int,
    *,
    alphabet: str = string.ascii_letters,
    seed: int | str | bytes | None = None,
) -> str:
    """Return `length` characters, each drawn from `alphabet` with equal probability.

    The generator is ChaCha12, which is cryptographically secure.

    >>> random_string(5, alphabet="z")
    'zzzzz'
    >>> random_string(20, seed=1) == random_string(20, seed=1)
    True

    Args:
        length: characters to draw.
        alphabet: different ASCII characters. The default is the letters; letters and digits are
            `string.ascii_letters + string.digits`.
        seed: what the text is to depend on alone. None takes a fresh key from the system.

    Raises:
        ValueError: `length` is negative; `alphabet` is empty, repeats a character or is not ASCII.
        TypeError: an argument is of another type.
        MemoryError: so much text does not fit the memory.
        OSError: the system gave no random bytes.
    """
    length = operator.index(length)
    if length < 0:
        raise ValueError(f"length must not be negative, not {length}")
    if length > sys.maxsize:
        raise MemoryError(f"{length} characters are more than any memory holds")
    if not isinstance(alphabet, str):
        raise TypeError(f"the alphabet must be a str, not {type(alphabet).__name__}")
    alphabet = exact(alphabet)
    if not alphabet:
        raise ValueError("the alphabet is empty")
    if not alphabet.isascii():
        raise ValueError("the alphabet must be ASCII")
    if len(set(alphabet)) < len(alphabet):
        raise ValueError("the alphabet repeats a character")
    key = ffi.NULL if seed is None else _key(seed)
    text = bytearray(length)
    with ffi.from_buffer("uint8_t[]", text) as out:
        check(lib.doubles_fill_random(alphabet.encode(), len(alphabet), key, out, length))
    return text.decode("ascii")


def _key(seed: int | str | bytes) -> bytes:
    """Return the key that stands for a seed: different for each value and type."""
    if isinstance(seed, str):
        kind, value = b"str", seed.encode("utf-8", "surrogatepass")
    elif isinstance(seed, bytes):
        kind, value = b"bytes", seed
    elif isinstance(seed, int):
        kind, value = b"int", b"%x" % seed
    else:
        raise TypeError(f"seed must be an int, a str or bytes, not {type(seed).__name__}")
    return hashlib.sha256(kind + b":" + value).digest()
