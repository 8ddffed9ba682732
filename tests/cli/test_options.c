/* The rules of CONTRIBUTING.md ("The command's options"), checked in the tables of all commands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "commands.h"

#define MAX_SEEN 1024

/* Every option of every command, as it was met first. */
struct seen {
    int n;
    struct option options[MAX_SEEN];
    const char *commands[MAX_SEEN];
};

static const struct option *find(const struct option *options, const char *name)
{
    for (; options->type != OPTION_END; options++)
        if (options->name && strcmp(options->name, name) == 0)
            return options;
    return NULL;
}

static bool has(const struct option *options, const char *name)
{
    return find(options, name) != NULL;
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(name, *names) == 0)
            return true;
    return false;
}

static bool has_word(const char *text, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = text; (at = strstr(at, word)); at += length)
        if ((at == text || strchr(" |[", at[-1])) && (!at[length] || strchr(" |].", at[length])))
            return true;
    return false;
}

/* ---- One name, one letter, one kind of value ---- */

static bool same_kind(enum option_type a, enum option_type b)
{
    bool texts = (a == OPTION_TEXT || a == OPTION_ARGUMENT || a == OPTION_LIST) &&
                 (b == OPTION_TEXT || b == OPTION_ARGUMENT || b == OPTION_LIST);
    return a == b || texts;
}

static void compare_with_seen(struct seen *seen, const struct command *command,
                              const struct option *option)
{
    for (int i = 0; i < seen->n; i++) {
        const struct option *other = &seen->options[i];
        bool same_name = strcmp(other->name, option->name) == 0;
        if (option->letter && option->letter == other->letter && !same_name)
            fail_msg("-%c is --%s of '%s' and --%s of '%s'", option->letter, option->name,
                     command->name, other->name, seen->commands[i]);
        if (same_name && option->letter && other->letter && option->letter != other->letter)
            fail_msg("--%s has another letter in '%s' than in '%s'", option->name, command->name,
                     seen->commands[i]);
        if (same_name && strcmp(command->name, seen->commands[i]) == 0)
            fail_msg("'%s' has --%s twice", command->name, option->name);
    }
    assert_true(seen->n < MAX_SEEN);
    seen->options[seen->n] = *option;
    seen->commands[seen->n++] = command->name;
}

static void look_at_names(void *user, const struct command *command, const struct option *options)
{
    for (const struct option *option = options; option->type != OPTION_END; option++) {
        if (option->type == OPTION_GROUP)
            continue;
        if (strspn(option->name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(option->name))
            fail_msg("'%s': the name --%s", command->name, option->name);
        if (option->type != OPTION_FLAG && !option->value_name)
            fail_msg("'%s': --%s does not name its value", command->name, option->name);
        compare_with_seen(user, command, option);
    }
    for (const struct option *option = common_options; option->type != OPTION_END; option++)
        if (has(options, option->name))
            fail_msg("'%s' has --%s of its own", command->name, option->name);
}

static void test_a_name_and_a_letter_mean_the_same_in_every_command(void **state)
{
    static struct seen seen;
    (void)state;
    commands_visit(look_at_names, &seen);
    assert_true(seen.n > 100);
}

/* ---- The shared ones ---- */

static const struct {
    const char *name;
    char letter;
    enum option_type type;
} shared[] = {
    {"store", 0, OPTION_TEXT},   {"run", 0, OPTION_TEXT},     {"output", 'o', OPTION_TEXT},
    {"model", 'm', OPTION_TEXT}, {"force", 0, OPTION_FLAG},   {"offline", 0, OPTION_FLAG},
    {"json", 0, OPTION_FLAG},    {"quiet", 'q', OPTION_FLAG}, {"threads", 'j', OPTION_INT}};

static void look_at_shared(void *user, const struct command *command, const struct option *options)
{
    (void)user;
    for (size_t i = 0; i < sizeof shared / sizeof shared[0]; i++) {
        const struct option *option = find(options, shared[i].name);
        if (!option)
            continue;
        if (option->letter != shared[i].letter || !same_kind(option->type, shared[i].type))
            fail_msg("'%s': --%s has another letter or type than the rule says", command->name,
                     option->name);
    }
}

static void test_shared_options_have_their_letter_and_type(void **state)
{
    (void)state;
    commands_visit(look_at_shared, NULL);
}

/* ---- Who has them ---- */

/* Their output is a text for a shell, a pager or a reader, and they take no time. */
static const char *const print_text[] = {"completion", "man", "version", "encode", NULL};

/* It ends with no result: each request's line is JSON already. */
static const char *const no_result[] = {"serve", NULL};

/* A run is never overwritten: it holds hours of work. */
static const char *const never_replace[] = {"train", "ablate", "compare", "sweep", NULL};

static void look_at_need(void *user, const struct command *command, const struct option *options)
{
    const char *name = command->name;
    (void)user;
    if (is_one_of(name, print_text))
        return;
    if (!has(options, "json") && !is_one_of(name, no_result))
        fail_msg("'%s' has no --json", name);
    if (!has(options, "quiet"))
        fail_msg("'%s' has no --quiet", name);
    if ((command->computes || has(options, "model")) && !has(options, "threads"))
        fail_msg("'%s' has no --threads", name);
    if (has(options, "output") && !has(options, "force") && !is_one_of(name, never_replace))
        fail_msg("'%s' writes a file and has no --force", name);
    if (has_word(command->arguments, "STORE") && !has(options, "store") && !has(options, "output"))
        fail_msg("'%s' takes a store, but not as --store or --output", name);
    if (has_word(command->arguments, "RUN") && !has(options, "run"))
        fail_msg("'%s' takes a run, but not as --run", name);
}

static void test_every_command_has_the_options_that_it_needs(void **state)
{
    (void)state;
    commands_visit(look_at_need, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_name_and_a_letter_mean_the_same_in_every_command),
        cmocka_unit_test(test_shared_options_have_their_letter_and_type),
        cmocka_unit_test(test_every_command_has_the_options_that_it_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
