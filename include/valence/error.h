/* Errors: one code and one text, in memory the caller owns.
 *
 * Every function of the library that can fail returns VALENCE_OK (0) or one of the negative codes
 * below and, where the caller passed a `struct valence_error`, describes the failure there: what is
 * wrong, where (file, line, tensor, clip), and what to do. The library never prints, never exits
 * and never reads the environment. Out-parameters are NULL or untouched on failure, as each
 * function says. */
#ifndef VALENCE_ERROR_H
#define VALENCE_ERROR_H

#include "valence/api.h"
#ifdef __cplusplus
extern "C" {
#endif

/* The one list of codes: the enum, valence_status_name() and valence_status_text() are made from
 * it. */
#define VALENCE_STATUS_MAP(X)                                                                      \
    X(OK, 0, "success")                                                                            \
    X(ERROR_MEMORY, -1, "out of memory")                                                           \
    X(ERROR_IO, -2, "a file could not be read or written")                                         \
    X(ERROR_FORMAT, -3, "a file is not what its format says")                                      \
    X(ERROR_SHAPE, -4, "sizes do not fit together")                                                \
    X(ERROR_ARGUMENT, -5, "an argument or option is wrong")                                        \
    X(ERROR_CONFIG, -6, "a configuration is wrong")                                                \
    X(ERROR_NOT_FOUND, -7, "something named does not exist")                                       \
    X(ERROR_EXISTS, -8, "something to be made exists already")                                     \
    X(ERROR_BUSY, -9, "something is in use by another process")                                    \
    X(ERROR_CANCELLED, -10, "cancelled")                                                           \
    X(ERROR_UNSUPPORTED, -11, "this build or version cannot do that")                              \
    X(ERROR_LIMIT, -12, "a limit is exceeded")                                                     \
    X(ERROR_DATA, -13, "a value is not usable (NaN, out of range, duplicate)")                     \
    X(ERROR_DISK_FULL, -14, "no space is left on the device")                                      \
    X(ERROR_RANK, -15, "another rank failed, and says why")

enum valence_status {
#define VALENCE_STATUS_ENUM(name, value, text) VALENCE_##name = (value),
    VALENCE_STATUS_MAP(VALENCE_STATUS_ENUM)
#undef VALENCE_STATUS_ENUM
};

#define VALENCE_ERROR_TEXT_BYTES 1024
#define VALENCE_ERROR_KEY_BYTES  64

struct valence_error {
    /* enum valence_status */
    int status;
    /* The setting that would change the outcome, as the options structs and the configuration name
     * it ("dtype", "label_range", "losses.rnc"), or "". A program looks up its own remedy by it:
     * the texts here never name a program's options. */
    char key[VALENCE_ERROR_KEY_BYTES];
    /* UTF-8, one line or a line and an indented explanation; never empty on error. */
    char text[VALENCE_ERROR_TEXT_BYTES];
};

/* Describes a failure as the library does and gives back `status`, which is not VALENCE_OK: for the
 * functions of yours that the library calls, and for programs that report all errors in one way.
 * `error` may be NULL; `key` may be NULL. */
VALENCE_API int valence_fail(struct valence_error *error, int status, const char *key,
                             const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 4, 5)))
#endif
    ;

/* "ERROR_IO" and "a file could not be read or written"; "UNKNOWN" for a value that is none of the
 * codes. */
VALENCE_API const char *valence_status_name(int status);
VALENCE_API const char *valence_status_text(int status);

#ifdef __cplusplus
}
#endif
#endif
