"""The C in the module: `count_doubles` beside its Python function; storage of str; capsules."""

import array
import copy
import ctypes
import gc
import inspect
import io
import mmap
import pickle
import pydoc
import sys
import sysconfig
import weakref
from pathlib import Path

import numpy
import pytest
import reference
import strategies
from hypothesis import given
from scripts import check_run

import doubles_ffi
from doubles_ffi import _native, count_doubles

in_python = count_doubles.__wrapped__

# Where subinterpreters look for the package, which may be installed editable.
HOME = Path(doubles_ffi.__file__).parents[1]

STABLE_ABI = ".abi3" in _native.__file__

# From here on, the Python function counts.
SHORT = 256 * 1024


class Text(str):
    """Claims to be another str than it is."""

    def __len__(self):
        return 1

    def __str__(self):
        return "no"

    def encode(self, *_):
        return b"no"

    def isascii(self):
        return True


class Bytes(bytes):
    def __len__(self):
        return 1


class Bytearray(bytearray):
    def __len__(self):
        return 1


class Array(array.array):
    pass


class Struct(ctypes.Structure):
    _fields_ = [("byte", ctypes.c_uint8)]


def outcome(function, *args, **keywords):
    try:
        return function(*args, **keywords)
    except Exception as error:  # noqa: BLE001 (to compare whatever it is)
        return type(error), str(error), error.args, error.__cause__


def assert_same(*args, **keywords):
    """Compare the two; the types too, as True == 1."""
    found, expected = (
        outcome(count_doubles, *args, **keywords),
        outcome(in_python, *args, **keywords),
    )
    assert (type(found), found) == (type(expected), expected)
    return found


def views(data):
    """Yield the same bytes in all kinds of objects."""
    yield from (data, Bytes(data), bytearray(data), Bytearray(data), Array("B", data))
    yield from (memoryview(data), memoryview(bytearray(data)), memoryview(data).cast("c"))
    yield numpy.frombuffer(data, numpy.uint8)
    yield (ctypes.c_uint8 * len(data)).from_buffer_copy(data)
    yield io.BytesIO(data).getbuffer()
    if data:
        with mmap.mmap(-1, len(data)) as memory:
            memory[:] = data
            yield memory


def texts(text):
    yield from (text, Text(text))
    yield "é" + text
    yield "ж" + text
    yield "𝄞" + text


@given(strategies.binary)
def test_bytes_in_any_object(data):
    for view in views(data):
        assert assert_same(view) == reference.count(data)


@given(strategies.text_with_lone_surrogates)
def test_text_in_any_storage(text):
    for each in texts(text):
        assert assert_same(each) == reference.count(str.__str__(each))


