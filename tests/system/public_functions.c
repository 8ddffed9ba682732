#include "public_functions.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

bool names_have(const char *names, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = names; (at = strstr(at, name)); at += n)
        if ((at == names || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
            return true;
    return false;
}

/* ---- Headers ---- */

/* The name before the first parenthesis behind each VALENCE_API; an array's declaration has a
 * bracket or an equals sign or a semicolon first. */
static void visit_header(char *text, function_visit visit, void *user)
{
    for (char *at = text; (at = strstr(at, "VALENCE_API"));) {
        at += strlen("VALENCE_API");
        char *end = at + strcspn(at, "([;#");
        if (*end != '(')
            continue;
        char name[128] = "", parameters[4096] = "";
        char *begin = end;
        while (begin > at && (begin[-1] == '_' || (begin[-1] >= 'a' && begin[-1] <= 'z')))
            begin--;
        size_t length = strcspn(end, ";");
        assert_true(end - begin < (ptrdiff_t)sizeof name && length < sizeof parameters);
        memcpy(name, begin, (size_t)(end - begin));
        memcpy(parameters, end, length);
        if (strncmp(name, "valence_", 8) == 0)
            visit(user, name, parameters);
        at = end;
    }
}

void public_functions_each(function_visit visit, void *user)
{
    static char text[1 << 17];
    DIR *folder = opendir(VALENCE_HEADERS);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        char path[1024];
        if (!strstr(entry->d_name, ".h"))
            continue;
        snprintf(path, sizeof path, "%s/%s", VALENCE_HEADERS, entry->d_name);
        FILE *file = fopen(path, "r");
        assert_non_null(file);
        size_t size = fread(text, 1, sizeof text - 1, file);
        assert_true(size < sizeof text - 1);
        text[size] = '\0';
        fclose(file);
        visit_header(text, visit, user);
    }
    closedir(folder);
}

/* ---- Names of nothing ---- */

struct look_up {
    const char *name;
    bool found;
};

static void look_up(void *user, const char *name, const char *parameters)
{
    struct look_up *wanted = user;
    (void)parameters;
    wanted->found = wanted->found || strcmp(name, wanted->name) == 0;
}

int names_count_unknown(const char *names)
{
    char name[128];
    int n_unknown = 0;
    for (int n; sscanf(names, " %127s%n", name, &n) == 1; names += n) {
        struct look_up wanted = {name, false};
        public_functions_each(look_up, &wanted);
        if (!wanted.found)
            print_error("%s is no public function\n", name);
        n_unknown += !wanted.found;
    }
    return n_unknown;
}
