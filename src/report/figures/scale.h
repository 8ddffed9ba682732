/* The scales of a figure's axes: where a value lies, and which values are written beside it. */
#ifndef VALENCE_REPORT_FIGURES_SCALE_H
#define VALENCE_REPORT_FIGURES_SCALE_H

#include <stdbool.h>

#include "report/chart.h"

struct scale {
    double low, high; /* low < high; both positive where logarithmic */
    bool logarithmic;
};

/* The values that an axis must show; start with range_begin(). */
struct range {
    double low, high; /* low > high: none yet */
    bool logarithmic; /* then only positive values count */
};

void range_begin(struct range *range, bool logarithmic);
void range_add(struct range *range, double value); /* NaN and infinite ones are left out */

/* The axis' own ends where it has them, else the range and `margin` of its length on both sides. */
void scale_make(const struct report_axis *axis, const struct range *range, double margin,
                struct scale *scale);

/* 0 at the low end, 1 at the high one; beyond them outside. NaN where a value has no place: one
 * that is not finite, or not positive on a logarithmic scale. */
double scale_place(const struct scale *scale, double value);

#define MAX_TICKS  24
#define TICK_BYTES 32

struct ticks {
    int n;
    double at[MAX_TICKS];
    /* "0.5"; "10^-6" or "2x10^8" as powers; negative ones with U+2212. "": a tick alone. */
    char labels[MAX_TICKS][TICK_BYTES];
};

/* About `wanted` ticks at 1, 2 or 5 times a power of ten; of a logarithmic scale powers of ten, and
 * twice and five times these where there are few. */
void scale_ticks(const struct scale *scale, bool whole, int wanted, struct ticks *ticks);

/* A number with `decimals` digits after the point, as labels have it. */
void scale_label(double value, int decimals, char label[TICK_BYTES]);

#endif
