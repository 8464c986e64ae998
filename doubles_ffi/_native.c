/* What cffi's calls can't give: functions on Python's own objects, run with the GIL held.
 *
 * cffi compiles this file into its module, together with the calls that it makes from doubles.h. One
 * source, three builds. The usual one is for one version of CPython and reads its objects directly. With
 * DOUBLES_ABI3=1 it is for the stable ABI of CPython 3.10 and later; where that ends, Python does the
 * work. PyPy's objects are of another kind: there Python does all of it.
 */

#include "doubles.h"

#ifndef PYPY_VERSION

#include <math.h>
#include <stddef.h>
#include <string.h>
#include <structmember.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#ifdef Py_LIMITED_API
#define FULL_API 0
#else
#define FULL_API 1
#endif

/* --- Short input, counted with the GIL held ------------------------------------------------------ */

/* Bytes that are counted with the GIL held, at most: they take 2 us from the cache, 10 us from memory, and
 * 12 us with the portable kernel (Zen 5). The Python function would take 0.15 us longer. */
#define SHORT (256 * 1024)

/* count_short returns it for input that the Python function has to count. */
#define NOT_HERE (-1)

#if FULL_API
/* Macros in place of calls save a call of five bytes 0.7 of 27 ns. */
#define BYTES_SIZE(data) PyBytes_GET_SIZE(data)
#define BYTES_DATA(data) ((const uint8_t *)PyBytes_AS_STRING(data))
#define BYTEARRAY_SIZE(data) PyByteArray_GET_SIZE(data)
#define BYTEARRAY_DATA(data) ((const uint8_t *)PyByteArray_AS_STRING(data))

static int64_t count_short_text(PyObject *text) {
    Py_ssize_t size = PyUnicode_GET_LENGTH(text) * (Py_ssize_t)PyUnicode_KIND(text);
    if (size > SHORT)
        return NOT_HERE;
    switch (PyUnicode_KIND(text)) {
    case PyUnicode_1BYTE_KIND:
        return doubles_count_bytes(PyUnicode_DATA(text), (size_t)size, 1);
    case PyUnicode_2BYTE_KIND:
        return doubles_count_utf16(PyUnicode_DATA(text), (size_t)size, 1);
    case PyUnicode_4BYTE_KIND:
        return doubles_count_utf32(PyUnicode_DATA(text), (size_t)size, 1);
    default: /* Before 3.12 there are strings of no kind yet, made by old C extensions. */
        return NOT_HERE;
    }
}

/* Apart from the others, because its `view` would make room on the stack for all of them: 1 ns. */
static __attribute__((noinline)) int64_t count_short_buffer(PyObject *data) {
    /* memoryview asks for the same, so every object answers as it does to the Python function. */
    Py_buffer view;
    if (PyObject_GetBuffer(data, &view, PyBUF_FULL_RO) < 0) {
        if (PyErr_ExceptionMatches(PyExc_Exception))
            PyErr_Clear(); /* The Python function asks again, and raises the error. */
        return NOT_HERE;   /* A KeyboardInterrupt stays. */
    }
    int64_t count = NOT_HERE;
    /* To PyBuffer_IsContiguous every empty buffer is contiguous. The Python function decides about those. */
    if (view.itemsize == 1 && view.len > 0 && view.len <= SHORT && PyBuffer_IsContiguous(&view, 'C'))
        count = doubles_count_bytes(view.buf, (size_t)view.len, 1);
    PyBuffer_Release(&view);
    return count;
}
#else
#define BYTES_SIZE(data) PyBytes_Size(data)
#define BYTES_DATA(data) ((const uint8_t *)PyBytes_AsString(data))
#define BYTEARRAY_SIZE(data) PyByteArray_Size(data)
#define BYTEARRAY_DATA(data) ((const uint8_t *)PyByteArray_AsString(data))

/* The stable ABI shows a str as UTF-8 only: of ASCII its own storage, of other text a copy that it keeps,
 * so only short text is asked for it. */
#define LONGEST_COPY 4096

static int64_t count_short_text(PyObject *text) {
    Py_ssize_t length = PyUnicode_GetLength(text), size;
    const char *utf8 = length > LONGEST_COPY ? NULL : PyUnicode_AsUTF8AndSize(text, &size);
    if (utf8 == NULL) { /* Too long, a lone surrogate, or no memory for the copy. */
        PyErr_Clear();
        return NOT_HERE;
    }
    return size == length ? doubles_count_bytes((const uint8_t *)utf8, (size_t)size, 1)
                          : doubles_count_utf8((const uint8_t *)utf8, (size_t)size, 1);
}

