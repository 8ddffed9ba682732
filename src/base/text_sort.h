/* Sorting texts, and finding one that occurs twice. */
#ifndef VALENCE_BASE_TEXT_SORT_H
#define VALENCE_BASE_TEXT_SORT_H

#include <stdint.h>

/* For qsort() and bsearch() over an array of `char *`: by their bytes. */
int compare_texts(const void *left, const void *right);

/* Sorts `n` texts by their bytes. Gives the first that occurs twice, or NULL. */
const char *sort_texts(const char **texts, int64_t n);

#endif
