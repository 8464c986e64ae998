"""The Rust library, checked: the only module that touches the compiled one.

Pointers come from here and go back here. What the library returns becomes a result or an exception.
Importing this raises `ImportError` if the library is missing or is not the one that the compiled
module was built for.
"""

from __future__ import annotations

import contextlib
import operator
import os
import sys
from functools import WRAPPER_ASSIGNMENTS, partial, update_wrapper
from os.path import dirname, isfile
from typing import TYPE_CHECKING, Any, TypeVar, cast

from doubles_ffi._decoding import utf8_error

if TYPE_CHECKING:
    from collections.abc import Callable

    Function = TypeVar("Function", bound=Callable[..., int])

_HERE = dirname(__file__)  # noqa: PTH120 (pathlib takes 4 ms to load)

_LIBRARY = "libdoubles.dylib" if sys.platform == "darwin" else "libdoubles.so"


def _unusable(reason: str) -> ImportError:
    """Return the error for a library that is missing or wrong, with the command that helps."""
    checkout = dirname(_HERE)  # noqa: PTH120
    if isfile(f"{checkout}/build_ffi.py"):  # noqa: PTH113
        cure = f"run `python setup.py build` or `pip install -e .` in {checkout}"
        cure += ", or leave that folder to use an installed doubles_ffi"
    else:
        cure = "reinstall it: `pip install --force-reinstall .` in a checkout of doubles_ffi"
    return ImportError(f"the compiled part of doubles_ffi in {_HERE} {reason}; {cure}")


def _unusable_because(error: Exception) -> ImportError:
    """Return the error that says why the module can't be imported, and what helps."""
    text = str(error)
    if "subinterpreters" in text:
        return ImportError(
            "doubles_ffi can't be used in an isolated subinterpreter, as no module of cffi's can"
        )
    # A cffi that is too old says so, or lacks a function.
    is_old = "cffi extension module" in text or isinstance(error, AttributeError)
    if is_old or getattr(error, "name", None) == "_cffi_backend":
        return ImportError(
            f"doubles_ffi needs a newer cffi: {text}; run `pip install --upgrade cffi`"
            if is_old
            else f"doubles_ffi needs cffi, which can't be imported: {text}; run `pip install cffi`,"
            " or in a frozen program add its module, with PyInstaller's option `--hidden-import"
            " _cffi_backend` or Nuitka's `--include-module=_cffi_backend`"
        )
    if isinstance(error, ModuleNotFoundError):
        return _unusable("is missing: there is no _native module for this Python")
    return _unusable(f"does not load: {text}")


def _check_files() -> None:
    """Look for truncated libraries, which would end the process with SIGBUS when they are loaded.

    Raises:
        ImportError: there is one.
    """
    with contextlib.suppress(OSError):  # In a zip file, say. The import below tells what is wrong.
        for name in os.listdir(_HERE):  # noqa: PTH208
            if ".so" in name and _is_truncated(f"{_HERE}/{name}"):
                raise _unusable(f"is broken: {name} is truncated")


