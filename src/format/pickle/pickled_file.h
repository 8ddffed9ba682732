/* Files of pickled data, whichever way they were written: a plain pickle (pickle.dump), or what
 * torch.save makes of the same objects. Arrays and tensors within both are read in parts. */
#ifndef VALENCE_FORMAT_PICKLE_PICKLED_FILE_H
#define VALENCE_FORMAT_PICKLE_PICKLED_FILE_H

#include "format/npy.h"
#include "format/pickle/pickle.h"

struct pickled_file;

/* Which of the two the file is, is seen from its first bytes. *file is NULL on error. */
int pickled_file_open(const char *path, struct pickled_file **file, struct valence_error *error);
void pickled_file_close(struct pickled_file *file);

const struct pickle_value *pickled_file_root(const struct pickled_file *file);

/* True for what the next function opens. */
bool pickled_file_is_array(const struct pickle_value *value);

/* Opens a NumPy array of numbers or texts, or a tensor, that the file holds; close it before the
 * file. `name` stands for it in errors. VALENCE_ERROR_NOT_FOUND if `value` is anything else,
 * such as an array of objects (pickle_get_array()). */
int pickled_file_open_array(const struct pickled_file *file, const struct pickle_value *value,
                            const char *name, struct npy **array, struct valence_error *error);

/* The same of a pickle that is not a file. */
int pickle_open_any_array(const struct pickle *pickle, const struct pickle_value *value,
                          const char *name, struct npy **array, struct valence_error *error);

#endif
