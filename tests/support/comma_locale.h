/* A locale with a decimal comma, made for the test, whatever the machine has. */
#ifndef TESTS_SUPPORT_COMMA_LOCALE_H
#define TESTS_SUPPORT_COMMA_LOCALE_H

#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char comma_locale_folder[40];

/* Whether the process now has such a locale; end it either way. */
static inline bool comma_locale_begin(void)
{
    char command[160];
    strcpy(comma_locale_folder, "/tmp/valence-locale-XXXXXX");
    if (!mkdtemp(comma_locale_folder))
        return false;
    snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 2>/dev/null",
             comma_locale_folder);
    (void)!system(command);
    setenv("LOCPATH", comma_locale_folder, 1);
    return setlocale(LC_ALL, "de_DE.UTF-8") && localeconv()->decimal_point[0] == ',';
}

static inline void comma_locale_end(void)
{
    char command[160];
    setlocale(LC_ALL, "C");
    snprintf(command, sizeof command, "rm -rf %s", comma_locale_folder);
    (void)!system(command);
}

#endif