/* Buffers joined the stable ABI in 3.11. */
static int64_t count_short_buffer(PyObject *data) {
    (void)data;
    return NOT_HERE;
}
#endif

/* Counts `data` if it is short. Returns below zero if it is not, or is not to be counted, or if the
 * library failed: unless there is an exception, the Python function is to do it, or to raise one. */
static inline int64_t count_short(PyObject *data) {
    if (PyBytes_CheckExact(data))
        return BYTES_SIZE(data) <= SHORT
                   ? doubles_count_bytes(BYTES_DATA(data), (size_t)BYTES_SIZE(data), 1)
                   : NOT_HERE;
    if (PyUnicode_Check(data))
        return count_short_text(data);
#ifndef Py_GIL_DISABLED
    /* With the GIL held nobody can resize it, and a view would take half of the time. */
    if (PyByteArray_CheckExact(data))
        return BYTEARRAY_SIZE(data) <= SHORT
                   ? doubles_count_bytes(BYTEARRAY_DATA(data), (size_t)BYTEARRAY_SIZE(data), 1)
                   : NOT_HERE;
#endif
    return count_short_buffer(data);
}

/* A callable that counts short input itself and hands all else to a Python function. */
typedef struct {
    PyObject_HEAD
    PyObject *function;
    PyObject *attributes; /* The function's name, documentation and so on, by functools.update_wrapper. */
    PyObject *weak_references;
#if FULL_API
    vectorcallfunc vectorcall;
#endif
} FastPath;

#if FULL_API
static PyObject *fast_path_vectorcall(PyObject *self, PyObject *const *args, size_t flagged_length,
                                      PyObject *keywords) {
    if (PyVectorcall_NARGS(flagged_length) == 1 && keywords == NULL) {
        int64_t count = count_short(args[0]);
        if (count >= 0)
            return PyLong_FromLongLong(count);
        if (PyErr_Occurred())
            return NULL;
    }
    return PyObject_Vectorcall(((FastPath *)self)->function, args, flagged_length, keywords);
}
#else
static PyObject *fast_path_call(PyObject *self, PyObject *args, PyObject *keywords) {
    if (PyTuple_Size(args) == 1 && keywords == NULL) {
        int64_t count = count_short(PyTuple_GetItem(args, 0));
        if (count >= 0)
            return PyLong_FromLongLong(count);
    }
    return PyObject_Call(((FastPath *)self)->function, args, keywords);
}
#endif

static PyObject *fast_path_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    PyObject *function;
    (void)keywords;
    if (!PyArg_UnpackTuple(args, "FastPath", 1, 1, &function))
        return NULL;
    FastPath *self = (FastPath *)PyType_GenericAlloc(type, 0);
    if (self == NULL)
        return NULL;
    Py_INCREF(function);
    self->function = function;
#if FULL_API
    self->vectorcall = fast_path_vectorcall;
#endif
    return (PyObject *)self;
}

/* As an attribute of a class it is a method, as any function is. `type` may be left out. */
static PyObject *fast_path_get(PyObject *self, PyObject *instance, PyObject *type) {
    if (instance == NULL) {
        Py_INCREF(self);
        return self;
    }
    return PyObject_CallMethod(((FastPath *)self)->function, "__get__", "OO", instance,
                               type == NULL ? Py_None : type);
}

/* Pickle and copy take it for the global of its name. */
static PyObject *fast_path_reduce(PyObject *self, PyObject *nothing) {
    (void)nothing;
    return PyObject_GetAttrString(self, "__qualname__");
}

static int fast_path_traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((FastPath *)self)->function);
    Py_VISIT(((FastPath *)self)->attributes);
    return 0;
}

static int fast_path_clear(PyObject *self) {
    Py_CLEAR(((FastPath *)self)->attributes);
    return 0;
}

static void fast_path_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    PyObject_ClearWeakRefs(self);
    Py_CLEAR(((FastPath *)self)->function);
    Py_CLEAR(((FastPath *)self)->attributes);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