@pytest.mark.parametrize("length", [SHORT + step for step in (-1, 0, 1)])
@pytest.mark.parametrize("unit", ["a", "é", "ж", "𝄞", "\ud800"])
def test_around_the_longest_short_input(unit, length):
    for units in (length // 4, length // 2, length):
        assert assert_same(unit * units + "b") == units - 1
    for view in views(b"a" * length):
        assert assert_same(view) == length - 1


ONE_BYTE_ITEMS = numpy.zeros((4, 6), numpy.uint8)

REFUSED = [
    None,
    5,
    1.5,
    object(),
    ["a", "a"],
    str,
    array.array("i", [1, 1]),
    array.array("i"),
    memoryview(b"aabb").cast("H"),
    memoryview(b"aabb")[::2],
    numpy.zeros(4, numpy.uint16),
    ONE_BYTE_ITEMS[:, ::2],
    numpy.asfortranarray(ONE_BYTE_ITEMS),
    numpy.array(["a", "a"]),
    numpy.array([b"aa", b"aa"]),
    numpy.zeros(4, object),
]


@pytest.mark.parametrize("data", REFUSED)
def test_objects_that_are_refused_raise_the_same_errors(data):
    kind, *_ = assert_same(data)
    assert issubclass(kind, (TypeError, BufferError))


@pytest.mark.parametrize(
    "data",
    [
        ONE_BYTE_ITEMS,
        ONE_BYTE_ITEMS[1:3],
        numpy.zeros((), numpy.uint8),
        numpy.zeros((0, 3), numpy.uint8),
        numpy.zeros(7, bool),
        numpy.zeros(7, "S1"),
        memoryview(b"a").cast("B", []),
        memoryview(b"aabb").cast("B", [2, 2]),
        (Struct * 3)(),
        Struct(1),
        ctypes.c_char(b"a"),
    ],
)
def test_items_of_one_byte_in_any_shape(data):
    assert assert_same(data) == reference.count(memoryview(data).tobytes())


@pytest.mark.parametrize(
    ("args", "keywords"),
    [
        ((), {}),
        (("a", "b"), {}),
        (("a", None, None), {}),
        ((), {"data": "aaa"}),
        (("a",), {"data": "a"}),
        (("a",), {"nonsense": 1}),
        (("aaa",), {"encoding": None}),
        (("aaa",), {"encoding": "utf-8"}),
        ((b"aaa",), {"encoding": "utf-8"}),
        ((b"aaa",), {"encoding": "latin-1", "threads": 1}),
        ((b"aaa",), {"encoding": "nonsense"}),
        ((b"a\xff",), {"encoding": "utf-8"}),
        ((b"aaa",), {"threads": 2}),
        (("aaa",), {"threads": 0}),
        (("aaa",), {"threads": "2"}),
        ((None,), {"threads": 2}),
    ],
)
def test_arguments(args, keywords):
    assert_same(*args, **keywords)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="no __buffer__ in Python")
def test_buffers_made_in_python():
    class Interrupted:
        def __buffer__(self, flags):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        count_doubles(Interrupted())

    class Failing:
        def __buffer__(self, flags):
            raise LookupError("no buffer today")

    assert assert_same(Failing())[:2] == (LookupError, "no buffer today")

    class Fine(bytes):
        def __buffer__(self, flags):
            return memoryview(b"aaaa")

    assert assert_same(Fine(b"no")) == 3


def test_it_looks_like_the_function():
    assert inspect.signature(count_doubles) == inspect.signature(in_python)
    assert inspect.isroutine(count_doubles)
    assert inspect.getsource(count_doubles) == inspect.getsource(in_python)
    for name in ("__name__", "__qualname__", "__module__", "__doc__", "__annotations__"):
        assert getattr(count_doubles, name) == getattr(in_python, name)
    found, expected = (pydoc.render_doc(each) for each in (count_doubles, in_python))
    assert found.splitlines()[1:] == expected.splitlines()[1:]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_and_copy_take_it_for_a_global(protocol):
    assert pickle.loads(pickle.dumps(count_doubles, protocol)) is count_doubles
    assert copy.copy(count_doubles) is count_doubles
    assert copy.deepcopy(count_doubles) is count_doubles


LEGACY_SUBINTERPRETERS = """
try:
    import _interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

    def create():
        return interpreters.create(isolated=False)

    run = interpreters.run_string
else:
    interpreters = _interpreters

    def create():
        return interpreters.create("legacy")

    def run(interpreter, code):
        fault = interpreters.exec(interpreter, code)
        assert fault is None, fault.errdisplay

count = (
    "import doubles_ffi as d\\n"
    "assert d.count_doubles('aaa') == 2\\n"
    "assert d.count_doubles(bytes(8 << 20)) == (8 << 20) - 1\\n"
    "assert list(d.find_doubles('aab')) == [(0, 2, 'a')]\\n"
    "assert d.DoubleCounter(b'aa', tally=True).tally == {97: 1}\\n"
    "assert d.count_each(['aa', None]).tolist() == [1, None]\\n"
)
"""


@pytest.mark.skipif(
    bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    reason="there every subinterpreter is refused, as where each has a GIL of its own",
)
@pytest.mark.parametrize("first", ["main", "sub"])
def test_in_subinterpreters_that_share_the_gil(first):
    """As mod_wsgi makes them. They are destroyed while the others go on counting."""
    script = f"""
{LEGACY_SUBINTERPRETERS}
if "{first}" == "main":
    exec(count)
one, two = create(), create()
run(one, count)
exec(count)
run(two, count)
interpreters.destroy(one)
run(two, count)
exec(count)
interpreters.destroy(two)
exec(count)
three = create()
run(three, count)
interpreters.destroy(three)
exec(count)
"""
    check_run(script, PYTHONPATH=str(HOME))


