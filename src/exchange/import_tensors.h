/* A safetensors file of clips as columns: its tensors, and what its metadata says of each clip
 * (docs/file-formats.md). */
#ifndef VALENCE_EXCHANGE_IMPORT_TENSORS_H
#define VALENCE_EXCHANGE_IMPORT_TENSORS_H

#include "exchange/import_arrays.h"

struct import_tensors;

/* *tensors is NULL on error. Columns must be closed before it is. */
int import_tensors_open(const char *path, struct import_tensors **tensors,
                        struct valence_error *error);
void import_tensors_close(struct import_tensors *tensors);

/* "id", "split", "group", "transcript" or "metadata" of the clips, or the tensor of that name;
 * ERROR_NOT_FOUND. */
int import_tensors_column(struct import_tensors *tensors, const char *name,
                          struct import_column *column, struct valence_error *error);

/* Adds the tensors' names. */
int import_tensors_list(const struct import_tensors *tensors, struct id_list *names,
                        struct valence_error *error);

#endif
