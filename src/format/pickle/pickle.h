/* Python pickles, protocols 0 to 5, as data. Nothing is ever imported, called or built: the opcodes
 * that would do so make nodes that say what was asked for.
 *
 * Only the globals that tensors, arrays and plain containers need are accepted (pickle_calls.c
 * lists them); any other is an error that names it, or, by option, a node that callers can skip. A
 * few harmless calls are understood here: collections.OrderedDict(...) is a dict, set(...) and
 * frozenset(...) are sets, _codecs.encode(text, "latin1") is bytes (how protocol 2 spells them).
 *
 * Because pickles can refer back to what they built, the result is a graph: nodes may be shared and
 * cyclic. It is freed as a whole; whoever walks it must bound depth and visits. The reader itself
 * never recurses.
 *
 * Source: CPython, Lib/pickletools.py. */
#ifndef VALENCE_FORMAT_PICKLE_PICKLE_H
#define VALENCE_FORMAT_PICKLE_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/byte_source.h"

enum pickle_type {
    PICKLE_NONE,
    PICKLE_BOOL,
    PICKLE_INT,
    PICKLE_BIG_INT, /* beyond 64 bits: `bytes`, little-endian two's complement */
    PICKLE_FLOAT,
    PICKLE_TEXT, /* `bytes`: UTF-8, NUL-terminated */
    /* `bytes`: within the input where that is memory; `data` is NULL, and `position` says where
     * they are, where they were left in a file; also the str of Python 2 */
    PICKLE_BYTES,
    PICKLE_LIST,
    PICKLE_TUPLE,
    PICKLE_DICT, /* items are key, value, key, value, ...; of equal keys the last counts */
    PICKLE_SET,
    PICKLE_GLOBAL,     /* `bytes`: "module.name", NUL-terminated */
    PICKLE_OBJECT,     /* what a call would have made */
    PICKLE_PERSISTENT, /* `object.arguments`: the identifier, for instance of a tensor's storage */
    N_PICKLE_TYPES
};

struct pickle_value {
    enum pickle_type type;
    union {
        int64_t integer; /* INT, and BOOL as 0 or 1 */
        double number;
        struct {
            const char *data;
            size_t size;
            uint64_t position; /* in the source, where data is NULL */
        } bytes;
        struct {
            struct pickle_value **values;
            int64_t n;
            int64_t capacity;
        } items; /* LIST, TUPLE, DICT, SET */
        struct {
            struct pickle_value *callable;  /* GLOBAL or OBJECT; NULL for PERSISTENT */
            struct pickle_value *arguments; /* TUPLE */
            struct pickle_value *state;     /* given by BUILD; NULL if none was */
            /* LIST of what was appended (values) or set (key, value); NULL if nothing was */
            struct pickle_value *contents;
        } object;
    } as;
};

struct pickle_options {
    bool keep_unknown; /* unknown globals are kept as nodes instead of refused */
    /* memory for the graph; 0: 32 bytes per byte of input, at least 16 MiB and at most 4 GiB */
    size_t maximum_bytes;
};

struct pickle; /* the graph */

/* Reads one pickle from a range of `source`, which must outlive the graph; *end (may be NULL)
 * receives where it ends. `options` may be NULL. *pickle is NULL on error:
 * VALENCE_ERROR_UNSUPPORTED for a refused global or opcode, VALENCE_ERROR_LIMIT beyond the memory
 * allowed, VALENCE_ERROR_FORMAT for anything malformed. */
int pickle_read_source(const struct byte_source *source, uint64_t start, uint64_t size,
                       const struct pickle_options *options, struct pickle **pickle, uint64_t *end,
                       struct valence_error *error);

/* The same of memory, which must outlive the graph; *used (may be NULL) receives the pickle's
 * length, so that several in a row can be read. `name` stands for the file in errors. */
int pickle_read(const void *input, size_t size, const struct pickle_options *options,
                const char *name, struct pickle **pickle, size_t *used,
                struct valence_error *error);
void pickle_free(struct pickle *pickle);

const struct pickle_value *pickle_root(const struct pickle *pickle);
const struct byte_source *pickle_source(const struct pickle *pickle);

/* The unknown globals that were kept, in the order met: a LIST of GLOBALs. */
const struct pickle_value *pickle_unknown_globals(const struct pickle *pickle);

/* Every PERSISTENT, in the order met (one identifier may come often): a LIST. */
const struct pickle_value *pickle_persistents(const struct pickle *pickle);

/* For errors: "dict", "int", ...; of NULL: "nothing". */
const char *pickle_type_name(const struct pickle_value *value);

/* True if the value is that text (or, from Python 2, those bytes). */
bool pickle_is_text(const struct pickle_value *value, const char *text);

/* True if the value is that global ("torch._utils._rebuild_tensor_v2"). */
bool pickle_is_global(const struct pickle_value *value, const char *name);

/* The value under a text key of a dict, or NULL (also where `dict` is NULL or no dict). */
const struct pickle_value *pickle_get(const struct pickle_value *dict, const char *key);

/* The index-th item of a list or tuple, or NULL (also where `sequence` is NULL or neither). */
const struct pickle_value *pickle_item(const struct pickle_value *sequence, int64_t index);

#endif
