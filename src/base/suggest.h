/* "Did you mean ...?": the nearest of a set of names to a mistyped one. */
#ifndef VALENCE_BASE_SUGGEST_H
#define VALENCE_BASE_SUGGEST_H

/* Offers `candidate` as what `word` was meant to be; *best and *distance hold the nearest offered
 * so far. Start from best = NULL, distance = 0. A candidate further away than a third of the word's
 * length (at least 1) is none. */
void suggest_consider(const char *word, const char *candidate, const char **best, int *distance);

#endif
