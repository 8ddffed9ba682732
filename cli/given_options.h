/* What the command line gave, kept so that a result can say which command made it: options_given()
 * in options.h hands it out. */
#ifndef VALENCE_CLI_GIVEN_OPTIONS_H
#define VALENCE_CLI_GIVEN_OPTIONS_H

void given_forget(void);

/* Adds one word, `dashes` before it. Where memory is short nothing is known of what was given,
 * rather than a part. */
void given_add(const char *dashes, const char *word);

/* Adds an option and its value (NULL: a flag), unless options_left_out(). */
void given_add_option(const char *name, const char *value);

#endif
