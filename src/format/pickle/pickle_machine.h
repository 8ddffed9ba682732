/* Inside the pickle reader: the stack machine that pickles are programs of, and its families of
 * operations. */
#ifndef VALENCE_FORMAT_PICKLE_PICKLE_MACHINE_H
#define VALENCE_FORMAT_PICKLE_PICKLE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/pickle/pickle_graph.h"

/* After an error `status` stays set and the machine stops before the next opcode. */
struct machine {
    const unsigned char *input;
    size_t size;
    size_t at;
    size_t opcode_at; /* for errors */
    const char *name;
    bool keep_unknown;
    struct pickle *pickle;
    struct pickle_value **stack;
    int64_t height, stack_capacity;
    int64_t *marks; /* heights of the stack */
    int64_t n_marks, marks_capacity;
    struct pickle_value **memo;
    int64_t n_memo, memo_capacity; /* entries up to n_memo may be NULL: never put */
    bool stopped;
    int status;
    struct valence_error *error;
};

/* The first error is kept; later ones change nothing. */
void machine_stop(struct machine *m, int status, const char *what);
void machine_malformed(struct machine *m, const char *what);
void machine_out_of_room(struct machine *m);

/* The next n bytes of the input, or NULL where the file is cut off (or after an error). */
const unsigned char *machine_take(struct machine *m, uint64_t n);

/* The next unsigned little-endian number of n bytes; 0 after an error. */
uint64_t machine_take_number(struct machine *m, size_t n);

/* The next line without its end. */
const char *machine_take_line(struct machine *m, size_t *length);

/* The next line as the text of a number; false after an error. */
#define MACHINE_MAX_DIGITS 64
bool machine_take_digits(struct machine *m, char text[MACHINE_MAX_DIGITS]);

/* NULL means that memory was refused. */
void machine_push(struct machine *m, struct pickle_value *value);

/* NULL after an error. Nothing below the innermost mark is reached. */
struct pickle_value *machine_pop(struct machine *m);
struct pickle_value *machine_top(struct machine *m);
int64_t machine_floor(const struct machine *m); /* the height that the innermost mark stands at */

void machine_mark(struct machine *m);

/* Takes the n values above the innermost mark, and the mark; they stay readable until the next
 * push. NULL where n is 0, and after an error. */
struct pickle_value **machine_pop_marked(struct machine *m, int64_t *n);

/* Each runs an operation of its family; false where the opcode is of another. */
bool machine_run_scalar(struct machine *m, int opcode); /* pickle_scalars.c */
bool machine_run_text(struct machine *m, int opcode);   /* pickle_scalars.c */
bool machine_run_call(struct machine *m, int opcode);   /* pickle_calls.c */

#endif
