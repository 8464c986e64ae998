"""docs/random.md in plain Python: the oracle for random text."""

import hashlib
import itertools
import struct

BLOCK = 65_536


def key_of(seed):
    if isinstance(seed, str):
        kind, value = b"str", seed.encode("utf-8", "surrogatepass")
    elif isinstance(seed, bytes):
        kind, value = b"bytes", seed
    else:
        kind, value = b"int", format(seed, "x").encode()
    return hashlib.sha256(b"doubles_ffi 1 " + kind + b":" + value).digest()


def rotate(word, by):
    return (word << by | word >> 32 - by) & 0xFFFFFFFF


def chacha12_words(key, stream):
    constants = struct.unpack("<4I", b"expand 32-byte k")
    for counter in itertools.count():
        tail = struct.unpack("<4I", struct.pack("<QQ", counter, stream))
        start = [*constants, *struct.unpack("<8I", key), *tail]
        state = start[:]
        columns = [(i, 4 + i, 8 + i, 12 + i) for i in range(4)]
        diagonals = [(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4) for i in range(4)]
        for a, b, c, d in (columns + diagonals) * 6:
            for x, y, z, by in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                state[x] = (state[x] + state[y]) & 0xFFFFFFFF
                state[z] = rotate(state[z] ^ state[x], by)
        yield from ((x + y) & 0xFFFFFFFF for x, y in zip(state, start))


def block_text(key, alphabet, block):
    size = len(alphabet)
    words = chacha12_words(key, block)
    replacements = chacha12_words(key, block + 2**63)
    while True:
        word = next(words)
        while word * size**4 % 2**32 < 2**32 % size**4:
            word = next(replacements)
        index = word * size**4 // 2**32
        yield from (alphabet[index // size**place % size] for place in (3, 2, 1, 0))


def text(seed, alphabet, start, stop):
    """Characters start to stop of a text."""
    key = key_of(seed)
    characters = []
    for block in range(start // BLOCK, -(-stop // BLOCK)):
        first = max(start - block * BLOCK, 0)
        last = min(stop - block * BLOCK, BLOCK)
        characters += itertools.islice(block_text(key, alphabet, block), first, last)
    return "".join(characters)
