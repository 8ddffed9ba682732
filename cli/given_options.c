#include "given_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

static char **given_words;
static int n_given;
static bool lost_given; /* memory was short */

const char *const *options_given(int *n)
{
    *n = n_given;
    return (const char *const *)given_words;
}

void given_forget(void)
{
    for (int i = 0; i < n_given; i++)
        free(given_words[i]);
    free(given_words);
    given_words = NULL;
    n_given = 0;
    lost_given = false;
}

void given_add(const char *dashes, const char *word)
{
    size_t room = strlen(dashes) + strlen(word) + 1;
    if (lost_given)
        return;
    char **grown = realloc(given_words, ((size_t)n_given + 1) * sizeof *given_words);
    given_words = grown ? grown : given_words;
    char *copy = grown ? malloc(room) : NULL;
    if (!copy) {
        given_forget();
        lost_given = true;
        return;
    }
    snprintf(copy, room, "%s%s", dashes, word);
    given_words[n_given++] = copy;
}

bool options_left_out(const char *name)
{
    static const char *const names[] = {"json",  "csv",    "format",      "tables",  "card",
                                        "force", "npy",    "predictions", "verbose", "quiet",
                                        "jobs",  "memory", "offline"};
    size_t length = strcspn(name, "=");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strlen(names[i]) == length && strncmp(names[i], name, length) == 0)
            return true;
    return false;
}

void given_add_option(const char *name, const char *value)
{
    if (options_left_out(name))
        return;
    given_add("--", name);
    if (value)
        given_add("", value);
}
