/* How the library's own code reports an error: one call that fills the caller's struct and gives
 * the code to return.
 *
 *     return fail(error, VALENCE_ERROR_FORMAT, "%s: header says %zu bytes, file has %zu", path,
 *                 wanted, found);
 *
 * `error` may be NULL in all of them. */
#ifndef VALENCE_BASE_FAIL_H
#define VALENCE_BASE_FAIL_H

#include <stddef.h>

#include "valence/error.h"

/* Fills `error` (which may be NULL) and returns `status`, which is not VALENCE_OK. Too long a text
 * is cut. */
int fail(struct valence_error *error, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As fail(), naming the setting that would change the outcome (struct valence_error, `key`). */
int fail_key(struct valence_error *error, int status, const char *key, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* As fail(), with ": " and strerror(number) appended; ENOSPC becomes VALENCE_ERROR_DISK_FULL and
 * ENOMEM VALENCE_ERROR_MEMORY, anything else VALENCE_ERROR_IO. */
int fail_errno(struct valence_error *error, int number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Out of memory for `what`: "cannot allocate 1.2 GiB for the activations". */
int fail_memory(struct valence_error *error, size_t bytes, const char *what);

/* Puts "context: " before the text of an error that a callee reported and gives back `status`, the
 * callee's. The caller hands it over because `error` may be NULL. */
int fail_within(int status, struct valence_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, but a callee's text that begins with "FILE: " has the context behind that. */
int fail_in_file(int status, struct valence_error *error, const char *file, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
