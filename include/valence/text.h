/* Texts: freeing those that the library hands out, names that were meant, and writing for CSV and
 * LaTeX. */
#ifndef VALENCE_TEXT_H
#define VALENCE_TEXT_H

#include <stdint.h>
#include <stdio.h>

#include "valence/api.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Frees a text that a function of the library handed out as `char *`: in a program with an
 * allocator of its own, free() may be another one. Takes NULL. */
VALENCE_API void valence_text_free(char *text);

/* The nearest of `n` names to a mistyped one ("did you mean ...?"), or NULL where none is near: at
 * most a third of the word's letters, and at least one, may differ. Gives one of `names`. */
VALENCE_API const char *valence_suggest(const char *word, const char *const *names, int n);

/* `one` where n is 1, else `many`: valence_plural(n, "clip lies", "clips lie"). */
VALENCE_API const char *valence_plural(int64_t n, const char *one, const char *many);

/* Writes a field after RFC 4180, quoted where it must be. */
VALENCE_API void valence_write_csv_field(FILE *stream, const char *text);

/* Writes a number that reads back to the same float, whatever the process's locale; an empty field
 * for NaN. */
VALENCE_API void valence_write_csv_number(FILE *stream, float value);

/* Writes a text so that LaTeX sets it as it is: its special characters escaped, and a line's end
 * as a blank. */
VALENCE_API void valence_write_latex(FILE *stream, const char *text);

#ifdef __cplusplus
}
#endif
#endif