static PyMemberDef fast_path_members[] = {
    {"__dictoffset__", T_PYSSIZET, offsetof(FastPath, attributes), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(FastPath, weak_references), READONLY, NULL},
#if FULL_API
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(FastPath, vectorcall), READONLY, NULL},
#endif
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef fast_path_getset[] = {
    {"__dict__", PyObject_GenericGetDict, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef fast_path_methods[] = {
    {"__reduce__", fast_path_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot fast_path_slots[] = {
    {Py_tp_new, fast_path_new},
#if FULL_API
    {Py_tp_call, PyVectorcall_Call},
#else
    {Py_tp_call, fast_path_call},
#endif
    {Py_tp_descr_get, fast_path_get},
    {Py_tp_members, fast_path_members},
    {Py_tp_getset, fast_path_getset},
    {Py_tp_methods, fast_path_methods},
    {Py_tp_traverse, fast_path_traverse},
    {Py_tp_clear, fast_path_clear},
    {Py_tp_dealloc, fast_path_dealloc},
    {0, NULL},
};

static PyType_Spec fast_path_spec = {
    .name = "doubles_ffi._native.FastPath",
    .basicsize = sizeof(FastPath),
#if FULL_API
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL,
#else
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
#endif
    .slots = fast_path_slots,
};

/* --- The storage of a str ------------------------------------------------------------------------ */

/* Returns the storage of a str: the bytes of a unit (1, 2 or 4), the address, and the bytes of all units.
 * None if the stable ABI doesn't show that. */
static PyObject *str_storage(PyObject *module, PyObject *text) {
    (void)module;
    Py_ssize_t length = PyUnicode_GetLength(text); /* Raises a TypeError unless it is a str. */
    if (length < 0)
        return NULL;
#if FULL_API
    int unit = (int)PyUnicode_KIND(text);
    const void *data = PyUnicode_DATA(text);
#else
    PyObject *ascii = PyObject_CallMethod(text, "isascii", NULL);
    if (ascii != Py_True) {
        Py_XDECREF(ascii);
        return ascii == NULL ? NULL : Py_BuildValue("");
    }
    Py_DECREF(ascii);
    int unit = 1;
    const void *data = PyUnicode_AsUTF8AndSize(text, NULL);
    if (data == NULL)
        return NULL;
#endif
    return Py_BuildValue("iNn", unit, PyLong_FromVoidPtr((void *)data), length * unit);
}

#if FULL_API
/* Bytes per huge page on x86-64, and on aarch64 with pages of 4 KiB. Elsewhere the system rounds. */
#define HUGE_PAGE ((uintptr_t)2 * 1024 * 1024)

/* Asks for huge pages where `size` bytes from `data` on cover some. Only memory that is wholly written
 * right away should have them, else they take room for nothing. The library can't know that of a buffer that
 * it fills; here it is known. 100 MB of random text take 16 ms instead of 54 (Zen 5, two threads). */
static void ask_for_huge_pages(void *data, size_t size) {
#ifdef __linux__
    uintptr_t start = ((uintptr_t)data + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    uintptr_t end = ((uintptr_t)data + size) / HUGE_PAGE * HUGE_PAGE;
    if (start < end) /* It is advice: where the system has no huge pages, nothing is lost. */
        (void)madvise((void *)start, end - start, MADV_HUGEPAGE);
#else
    (void)data, (void)size;
#endif
}
#endif

/* A str or bytes under construction: the library writes into its memory before anyone sees the object. A
 * capsule holds it, so that it has one reference only, and can be cut without a copy. */
#define ROOM "doubles_ffi room"

static void free_room(PyObject *capsule) {
    Py_XDECREF((PyObject *)PyCapsule_GetContext(capsule));
}

/* Returns a capsule that holds an object of `length` units, and the address of its memory. `most` is the
 * largest unit that a str may have; -1 stands for bytes. None for a str with the stable ABI, whose strings
 * can only be made from characters. */
static PyObject *new_room(PyObject *module, PyObject *args) {
    Py_ssize_t length;
    int most;
    (void)module;
    if (!PyArg_ParseTuple(args, "in:new_room", &most, &length))
        return NULL;
    PyObject *object;
    void *data = NULL;
    if (most < 0) {
        object = PyBytes_FromStringAndSize(NULL, length);
        if (object != NULL)
            data = PyBytes_AsString(object);
    } else {
#if FULL_API
        object = PyUnicode_New(length, (Py_UCS4)most);
        if (object != NULL)
            data = PyUnicode_DATA(object);
#else
        return Py_BuildValue("");
#endif
    }
    if (object == NULL)
        return NULL;
#if FULL_API
    ask_for_huge_pages(data, (size_t)length * (most < 256 ? 1 : most < 65536 ? 2 : 4));
#endif
    PyObject *capsule = PyCapsule_New(data, ROOM, free_room);
    if (capsule == NULL || PyCapsule_SetContext(capsule, object) < 0) {
        Py_DECREF(object);
        Py_XDECREF(capsule);
        return NULL;
    }
    return Py_BuildValue("NN", capsule, PyLong_FromVoidPtr(data));
}

/* Takes the object out of a capsule of new_room, cut to `length` units. */
static PyObject *take_room(PyObject *module, PyObject *args) {
    PyObject *capsule;
    Py_ssize_t length;
    (void)module;
    if (!PyArg_ParseTuple(args, "On:take_room", &capsule, &length))
        return NULL;
    PyObject *object = PyCapsule_IsValid(capsule, ROOM) ? PyCapsule_GetContext(capsule) : NULL;
    if (object == NULL)
        return PyErr_Format(PyExc_ValueError, "the object was taken already");
    if (PyCapsule_SetContext(capsule, NULL) < 0)
        return NULL;
#if FULL_API
    if (PyUnicode_Check(object) ? PyUnicode_Resize(&object, length) : _PyBytes_Resize(&object, length))
        Py_CLEAR(object); /* _PyBytes_Resize has done so. */
#else
    /* With the stable ABI bytes can't be cut in place. */
    PyObject *cut = PyBytes_FromStringAndSize(PyBytes_AsString(object), length);
    Py_DECREF(object);
    object = cut;
#endif
    return object;
}

/* Returns a str as UTF-32, in the machine's byte order: a tenth of the time that str.encode takes. */
static PyObject *ucs4(PyObject *module, PyObject *text) {
    (void)module;
    Py_ssize_t length = PyUnicode_GetLength(text);
    if (length < 0)
        return NULL;
    if (length > PY_SSIZE_T_MAX / (Py_ssize_t)sizeof(Py_UCS4))
        return PyErr_NoMemory();
    PyObject *units = PyBytes_FromStringAndSize(NULL, length * (Py_ssize_t)sizeof(Py_UCS4));
    if (units != NULL && !PyUnicode_AsUCS4(text, (Py_UCS4 *)PyBytes_AsString(units), length, 0))
        Py_CLEAR(units);
    return units;
}

/* --- Capsules, as the Arrow C data interface passes its structs ---------------------------------- */

/* Whoever moves a struct out of a capsule sets `release` to NULL and releases it. */
static void free_schema(PyObject *capsule) {
    DoublesArrowSchema *schema = PyCapsule_GetPointer(capsule, "arrow_schema");
    if (schema->release != NULL)
        schema->release(schema);
    PyMem_Free(schema);
}

static void free_array(PyObject *capsule) {
    DoublesArrowArray *array = PyCapsule_GetPointer(capsule, "arrow_array");
    if (array->release != NULL)
        array->release(array);
    PyMem_Free(array);
}

/* A capsule around a struct of zeros, and the address of the struct, for its caller to fill in. */
static PyObject *new_capsule(size_t size, const char *name, PyCapsule_Destructor destructor) {
    void *zeros = PyMem_Calloc(1, size);
    if (zeros == NULL)
        return PyErr_NoMemory();
    PyObject *capsule = PyCapsule_New(zeros, name, destructor);
    if (capsule == NULL) {
        PyMem_Free(zeros);
        return NULL;
    }
    return Py_BuildValue("NN", capsule, PyLong_FromVoidPtr(zeros));
}

static PyObject *new_schema_capsule(PyObject *module, PyObject *nothing) {
    (void)module, (void)nothing;
    return new_capsule(sizeof(DoublesArrowSchema), "arrow_schema", free_schema);
}

static PyObject *new_array_capsule(PyObject *module, PyObject *nothing) {
    (void)module, (void)nothing;
    return new_capsule(sizeof(DoublesArrowArray), "arrow_array", free_array);
}

/* The address in a capsule, or a ValueError if it is not a capsule of that name. */
static PyObject *capsule_address(PyObject *module, PyObject *args) {
    PyObject *capsule;
    const char *name;
    (void)module;
    if (!PyArg_ParseTuple(args, "Os:capsule_address", &capsule, &name))
        return NULL;
    void *address = PyCapsule_GetPointer(capsule, name);
    return address == NULL ? NULL : PyLong_FromVoidPtr(address);
}

/* --- Rows that are objects ----------------------------------------------------------------------- */

/* Without a GIL another thread may drop a row while it is read. There Python takes the rows one by one. */
#if FULL_API && !defined(Py_GIL_DISABLED)
#define COUNTS_ROWS 1
#else
#define COUNTS_ROWS 0
#endif

#if COUNTS_ROWS
/* Bytes per call, about: 1 ms with the GIL held. */
#define ROWS_SIZE (8 * 1024 * 1024)

/* The types of rows. */
enum { UNKNOWN, TEXT, BYTES };

/* Counts the rows of a list or a tuple, from `row` to `end`, into 64-bit integers, of which the first is
 * that of the row `first`; and sets a bit for each that is neither None nor NaN. Stops at a row that Python has
 * to handle (it is long, another null, or of the wrong type), or after ROWS_SIZE bytes. Returns the row
 * where it stopped, and the type of the rows. It runs no Python code, so a list does not change under the GIL. */
static PyObject *count_rows(PyObject *module, PyObject *args) {
    PyObject *rows;
    Py_ssize_t first, row, end, size = 0;
    int kind;
    Py_buffer counts, validity;
    (void)module;
    if (!PyArg_ParseTuple(args, "Onnniw*w*:count_rows", &rows, &first, &row, &end, &kind, &counts,
                          &validity))
        return NULL;
    for (end = Py_MIN(end, PySequence_Fast_GET_SIZE(rows)); row < end && size <= ROWS_SIZE; row++) {
        PyObject *item = PySequence_Fast_GET_ITEM(rows, row);
        if (item == Py_None || (PyFloat_CheckExact(item) && isnan(PyFloat_AS_DOUBLE(item))))
            continue;
        int found = PyUnicode_Check(item) ? TEXT : PyBytes_CheckExact(item) ? BYTES : UNKNOWN;
        if (found == UNKNOWN || (found != kind && kind != UNKNOWN))
            break;
        int64_t count = count_short(item);
        if (count < 0)
            break;
        kind = found;
        size += found == TEXT ? PyUnicode_GET_LENGTH(item) : PyBytes_GET_SIZE(item);
        ((int64_t *)counts.buf)[row - first] = count;
        ((uint8_t *)validity.buf)[(row - first) / 8] |= (uint8_t)(1 << (row - first) % 8);
    }
    PyBuffer_Release(&counts);
    PyBuffer_Release(&validity);
    return Py_BuildValue("ni", row, kind);
}
#endif

/* --- The module ---------------------------------------------------------------------------------- */

static PyMethodDef builtins[] = {
    {"str_storage", str_storage, METH_O, NULL},
    {"new_room", new_room, METH_VARARGS, NULL},
    {"take_room", take_room, METH_VARARGS, NULL},
    {"ucs4", ucs4, METH_O, NULL},
    {"new_schema_capsule", new_schema_capsule, METH_NOARGS, NULL},
    {"new_array_capsule", new_array_capsule, METH_NOARGS, NULL},
    {"capsule_address", capsule_address, METH_VARARGS, NULL},
#if COUNTS_ROWS
    {"count_rows", count_rows, METH_VARARGS, NULL},
#endif
    {NULL, NULL, 0, NULL},
};

static PyObject *add_builtins(PyObject *module) {
    if (module == NULL)
        return NULL;
    PyObject *type = PyType_FromSpec(&fast_path_spec);
    if (type == NULL || PyModule_AddType(module, (PyTypeObject *)type) < 0 ||
        PyModule_AddFunctions(module, builtins) < 0)
        Py_CLEAR(module);
    Py_XDECREF(type);
    return module;
}

/* cffi makes the module in the PyInit function that it writes after this file, by one call of _cffi_init.
 * The functions come in there: in the interpreter that imports the module, with its GIL. */
#define _cffi_init(name, version, context) add_builtins(_cffi_init(name, version, context))

#endif
