/* What `valence score` is given: files, folders, standard input, tables. */
#ifndef VALENCE_CLI_SCORE_INPUTS_H
#define VALENCE_CLI_SCORE_INPUTS_H

#include <stdint.h>

#include "options.h"

enum score_input_kind { SCORE_RECORDING, SCORE_TEXT_FILE, SCORE_TABLE };

struct score_input {
    enum score_input_kind kind;
    char *path; /* to read */
    char *id;   /* to print: the path as given; "-" for standard input */
    bool is_temporary;
};

struct score_inputs {
    int64_t n, capacity;
    struct score_input *list;
    int64_t n_passed_over; /* files of folders that have no usual ending */
};

/* Lists the files behind the arguments: of a folder those with a usual ending, in the order of
 * their names; standard input is first kept in a temporary file. Errors: UNSUPPORTED for a URL;
 * NOT_FOUND; DATA for a folder without any; IO; MEMORY. */
int score_inputs_list(struct score_inputs *inputs, const char *const *arguments, int64_t n,
                      struct valence_error *error);

/* Removes temporary files. */
void score_inputs_free(struct score_inputs *inputs);

/* A whole text file; valence_text_free() it. Errors: IO; DATA for a NUL character or what is not
 * UTF-8; LIMIT beyond 64 MiB. */
int score_read_text(const char *path, char **text, struct valence_error *error);

#endif
