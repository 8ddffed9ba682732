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
    const struct byte_source *source;
    uint64_t size; /* where the input ends in the source */
    uint64_t at;
    uint64_t opcode_at;          /* for errors */
    const unsigned char *window; /* a part of the source: all of it where it is memory */
    uint64_t window_at, window_size;
    unsigned char *buffer; /* of the window of a file */
    size_t buffer_size;
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
void machine_no_memory(struct machine *m);
void machine_out_of_room(struct machine *m); /* or of memory, as the graph's `no_memory` says */

/* The next n bytes of the input, or NULL if the file is cut off (or after an error). They live
 * until the next bytes are taken. */
const unsigned char *machine_take(struct machine *m, uint64_t n);

/* The next n bytes as a value: those of memory where they are, many bytes of a file left in it,
 * others copied. */
void machine_push_bytes(struct machine *m, uint64_t n);

/* The next unsigned little-endian number of n bytes; 0 after an error. */
uint64_t machine_take_number(struct machine *m, size_t n);

/* The next line without its end, living as long. */
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
 * push. NULL if n is 0, and after an error. */
struct pickle_value **machine_pop_marked(struct machine *m, int64_t *n);

/* Each runs an operation of its family; false if the opcode is of another. */
bool machine_run_scalar(struct machine *m, int opcode); /* pickle_scalars.c */
bool machine_run_text(struct machine *m, int opcode);   /* pickle_scalars.c */
bool machine_run_call(struct machine *m, int opcode);   /* pickle_calls.c */

#endif
