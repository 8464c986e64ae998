"""Random text, in any ASCII alphabet. docs/random.md defines each character."""

from __future__ import annotations

import contextlib
import operator
import os
import sys
from typing import TYPE_CHECKING, SupportsIndex

from doubles_ffi._input.buffers import BytesLike, lock
from doubles_ffi._input.text import POINTER_PAYS, exact
from doubles_ffi._library import BLOCK_LENGTH, KEY_LENGTH, check, thread_limit, write_random
from doubles_ffi._library.memory import LARGEST_ASCII, Room

if TYPE_CHECKING:
    from doubles_ffi._library.memory import Pointer

Seed = int | str | bytes | None

# As string.ascii_letters, whose module takes 0.6 ms to load.
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

# Characters per call into the library, whole blocks of them: 23 ms on one thread without AVX2.
_SLICE = 16 * 1024 * 1024


def random_string(
    length: SupportsIndex,
    *,
    alphabet: str = LETTERS,
    seed: Seed = None,
    threads: int | None = None,
) -> str:
    """Return `length` characters, each drawn from `alphabet` with exactly the same probability.

    The generator is ChaCha12, which is cryptographically secure.

    >>> random_string(5, alphabet="z")
    'zzzzz'
    >>> random_string(20, seed=1) == random_string(20, seed=1)
    True

    Args:
        length: characters to draw.
        alphabet: 1 to 128 different ASCII characters. The default is the letters; letters and
            digits are `string.ascii_letters + string.digits`.
        seed: the text depends on it and on the alphabet alone: it is the same for any number of
            threads, on any machine. None takes a fresh key from the system for every call.
        threads: use at most this many threads; 1 stays on the calling thread, None chooses.

    Raises:
        ValueError: `length` is negative; `alphabet` is empty, repeats a character or is not ASCII;
            `threads` is below 1.
        TypeError: an argument is of another type.
        MemoryError: memory can't hold that much text.
        OSError: the system gave no random bytes.
    """
    size = operator.index(length)
    if size < 0:
        raise ValueError(f"length must not be negative, not {size}")
    source = Source(alphabet, seed, threads)
    # PyPy 8.0 takes bytearray(sys.maxsize) for something that it has memory for.
    if size >= sys.maxsize:
        raise MemoryError(f"{size} characters are more than any memory holds")
    if size >= POINTER_PAYS:
        with contextlib.suppress(NotImplementedError):
            room = Room(LARGEST_ASCII, size)
            source.fill(room.pointer, size)
            text: str = room.take(size)
            return text
    buffer = bytearray(size)
    with lock(buffer, writable=True) as array:
        source.fill(array, size)
    return buffer.decode("ascii")


def fill_random(
    buffer: BytesLike,
    *,
    alphabet: str = LETTERS,
    seed: Seed = None,
    threads: int | None = None,
) -> None:
    """Fill a buffer with random characters, in place: the bytes of what `random_string` returns.

    >>> buffer = bytearray(5)
    >>> fill_random(buffer, alphabet="z")
    >>> buffer
    bytearray(b'zzzzz')

    Args:
        buffer: any writable C-contiguous buffer of one-byte items: bytearray, memoryview,
            numpy.uint8, shared memory, a writable mmap.
        alphabet: as for `random_string`.
        seed: as for `random_string`.
        threads: as for `random_string`.

    Raises:
        TypeError: an argument is of another type, or the buffer's items are larger than a byte.
        BufferError: the buffer is read-only or not C-contiguous.
        ValueError: `alphabet` or `threads`, as for `random_string`.
        OSError: the system gave no random bytes.
    """
    source = Source(alphabet, seed, threads)
    with lock(buffer, writable=True) as array:
        source.fill(array, len(array))


class Source:
    """One endless random text, given out in order.

    Arguments and exceptions are those of `random_string`.
    """

    def __init__(self, alphabet: str, seed: Seed, threads: int | None) -> None:
        self._alphabet = _check_alphabet(alphabet).encode()
        self._key = os.urandom(KEY_LENGTH) if seed is None else _key(seed)
        self._threads = thread_limit(threads)
        self._block = 0

    def fill(self, out: Pointer, length: int) -> None:
        """Write the next `length` characters.

        They begin with a new block, so nothing is left out only if all lengths before were whole
        blocks.
        """
        for start in range(0, length, _SLICE):  # Python handles signals between slices.
            size = min(_SLICE, length - start)
            drawn_from = self._alphabet, len(self._alphabet), self._key, self._block
            check(write_random(*drawn_from, self._threads, out + start, size))
            self._block += -(-size // BLOCK_LENGTH)


def _check_alphabet(alphabet: str) -> str:
    if not isinstance(alphabet, str):
        raise TypeError(f"the alphabet must be a str, not {type(alphabet).__name__}")
    alphabet = exact(alphabet)
    if not alphabet:
        raise ValueError("the alphabet is empty")
    if not alphabet.isascii():
        raise ValueError("the alphabet must be ASCII")
    if len(set(alphabet)) < len(alphabet):
        raise ValueError("the alphabet repeats a character")
    return alphabet


def _key(seed: int | str | bytes) -> bytes:
    """Return the key that stands for a seed: different for each value and type."""
    if isinstance(seed, str):
        kind, value = b"str", seed.encode("utf-8", "surrogatepass")
    elif isinstance(seed, bytes):
        kind, value = b"bytes", seed
    else:
        try:
            kind, value = b"int", b"%x" % operator.index(seed)
        except TypeError:
            name = type(seed).__name__
            raise TypeError(f"seed must be an int, a str or bytes, not {name}") from None
    import hashlib

    return hashlib.sha256(b"doubles_ffi 1 " + kind + b":" + value).digest()
