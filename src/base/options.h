/* Reading the options structs of the public headers, whose first member is their size: a caller
 * that was compiled against an older header passes a smaller one, and what it lacks keeps its
 * default. */
#ifndef VALENCE_BASE_OPTIONS_H
#define VALENCE_BASE_OPTIONS_H

#include <stddef.h>

#include "valence/error.h"

/* Copies what `given` has over `options`, which holds the defaults and is `size` bytes large. NULL
 * leaves the defaults. Errors: ARGUMENT if given's size is larger than ours (the caller was
 * compiled against a newer header), or 0 (it did not begin with the default function). */
int options_read(void *options, size_t size, const void *given, struct valence_error *error);

/* An option `level`, the coverage of intervals: ARGUMENT, key "level", unless it lies within
 * VALENCE_MIN_LEVEL ... VALENCE_MAX_LEVEL (valence/reliability.h). */
int options_check_level(double level, struct valence_error *error);

#endif
