/* The commands; each is defined in cmd_NAME.c. */
#ifndef VALENCE_CLI_COMMANDS_H
#define VALENCE_CLI_COMMANDS_H

#include "options.h"

/* name in C, and the purpose under which `valence` lists it */
#define COMMANDS(X)                                                                                \
    X(synthesize, "Data")                                                                          \
    X(import, "Data")                                                                              \
    X(extract, "Data")                                                                             \
    X(merge, "Data")                                                                               \
    X(encode, "Data")                                                                              \
    X(transcribe, "Data")                                                                          \
    X(export, "Data")                                                                              \
    X(inspect, "Data")                                                                             \
    X(doctor, "Data")                                                                              \
    X(train, "Models")                                                                             \
    X(score, "Models")                                                                             \
    X(serve, "Models")                                                                             \
    X(evaluate, "Models")                                                                          \
    X(predict, "Models")                                                                           \
    X(convert, "Models")                                                                           \
    X(models, "Models")                                                                            \
    X(ablate, "Experiments")                                                                       \
    X(compare, "Experiments")                                                                      \
    X(compare_representations, "Experiments")                                                      \
    X(sweep, "Experiments")                                                                        \
    X(report, "Experiments")                                                                       \
    X(cost, "Experiments")                                                                         \
    X(runs, "Experiments")                                                                         \
    X(verify, "Experiments")                                                                       \
    X(export_log, "Experiments")                                                                   \
    X(completion, "This program")                                                                  \
    X(man, "This program")                                                                         \
    X(version, "This program")

#define DECLARE_COMMAND(name, purpose) extern const struct command command_##name;
COMMANDS(DECLARE_COMMAND)
#undef DECLARE_COMMAND

struct listed_command {
    const struct command *command;
    const char *purpose; /* the heading under which `valence` lists it */
};

/* The same as an array; its last command is NULL. */
extern const struct listed_command all_commands[];

/* By its name, or NULL. */
const struct command *command_find(const char *name);

/* The name of the command that an unknown word may have meant ("eval", "evaluat"), or NULL. */
const char *command_meant(const char *name);

/* Visits the option table of every command and, by their own names, of each kind of encode. */
void commands_visit(option_visitor visit, void *user);

#endif
