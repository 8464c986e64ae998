/* The ABI as a C caller sees it: every function, its answers to good and to bad input. */
#include "doubles.h"

#include <stdio.h>
#include <string.h>

static int failures = 0;

#define CHECK(condition)                                                     \
    do {                                                                     \
        if (!(condition)) {                                                  \
            fprintf(stderr, "line %d: %s does not hold\n", __LINE__, #condition); \
            failures++;                                                      \
        }                                                                    \
    } while (0)

typedef int64_t (*counter)(const uint8_t *data, size_t len);

static int64_t count_bytes(const uint8_t *data, size_t len) {
    return doubles_count_bytes(data, len, 0);
}

static int64_t count_utf8(const uint8_t *data, size_t len) {
    return doubles_count_utf8(data, len, 0);
}

static const counter BYTE_COUNTERS[] = {
    count_bytes,
    doubles_count_once_bytes,
    doubles_count_slice,
    doubles_count_slice_parallel,
};
static const counter CHARACTER_COUNTERS[] = {
    count_utf8,
    doubles_count_zip,
    doubles_count_once,
};

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static const uint8_t *bytes(const char *text) { return (const uint8_t *)text; }

static void check_counter(counter count) {
    CHECK(count(bytes("aaa"), 3) == 2);
    CHECK(count(bytes("aaa"), 2) == 1);
    CHECK(count(bytes("abc"), 3) == 0);
    CHECK(count(bytes(""), 0) == 0);
    CHECK(count(NULL, 0) == 0);
    CHECK(count(bytes("a"), SIZE_MAX) == DOUBLES_STATUS_INVALID_LENGTH);
}

static void check_counters(void) {
    for (size_t i = 0; i < LENGTH(BYTE_COUNTERS); i++) {
        check_counter(BYTE_COUNTERS[i]);
        CHECK(BYTE_COUNTERS[i](bytes("\xff\xff"), 2) == 1);
        CHECK(BYTE_COUNTERS[i](bytes("\xd0\xb6\xd0\xb6"), 4) == 0);
    }
    for (size_t i = 0; i < LENGTH(CHARACTER_COUNTERS); i++) {
        check_counter(CHARACTER_COUNTERS[i]);
        CHECK(CHARACTER_COUNTERS[i](bytes("\xff\xff"), 2) == DOUBLES_STATUS_INVALID_UTF8);
        CHECK(CHARACTER_COUNTERS[i](bytes("\xd0\xb6\xd0\xb6"), 4) == 1);
    }
    CHECK(doubles_count_bytes(bytes("aaa"), 3, 1) == 2);
    CHECK(doubles_count_bytes(bytes("aaa"), 3, SIZE_MAX) == 2);
}

static void check_units(void) {
    const uint32_t units[] = {0x10ffff, 0x10ffff, 0xd800, 0xd800, 'a'};
    const uint8_t *data = (const uint8_t *)units;
    CHECK(doubles_count_utf32(data, sizeof units, 0) == 2);
    CHECK(doubles_count_utf32(data, sizeof units - 1, 2) == 2);
    CHECK(doubles_count_utf32(data, 7, 0) == 0);
    CHECK(doubles_count_utf32(NULL, 0, 0) == 0);

    const uint16_t halves[] = {0xd800, 0xd800, 0xd8d8, 'a'};
    data = (const uint8_t *)halves;
    CHECK(doubles_count_utf16(data, sizeof halves, 0) == 1);
    CHECK(doubles_count_utf16(data, 5, 2) == 1);
    CHECK(doubles_count_utf16(data, 3, 0) == 0);
    CHECK(doubles_count_utf16(data + 1, 2, 0) == 0);
    CHECK(doubles_count_utf16(NULL, 0, 0) == 0);
}

static void check_summary_of_units(void) {
    const uint32_t units[] = {0xd800, 0xd800, 'a'};
    const uint16_t halves[] = {'a', 'a', 'b'};
    const uint8_t *data = (const uint8_t *)units, *half = (const uint8_t *)halves;
    DoublesSummary summary = {0}, torn = {0};
    DoublesTally *tally = doubles_tally_new();
    CHECK(doubles_update_utf32(&summary, NULL, NULL, 0, 0) == DOUBLES_STATUS_OK);
    CHECK(doubles_update_utf16(&summary, NULL, NULL, 0, 0) == DOUBLES_STATUS_OK);
    CHECK(doubles_update_utf32(&summary, tally, data, sizeof units, 0) == DOUBLES_STATUS_OK);
    CHECK(doubles_update_bytes(&summary, tally, bytes("aa"), 2, 0) == DOUBLES_STATUS_OK);
    CHECK(doubles_update_utf32(&summary, tally, data + 8, 5, 1) == DOUBLES_STATUS_OK);
    CHECK(doubles_update_utf16(&summary, tally, half, 5, 0) == DOUBLES_STATUS_OK);
    CHECK(summary.length == 8 && summary.count == 6);
    CHECK(summary.first == 0xd800 && summary.last == 'a');
    CHECK(doubles_tally_len(tally) == 2);
    CHECK(doubles_update_utf8(&torn, NULL, bytes("\xd0"), 1, 0) == DOUBLES_STATUS_OK);
    CHECK(doubles_update_utf32(&torn, tally, data, 4, 0) == DOUBLES_STATUS_INVALID_UTF8);
    CHECK(doubles_update_utf16(&torn, tally, half, 4, 0) == DOUBLES_STATUS_INVALID_UTF8);
    CHECK(torn.length == 0 && torn.tail_len == 1);
    doubles_tally_free(tally);
}

/* The doubles within `len` bytes, added to a tally. */
static int64_t tally_bytes(DoublesTally *tally, const char *text, size_t len) {
    DoublesSummary summary = {0};
    return doubles_update_bytes(&summary, tally, bytes(text), len, 0);
}

static int64_t tally_utf8(DoublesTally *tally, const char *text, size_t len) {
    DoublesSummary summary = {0};
    return doubles_update_utf8(&summary, tally, bytes(text), len, 0);
}

static void check_tally(void) {
    uint32_t units[3] = {7, 7, 7};
    uint64_t counts[3] = {7, 7, 7};
    DoublesTally *tally = doubles_tally_new();
    CHECK(tally != NULL);
    CHECK(doubles_tally_len(tally) == 0);
    CHECK(tally_bytes(tally, "aaab", 4) == DOUBLES_STATUS_OK);
    CHECK(tally_utf8(tally, "\xd0\xb6\xd0\xb6", 4) == DOUBLES_STATUS_OK);
    CHECK(tally_utf8(tally, "cc\xff", 3) == DOUBLES_STATUS_INVALID_UTF8);
    const uint32_t text[] = {0xd800, 0xd800};
    DoublesSummary summary = {0};
    CHECK(doubles_update_utf32(&summary, tally, (const uint8_t *)text, sizeof text, 0) ==
          DOUBLES_STATUS_OK);
    CHECK(tally_bytes(tally, NULL, 0) == DOUBLES_STATUS_OK);

    CHECK(doubles_tally_len(tally) == 3);
    CHECK(doubles_tally_read(tally, units, counts, 2) == 2);
    CHECK(units[0] == 'a' && counts[0] == 2);
    CHECK(units[1] == 0x436 && counts[1] == 1);
    CHECK(units[2] == 7 && counts[2] == 7);
    CHECK(doubles_tally_read(tally, units, counts, 3) == 3);
    CHECK(units[2] == 0xd800 && counts[2] == 1);

    const uint32_t more_units[] = {'a', 0x10ffff, 0x110000};
    const uint64_t more_counts[] = {5, UINT64_MAX, 9};
    DoublesTally *sum = doubles_tally_new();
    CHECK(tally_bytes(sum, "aa", 2) == DOUBLES_STATUS_OK);
    CHECK(doubles_tally_add(sum, more_units, more_counts, 3) == DOUBLES_STATUS_OK);
    CHECK(doubles_tally_read(sum, units, counts, 3) == 2);
    CHECK(units[0] == 'a' && counts[0] == 6);
    CHECK(units[1] == 0x10ffff && counts[1] == UINT64_MAX);
    CHECK(doubles_tally_add(sum, NULL, NULL, 0) == DOUBLES_STATUS_OK);
    doubles_tally_free(sum);

    CHECK(doubles_tally_read(tally, NULL, NULL, 0) == 0);
    const size_t too_many = SIZE_MAX / 2 / sizeof *units + 1;
    CHECK(doubles_tally_read(tally, units, counts, too_many) == DOUBLES_STATUS_INVALID_LENGTH);
    doubles_tally_free(tally);
}

static void check_summary(void) {
    const char *text = "a\xd0\xb6\xd0\xb6\xd0\xb6";
    DoublesSummary whole = {0}, left = {0}, right = {0};
    DoublesTally *tally = doubles_tally_new();
    CHECK(doubles_update_utf8(&whole, NULL, bytes(text), 7, 0) == DOUBLES_STATUS_OK);
    CHECK(whole.length == 4 && whole.count == 2 && whole.first == 'a' && whole.last == 0x436);
    for (size_t cut = 0; cut <= 7; cut++) {
        memset(&left, 0, sizeof left);
        memset(&right, 0, sizeof right);
        CHECK(doubles_update_utf8(&left, tally, bytes(text), cut, 0) == DOUBLES_STATUS_OK);
        CHECK(doubles_update_utf8(&right, tally, bytes(text) + cut, 7 - cut, 1) == DOUBLES_STATUS_OK);
        CHECK(doubles_merge(&left, tally, &right) == DOUBLES_STATUS_OK);
        CHECK(memcmp(&left, &whole, sizeof whole) == 0);
    }
    uint32_t unit;
    uint64_t count;
    CHECK(doubles_tally_len(tally) == 1);
    CHECK(doubles_tally_read(tally, &unit, &count, 1) == 1);
    CHECK(unit == 0x436 && count == 2 * 8);

    left = whole;
    CHECK(doubles_update_utf8(&left, tally, bytes("\xd0"), 1, 0) == DOUBLES_STATUS_OK);
    CHECK(left.tail_len == 1);
    right = left;
    CHECK(doubles_update_utf8(&left, tally, bytes("aa"), 2, 0) == DOUBLES_STATUS_INVALID_UTF8);
    CHECK(doubles_merge(&left, tally, &whole) == DOUBLES_STATUS_INVALID_UTF8);
    left.head_len = 4;
    right.head_len = 4;
    CHECK(doubles_merge(&left, tally, &whole) == DOUBLES_STATUS_INVALID_STRUCT);
    CHECK(doubles_merge(&left, tally, &right) == DOUBLES_STATUS_INVALID_STRUCT);
    CHECK(memcmp(&left, &right, sizeof left) == 0);
    CHECK(doubles_tally_len(tally) == 1);

    memset(&left, 0, sizeof left);
    CHECK(doubles_update_bytes(&left, NULL, bytes("\xff\xff"), 2, 0) == DOUBLES_STATUS_OK);
    CHECK(doubles_update_bytes(&left, NULL, bytes("\xff"), 1, 0) == DOUBLES_STATUS_OK);
    CHECK(left.length == 3 && left.count == 2);
    CHECK(doubles_update_bytes(&left, NULL, NULL, 0, 0) == DOUBLES_STATUS_OK);
    CHECK(left.length == 3 && left.count == 2);
    doubles_tally_free(tally);
}

static const uint8_t KEY[DOUBLES_KEY_LENGTH] = {1, 2, 3};

static int64_t fill(const char *alphabet, size_t alphabet_len, uint64_t block, uint8_t *out, size_t len) {
    return doubles_fill_random(bytes(alphabet), alphabet_len, KEY, block, 0, out, len);
}

static void check_random(void) {
    static uint8_t text[DOUBLES_BLOCK_LENGTH + 64];
    uint8_t second[64];
    memset(second, 0, sizeof second);
    CHECK(fill("xyz", 3, 0, text, sizeof text) == DOUBLES_STATUS_OK);
    for (size_t i = 0; i < sizeof text; i++)
        CHECK(memchr("xyz", text[i], 3) != NULL);
    CHECK(fill("xyz", 3, 1, second, sizeof second) == DOUBLES_STATUS_OK);
    CHECK(memcmp(text + DOUBLES_BLOCK_LENGTH, second, sizeof second) == 0);
    CHECK(fill("xyz", 3, 0, second, sizeof second) == DOUBLES_STATUS_OK);
    CHECK(memcmp(text, second, sizeof second) == 0);
    CHECK(fill("xyz", 3, INT64_MAX, second, sizeof second) == DOUBLES_STATUS_OK);
    CHECK(fill("xyz", 3, 0, second, sizeof second) == DOUBLES_STATUS_OK);
    CHECK(fill("xyz", 3, 0, NULL, 0) == DOUBLES_STATUS_OK);

    memset(second, 7, sizeof second);
    memset(text, 7, sizeof second);
    CHECK(fill("xyz", 3, UINT64_MAX, second, 64) == DOUBLES_STATUS_INVALID_LENGTH);
    CHECK(fill("", 0, 0, second, 64) == DOUBLES_STATUS_INVALID_ALPHABET);
    CHECK(fill("xyx", 3, 0, second, 64) == DOUBLES_STATUS_INVALID_ALPHABET);
    CHECK(fill((const char *)text, 129, 0, second, 64) == DOUBLES_STATUS_INVALID_ALPHABET);
    CHECK(memcmp(text, second, sizeof second) == 0);
}

/* Any of the functions that search, with a room of its own. */
typedef int64_t (*finder_of_units)(DoublesFinder *finder, const uint8_t *data, size_t len,
                                   uint64_t least, DoublesRun *runs, size_t runs_len);

static const finder_of_units FINDERS[] = {
    doubles_find_bytes,
    doubles_find_utf8,
    doubles_find_utf16,
    doubles_find_utf32,
};

static int is_run(DoublesRun run, uint64_t start, uint64_t length, uint32_t unit) {
    return run.start == start && run.length == length && run.unit == unit;
}

static void check_find(void) {
    DoublesRun runs[16] = {{0}};
    for (size_t i = 0; i < LENGTH(FINDERS); i++) {
        const uint32_t units[] = {0x61616161, 0x61616161, 0x62626262};
        const uint8_t *data = (const uint8_t *)units;
        DoublesFinder finder = {0}, before;
        CHECK(FINDERS[i](&finder, NULL, 0, 2, runs, 2) == 0);
        CHECK(doubles_find_end(&finder, 2, runs) == 0);
        CHECK(FINDERS[i](&finder, data, sizeof units, 2, runs, 8) >= 1);
        CHECK(runs[0].start == 0 && runs[0].length >= 2 && runs[0].unit % 256 == 'a');
        CHECK(runs[0].line == 1 && runs[0].column == 1);
        before = finder;
        CHECK(FINDERS[i](&finder, data, 4, 2, runs, 3) == DOUBLES_STATUS_OUTPUT_TOO_SMALL);
        CHECK(FINDERS[i](&finder, data, SIZE_MAX, 2, runs, 16) == DOUBLES_STATUS_INVALID_LENGTH);
        finder.tail_len = 4;
        CHECK(FINDERS[i](&finder, data, 4, 2, runs, 16) == DOUBLES_STATUS_INVALID_STRUCT);
        finder.tail_len = before.tail_len;
        CHECK(memcmp(&finder, &before, sizeof finder) == 0);
    }

    DoublesFinder finder = {0};
    CHECK(doubles_find_utf8(&finder, bytes("aa\n\xd0"), 4, 2, runs, 4) == 1);
    CHECK(is_run(runs[0], 0, 2, 'a'));
    CHECK(finder.length == 3 && finder.tail_len == 1);
    CHECK(doubles_find_utf8(&finder, bytes("\xb6\xd0\xb6"), 3, 2, runs, 3) == 0);
    CHECK(doubles_find_end(&finder, 3, runs) == 0);
    CHECK(doubles_find_end(&finder, 2, runs) == 1);
    CHECK(is_run(runs[0], 3, 2, 0x436) && runs[0].line == 2 && runs[0].column == 1);
    const DoublesFinder before = finder;
    CHECK(doubles_find_utf8(&finder, bytes("bb\xff"), 3, 2, runs, 3) == DOUBLES_STATUS_INVALID_UTF8);
    CHECK(doubles_find_utf8(&finder, bytes("\x80"), 1, 2, runs, 2) == DOUBLES_STATUS_INVALID_UTF8);
    CHECK(memcmp(&finder, &before, sizeof finder) == 0);
    finder.tail_len = 1;
    CHECK(doubles_find_utf8(&finder, bytes("\x80\x80\x80"), 3, 2, runs, 3) ==
          DOUBLES_STATUS_INVALID_UTF8);
}

/* Any of the functions that collect runs. */
typedef int64_t (*collector_of_units)(DoublesRuns *runs, DoublesFinder *finder, const uint8_t *data, size_t len,
                                      uint64_t least);

static const collector_of_units COLLECTORS[] = {
    doubles_runs_bytes,
    doubles_runs_utf8,
    doubles_runs_utf16,
    doubles_runs_utf32,
};

static void check_collected(void) {
    DoublesRunsView view = {0};
    for (size_t i = 0; i < LENGTH(COLLECTORS); i++) {
        const uint32_t units[] = {0x61616161, 0x61616161, 0x62626262};
        const uint8_t *data = (const uint8_t *)units;
        DoublesRuns *runs = doubles_runs_new(0);
        DoublesFinder finder = {0}, before;
        CHECK(COLLECTORS[i](runs, &finder, NULL, 0, 2) == 0);
        CHECK(doubles_runs_end(runs, &finder, 1) == 0);
        CHECK(COLLECTORS[i](runs, &finder, data, sizeof units, 2) == 0);
        CHECK(doubles_runs_view(runs, &view) == 0 && view.rows == NULL && view.length >= 1);
        CHECK(view.starts[0] == 0 && view.lengths[0] >= 2 && view.units[0] % 256 == 'a');
        before = finder;
        const size_t known = view.length;
        CHECK(COLLECTORS[i](runs, &finder, data, SIZE_MAX, 2) == DOUBLES_STATUS_INVALID_LENGTH);
        finder.tail_len = 4;
        CHECK(COLLECTORS[i](runs, &finder, data, 4, 2) == DOUBLES_STATUS_INVALID_STRUCT);
        finder.tail_len = before.tail_len;
        CHECK(memcmp(&finder, &before, sizeof finder) == 0);
        CHECK(doubles_runs_view(runs, &view) == 0 && view.length == known);
        doubles_runs_free(runs);
    }

    DoublesRuns *runs = doubles_runs_new(0);
    DoublesFinder finder = {0};
    CHECK(doubles_runs_utf8(runs, &finder, bytes("aa\xd0"), 3, 1) == 0);
    CHECK(doubles_runs_utf8(runs, &finder, bytes("bb\xff"), 3, 1) == DOUBLES_STATUS_INVALID_UTF8);
    CHECK(doubles_runs_utf8(runs, &finder, bytes("\xb6" "cc\xff"), 4, 1) == DOUBLES_STATUS_INVALID_UTF8);
    CHECK(doubles_runs_utf8(runs, &finder, bytes("\xb6\xd0\xb6"), 3, 1) == 0);
    CHECK(doubles_runs_end(runs, &finder, 3) == 0);
    CHECK(doubles_runs_view(runs, &view) == 0 && view.length == 1);
    CHECK(doubles_runs_end(runs, &finder, 2) == 0);
    CHECK(doubles_runs_view(runs, &view) == 0 && view.length == 2);
    CHECK(view.starts[1] == 2 && view.lengths[1] == 2 && view.units[1] == 0x436);
    doubles_runs_free(runs);
}

static void check_runs_with_rows(void) {
    const int64_t rows[] = {3, 5}, starts[] = {0, 1}, lengths[] = {2, 4};
    const uint32_t units[] = {'a', 0x436};
    DoublesRuns *runs = doubles_runs_new(1);
    DoublesRunsView view = {0};
    CHECK(doubles_runs_append(runs, rows, starts, lengths, units, 2) == 0);
    CHECK(doubles_runs_append(runs, NULL, starts, lengths, units, 1) == 0);
    CHECK(doubles_runs_append(runs, NULL, NULL, NULL, NULL, 0) == 0);
    CHECK(doubles_runs_view(runs, &view) == 0 && view.length == 3);
    CHECK(view.rows[0] == 3 && view.rows[1] == 5 && view.rows[2] == 0);
    CHECK(view.starts[1] == 1 && view.lengths[1] == 4 && view.units[1] == 0x436);

    DoublesArrowSchema schema = {0};
    DoublesArrowArray array = {0};
    CHECK(doubles_runs_export(runs, 4, 0, &schema, &array) == DOUBLES_STATUS_INVALID_LENGTH);
    CHECK(doubles_runs_export(runs, 2, SIZE_MAX, &schema, &array) == DOUBLES_STATUS_INVALID_LENGTH);
    CHECK(doubles_runs_export(runs, 2, 2, &schema, &array) == DOUBLES_STATUS_INVALID_LENGTH);
    CHECK(schema.release == NULL && array.release == NULL);
    CHECK(doubles_runs_export(runs, 1, 2, &schema, &array) == DOUBLES_STATUS_OK);
    /* What is appended now is not seen in the array, which keeps its memory. */
    CHECK(doubles_runs_append(runs, rows, starts, lengths, units, 2) == 0);
    doubles_runs_free(runs);
    CHECK(strcmp(schema.format, "+s") == 0 && schema.flags == 0 && schema.n_children == 4);
    CHECK(strcmp(schema.children[0]->name, "row") == 0 && strcmp(schema.children[0]->format, "l") == 0);
    CHECK(strcmp(schema.children[3]->name, "unit") == 0 && strcmp(schema.children[3]->format, "I") == 0);
    CHECK(array.length == 2 && array.offset == 0 && array.n_buffers == 1 && array.n_children == 4);
    for (size_t i = 0; i < 4; i++)
        CHECK(array.children[i]->length == 2 && array.children[i]->offset == 1 &&
              array.children[i]->buffers[0] == NULL);
    CHECK(((const int64_t *)array.children[0]->buffers[1])[1] == 5);

    /* A consumer may move a child, and release it after its parent. */
    DoublesArrowArray moved = *array.children[2];
    array.children[2]->release = NULL;
    array.release(&array);
    schema.release(&schema);
    CHECK(array.release == NULL && schema.release == NULL);
    CHECK(((const int64_t *)moved.buffers[1])[1] == 4);
    moved.release(&moved);
    CHECK(moved.release == NULL);
}

static void check_write_runs(void) {
    const DoublesRun runs[] = {{4, 2, 1, 5, 1}, {9, 3, 2, 7, 1}, {20, 2, 3, 1, 0}};
    uint8_t glyphs[2 * DOUBLES_GLYPH_LENGTH] = {0}, out[300];
    size_t written = 7;
    memcpy(glyphs + DOUBLES_GLYPH_LENGTH, "\2ab", 3);
#define WRITE(runs, len, name, out_len) \
    doubles_write_runs(runs, len, bytes(name), 1, glyphs, sizeof glyphs, out, out_len, &written)
    CHECK(WRITE(runs, 3, "x", sizeof out) == 2);
    CHECK(written == 23 && memcmp(out, "x:1:5: ab\nx:2:7: ab x3\n", written) == 0);
    CHECK(WRITE(runs, 3, "x", 10) == 0 && written == 0);
    CHECK(WRITE(NULL, 0, "x", sizeof out) == 0);
    CHECK(doubles_write_runs(runs, 1, NULL, 0, NULL, 0, out, sizeof out, &written) == 0);
    CHECK(doubles_write_runs(runs, 1, NULL, 0, NULL, 0, NULL, 0, &written) == 0);
}

/* Counts of a column until there is nothing left to count. Returns the last result. */
static int64_t count_all(DoublesColumn *column, DoublesCounts *counts) {
    int64_t more;
    while ((more = doubles_column_count(column, counts, 2)) > 0)
        ;
    return more;
}

static void check_columns(void) {
    const uint8_t *rows = bytes("aa\0\0abbbaaaa");
    DoublesColumn *column = doubles_column_new();
    DoublesCounts *counts = doubles_counts_new();
    DoublesCountsView view = {0};
    DoublesFault fault;
    CHECK(doubles_column_import_padded(column, rows, 3, 4, 2) == DOUBLES_STATUS_INVALID_LENGTH);
    CHECK(doubles_column_import_padded(column, rows, SIZE_MAX / 2, 4, 1) == DOUBLES_STATUS_INVALID_LENGTH);
    CHECK(count_all(column, counts) == 0);
    CHECK(doubles_column_import_padded(column, rows, 3, 4, 1) == DOUBLES_STATUS_OK);
    CHECK(doubles_column_schema(column) == NULL && doubles_column_schema(NULL) == NULL);
    CHECK(count_all(column, counts) == 0);
    CHECK(doubles_counts_view(counts, &view) == DOUBLES_STATUS_OK);
    CHECK(view.length == 3 && view.null_count == 0 && view.validity[0] == 7);
    CHECK(view.values[0] == 1 && view.values[1] == 2 && view.values[2] == 3);
    CHECK(doubles_column_fault(column, &fault) == DOUBLES_STATUS_OK);
    CHECK(fault.row == -1 && fault.code == 0 && fault.message == NULL && fault.text_len == 0);
    doubles_column_free(column);

    const int64_t offsets[] = {0, 4, 8, 8};
    const uint8_t valid = 5;
    column = doubles_column_new();
    CHECK(doubles_column_import_rows(column, offsets, NULL, 3, rows, 8, 2) == DOUBLES_STATUS_INVALID_LENGTH);
    CHECK(doubles_column_import_rows(column, offsets, NULL, SIZE_MAX, rows, 8, 1) ==
          DOUBLES_STATUS_INVALID_LENGTH);
    CHECK(doubles_column_import_rows(column, offsets, &valid, 3, rows, 8, 1) == DOUBLES_STATUS_OK);
    DoublesCounts *longest = doubles_counts_new();
    while (doubles_column_longest(column, longest, 2) > 0)
        ;
    CHECK(doubles_counts_view(longest, &view) == DOUBLES_STATUS_OK);
    CHECK(view.length == 3 && view.null_count == 1 && view.validity[0] == 5);
    CHECK(view.values[0] == 2 && view.values[1] == 0 && view.values[2] == 0);
    doubles_counts_free(longest);
    doubles_column_free(column);

    DoublesTexts *texts = doubles_texts_new();
    DoublesTextsView text = {0};
    const uint8_t letter_a[13] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2};
    column = doubles_column_new();
    CHECK(doubles_column_import_rows(column, offsets, &valid, 3, rows, 8, 1) == DOUBLES_STATUS_OK);
    CHECK(doubles_column_squeeze(column, texts, 0, NULL, 0) == DOUBLES_STATUS_INVALID_LENGTH);
    while (doubles_column_squeeze(column, texts, 1, letter_a, sizeof letter_a) > 0)
        ;
    CHECK(doubles_texts_view(texts, &text) == DOUBLES_STATUS_OK);
    CHECK(text.length == 3 && text.null_count == 1 && text.validity[0] == 5);
    CHECK(text.offsets[1] == 3 && text.offsets[3] == 3 && memcmp(text.data, "a\0\0", 3) == 0);
    doubles_column_free(column);

    DoublesArrowSchema text_schema = {0};
    DoublesArrowArray text_array = {0};
    CHECK(doubles_texts_export(texts, 2, 2, 'z', &text_schema, &text_array) == DOUBLES_STATUS_INVALID_LENGTH);
    CHECK(doubles_texts_export(texts, 2, SIZE_MAX, 'z', &text_schema, &text_array) ==
          DOUBLES_STATUS_INVALID_LENGTH);
    CHECK(doubles_texts_export(texts, 0, 3, 'l', &text_schema, &text_array) ==
          DOUBLES_STATUS_UNSUPPORTED_COLUMN);
    CHECK(doubles_texts_export(texts, 0, 3, 'z', &text_schema, &text_array) == DOUBLES_STATUS_OK);
    CHECK(strcmp(text_schema.format, "z") == 0 && ((const int32_t *)text_array.buffers[1])[1] == 3);
    doubles_texts_free(texts);
    CHECK(memcmp(text_array.buffers[2], "a\0\0", 3) == 0);
    text_schema.release(&text_schema);
    text_array.release(&text_array);

    DoublesRuns *row_runs = doubles_runs_new(1);
    DoublesRunsView run = {0};
    column = doubles_column_new();
    CHECK(doubles_column_import_rows(column, offsets, &valid, 3, rows, 8, 1) == DOUBLES_STATUS_OK);
    while (doubles_column_find(column, row_runs, 2, 5) > 0)
        ;
    CHECK(doubles_runs_view(row_runs, &run) == DOUBLES_STATUS_OK);
    CHECK(run.length == 2 && run.rows[1] == 5 && run.starts[1] == 2 && run.lengths[1] == 2);
    doubles_runs_free(row_runs);
    doubles_column_free(column);

    const int64_t more[] = {7, 8};
    const uint8_t second = 2;
    CHECK(doubles_counts_append(counts, more, &second, 2) == DOUBLES_STATUS_OK);
    CHECK(doubles_counts_append(counts, more, NULL, 1) == DOUBLES_STATUS_OK);
    CHECK(doubles_counts_view(counts, &view) == DOUBLES_STATUS_OK);
    CHECK(view.length == 6 && view.null_count == 1 && view.validity[0] == 0x37);
    CHECK(view.values[3] == 0 && view.values[4] == 8 && view.values[5] == 7);

    DoublesArrowSchema schema = {0};
    DoublesArrowArray array = {0};
    CHECK(doubles_counts_export(counts, 7, 0, &schema, &array) == DOUBLES_STATUS_INVALID_LENGTH);
    CHECK(doubles_counts_export(counts, 2, SIZE_MAX, &schema, &array) == DOUBLES_STATUS_INVALID_LENGTH);
    CHECK(doubles_counts_export(counts, 2, 5, &schema, &array) == DOUBLES_STATUS_INVALID_LENGTH);
    CHECK(schema.release == NULL && array.release == NULL);
    CHECK(doubles_counts_export(counts, 2, 4, &schema, &array) == DOUBLES_STATUS_OK);
    doubles_counts_free(counts);
    CHECK(strcmp(schema.format, "l") == 0 && schema.flags == 2 && schema.n_children == 0);
    CHECK(array.offset == 2 && array.length == 4 && array.null_count == 1 && array.n_buffers == 2);
    CHECK(((const int64_t *)array.buffers[1])[4] == 8);

    /* An array of numbers is no column, and is released all the same. A second import finds nothing. */
    column = doubles_column_new();
    CHECK(schema.release != NULL && array.release != NULL);
    CHECK(doubles_column_import_array(column, &schema, &array) == DOUBLES_STATUS_UNSUPPORTED_COLUMN);
    CHECK(strcmp(doubles_column_schema(column)->format, "l") == 0);
    CHECK(schema.release == NULL && array.release == NULL);
    CHECK(doubles_column_import_array(column, &schema, &array) == DOUBLES_STATUS_RELEASED);
    DoublesArrowStream stream = {0};
    CHECK(doubles_column_import_stream(column, &stream) == DOUBLES_STATUS_RELEASED);
    doubles_column_free(column);
}

