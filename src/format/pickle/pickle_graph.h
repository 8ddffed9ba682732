/* Inside the pickle reader: making the nodes of a graph. Everything lives in the graph's own
 * memory, which has a maximum. Functions that make something return NULL or false if it is
 * reached (or memory is short). */
#ifndef VALENCE_FORMAT_PICKLE_PICKLE_GRAPH_H
#define VALENCE_FORMAT_PICKLE_PICKLE_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/pickle/pickle.h"

struct pickle_block; /* of memory; nodes never move */
struct pickle_array_block;

#define PICKLE_SHARED_INTS 256

struct pickle {
    struct byte_source own;            /* of pickle_read(); else closed */
    const struct byte_source *source;  /* what was read */
    struct pickle_block *blocks;       /* the newest first */
    struct pickle_array_block *arrays; /* items of large containers, which move while they grow */
    size_t used;                       /* bytes of all blocks */
    size_t maximum;
    bool no_memory; /* the last that failed found less than `maximum` */
    struct pickle_value *root;
    struct pickle_value *unknown;     /* LIST of GLOBALs */
    struct pickle_value *persistents; /* LIST */
    /* None, bools and small ints are shared: a million of them cost only their pointers. */
    struct pickle_value *none, *bools[2], *ints[PICKLE_SHARED_INTS];
};

struct pickle *pickle_graph_create(size_t maximum_bytes);

void *pickle_take(struct pickle *pickle, size_t bytes); /* aligned for anything, not cleared */
struct pickle_value *pickle_new(struct pickle *pickle, enum pickle_type type);
struct pickle_value *pickle_new_none(struct pickle *pickle);
struct pickle_value *pickle_new_int(struct pickle *pickle, enum pickle_type type,
                                    int64_t integer); /* or a BOOL */

/* TEXT, BYTES, BIG_INT or GLOBAL. `data` is borrowed; the second makes a NUL-terminated copy. */
struct pickle_value *pickle_new_bytes(struct pickle *pickle, enum pickle_type type,
                                      const void *data, size_t size);
struct pickle_value *pickle_new_copy(struct pickle *pickle, enum pickle_type type, const char *data,
                                     size_t size);

/* A LIST, TUPLE, DICT or SET of n values, whose pointers are copied. */
struct pickle_value *pickle_new_items(struct pickle *pickle, enum pickle_type type,
                                      struct pickle_value *const *values, int64_t n);
bool pickle_extend(struct pickle *pickle, struct pickle_value *container,
                   struct pickle_value *const *values, int64_t n);

/* ---- Texts (pickle_text.c) ---- */

/* Protocol 0's spellings. NULL, with *malformed set, where the text is not one. */

/* 'it\'s\x00': a Python 2 str in quotes, as BYTES. */
struct pickle_value *pickle_new_quoted(struct pickle *pickle, const char *data, size_t size,
                                       bool *malformed);

/* Latin-1 with \uXXXX and \UXXXXXXXX, as TEXT. */
struct pickle_value *pickle_new_escaped(struct pickle *pickle, const char *data, size_t size,
                                        bool *malformed);

/* The bytes that UTF-8 text stands for in Latin-1, as BYTES. */
struct pickle_value *pickle_new_latin1(struct pickle *pickle, const char *data, size_t size,
                                       bool *malformed);

#endif
