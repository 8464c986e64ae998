/* Shows what a text's runs of equal characters are: the text without them, the longest one, and each that has two
 * characters or more.
 *
 *     cc runs.c -o runs $(pkg-config --cflags --libs doubles)
 *     ./runs 'Урааааа!!!'
 */

#include <doubles.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *reason) {
    fprintf(stderr, "runs: %s\n", reason);
    return 1;
}

/* Each character once where it is repeated. The output is never longer than the text. */
static int64_t squeeze(const uint8_t *text, size_t len) {
    DoublesSqueezer squeezer = {0};
    uint8_t *out = calloc(len + 1, 1);
    if (out == NULL)
        return DOUBLES_STATUS_NO_MEMORY;
    int64_t size = doubles_squeeze_utf8(&squeezer, text, len, 1, NULL, 0, out, len);
    if (size >= 0)
        printf("squeezed: %.*s\n", (int)size, (const char *)out);
    free(out);
    return size;
}

static int64_t measure(const uint8_t *text, size_t len) {
    DoublesLongest longest = {0};
    int64_t status = doubles_longest_utf8(&longest, text, len);
    if (status >= 0 && longest.tail_len > 0)
        return DOUBLES_STATUS_INVALID_UTF8; /* The text ends in the middle of a character. */
    if (status >= 0)
        printf("longest: U+%04" PRIX32 " x%" PRIu64 "\n", longest.unit, longest.longest);
    return status;
}

/* All runs at once, as three arrays. */
static int64_t find(const uint8_t *text, size_t len) {
    DoublesRuns *runs = doubles_runs_new(0);
    DoublesFinder finder = {0};
    DoublesRunsView view = {0};
    int64_t status = doubles_runs_utf8(runs, &finder, text, len, 2);
    if (status >= 0)
        status = doubles_runs_end(runs, &finder, 2); /* The last run is known to be over only now. */
    if (status >= 0)
        status = doubles_runs_view(runs, &view);
    for (size_t i = 0; i < view.length; i++)
        printf("at %" PRId64 ": U+%04" PRIX32 " x%" PRId64 "\n", view.starts[i], view.units[i], view.lengths[i]);
    doubles_runs_free(runs);
    return status;
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        const uint8_t *text = (const uint8_t *)argv[i];
        size_t len = strlen(argv[i]);
        int64_t status = measure(text, len); /* First, as it refuses a text that is not whole. */
        if (status >= 0)
            status = squeeze(text, len);
        if (status >= 0)
            status = find(text, len);
        if (status < 0)
            return fail(doubles_status_message(status));
    }
    return 0;
}
