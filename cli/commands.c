#include "commands.h"

#include <string.h>

#include "encode_kinds.h"
#include "valence/text.h"

const struct listed_command all_commands[] = {
#define COMMAND_ENTRY(name, purpose) {&command_##name, purpose},
    COMMANDS(COMMAND_ENTRY)
#undef COMMAND_ENTRY
        {NULL, NULL}};

#define N_COMMANDS (sizeof all_commands / sizeof all_commands[0] - 1)

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(all_commands[i].command->name, name) == 0)
            return all_commands[i].command;
    return NULL;
}

/* What other programs call the same: no command, but easy to mean. */
static const char *other_word_for(const char *name)
{
    static const struct {
        const char *word, *command;
    } words[] = {{"eval", "evaluate"},   {"test", "evaluate"},   {"ls", "inspect"},
                 {"list", "inspect"},    {"info", "inspect"},    {"show", "inspect"},
                 {"check", "doctor"},    {"infer", "predict"},   {"run", "predict"},
                 {"fit", "train"},       {"resume", "train"},    {"download", "models"},
                 {"fetch", "models"},    {"load", "import"},     {"save", "export"},
                 {"dump", "export"},     {"embed", "encode"},    {"generate", "synthesize"},
                 {"demo", "synthesize"}, {"quantize", "convert"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i].word, name) == 0)
            return words[i].command;
    return NULL;
}

const char *command_meant(const char *name)
{
    const char *names[N_COMMANDS], *meant = other_word_for(name);
    for (size_t i = 0; i < N_COMMANDS; i++)
        names[i] = all_commands[i].command->name;
    return meant ? meant : valence_suggest(name, names, N_COMMANDS);
}

void commands_visit(option_visitor visit, void *user)
{
    for (size_t i = 0; i < N_COMMANDS; i++)
        options_visit(all_commands[i].command, visit, user);
#define VISIT_KIND(name, word) options_visit(&encode_##name, visit, user);
#ifdef VALENCE_WITH_ENCODERS
    ENCODE_KINDS(VISIT_KIND)
#endif
#undef VISIT_KIND
}