def _is_truncated(path: str) -> bool:
    """Return whether a file in the ELF format ends before its last part, the section headers.

    Other formats' loaders look for themselves.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # The loader says why.
        return False
    try:
        header, size = os.read(file, 64), os.fstat(file).st_size
    finally:
        os.close(file)
    if not header.startswith(b"\x7fELF\x02"):  # The 64-bit kind.
        return False
    offset, entry, number = (
        int.from_bytes(header[start:stop], sys.byteorder)
        for start, stop in ((0x28, 0x30), (0x3A, 0x3C), (0x3C, 0x3E))
    )
    return size < offset + entry * number


_check_files()
_flags = sys.getdlopenflags()
sys.setdlopenflags(os.RTLD_LAZY)  # A library that lacks functions can still tell its version.
try:
    # PyInstaller and Nuitka look for imports in Python's code, and not in that of our module.
    import _cffi_backend  # type: ignore[import-untyped]  # noqa: F401

    from doubles_ffi._native import ffi, lib
except (ImportError, AttributeError) as error:  # pragma: no cover: needs a process of its own
    raise _unusable_because(error) from error
finally:
    sys.setdlopenflags(_flags)

__all__ = [
    "BLOCK_LENGTH",
    "BYTES",
    "GLYPH_LENGTH",
    "KEY_LENGTH",
    "NO_TALLY",
    "UTF8",
    "UTF16",
    "UTF32",
    "ColumnTypeError",
    "InvalidUtf8Error",
    "Kind",
    "Pointer",
    "add_to_tally",
    "append_counts",
    "check",
    "column_type",
    "count_bytes",
    "count_next",
    "count_once",
    "count_once_bytes",
    "count_rows",
    "count_slice",
    "count_slice_parallel",
    "count_zip",
    "counts_memory",
    "export_counts",
    "fast_path",
    "ffi",
    "find_end",
    "import_capsules",
    "import_padded",
    "import_stream",
    "lib",
    "merge",
    "new_array",
    "new_ascii",
    "new_column",
    "new_counts",
    "new_finder",
    "new_runs",
    "new_summary",
    "new_summary_of",
    "new_tally",
    "num_threads",
    "pointer_to",
    "release",
    "run_columns",
    "str_storage",
    "tally_entries",
    "thread_limit",
    "unpack",
    "update",
    "utf32",
    "view",
    "with_buffer",
    "write_random",
    "write_runs",
]


def _check_version(expected: int, found: int) -> None:
    if found != expected:
        raise _unusable(f"does not fit: {_LIBRARY} has ABI version {found}, expected {expected}")


_check_version(lib.DOUBLES_ABI_VERSION, lib.doubles_abi_version())


def _realize_structs() -> dict[str, Any]:
    """Have cffi work out the fields of all structs, and return them.

    By default it does so when a struct is first used. Without a GIL, two threads that use it first
    at once may end the process: cffi 2.1 drops its lock in the middle.
    """
    fields = {}
    for name in ffi.list_types()[1]:
        struct = ffi.typeof(f"struct {name}")
        with contextlib.suppress(ffi.error):  # It has no size where only the library knows it.
            ffi.sizeof(struct)
            fields[name] = struct.fields
    return fields


if not getattr(sys, "_is_gil_enabled", lambda: True)():  # pragma: no cover: see its test
    _realize_structs()


def _warn_of_ignored_threads(setting: str) -> None:
    """Warn if the library ignores a value of DOUBLES_NUM_THREADS.

    A warning when the process starts: an import must not fail for it, and a count that is the first
    one to need threads, maybe hours later, even less.
    """
    digits = setting.removeprefix("+")
    is_number = digits.isascii() and digits.isdigit() and len(digits.lstrip("0")) in range(1, 20)
    if setting == "" or is_number:
        return
    import warnings

    message = f"DOUBLES_NUM_THREADS must be a positive integer; {setting!r} is ignored"
    try:
        warnings.warn(message, RuntimeWarning, stacklevel=2)
    except RuntimeWarning as warning:  # Warnings are errors.
        warnings.showwarning(warning, RuntimeWarning, __file__, 0)


_warn_of_ignored_threads(os.environ.get("DOUBLES_NUM_THREADS", ""))

import doubles_ffi._native as _native  # noqa: E402, PLR0402 (a missing one has its error above)

_IS_CPYTHON = sys.implementation.name == "cpython"


def fast_path(function: Function) -> Function:
    """Return a callable that counts short input in C and hands all else to a Python function.

    To `help`, `inspect.signature`, pickle and type checkers it is that function. PyPy, whose calls
    into C are slow, has the function alone.
    """
    if not _IS_CPYTHON:  # pragma: no cover: the tests need CPython
        return function
    # Of the annotations, CPython 3.14 copies only the function that makes them.
    names = (*WRAPPER_ASSIGNMENTS, "__annotations__")
    return cast("Function", update_wrapper(_native.FastPath(function), function, names))


Pointer = Any  # of cffi; or bytes, which cffi passes as one

KEY_LENGTH: int = lib.DOUBLES_KEY_LENGTH
BLOCK_LENGTH: int = lib.DOUBLES_BLOCK_LENGTH
GLYPH_LENGTH: int = lib.DOUBLES_GLYPH_LENGTH

# Each takes a pointer and a length, and returns a count, or a status that `check` raises. They are
# not wrapped, because in a short call each Python call shows. The first also takes `threads`.
count_bytes: Callable[[Pointer, int, int], int] = lib.doubles_count_bytes
count_zip: Callable[[Pointer, int], int] = lib.doubles_count_zip
count_once: Callable[[Pointer, int], int] = lib.doubles_count_once
count_once_bytes: Callable[[Pointer, int], int] = lib.doubles_count_once_bytes
count_slice: Callable[[Pointer, int], int] = lib.doubles_count_slice
count_slice_parallel: Callable[[Pointer, int], int] = lib.doubles_count_slice_parallel


class InvalidUtf8Error(Exception):
    """The bytes are not UTF-8; the caller finds out where."""


def check(returned: int) -> int:
    """Return what the library returned if it is a count, else raise what its status stands for.

    Users' mistakes are caught before the library is called, except for invalid UTF-8.

    Raises:
        InvalidUtf8Error: the bytes are not UTF-8.
        MemoryError: memory can't hold what was to be written.
        RuntimeError: the library panicked, or was called wrongly: a bug.
    """
    if returned >= 0:
        return returned
    if returned == lib.DOUBLES_STATUS_INVALID_UTF8:
        raise InvalidUtf8Error
    if returned == lib.DOUBLES_STATUS_NO_MEMORY:
        raise MemoryError
    message = cast("bytes", ffi.string(lib.doubles_status_message(returned))).decode("ascii")
    raise RuntimeError(message)


def thread_limit(threads: int | None) -> int:
    """Return a limit on threads as the library takes it: 0 leaves the number to the library.

    Raises:
        ValueError: `threads` is below 1.
    """
    if threads is None:
        return 0
    threads = operator.index(threads)
    if threads < 1:
        raise ValueError(f"threads must be at least 1, not {threads}")
    return min(threads, sys.maxsize)


def num_threads() -> int:
    """Return how many threads the library uses if it is not told."""
    return check(lib.doubles_num_threads())


# Memory.


def new_array(size: int) -> Pointer:
    """Return a new array of zero bytes, which is freed automatically."""
    return ffi.new("uint8_t[]", size)


def with_buffer(data: Any, *, writable: bool = False) -> Pointer:
    """Return the memory of an object with a contiguous buffer as an array; use it in a `with`."""
    return ffi.from_buffer("uint8_t[]", data, require_writable=writable)


def pointer_to(address: int) -> Pointer:
    """Return an address as a pointer."""
    return ffi.cast("uint8_t *", address)


def view(pointer: Pointer, size: int = -1) -> memoryview:
    """Return memory as Python sees it: all of an array, or `size` bytes from a pointer."""
    if isinstance(pointer, bytes):
        return memoryview(pointer)
    return memoryview(ffi.buffer(pointer, size))


# Summaries and tallies.


class Kind:
    """What the units of some memory are: how it is appended to a summary, and how it is searched.

    `update` takes a summary, a tally or NO_TALLY, a pointer, a number of bytes and a limit on
    threads. It returns zero or a status, for `check`.

    `find` takes a finder, a pointer, a number of bytes, the least length of a run, and runs with
    their number, which is at least half the bytes and two more. It returns how many runs it has
    written, or a status.
    """

    __slots__ = ("find", "update")

    def __init__(
        self,
        update: Callable[[Any, Any, Pointer, int, int], int],
        find: Callable[[Any, Pointer, int, int, Any, int], int],
    ) -> None:
        self.update = update
        self.find = find


BYTES = Kind(lib.doubles_update_bytes, lib.doubles_find_bytes)
UTF8 = Kind(lib.doubles_update_utf8, lib.doubles_find_utf8)
# In the machine's byte order, never interpreted: lone surrogates are units like any other.
UTF16 = Kind(lib.doubles_update_utf16, lib.doubles_find_utf16)
UTF32 = Kind(lib.doubles_update_utf32, lib.doubles_find_utf32)

# By the bytes of a unit. A str of one-byte units is ASCII or Latin-1, whose bytes are code points.
_UNITS = {1: BYTES, 2: UTF16, 4: UTF32}


NO_TALLY = ffi.NULL


# The memory of a str. Where the stable ABI ends, and on PyPy, it is out of reach.


def str_storage(text: str) -> tuple[Kind, Pointer, int] | None:
    """Return what the units of a str are, where they lie and how many bytes they take, if possible.

    The pointer is valid for as long as the caller holds `text`, which has to be an exact str.
    """
    found = _native.str_storage(text) if _IS_CPYTHON else None
    if found is None:
        return None
    unit, address, size = found
    return _UNITS[unit], pointer_to(address), size


def new_ascii(length: int) -> tuple[str, Pointer] | None:
    """Return a new ASCII str and where to write its characters before anyone sees it, if possible.

    Making a str from written bytes takes another copy, whose fresh pages cost more than the text.

    Raises:
        MemoryError: memory can't hold that much text.
    """
    found = _native.new_ascii(length) if _IS_CPYTHON else None
    if found is None:
        return None
    text, address = found
    return text, pointer_to(address)


def utf32(text: str) -> bytes:
    """Return the UTF-32 of a str, lone surrogates included, in the machine's byte order."""
    if not _IS_CPYTHON:  # pragma: no cover: the tests need CPython
        return text.encode(f"utf-32-{sys.byteorder[0]}e", "surrogatepass")
    return _native.ucs4(text)  # A tenth of the time that str.encode takes.


