/* Made by cbindgen from src/ffi.rs: `RENEW_HEADER=1 cargo test` renews it. */

#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define BYTESTATS_ABI_VERSION 1

#define BYTESTATS_BAD_POINTER -1

#define BYTESTATS_NO_MEAN -2

#define BYTESTATS_PANICKED -3

typedef struct BytestatsSummary {
  uint64_t sum;
  uint8_t max;
} BytestatsSummary;

uint32_t bytestats_abi_version(void);

const char *bytestats_message(int64_t status);

int64_t bytestats_count(const uint8_t *data, size_t len, uint8_t byte);

int64_t bytestats_summary(const uint8_t *data, size_t len, struct BytestatsSummary *out);

int64_t bytestats_mean(const uint8_t *data, size_t len);

/* src/ffi.rs 1ca4715b */
