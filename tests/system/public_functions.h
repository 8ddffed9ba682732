/* The functions that the public headers declare, and lists of their names: for tests that must know
 * every one of them. */
#ifndef VALENCE_TEST_PUBLIC_FUNCTIONS_H
#define VALENCE_TEST_PUBLIC_FUNCTIONS_H

#include <stdbool.h>

/* Calls `visit` with the name of each function behind VALENCE_API in the headers of
 * VALENCE_HEADERS, and the text of its parameters. */
typedef void (*function_visit)(void *user, const char *name, const char *parameters);
void public_functions_each(function_visit visit, void *user);

/* Whether a list of names, separated by single blanks, has this one. */
bool names_have(const char *names, const char *name);

/* Counts the names of a list that are no public functions, of functions that were renamed or
 * removed, and prints them. */
int names_count_unknown(const char *names);

#endif
