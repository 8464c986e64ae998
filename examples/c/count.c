/* Counts doubled characters of UTF-8 text, after `make install`:
 *
 *     cc count.c -o count $(pkg-config --cflags --libs doubles)
 *     ./count Mississippi
 */

#include <doubles.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: %s TEXT\n", argv[0]);
        return 2;
    }
    int64_t count = doubles_count_utf8((const uint8_t *)argv[1], strlen(argv[1]), 0);
    if (count < 0) {
        fprintf(stderr, "%s: %s\n", argv[0], doubles_status_message(count));
        return 1;
    }
    printf("%" PRId64 "\n", count);
    return 0;
}
