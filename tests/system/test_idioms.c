/* What valence/api.h promises of all functions of a kind, tried with every one that the headers
 * declare: it is looked up by its name in the libraries as they are installed. */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "public_functions.h"

#define ROOM   65536
#define CANARY 0xA5

static void *libraries[2];

/* NULL for a function of a library that this build lacks. */
static void *look_up(const char *name)
{
    void *found = NULL;
    for (int i = 0; i < 2 && !found; i++)
        found = libraries[i] ? dlsym(libraries[i], name) : NULL;
    return found;
}

static int ends_with(const char *name, const char *ending)
{
    size_t n = strlen(name), m = strlen(ending);
    return n > m && strcmp(name + n - m, ending) == 0;
}

static void call_with_null(void *user, const char *name, const char *parameters)
{
    void (*release)(void *);
    void *found = look_up(name);
    if (!found || strchr(parameters, ',') ||
        !(ends_with(name, "_free") || ends_with(name, "_close")))
        return;
    memcpy(&release, &found, sizeof release);
    release(NULL);
    ++*(int *)user;
}

static void test_what_frees_takes_null(void **state)
{
    int n = 0;
    (void)state;
    public_functions_each(call_with_null, &n);
    assert_true(n >= (libraries[1] ? 25 : 12));
}

static void set_default(void *user, const char *name, const char *parameters)
{
    static _Alignas(max_align_t) unsigned char options[ROOM];
    void (*set)(void *);
    void *found = look_up(name);
    size_t size;
    (void)parameters;
    if (!found || !ends_with(name, "_options_default"))
        return;
    memset(options, CANARY, sizeof options);
    memcpy(&set, &found, sizeof set);
    set(options);
    memcpy(&size, options, sizeof size);
    if (size <= sizeof size || size >= ROOM)
        fail_msg("%s() sets a size of %zu", name, size);
    for (size_t i = size; i < ROOM; i++)
        if (options[i] != CANARY)
            fail_msg("%s() writes byte %zu, behind its size of %zu", name, i, size);
    ++*(int *)user;
}

static void test_options_begin_with_their_size(void **state)
{
    int n = 0;
    (void)state;
    public_functions_each(set_default, &n);
    assert_true(n >= (libraries[1] ? 15 : 8));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_frees_takes_null),
        cmocka_unit_test(test_options_begin_with_their_size),
    };
    for (int i = 0; i < 2 && i + 1 < argc; i++)
        if (!(libraries[i] = dlopen(argv[i + 1], RTLD_NOW | RTLD_GLOBAL))) {
            fprintf(stderr, "%s\n", dlerror());
            return 1;
        }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
