"""Statistics of bytes, by a library in Rust. `data` is any object with a contiguous buffer."""

from typing import Any, NamedTuple

from bytestats._native import ffi, lib

if lib.bytestats_abi_version() != lib.BYTESTATS_ABI_VERSION:
    raise ImportError(f"{__name__} and its library differ in version: install it again")


class Summary(NamedTuple):
    """The sum of some bytes and the largest of them."""

    sum: int
    max: int


def count(data: Any, byte: int) -> int:
    """Return how many bytes equal `byte`, which is from 0 to 255."""
    return _call(lib.bytestats_count, data, byte)


def summary(data: Any) -> Summary:
    """Return the sum of the bytes and the largest of them; zeros if there are none."""
    out = ffi.new("BytestatsSummary *")
    _call(lib.bytestats_summary, data, out)
    return Summary(out.sum, out.max)


def mean(data: Any) -> int:
    """Return the mean, rounded down. Raise ValueError if there are no bytes."""
    return _call(lib.bytestats_mean, data)


def _call(function: Any, data: Any, *others: Any) -> int:
    with ffi.from_buffer("uint8_t[]", data) as array:  # It can't move or shrink in here.
        returned = function(array, len(array), *others)
    if returned >= 0:
        return returned
    error = ValueError if returned == lib.BYTESTATS_NO_MEAN else RuntimeError
    raise error(ffi.string(lib.bytestats_message(returned)).decode("ascii"))
