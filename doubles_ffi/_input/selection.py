"""Which units are squeezed: the argument `only`, as the library takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from doubles_ffi._input.buffers import hold_still
from doubles_ffi._input.text import exact
from doubles_ffi._library.squeezer import selection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# The sets that are accepted for bytes, for text, and for a column that may be of either.
_ACCEPTED = {False: "bytes", True: "a str", None: "a str, bytes"}


def select(
    only: Any, doubled: Callable[[], Iterable[Any]] = tuple, *, is_text: bool | None
) -> bytes | None:
    """Return a bit for each unit, set for those whose runs are cut; None for all units.

    Args:
        only: a str, or bytes, or a function, or None for all units.
        doubled: returns the units to ask a function about, each once.
        is_text: whether units are characters, and not bytes. None if a column may be of either.

    Raises:
        ValueError: `only` is empty.
        TypeError: it is of the wrong type.
    """
    if only is None:
        return None
    accepted = f"{_ACCEPTED[is_text]}, a function or None"
    if is_text is None:
        is_text = isinstance(only, str)
    units: Any = only
    if callable(only):
        units = [unit for unit in doubled() if only(unit)]
    elif is_text and isinstance(only, str):
        units = exact(only)
    elif not is_text and not isinstance(only, str):
        try:
            units = hold_still(only, accepted)
        except TypeError as error:
            raise TypeError(f"only: {error}") from None
    else:
        raise TypeError(f"only must be {accepted}, not {type(only).__name__}")
    if not units and not callable(only):
        raise ValueError("only is empty; None cuts all runs")
    numbers = [ord(unit) for unit in units] if is_text else units
    return selection(numbers)
