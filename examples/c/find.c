/* Shows where characters are repeated in standard input: line, column, the number of the character, and the
 * length of the run.
 *
 *     cc find.c -o find $(pkg-config --cflags --libs doubles)
 *     ./find < find.c
 */

#include <doubles.h>
#include <inttypes.h>
#include <stdio.h>

#define CHUNK (64 * 1024)
#define RUNS (CHUNK / 2 + 2) /* The most runs that can end in a chunk. */

static int fail(const char *reason) {
    fprintf(stderr, "find: %s\n", reason);
    return 1;
}

static void show(const DoublesRun *runs, int64_t number) {
    for (int64_t i = 0; i < number; i++)
        printf("%" PRIu64 ":%" PRIu64 ": U+%04" PRIX32 " x%" PRIu64 "\n", runs[i].line, runs[i].column,
               runs[i].unit, runs[i].length);
}

int main(void) {
    static uint8_t chunk[CHUNK];
    static DoublesRun runs[RUNS]; /* Static memory is zero, so it is initialized. */
    DoublesFinder finder = {0};   /* The beginning of a search. There is nothing to free. */
    size_t length;
    while ((length = fread(chunk, 1, CHUNK, stdin)) > 0) {
        int64_t number = doubles_find_utf8(&finder, chunk, length, 2, runs, RUNS);
        if (number < 0)
            return fail(doubles_status_message(number));
        show(runs, number);
    }
    if (ferror(stdin))
        return fail("the standard input can't be read");
    /* A chunk may end in the middle of a character. The whole text may not. */
    if (finder.tail_len > 0)
        return fail("the text ends in the middle of a character");
    /* The last run is known to be over only now. */
    show(runs, doubles_find_end(&finder, 2, runs));
    return 0;
}
