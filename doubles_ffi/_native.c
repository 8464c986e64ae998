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

#include "_fast_path.c"

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

/* --- The module ---------------------------------------------------------------------------------- */

static PyMethodDef builtins[] = {
    {"str_storage", str_storage, METH_O, NULL},
    {"new_room", new_room, METH_VARARGS, NULL},
    {"take_room", take_room, METH_VARARGS, NULL},
    {"ucs4", ucs4, METH_O, NULL},
    {"new_schema_capsule", new_schema_capsule, METH_NOARGS, NULL},
    {"new_array_capsule", new_array_capsule, METH_NOARGS, NULL},
    {"capsule_address", capsule_address, METH_VARARGS, NULL},
    {"find_short", find_short, METH_VARARGS, NULL},
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