typedef int64_t (*squeeze_of_units)(DoublesSqueezer *, const uint8_t *, size_t, uint64_t, const uint8_t *, size_t,
                                    uint8_t *, size_t);
static const squeeze_of_units SQUEEZERS[] = {
    doubles_squeeze_bytes,
    doubles_squeeze_utf8,
    doubles_squeeze_utf16,
    doubles_squeeze_utf32,
};

static void check_squeeze(void) {
    uint8_t out[16] = {0};
    const uint8_t only_b[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 << ('b' - 96)};
    for (size_t i = 0; i < LENGTH(SQUEEZERS); i++) {
        DoublesSqueezer squeezer = {0}, before;
        CHECK(SQUEEZERS[i](&squeezer, NULL, 0, 1, NULL, 0, NULL, 0) == 0);
        CHECK(squeezer.run == 0);
        CHECK(SQUEEZERS[i](&squeezer, bytes("aaaaaaaa"), 8, 1, NULL, 0, out, 11) >= 1);
        CHECK(SQUEEZERS[i](&squeezer, bytes("aaaaaaaa"), 8, 1, NULL, 0, out, 11) == 0);
        before = squeezer;
        CHECK(SQUEEZERS[i](&squeezer, bytes("aaaaaaaa"), 8, 0, NULL, 0, out, 11) ==
              DOUBLES_STATUS_INVALID_LENGTH);
        CHECK(SQUEEZERS[i](&squeezer, bytes("aaaaaaaa"), 8, 1, NULL, 0, out, 7) ==
              DOUBLES_STATUS_OUTPUT_TOO_SMALL);
        squeezer.tail_len = 4;
        CHECK(SQUEEZERS[i](&squeezer, bytes("a"), 1, 1, NULL, 0, out, 16) == DOUBLES_STATUS_INVALID_STRUCT);
        squeezer.tail_len = before.tail_len;
        CHECK(memcmp(&squeezer, &before, sizeof squeezer) == 0);
    }

    DoublesSqueezer squeezer = {0};
    CHECK(doubles_squeeze_bytes(&squeezer, bytes("aabbb"), 5, 2, only_b, sizeof only_b, out, 5) == 4);
    CHECK(memcmp(out, "aabb", 4) == 0);
    CHECK(doubles_squeeze_bytes(&squeezer, bytes("bba"), 3, 2, only_b, sizeof only_b, out, 3) == 1);
    CHECK(out[0] == 'a');

    DoublesSqueezer text = {0};
    CHECK(doubles_squeeze_utf8(&text, bytes("\xd0\xb6\xd0"), 3, 1, NULL, 0, out, 6) == 2);
    CHECK(text.tail_len == 1);
    CHECK(doubles_squeeze_utf8(&text, bytes("\xb6"), 1, 1, NULL, 0, out, 4) == 0);
    CHECK(doubles_squeeze_utf8(&text, bytes("\xd0"), 1, 1, NULL, 0, out, 4) == 0);
    const DoublesSqueezer before = text;
    CHECK(doubles_squeeze_utf8(&text, bytes("\xff"), 1, 1, NULL, 0, out, 4) == DOUBLES_STATUS_INVALID_UTF8);
    CHECK(memcmp(&text, &before, sizeof text) == 0);
    CHECK(doubles_squeeze_utf8(&text, bytes("\xb7"), 1, 1, NULL, 0, out, 4) == 2);
    CHECK(memcmp(out, "\xd0\xb7", 2) == 0);
}

