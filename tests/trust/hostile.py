"""Nothing that a caller passes ends the process or makes the library panic.

cd tests && python -m trust.hostile KIND SECONDS SEED
"""

import array
import contextlib
import ctypes
import io
import mmap
import os
import random
import socket
import struct
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy
from arrow_producer import Producer, Stream, build, i32, i64
from trust.children import add_up, repeat
from trust.model import PRODUCT

import doubles_ffi as d

GOAL = "10 minutes of each kind, 0 signals, 0 panics"
HOURS = 1.4
COVERS = (*PRODUCT, ":!doubles_ffi/cli")
SECONDS = 600


def run(seconds, earlier):
    def is_enough(_, times):
        return min(times.values()) >= SECONDS

    return add_up(
        "hostile", KINDS, seconds, earlier, what="tries, 0 signals, 0 panics", is_enough=is_enough
    )


class OwnError(Exception):
    """What hostile objects raise."""


# Errors that are allowed. A RuntimeError is a panic, or says that the input changed while it was
# counted.
ERRORS = (TypeError, ValueError, LookupError, BufferError, OSError, MemoryError, OwnError)
ERRORS += (OverflowError, RecursionError, AttributeError)


@contextlib.contextmanager
def refused():
    try:
        yield
    except ERRORS:
        pass
    except RuntimeError as error:
        if "was changed while it was counted" not in str(error):
            raise


class Liar(int):
    """A number that compares and adds up as it likes."""

    __ge__ = __le__ = __lt__ = __gt__ = lambda *_: True

    def __radd__(self, _):
        return 10**12

    __add__ = __sub__ = __rsub__ = __radd__

    def __index__(self):
        return random.choice([-1, 0, 1 << 40])


def any_number():
    return random.choice([0, 1, -1, 7, 1 << 31, 1 << 63, 1 << 64, -(1 << 63), Liar(1), True])


def any_value():
    values = [None, 1.5, "x", b"x", object(), [], {}, OwnError, float("nan"), any_number()]
    return random.choice(values)


class LyingText(str):
    """A str whose methods say something else."""

    __slots__ = ()

    def __len__(self):
        return 1 << 40

    def isascii(self):
        return True

    def encode(self, *_):
        return b"\xff"


class LyingBytes(bytes):
    def __len__(self):
        return 1 << 40

    def __getitem__(self, _):
        raise OwnError


def any_buffer():
    data = random.randbytes(random.choice([0, 1, 33, 1000, 20_000]))
    released = memoryview(data)
    released.release()
    choices = [
        data,
        bytearray(data),
        LyingBytes(data),
        LyingText("aaa" * random.randrange(10_000)),
        released,
        memoryview(data)[:: random.choice([1, 2, -1])],
        memoryview(bytearray(24)).cast("B", (2, 3, 4)),
        memoryview(bytearray(24)).cast(random.choice("bBcHfd?")),
        array.array("d", [1.0] * 5),
        numpy.zeros((3, 4), random.choice(["u1", "f8", "c16", "M8[s]", "O"]), order="F"),
        numpy.broadcast_to(numpy.uint8(1), 1 << 20),
        numpy.zeros(4, "u1").reshape(4, 1)[:, :0],
        (ctypes.c_char * 10)(),
        (ctypes.c_uint32 * 3)(),
        io.BytesIO(data).getbuffer(),
        any_value(),
    ]
    return random.choice(choices)


def call_with(data):
    """Pass something to any function, with any options."""
    name = random.choice(d.__all__)
    options = {}
    if random.random() < 0.3:
        options["encoding"] = random.choice(["utf-8", "latin-1", "utf-16", "hex", any_value()])
    if random.random() < 0.2:
        options["threads"] = any_number()
    if random.random() < 0.1:
        options["tally"] = any_value()
    if random.random() < 0.1:
        options[random.choice(["min_run", "most"])] = any_number()
    if random.random() < 0.1:
        options["only"] = random.choice([b"a", "a", str.isalpha, any_value()])
    if name == "random_string":  # A length that is true could fill the memory.
        data, options = random.choice([-1, 1 << 62, Liar(3), "3"]), {"alphabet": any_value()}
    elif name in {"Counts", "Runs", "Texts"}:  # Only the package makes them.
        return
    getattr(d, name)(data, **options)


