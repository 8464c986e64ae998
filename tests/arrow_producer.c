/* A producer of Arrow's structs that counts how often each is released, for tests/test_arrow.py. */

#include "doubles.h"
#include <errno.h>

#ifdef _WIN32
#define EXPORT __declspec(dllexport) /* Windows exports nothing unless told. */
#else
#define EXPORT
#endif

/* Of types, arrays and streams. */
EXPORT int64_t released[3];

EXPORT void release_schema(DoublesArrowSchema *schema) {
    released[0]++;
    schema->release = NULL;
}

EXPORT void release_array(DoublesArrowArray *array) {
    released[1]++;
    array->release = NULL;
}

EXPORT void release_stream(DoublesArrowStream *stream) {
    released[2]++;
    stream->release = NULL;
}

/* What a stream yields: the same array `chunks` times, then an error if there is a message, else the end. */
typedef struct {
    DoublesArrowSchema schema;
    DoublesArrowArray array;
    int64_t chunks;
    const char *message;
} Script;

EXPORT int get_schema(DoublesArrowStream *stream, DoublesArrowSchema *out) {
    *out = ((Script *)stream->private_data)->schema;
    return 0;
}

EXPORT int get_next(DoublesArrowStream *stream, DoublesArrowArray *out) {
    Script *script = stream->private_data;
    *out = script->array;
    if (script->chunks-- > 0)
        return 0;
    out->release = NULL;
    return script->message == NULL ? 0 : EIO;
}

EXPORT int fail(DoublesArrowStream *stream, DoublesArrowSchema *out) {
    (void)stream, (void)out;
    return ENOMEM;
}

EXPORT const char *get_last_error(DoublesArrowStream *stream) {
    return ((Script *)stream->private_data)->message;
}