@pytest.mark.skipif(sys.version_info < (3, 13), reason="needs the module _interpreters")
def test_an_isolated_subinterpreter_is_told_why_not():
    script = """
import _interpreters

fault = _interpreters.exec(_interpreters.create(), "import doubles_ffi")
print(fault.type.__name__, fault.msg)
"""
    output = check_run(script, PYTHONPATH=str(HOME))
    assert output.startswith("ImportError doubles_ffi can't be used in an isolated subinterp")
    assert "reinstall" not in output


def test_as_an_attribute_of_a_class():
    class Word(str):
        __slots__ = ()
        doubles = count_doubles
        doubles_in = staticmethod(count_doubles)

    assert Word.doubles is count_doubles
    assert Word("aaa").doubles() == 2
    assert Word.doubles("aaa") == Word("").doubles_in("aaa") == 2
    assert count_doubles.__get__("aaa")() == count_doubles.__get__("aaa", str)() == 2
    with pytest.raises(TypeError, match="positional argument"):
        Word("aaa").doubles("bbb")


def test_it_can_be_referred_to_weakly():
    fast = _native.FastPath(len)
    references = weakref.ref(fast), weakref.WeakSet([fast])
    assert references[0]() is fast
    del fast
    assert references[0]() is None
    assert not references[1]


def test_the_type_takes_one_function():
    for args in ((), (len, len)):
        with pytest.raises(TypeError, match="FastPath expected 1 argument"):
            _native.FastPath(*args)


def test_a_function_that_refers_to_itself_is_collected():
    class Object:
        pass

    function = Object()
    function.fast = _native.FastPath(function)
    function.fast.wrapped = function
    died = weakref.ref(function)
    del function
    gc.collect()
    assert died() is None


def taken(largest, length, kept):
    """Make an object, cut it, and return it."""
    room = _native.new_room(largest, length)
    return room and _native.take_room(room[0], kept)


CALLS = {
    "bytes": lambda: count_doubles(b"aa"),
    "ASCII": lambda: count_doubles("aa"),
    "Latin-1": lambda: count_doubles("éé"),
    "UCS-2": lambda: count_doubles("жж"),
    "UCS-4": lambda: count_doubles("𝄞𝄞"),
    "bytearray": lambda: count_doubles(bytearray(b"aa")),
    "subclass": lambda: count_doubles(Text("aa")),
    "keywords": lambda: count_doubles(b"aa", threads=1),
    "refused": lambda: outcome(count_doubles, None),
    "not contiguous": lambda: outcome(count_doubles, memoryview(b"aabb")[::2]),
    "no argument": lambda: outcome(count_doubles),
    "str_storage": lambda: _native.str_storage("aa"),
    "str_storage of another": lambda: outcome(_native.str_storage, b"aa"),
    "a room for a str": lambda: taken(127, 100, 50),
    "a room for bytes": lambda: taken(-1, 100, 50),
    "a room that is given up": lambda: _native.new_room(-1, 100),
    "a room for too much": lambda: outcome(_native.new_room, -1, sys.maxsize),
    "a room that is empty": lambda: outcome(_native.take_room, _native.new_schema_capsule()[0], 0),
    "ucs4": lambda: _native.ucs4("жж"),
    "capsules": lambda: (_native.new_schema_capsule(), _native.new_array_capsule()),
    "capsule_address": lambda: _native.capsule_address(
        _native.new_array_capsule()[0], "arrow_array"
    ),
    "wrong capsule": lambda: outcome(_native.capsule_address, _native.new_array_capsule()[0], "x"),
    "pickle": lambda: pickle.dumps(count_doubles),
    "bound": lambda: outcome(count_doubles.__get__("aa", str), "aa"),
    "bound to an instance alone": lambda: outcome(count_doubles.__get__("aa")),
    "weak reference": lambda: weakref.ref(_native.FastPath(len)),
    "made": lambda: _native.FastPath(len),
}


