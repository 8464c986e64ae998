"""Arrow's structs as they are told to be, right or wrong, and how often each was released."""

import ctypes
import struct
import subprocess
from pathlib import Path

from systems import WINDOWS

from doubles_ffi._native import ffi

HERE = Path(__file__).parent

capsule = ctypes.pythonapi.PyCapsule_New
capsule.restype = ctypes.py_object
capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]


def build(folder):
    """Compile arrow_producer.c in a folder, and load it."""
    source, include = HERE / "arrow_producer.c", HERE.parent / "rustlib" / "include"
    if source.with_suffix(".dll").exists():  # By .ci/windows: there is no compiler under Wine.
        path = source.with_suffix(".dll")
    elif WINDOWS:
        from setuptools._distutils.ccompiler import new_compiler

        compiler, path = new_compiler(), folder / "producer.dll"
        objects = compiler.compile([str(source)], str(folder), include_dirs=[str(include)])
        compiler.link_shared_object(objects, str(path))
    else:
        path = folder / "producer.so"
        flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", f"-I{include}"]
        subprocess.run(["cc", *flags, source, "-o", path], check=True)
    return ctypes.CDLL(str(path))


class Producer:
    """A type and an array, in capsules that release nothing themselves.

    Args:
        library: the compiled C.
        form: Arrow's format.
        length: the length that the array claims.
        buffers: the buffers, None for NULL.
        children: the producers of child arrays.
        dictionary: the producer of the dictionary.
        fields: other fields of the array.
    """

    def __init__(  # noqa: PLR0913
        self, library, form, length, buffers, *, children=(), dictionary=None, **fields
    ):
        self.library = library
        self.counter = (ctypes.c_int64 * 3).in_dll(library, "released")
        self.counter[:] = [0, 0, 0]
        self.kept = [None if b is None else ffi.from_buffer(b) for b in buffers]
        self.buffers = ffi.new("const void *[]", [ffi.NULL if b is None else b for b in self.kept])
        self.form = ffi.NULL if form is None else ffi.new("char[]", form.encode())
        self.schema = ffi.new("DoublesArrowSchema *")
        self.schema.format = self.form
        self.schema.name = self.form
        self.schema.release = self.function("release_schema", self.schema)
        self.array = ffi.new("DoublesArrowArray *")
        self.array.length = length
        self.array.n_buffers = len(buffers)
        self.array.buffers = self.buffers
        self.array.release = self.function("release_array", self.array)
        self.children = children
        self.of_children = [
            ffi.new("DoublesArrowSchema *[]", [child.schema for child in children]),
            ffi.new("DoublesArrowArray *[]", [child.array for child in children]),
        ]
        for struct_, of_children in zip((self.schema, self.array), self.of_children):
            struct_.n_children = len(children)
            struct_.children = of_children
        if dictionary:
            self.dictionary = dictionary
            self.schema.dictionary, self.array.dictionary = dictionary.schema, dictionary.array
        for name, value in fields.items():
            setattr(self.array, name, value)

    def function(self, name, like):
        address = ctypes.cast(getattr(self.library, name), ctypes.c_void_p).value
        return ffi.cast(f"void (*)({ffi.typeof(like).cname})", address)

    def __arrow_c_array__(self, requested_schema=None):
        schema, array = (int(ffi.cast("intptr_t", s)) for s in (self.schema, self.array))
        return capsule(schema, b"arrow_schema", None), capsule(array, b"arrow_array", None)

    @property
    def released(self):
        """How often types, arrays and streams were released."""
        return list(self.counter)


class Stream(Producer):
    """A stream of `chunks` equal arrays of two rows, and then an error if there is a message."""

    def __init__(self, library, chunks, message=None):
        super().__init__(library, "u", 2, [None, i32(0, 2, 5), b"aabbb"])
        self.message = ffi.NULL if message is None else ffi.new("char[]", message)
        # As in arrow_producer.c.
        sizes = [ffi.sizeof("DoublesArrowSchema"), ffi.sizeof("DoublesArrowArray")]
        script = bytes(ffi.buffer(self.schema)) + bytes(ffi.buffer(self.array))
        script += struct.pack("qN", chunks, int(ffi.cast("uintptr_t", self.message)))
        assert len(script) == sum(sizes) + 16
        self.script = ffi.new("char[]", script)
        self.stream = ffi.new("DoublesArrowStream *")
        for name in ("get_schema", "get_next", "get_last_error"):
            self.set(name, name)
        self.set("release", "release_stream")
        self.stream.private_data = self.script
        address = int(ffi.cast("intptr_t", self.stream))
        self.capsule = capsule(address, b"arrow_array_stream", None)

    @property
    def chunks(self):
        """The number of chunks that are left."""
        return struct.unpack_from("q", ffi.buffer(self.script), len(self.script) - 17)[0]

    def set(self, field, name):
        type_ = dict(ffi.typeof("DoublesArrowStream").fields)[field].type
        address = ctypes.cast(getattr(self.library, name), ctypes.c_void_p).value
        setattr(self.stream, field, ffi.cast(type_, address))

    def __arrow_c_stream__(self, requested_schema=None):
        return self.capsule


def i32(*numbers):
    return struct.pack(f"{len(numbers)}i", *numbers)


def i64(*numbers):
    return struct.pack(f"{len(numbers)}q", *numbers)


def view(length, buffer=0, offset=0):
    return struct.pack("i4sii", length, b"aaaa", buffer, offset)