def new_summary() -> Any:
    """Return the summary of an empty stretch, which is freed automatically."""
    return ffi.new("DoublesSummary *")


def new_summary_of(*fields: Any) -> Any:
    """Return a summary that has these fields, in the order of the struct."""
    return ffi.new("DoublesSummary *", fields)


def update(  # noqa: PLR0913, PLR0917 (as in the library)
    kind: Kind, summary: Any, tally: Any, pointer: Pointer, size: int, threads: int
) -> None:
    """Append `size` bytes to a summary, and their doubles to a tally, if there is one."""
    check(kind.update(summary, tally, pointer, size, threads))


def merge(summary: Any, tally: Any, right: Any) -> None:
    """Append another summary, and the doubles where the two meet to a tally, if there is one."""
    check(lib.doubles_merge(summary, tally, right))


def new_tally() -> Any:
    """Return an empty tally, which is freed automatically."""
    tally = lib.doubles_tally_new()
    if tally == ffi.NULL:
        check(lib.DOUBLES_STATUS_PANICKED)
    return ffi.gc(tally, lib.doubles_tally_free)


def tally_entries(tally: Any) -> tuple[Any, Any]:
    """Return the units in a tally, as numbers, and how many doubles each of them makes."""
    length = check(lib.doubles_tally_len(tally))
    units, counts = ffi.new("uint32_t[]", length), ffi.new("uint64_t[]", length)
    check(lib.doubles_tally_read(tally, units, counts, length))
    return units, counts


