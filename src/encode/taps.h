/* Which hidden states of a network make a row of features, as the user lists them: "-5", "20,24"
 * side by side, "20+24" summed, and names for what has no number. */
#ifndef VALENCE_ENCODE_TAPS_H
#define VALENCE_ENCODE_TAPS_H

#include <stdint.h>

#include "valence/error.h"

#define TAPS_MAX        32
#define TAPS_TEXT_BYTES 512 /* of a list, with its NUL */

/* What there is to tap. Hidden states are 0 ... n_layers, negative numbers count from the end (-1
 * is n_layers). */
struct tappable {
    int64_t n_layers, width;
    int n_names;
    struct {
        const char *name;
        int64_t hidden; /* stands for it in struct tap; not within 0 ... n_layers */
        int64_t width;
        int64_t depth; /* the layers that it needs computed */
    } names[2];
};

struct tap {
    int64_t hidden;
    int64_t column; /* where it is added in the row of features */
    int64_t width;
};

struct taps {
    int n;
    struct tap list[TAPS_MAX];
    int64_t width; /* of a row of features */
    int64_t depth; /* the most layers that any needs computed */
};

/* Errors: ARGUMENT, naming what there is. */
int taps_parse(const struct tappable *tappable, const char *text, struct taps *taps,
               struct valence_error *error);

#endif
