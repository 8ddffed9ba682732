/* Writing pickles of plain containers, texts, numbers and NumPy arrays, protocol 4, as a stream.
 * Python's pickle.load() and format/pickle.h read them. What is written is checked by neither: the
 * caller nests containers rightly. */
#ifndef VALENCE_FORMAT_PICKLE_PICKLE_WRITE_H
#define VALENCE_FORMAT_PICKLE_PICKLE_WRITE_H

#include <stdint.h>
#include <stdio.h>

#include "format/elements.h"

/* A whole pickle is one value between the two. Write errors stay in the stream's error flag. */
void pickle_write_begin(FILE *stream);
void pickle_write_end(FILE *stream);

/* {key: value, ...} and [value, ...]: what stands between the two is taken in. */
void pickle_write_dict_begin(FILE *stream);
void pickle_write_dict_end(FILE *stream);
void pickle_write_list_begin(FILE *stream);
void pickle_write_list_end(FILE *stream);

/* UTF-8, of less than 4 GiB. */
void pickle_write_text(FILE *stream, const char *text);
void pickle_write_int(FILE *stream, int64_t value);

/* A row-major array of a type that NumPy has: its elements, little-endian and as many bytes as the
 * shape says, are written to the stream between the two. */
void pickle_write_array_begin(FILE *stream, enum element_type type, int n_dims,
                              const int64_t *shape);
void pickle_write_array_end(FILE *stream);

#endif
