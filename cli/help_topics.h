/* `valence help TOPIC`: what concerns several commands. */
#ifndef VALENCE_CLI_HELP_TOPICS_H
#define VALENCE_CLI_HELP_TOPICS_H

#include <stdbool.h>

/* Prints a topic; false if there is none of that name. */
bool print_topic(const char *name);

/* Topics by number; NULL beyond the last. For completion. */
const char *topic_name(int i);

#endif
