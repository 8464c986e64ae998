/* What is counted and searched with the GIL held: short input, and rows that are Python objects.
 *
 * _native.c includes this file. count_short reads an object's memory where it is; the type FastPath makes it
 * a callable, and count_rows takes the rows of a list or a tuple through it.
 */

/* --- Short input, counted with the GIL held ------------------------------------------------------ */

/* Bytes that are counted with the GIL held, at most: they take 2 us from the cache, 10 us from memory, and
 * 12 us with the portable kernel (Zen 5). The Python function would take 0.15 us longer. */
#define SHORT (256 * 1024)

/* count_short returns it for input that the Python function has to count. */
#define NOT_HERE (-1)

#ifdef _MSC_VER
#define NOINLINE __declspec(noinline)
#else
#define NOINLINE __attribute__((noinline))
#endif

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
static NOINLINE int64_t count_short_buffer(PyObject *data) {
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

/* --- The runs of short input -------------------------------------------------------------------- */

/* Bytes of input whose runs are found with the GIL held, at most. Longer input repays the Python function. */
#define SHORT_SEARCH 512

typedef int64_t (*Find)(DoublesFinder *finder, const uint8_t *data, size_t len, uint64_t least, DoublesRun *runs,
                        size_t runs_len);

/* Defines a function that calls one of the library. Calls are bound when they are made, addresses when the module
 * is loaded: with those, a library that lacks the function could not tell its version. */
#define CALLING(function)                                                                                         \
    static int64_t call_##function(DoublesFinder *finder, const uint8_t *data, size_t len, uint64_t least,        \
                                   DoublesRun *runs, size_t runs_len) {                                           \
        return doubles_##function(finder, data, len, least, runs, runs_len);                                      \
    }

CALLING(find_bytes)
#if FULL_API
CALLING(find_utf16)
CALLING(find_utf32)
#else
CALLING(find_utf8)
#endif

/* Returns the function that searches the units of a str or bytes, and where these are. NULL if it is too long, or
 * the Python function is to search it. */
static Find find_units(PyObject *data, const uint8_t **units, Py_ssize_t *size) {
    Find find = NULL;
    if (PyBytes_CheckExact(data)) {
        *units = BYTES_DATA(data);
        *size = BYTES_SIZE(data);
        find = call_find_bytes;
    } else if (PyUnicode_CheckExact(data)) {
#if FULL_API
        *units = PyUnicode_DATA(data);
        *size = PyUnicode_GET_LENGTH(data) * (Py_ssize_t)PyUnicode_KIND(data);
        switch (PyUnicode_KIND(data)) {
        case PyUnicode_1BYTE_KIND:
            find = call_find_bytes;
            break;
        case PyUnicode_2BYTE_KIND:
            find = call_find_utf16;
            break;
        case PyUnicode_4BYTE_KIND:
            find = call_find_utf32;
            break;
        default: /* Before 3.12 there are strings of no kind yet. */
            break;
        }
#else
        if (PyUnicode_GetLength(data) <= SHORT_SEARCH)
            *units = (const uint8_t *)PyUnicode_AsUTF8AndSize(data, size);
        if (*units == NULL)
            PyErr_Clear(); /* A lone surrogate, or no memory for the copy. */
        else
            find = call_find_utf8;
#endif
    }
    return find != NULL && *size <= SHORT_SEARCH ? find : NULL;
}

/* Returns the runs of at least `least` units in a short str or bytes, as a list of tuples: start, length and unit, a
 * character or a number. None if the Python function is to find them. */
static PyObject *find_short(PyObject *module, PyObject *args) {
    PyObject *data;
    unsigned long long least;
    const uint8_t *units = NULL;
    Py_ssize_t size = 0;
    (void)module;
    if (!PyArg_ParseTuple(args, "OK:find_short", &data, &least))
        return NULL;
    Find find = find_units(data, &units, &size);
    if (find == NULL)
        return Py_BuildValue("");
    DoublesFinder finder = {0};
    DoublesRun runs[SHORT_SEARCH + 2];
    size_t room = (size_t)size / (least > 1 ? 2 : 1) + 2; /* The most that there can be. */
    memset(runs, 0, room * sizeof(DoublesRun));
    int64_t number = find(&finder, units, (size_t)size, least, runs, room);
    int64_t last = number < 0 ? number : doubles_find_end(&finder, least, runs + number);
    PyObject *list = last < 0 ? Py_BuildValue("") : PyList_New((Py_ssize_t)(number + last));
    for (int64_t i = 0; list != NULL && i < number + last; i++) {
        PyObject *unit = PyBytes_CheckExact(data) ? PyLong_FromLong((long)runs[i].unit)
                                                  : PyUnicode_FromOrdinal((int)runs[i].unit);
        PyObject *run = Py_BuildValue("KKN", (unsigned long long)runs[i].start,
                                      (unsigned long long)runs[i].length, unit);
        if (run == NULL || PyList_SetItem(list, (Py_ssize_t)i, run) < 0)
            Py_CLEAR(list);
    }
    return list;
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
