"""Which units are squeezed: the argument `only`, as the library takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from doubles_ffi._input.buffers import hold_still
from doubles_ffi._input.text import exact
from doubles_ffi._library.squeezer import selection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def select(
    only: Any, doubled: Callable[[], Iterable[Any]] = tuple, *, is_text: bool
) -> bytes | None:
    """Return a bit for each unit, set for those whose runs are cut; None for all units.

    Args:
        only: a str, or bytes, or a function, or None for all units.
        doubled: returns the units to ask a function about, each once.
        is_text: whether units are characters, and not bytes.

    Raises:
        ValueError: `only` is empty.
        TypeError: it is of the wrong type.
    """
    if only is None:
        return None
    accepted = "a str" if is_text else "bytes"
    units: Any = only
    if callable(only):
        units = [unit for unit in doubled() if only(unit)]
    elif is_text and isinstance(only, str):
        units = exact(only)
    elif not is_text and not isinstance(only, str):
        units = hold_still(only, accepted)
    else:
        raise TypeError(f"only must be {accepted}, a function or None, not {type(only).__name__}")
    if not units and not callable(only):
        raise ValueError("only is empty; None cuts all runs")
    numbers = [ord(unit) for unit in units] if is_text else units
    return selection(numbers)