typedef int64_t (*longest_of_units)(DoublesLongest *, const uint8_t *, size_t);
static const longest_of_units LONGEST[] = {
    doubles_longest_bytes,
    doubles_longest_utf8,
    doubles_longest_utf16,
    doubles_longest_utf32,
};

static void check_longest(void) {
    for (size_t i = 0; i < LENGTH(LONGEST); i++) {
        DoublesLongest longest = {0}, before;
        CHECK(LONGEST[i](&longest, NULL, 0) == 0);
        CHECK(longest.longest == 0);
        CHECK(LONGEST[i](&longest, bytes("aaaaaaaabbbb"), 12) == 0);
        CHECK(longest.start == 0 && longest.longest >= 2 && longest.unit % 256 == 'a');
        before = longest;
        longest.tail_len = 4;
        CHECK(LONGEST[i](&longest, bytes("aaaa"), 4) == DOUBLES_STATUS_INVALID_STRUCT);
        longest.tail_len = before.tail_len;
        CHECK(memcmp(&longest, &before, sizeof longest) == 0);
    }

    DoublesLongest text = {0};
    CHECK(doubles_longest_utf8(&text, bytes("aa\xd0\xb6\xd0"), 5) == 0);
    CHECK(text.start == 0 && text.longest == 2 && text.tail_len == 1);
    CHECK(doubles_longest_utf8(&text, bytes("\xb6\xd0\xb6"), 3) == 0);
    CHECK(text.start == 2 && text.longest == 3 && text.unit == 0x436 && text.length == 5);
    CHECK(doubles_longest_utf8(&text, bytes("\xff"), 1) == DOUBLES_STATUS_INVALID_UTF8);
}

int main(void) {
    CHECK(doubles_num_threads() >= 1);
    CHECK(doubles_abi_version() == DOUBLES_ABI_VERSION);
    CHECK(strcmp(doubles_status_message(7), doubles_status_message(DOUBLES_STATUS_OK)) == 0);
    CHECK(strstr(doubles_status_message(DOUBLES_STATUS_INVALID_UTF8), "UTF-8") != NULL);
    CHECK(strstr(doubles_status_message(-1000), "unknown") != NULL);
    check_counters();
    check_units();
    check_summary_of_units();
    check_tally();
    check_summary();
    check_random();
    check_find();
    check_collected();
    check_runs_with_rows();
    check_write_runs();
    check_columns();
    check_squeeze();
    check_longest();
    return failures != 0;
}
