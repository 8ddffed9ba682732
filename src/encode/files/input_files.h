/* The files that a list of inputs means: files as they are, folders as the files in them. */
#ifndef VALENCE_ENCODE_FILES_INPUT_FILES_H
#define VALENCE_ENCODE_FILES_INPUT_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "valence/error.h"

struct input_files {
    int64_t n, capacity;
    struct input_file {
        char *path;
        char *name; /* without folder and ending: what its rows are called */
    } * files;
};

/* What usual files of a kind end in; lists end in NULL. */
extern const char *const sound_endings[], *const picture_endings[], *const film_endings[],
                                                                        *const text_endings[];

/* Files of a folder are those that end in one of `endings`, in the order of their names. Where
 * `distinct`, two of one name are ERROR_EXISTS, naming both. NOT_FOUND for a folder without such
 * files. *files is cleared on failure. */
int input_files_list(struct input_files *files, const char *const *inputs, int64_t n_inputs,
                     const char *const *endings, bool distinct, struct valence_error *error);
void input_files_free(struct input_files *files);

#endif
