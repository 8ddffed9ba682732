/* CTranslate2's model.bin: names, shapes, types and values of a model's variables.
 *
 * Little-endian, nothing is padded. A string is u16 n, then n bytes, of which the last is 0.
 *
 *     u32 version (6), string spec ("WhisperSpec"), u32 revision
 *     u32 number of variables, then each:
 *         string name, u8 rank, rank times u32 dimension (outermost first; rank 0: a scalar)
 *         u8 type (0 float32, 1 int8, 2 int16, 3 int32, 4 float16, 5 bfloat16)
 *         u32 bytes, the values, row-major
 *     u32 number of aliases, then each: string alias, string name of a variable
 *     end of file
 *
 * Source: https://github.com/OpenNMT/CTranslate2, src/models/model.cc. */
#ifndef VALENCE_FORMAT_CT2_H
#define VALENCE_FORMAT_CT2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sha256.h"
#include "format/elements.h"
#include "valence/error.h"

struct ct2;

struct ct2_variable {
    char *name;
    enum element_type type;
    int n_dims; /* 0: a scalar */
    int64_t shape[ARRAY_MAX_DIMS];
    int64_t count;     /* elements */
    uint64_t position; /* of their bytes in the file */
};

/* Whether a file that begins with these bytes, CT2_LOOKED_AT or all of it, is one. */
#define CT2_LOOKED_AT 512
bool ct2_is_file(const void *data, size_t size);

/* Opens model.bin, or its first part where it is cut into model.bin.part1, .part2, ... beside each
 * other. *ct2 is NULL on failure. Errors: NOT_FOUND, IO; FORMAT for anything that is not as above;
 * UNSUPPORTED for another version; MEMORY. */
int ct2_open(const char *path, struct ct2 **ct2, struct valence_error *error);
void ct2_close(struct ct2 *ct2); /* takes NULL, too */

/* The same from memory, which must outlive *ct2; `name` stands for the file in errors. */
int ct2_open_memory(const void *data, size_t size, const char *name, struct ct2 **ct2,
                    struct valence_error *error);

/* The variable's elements as they are, count * element_type_size(type) bytes, or as floats. Errors:
 * those of reading, such as FORMAT where the file was cut meanwhile. */
int ct2_read(const struct ct2 *ct2, const struct ct2_variable *variable, void *out,
             struct valence_error *error);
int ct2_to_float(const struct ct2 *ct2, const struct ct2_variable *variable, float *out,
                 struct valence_error *error);

const char *ct2_spec(const struct ct2 *ct2);
int64_t ct2_n_variables(const struct ct2 *ct2);
const struct ct2_variable *ct2_variable(const struct ct2 *ct2, int64_t index);

/* SHA-256 of the file, of its parts joined. */
const char *ct2_fingerprint(const struct ct2 *ct2);

#endif
