"""Objects with a buffer: bytes, bytearray, memoryview, mmap, array, NumPy's and others."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from doubles_ffi._library.memory import view, with_buffer

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from doubles_ffi._library.memory import Pointer

    BytesLike = Buffer
elif sys.version_info >= (3, 12):  # pragma: no cover: depends on the version
    from collections.abc import Buffer as BytesLike
else:  # pragma: no cover
    BytesLike = bytes | bytearray | memoryview  # for readers of annotations


def lock(
    data: BytesLike, accepted: str = "a bytes-like object", *, writable: bool = False
) -> Pointer:
    """Return a bytes-like object's memory as an array, without a copy.

    The memory neither moves nor shrinks until the array is released: use it in a `with`.

    Args:
        data: the object.
        accepted: the types that the caller accepts, for the error message.
        writable: whether the caller will write to the memory.

    Raises:
        TypeError: `data` has no buffer, or its items are larger than a byte.
        BufferError: the buffer is not C-contiguous, or read-only although `writable` is set.
        ValueError: the object is released or closed.
    """
    if type(data) in (bytes, bytearray) and not writable:  # A quarter of a short call.
        return with_buffer(data)
    try:
        memory = memoryview(data)
    except (TypeError, ValueError) as error:
        if isinstance(error, ValueError) and not hasattr(data, "dtype"):
            raise  # It is released or closed. NumPy has a ValueError for types without a buffer.
        raise TypeError(f"expected {accepted}, not {type(data).__name__}") from None
    with memory:
        if memory.itemsize != 1:
            raise TypeError(
                f"items of format {memory.format!r} take {memory.itemsize} bytes each; to count "
                'their bytes, pass .view(numpy.uint8) or memoryview(x).cast("B")'
            )
        # Even an empty slice with a step is refused: its length makes no difference.
        if not memory.c_contiguous:
            raise BufferError("the buffer is not C-contiguous; pass a copy")
        if writable and memory.readonly:
            raise BufferError("the buffer is read-only")
    return with_buffer(data, writable=writable)


def hold_still(data: BytesLike, accepted: str = "a bytes-like object") -> bytes:
    """Return bytes that no other thread can change: `data` itself or a copy.

    Raises:
        TypeError, BufferError, ValueError: as `lock`.
    """
    if type(data) is bytes:  # A subclass may claim another length than it has.
        return data
    with lock(data, accepted) as array:
        return bytes(view(array))
