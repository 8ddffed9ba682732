#include <stdio.h>

#include "commands.h"
#include "valence/version.h"

static int run_version(const struct command *command, int argc, char **argv)
{
    static const struct option options[] = {{.type = OPTION_END}};
    int n, code;
    if (!options_parse(command, options, argc, argv, NULL, 0, 0, &n, &code))
        return code;
    printf("valence %s\n", valence_version());
    return EXIT_FINE;
}

const struct command command_version = {
    .name = "version",
    .arguments = "",
    .summary = "Print the version.",
    .run = run_version,
};
