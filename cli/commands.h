/* The commands; each is defined in cmd_NAME.c. */
#ifndef VALENCE_CLI_COMMANDS_H
#define VALENCE_CLI_COMMANDS_H

#include "options.h"

/* name in C, and the purpose under which `valence` lists it */
#define COMMANDS(X)                                                                                \
    X(synthesize, "Data")                                                                          \
    X(import, "Data")                                                                              \
    X(encode, "Data")                                                                              \
    X(transcribe, "Data")                                                                          \
    X(export, "Data")                                                                              \
    X(inspect, "Data")                                                                             \
    X(doctor, "Data")                                                                              \
    X(train, "Models")                                                                             \
    X(evaluate, "Models")                                                                          \
    X(predict, "Models")                                                                           \
    X(convert, "Models")                                                                           \
    X(models, "Models")                                                                            \
    X(completion, "This program")                                                                  \
    X(man, "This program")                                                                         \
    X(version, "This program")

/* The same as a list with a NULL behind it. */
extern const struct command *const all_commands[];

#define DECLARE_COMMAND(name, purpose) extern const struct command command_##name;
COMMANDS(DECLARE_COMMAND)
#undef DECLARE_COMMAND

#endif
