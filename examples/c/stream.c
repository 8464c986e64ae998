/* Counts the doubled characters of its standard input, chunk by chunk.
 *
 *     cc stream.c -o stream $(pkg-config --cflags --libs doubles)
 *     ./stream < stream.c
 */

#include <doubles.h>
#include <inttypes.h>
#include <stdio.h>

static int fail(const char *reason) {
    fprintf(stderr, "stream: %s\n", reason);
    return 1;
}

int main(void) {
    static uint8_t chunk[64 * 1024];
    DoublesSummary summary = {0}; /* The summary of nothing. There is nothing to free. */
    size_t length;
    while ((length = fread(chunk, 1, sizeof chunk, stdin)) > 0) {
        int64_t status = doubles_update_utf8(&summary, NULL, chunk, length, 0);
        if (status != DOUBLES_STATUS_OK)
            return fail(doubles_status_message(status));
    }
    if (ferror(stdin))
        return fail("the standard input can't be read");
    /* A chunk may end in the middle of a character. The whole text may not. */
    if (summary.head_len > 0 || summary.tail_len > 0)
        return fail("the text begins or ends in the middle of a character");
    printf("%" PRIu64 " in %" PRIu64 " characters\n", summary.count, summary.length);
    return 0;
}
