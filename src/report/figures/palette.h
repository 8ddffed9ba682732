/* The colours of figures: those of the page in light mode, read from its tokens.css, so that both
 * look alike. */
#ifndef VALENCE_REPORT_FIGURES_PALETTE_H
#define VALENCE_REPORT_FIGURES_PALETTE_H

#include "valence/error.h"

#define PALETTE_SERIES 8

struct colour {
    double red, green, blue; /* 0 ... 1 */
};

struct palette {
    struct colour ink, muted, line, strong_line, positive, negative;
    struct colour series[PALETTE_SERIES];
};

/* Errors: UNSUPPORTED where the build's style sheet lacks one of them. */
int palette_read(struct palette *palette, struct valence_error *error);

#endif