def add_to_tally(tally: Any, units: Any, counts: Any) -> None:
    """Add entries, as `tally_entries` returns them or in lists."""
    check(lib.doubles_tally_add(tally, units, counts, len(units)))


# Runs of equal units.


def new_finder() -> Any:
    """Return a finder that has seen nothing, which is freed automatically."""
    return ffi.new("DoublesFinder *")


def new_runs(number: int) -> Any:
    """Return room for so many runs, which is freed automatically."""
    return ffi.new("DoublesRun[]", number)


def find_end(finder: Any, least: int, runs: Any) -> int:
    """Write the run at the end of all that was searched, and return how many that makes: 0 or 1."""
    return check(lib.doubles_find_end(finder, least, runs))


def run_columns(runs: Any, number: int, *fields: str) -> list[list[int]]:
    """Return some fields of the first runs, a list for each field."""
    size = ffi.sizeof("DoublesRun")
    memory = view(runs, number * size)
    words, halves = memory.cast("Q"), memory.cast("I")
    columns = []
    for field in fields:
        offset = ffi.offsetof("DoublesRun", field)
        is_half = field == "unit"
        width = 4 if is_half else 8
        columns.append((halves if is_half else words)[offset // width :: size // width].tolist())
    return columns


def write_runs(
    runs: Any, number: int, name: bytes, glyphs: Pointer, out: Pointer
) -> tuple[int, int]:
    """Write a line for each run, while there is room and the units have glyphs.

    Return how many lines, and how many bytes they take.
    """
    written = ffi.new("size_t *")
    lines = check(
        lib.doubles_write_runs(
            runs, number, name, len(name), glyphs, len(glyphs), out, len(out), written
        )
    )
    return lines, written[0]


def write_random(  # noqa: PLR0913, PLR0917 (as in the library)
    alphabet: bytes, key: bytes, first_block: int, threads: int, out: Pointer, size: int
) -> None:
    """Write `size` random characters, from block `first_block` of their text on."""
    check(
        lib.doubles_fill_random(alphabet, len(alphabet), key, first_block, threads, out, size),
    )


# Columns, and counts of their rows.


class ColumnTypeError(TypeError):
    """A column is not of strings or bytes; `column_type` tells what it is of."""


def new_column() -> Any:
    """Return a column without rows, for one of the imports. It is released automatically."""
    column = lib.doubles_column_new()
    if column == ffi.NULL:
        check(lib.DOUBLES_STATUS_PANICKED)
    return ffi.gc(column, lib.doubles_column_free)


def release(column: Any) -> None:
    """Release what a column has taken, now and not with the last traceback that holds it."""
    ffi.release(column)


def import_capsules(column: Any, schema: Any, array: Any) -> None:
    """Take over the array in Arrow's capsules.

    Raises:
        ColumnTypeError: it is not of strings or bytes.
        ValueError: the capsules are not what they should be, or are used up.
    """
    # The structs live as long as the capsules, whose names stay theirs until the call is over.
    type_ = ffi.cast("DoublesArrowSchema *", _native.capsule_address(schema, "arrow_schema"))
    rows = ffi.cast("DoublesArrowArray *", _native.capsule_address(array, "arrow_array"))
    _check_column(column, lib.doubles_column_import_array(column, type_, rows))


def import_stream(column: Any, stream: Any) -> None:
    """Take over the stream in Arrow's capsule.

    Raises:
        ColumnTypeError, ValueError: as `import_capsules`.
        OSError: the stream fails.
    """
    address = _native.capsule_address(stream, "arrow_array_stream")
    chunks = ffi.cast("DoublesArrowStream *", address)
    _check_column(column, lib.doubles_column_import_stream(column, chunks))


def import_padded(column: Any, address: int, rows: int, width: int, unit: int) -> None:
    """Take rows of one width, side by side, which have to stay where they are."""
    check(lib.doubles_column_import_padded(column, pointer_to(address), rows, width, unit))


def count_next(column: Any, counts: Any, threads: int) -> bool:
    """Count the next slice of a column, and return whether there may be more.

    Raises:
        UnicodeDecodeError, ValueError, OSError, MemoryError: what is wrong with the column.
    """
    return bool(_check_column(column, lib.doubles_column_count(column, counts, threads)))


def column_type(column: Any) -> tuple[str, list[str]]:
    """Return the Arrow format of a column's rows, and the names of the columns in it."""
    schema = lib.doubles_column_schema(column)
    names = [_text(schema.children[i].name) for i in range(schema.n_children)]
    form = _text(schema.format)
    while schema.dictionary:
        schema = schema.dictionary
        form = _text(schema.format)
    return form, names


def _text(pointer: Pointer) -> str:
    return cast("bytes", ffi.string(pointer)).decode("utf-8", "replace") if pointer else ""


def _check_column(column: Any, returned: int) -> int:
    if returned >= 0:
        return returned
    fault = ffi.new("DoublesFault *")
    check(lib.doubles_column_fault(column, fault))
    if returned == lib.DOUBLES_STATUS_INVALID_UTF8:
        text = bytes(ffi.buffer(fault.text, fault.text_len))
        error: Any = utf8_error([text], fault.text_start, f" in row {fault.row}")
        error.row = fault.row
        raise error
    if returned == lib.DOUBLES_STATUS_UNSUPPORTED_COLUMN:
        raise ColumnTypeError
    if returned == lib.DOUBLES_STATUS_MALFORMED_COLUMN:
        where = f": row {fault.row} does not lie within it" if fault.row >= 0 else ""
        raise ValueError(f"the Arrow array is malformed{where}")
    if returned == lib.DOUBLES_STATUS_RELEASED:
        raise ValueError("the Arrow capsule is used up; each can be read once")
    if returned == lib.DOUBLES_STATUS_STREAM_FAILED:
        raise OSError(fault.code, _text(fault.message) or "the Arrow stream failed")
    return check(returned)


def new_counts() -> Any:
    """Return counts of no rows, which are freed automatically."""
    counts = lib.doubles_counts_new()
    if counts == ffi.NULL:
        check(lib.DOUBLES_STATUS_PANICKED)
    return ffi.gc(counts, lib.doubles_counts_free)


def append_counts(counts: Any, values: Any, validity: Any, length: int) -> None:
    """Append counts, and a bit for each that says whether it is there.

    Raises:
        MemoryError: memory can't hold them.
    """
    values = ffi.from_buffer("int64_t[]", values)
    validity = ffi.from_buffer("uint8_t[]", validity)
    check(lib.doubles_counts_append(counts, values, validity, length))


def counts_memory(counts: Any) -> tuple[Pointer, Pointer, int]:
    """Return where counts lie, where their bits lie, and how many there are.

    The counts live as long as the first pointer.
    """
    found = ffi.new("DoublesCountsView *")
    check(lib.doubles_counts_view(counts, found))
    # What holds `counts` does nothing when it is called, and is in C: a KeyboardInterrupt that fell
    # into a function of Python's here would be dropped.
    values = ffi.gc(found.values, partial(operator.is_, counts))
    return values, found.validity, found.length


def unpack(pointer: Pointer, length: int) -> list[int]:
    """Return numbers as a list."""
    return cast("list[int]", ffi.unpack(pointer, length))


def export_counts(counts: Any, start: int, length: int) -> tuple[Any, Any]:
    """Return some of the counts in Arrow's capsules, of the type and of the array."""
    schema, schema_address = _native.new_schema_capsule()
    array, array_address = _native.new_array_capsule()
    check(
        lib.doubles_counts_export(
            counts,
            start,
            length,
            ffi.cast("DoublesArrowSchema *", schema_address),
            ffi.cast("DoublesArrowArray *", array_address),
        )
    )
    return schema, array


# Counts the first rows of a list or a tuple in C, where that can see into objects: see _native.c.
count_rows = _native.count_rows if hasattr(_native, "count_rows") else None
