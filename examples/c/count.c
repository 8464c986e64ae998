/* Counts the doubled characters of each argument.
 *
 *     cc count.c -o count $(pkg-config --cflags --libs doubles)
 *     ./count Mississippi жжж
 */

#include <doubles.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        int64_t count = doubles_count_utf8((const uint8_t *)argv[i], strlen(argv[i]), 0);
        if (count < 0) {
            fprintf(stderr, "%s: %s\n", argv[i], doubles_status_message(count));
            return 1;
        }
        printf("%" PRId64 "\t%s\n", count, argv[i]);
    }
    return 0;
}