def buffers():
    call_with(any_buffer())


ON_MEMORY = [d.count_doubles, d.tally_doubles, d.find_runs, d.longest_run, d.squeeze_doubles]
CHANGES = [lambda data: data.append(7), lambda data: data.pop(), d.fill_random]


def concurrent():
    """Count memory that other threads write to, resize, close or fill at the same time."""
    size = random.choice([1000, 100_000, 5 << 20])
    data, mapped = bytearray("жжaa€".encode() * (size // 9)), mmap.mmap(-1, size)
    counter = d.DoubleCounter(encoding="utf-8", tally=True)
    stop = threading.Event()

    def write():
        while not stop.is_set():
            place = random.randrange(len(data))
            with contextlib.suppress(BufferError, ValueError, IndexError):
                data[place] ^= random.choice([0xFF, 0x80, 1])
                mapped[place % size] ^= 0xFF
                random.choice(CHANGES)(data)

    def close():
        time.sleep(random.uniform(0, 0.01))
        with contextlib.suppress(BufferError, ValueError):
            mapped.close()

    def share():
        while not stop.is_set():
            with refused():
                counter.update(data[:100])
                counter.copy() == counter + counter  # noqa: B015 (whether it can be asked)

    threads = [threading.Thread(target=target) for target in (write, close, share)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            for memory in (data, mapped):
                encoding = random.choice([None, "utf-8", "utf-16", "koi8-r"])
                function = random.choice(ON_MEMORY)
                with refused():
                    function(memory, encoding=encoding)
            with refused():
                counter.update(data)
            with refused():
                d.count_doubles_once(data)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


class Reader:
    """A file that answers as it likes, and keeps the room that it was given."""

    def __init__(self):
        self.kept = []
        self.calls = 0

    def readinto(self, room):
        self.calls += 1
        self.kept.append(room)
        for earlier in self.kept:
            if len(earlier):
                earlier[random.randrange(len(earlier))] = random.randrange(256)
        chosen = random.randrange(8)
        if chosen == 0:
            return any_value()
        if chosen == 1:
            raise OwnError
        if chosen == 2:
            room.release()
        if chosen == 3:
            d.count_file(io.BytesIO(bytes(room[:100])))
        return 0 if self.calls > 20 else random.randrange(len(room) + 1) if chosen != 2 else 1


def readers():
    function = random.choice([d.count_file, d.tally_file])
    encoding = random.choice([None, "utf-8", "utf-16", "utf-7", any_value()])
    function(Reader(), encoding=encoding, threads=random.choice([None, 1, 2]))


class AnyPath(os.PathLike):
    def __fspath__(self):
        value = any_value()
        if value is None:
            raise OwnError
        return value


def paths(folder=None):
    listening = socket.socket(socket.AF_UNIX)
    names = ["", "\0", "a\0b", "\udcff", "\ud800", "x" * 10_000, "/" * 5000, ".", "/proc/self/mem"]
    names += [
        "/dev/null",
        "/proc/self/environ",
        -1,
        10**9,
        True,
        AnyPath(),
        listening,
        listening.fileno(),
    ]
    names += [b"\xff", b"\0", Path("/proc/self/fd"), "/proc/self/pagemap/", folder, any_value()]
    name = random.choice(names)
    with listening:
        random.choice([d.count_file, d.tally_file])(name, encoding=random.choice([None, "utf-8"]))


def callbacks():
    """Call back into the library, raise, or close what is read."""
    with tempfile.TemporaryFile() as file:
        file.write(bytes(random.choice([0, 1000, 2_000_000])))
        file.seek(0)
        given = random.choice([file, file.raw, io.BytesIO(bytes(2_000_000))])

        def progress(_, __):
            chosen = random.randrange(8)
            if chosen == 0:
                raise OwnError
            if chosen == 1:
                given.close()
            elif chosen == 2:
                d.count_file(io.BytesIO(b"aaa"), progress=progress)
            elif chosen == 3:
                given.seek(0, random.choice([0, 2]))
            elif chosen == 4:
                os.ftruncate(file.fileno(), random.randrange(1000))
            return any_value()

        chosen = random.choice([progress, any_value()])
        d.count_file(given, progress=chosen, encoding=random.choice([None, "utf-8"]))


EACH = [d.count_each, d.longest_each, d.find_each, d.squeeze_each]


def arrow():
    """Take structs that say what is not so, from a producer that counts what is released."""
    text = bytearray(random.choice([b"aab", "жж€".encode(), b"\xff\xd0"]) * 20)
    length = random.choice([0, 1, 3, 8])
    fields = {}
    if random.random() < 0.3:
        fields["null_count"] = random.choice([-1, 0, 1, 1 << 40, -5])
    if random.random() < 0.2:
        fields["offset"] = random.choice([-1, 0, 1, -(1 << 62)])
    if random.random() < 0.1:
        fields["n_buffers"] = random.choice([-1, 0, 1, 2])
    # Numbers may be anything, except beyond a buffer whose size Arrow does not say.
    numbers = [random.randrange(-3, len(text) + 1) for _ in range(length + 2)]
    if random.random() < 0.5:
        numbers.sort()
    validity = random.choice([None, random.randbytes(2)])
    form = random.choice(["u", "z", "U", "Z", "vu", "vz", "c", "w:3", "+r", "n", "", "w:-1"])
    if form in {"U", "Z"}:
        buffers = [validity, bytearray(i64(*numbers)), text]
    elif form in {"vu", "vz"}:
        views = b"".join(any_view() for _ in range(length + 1))
        buffers = [validity, bytearray(views), text, i64(random.choice([-1, 0, 59, len(text)]))]
    elif form in {"c", "+r"}:
        buffers = [validity, random.randbytes(length + 1)]
        fields["dictionary"] = Producer(library(), "u", 3, [None, i32(0, 2, 4, 6), text])
    else:
        buffers = [validity, bytearray(i32(*numbers)), text]
    function = random.choice(EACH)
    if form == "n" and function is not d.find_each:  # It goes through all null rows, for ages.
        length = 1 << 62
    producer = Producer(library(), form, length, buffers, **fields)
    try:
        function(producer)
    finally:
        assert producer.released == [1, 1, 0], (form, length, fields, producer.released)


def any_view():
    inline = struct.pack("i12s", random.randrange(13), b"aabbaabbaabb")
    far = struct.pack("i4sii", any_int32(), b"aaba", any_int32() % 3 - 1, any_int32())
    return random.choice([inline, far])


def any_int32():
    return random.choice([0, 1, 13, 40, 60, -1, (1 << 31) - 1, -(1 << 31)])


def streams():
    message = random.choice([None, b"", b"\xff\xfe", b"x" * 1000])
    stream = Stream(library(), random.randrange(5), message)
    if random.random() < 0.3:
        stream.set("get_schema", "fail")
    random.choice(EACH)(stream)


def rows():
    """Take rows that change while they are counted."""
    column = [random.choice(["aa", b"aa", None, any_value(), LyingText("aa")]) for _ in range(5)]

    class Column(list):
        def __len__(self):
            return random.choice([0, 3, 1 << 40])

        def tolist(self):
            return any_value()

        def __iter__(self):
            column.clear()
            return iter(["aa", any_value()])

    class Row(str):
        __slots__ = ()

        def __len__(self):
            column.clear()
            return 7

    given = random.choice([column, Column(column), tuple(column), iter(column), [Row("aa")] * 9])
    random.choice(EACH)(given)


_libraries = []


def library():
    """Return the producer in C that the tests use."""
    if not _libraries:
        with tempfile.TemporaryDirectory() as folder:
            _libraries.append(build(Path(folder)))
    return _libraries[0]


KINDS = {
    kind.__name__: kind
    for kind in (buffers, concurrent, readers, paths, callbacks, arrow, streams, rows)
}


def main(kind, seconds, seed):
    os.environ["DOUBLES_NUM_THREADS"] = "3"
    sys.setrecursionlimit(200)

    def attempt():
        with refused():
            KINDS[kind]()
        assert d.count_doubles("жж" * 10_000) == 19_999
        return 1

    repeat(attempt, seconds, seed)


if __name__ == "__main__":
    main(*sys.argv[1:])