@pytest.mark.parametrize("name", CALLS)
def test_no_call_leaks(name):
    call, calls = CALLS[name], 10_000

    def references():
        """Count objects, and references to those that calls have in common."""
        gc.collect()
        shared = [None, count_doubles, in_python, _native.FastPath, len, *call.__code__.co_consts]
        return [sys.getallocatedblocks(), *map(sys.getrefcount, shared)]

    for _ in range(100):
        call()
    before = references()
    for _ in range(calls):
        call()
    assert max(after - start for start, after in zip(before, references())) < calls / 2


@pytest.mark.parametrize("text", ["", "a", "é", "ж", "𝄞", "\ud800", "a" * 100_000, "ж" * 100_000])
def test_the_storage_of_a_str(text):
    storage = _native.str_storage(text)
    if storage is None:
        assert STABLE_ABI
        assert not text.isascii()
        return
    unit, address, size = storage
    encoding = {1: "latin-1", 2: "utf-16", 4: "utf-32"}[unit]
    if unit > 1:
        encoding += "-le" if sys.byteorder == "little" else "-be"
    assert ctypes.string_at(address, size) == text.encode(encoding, *["surrogatepass"][: unit > 1])


@pytest.mark.parametrize("function", [_native.str_storage, _native.ucs4])
def test_only_a_str_has_storage(function):
    for data in (b"aa", None):
        with pytest.raises(TypeError):
            function(data)


@pytest.mark.parametrize("kept", [0, 1, 5, 100_000])
@pytest.mark.parametrize("unit", [None, "z", "\xe9", "ж", "𝄞"])
def test_a_new_object_is_written_and_then_cut(unit, kept):
    largest = -1 if unit is None else ord(unit)
    size = 1 if largest < 256 else 2 if largest < 65536 else 4
    room = _native.new_room(largest, 100_000)
    if room is None:
        assert STABLE_ABI
        assert unit is not None
        return
    capsule, address = room
    written = ord(unit or "z").to_bytes(size, sys.byteorder) * kept
    ctypes.memmove(address, written, len(written))
    found = _native.take_room(capsule, kept)
    assert found == (b"z" if unit is None else unit) * kept
    with pytest.raises(ValueError, match="taken already"):
        _native.take_room(capsule, kept)


@pytest.mark.parametrize("largest", [-1, *[127][STABLE_ABI:]])
@pytest.mark.parametrize(
    ("length", "error"),
    [
        (sys.maxsize, (MemoryError, OverflowError)),
        (-1, SystemError),
        (2**70, OverflowError),
        ("5", TypeError),
    ],
)
def test_an_object_that_cannot_be_made(largest, length, error):
    with pytest.raises(error):
        _native.new_room(largest, length)


RELEASE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)

# The size of each struct and the offset of `release` in it, in words of the machine, by Arrow's
# specification.
CAPSULES = {
    "arrow_schema": (_native.new_schema_capsule, 9, 7),
    "arrow_array": (_native.new_array_capsule, 10, 8),
}


@pytest.mark.parametrize("name", CAPSULES)
def test_a_capsule_releases_its_struct_once(name):
    new_capsule, words, index = CAPSULES[name]
    released = []
    release = RELEASE(released.append)
    capsule, address = new_capsule()
    struct = (ctypes.c_void_p * words).from_address(address)
    assert list(struct) == [None] * words
    struct[index] = ctypes.cast(release, ctypes.c_void_p).value
    assert _native.capsule_address(capsule, name) == address
    del capsule
    assert released == [address]


def test_only_a_capsule_of_the_right_name_has_an_address():
    capsule, _ = _native.new_array_capsule()
    for wrong, name in ((capsule, "arrow_schema"), (capsule, ""), (5, "arrow_array")):
        with pytest.raises(ValueError, match="PyCapsule"):
            _native.capsule_address(wrong, name)
    with pytest.raises(TypeError):
        _native.capsule_address(capsule)
