/* valence: the command. It finds the command meant and hands over; everything else is in
 * cmd_NAME.c. */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "valence/text.h"
#include "commands.h"
#include "help_topics.h"
#include "terminal.h"
#include "valence/version.h"

static const struct {
    const struct command *command;
    const char *purpose;
} commands[] = {
#define COMMAND_ENTRY(name, purpose) {&command_##name, purpose},
    COMMANDS(COMMAND_ENTRY)
#undef COMMAND_ENTRY
};
const struct command *const all_commands[] = {
#define COMMAND_POINTER(name, purpose) &command_##name,
    COMMANDS(COMMAND_POINTER)
#undef COMMAND_POINTER
        NULL};

#define N_COMMANDS (sizeof commands / sizeof commands[0])

static void print_overview(void)
{
    print_wrapped(stdout,
                  "valence scores how positive or negative a person in a video clip is, from "
                  "words, voice and face. It also works when the transcript is missing.\n\n"
                  "usage: valence COMMAND ...",
                  0, 0, 80);
    const char *purpose = "";
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (strcmp(commands[i].purpose, purpose) != 0)
            printf("\n%s\n", purpose = commands[i].purpose);
        printf("  %-12s%s\n", commands[i].command->name, commands[i].command->summary);
    }
    printf("\nA first example, on made-up data:\n"
           "  valence synthesize corpus\n"
           "  valence train --print-config > config.yaml\n"
           "  valence train config.yaml\n"
           "  valence evaluate run corpus\n"
           "\n'valence help COMMAND' or 'valence COMMAND --help' explains a command;\n'valence "
           "help TOPIC' explains configuration, flows, stores or missing-data.\n");
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i].command->name, name) == 0)
            return commands[i].command;
    return NULL;
}

/* What other programs call the same: no command, but easy to mean. */
static const char *other_word_for(const char *name)
{
    static const struct {
        const char *word, *command;
    } words[] = {{"eval", "evaluate"},   {"test", "evaluate"},   {"ls", "inspect"},
                 {"list", "inspect"},    {"info", "inspect"},    {"show", "inspect"},
                 {"check", "doctor"},    {"verify", "doctor"},   {"score", "predict"},
                 {"infer", "predict"},   {"run", "predict"},     {"fit", "train"},
                 {"resume", "train"},    {"download", "models"}, {"fetch", "models"},
                 {"load", "import"},     {"save", "export"},     {"dump", "export"},
                 {"extract", "encode"},  {"embed", "encode"},    {"generate", "synthesize"},
                 {"demo", "synthesize"}, {"quantize", "convert"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i].word, name) == 0)
            return words[i].command;
    return NULL;
}

static int report_unknown(const char *name)
{
    const char *meant = other_word_for(name);
    const char *names[N_COMMANDS];
    for (size_t i = 0; i < N_COMMANDS; i++)
        names[i] = commands[i].command->name;
    if (!meant)
        meant = valence_suggest(name, names, N_COMMANDS);
    fputs("valence: unknown command '", stderr);
    print_clean(stderr, name);
    if (meant)
        fprintf(stderr, "'; did you mean '%s'?\n", meant);
    else
        fputs("' ('valence' alone lists them)\n", stderr);
    return EXIT_USAGE;
}

static int run(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "help";
    bool help = strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0;
    if (help && argc <= 2) {
        print_overview();
        return EXIT_FINE;
    }
    if (strcmp(name, "--version") == 0) {
        printf("valence %s\n", valence_version());
        return EXIT_FINE;
    }
    if (help)
        name = argv[2];
    const struct command *command = find_command(name);
    if (!command && help && print_topic(name))
        return EXIT_FINE;
    if (!command)
        return report_unknown(name);
    char option[] = "--help", *ask_help[] = {argv[1], option, NULL};
    return help ? command->run(command, 2, ask_help) : command->run(command, argc - 1, argv + 1);
}

/* OpenMP's threads spin for milliseconds at every barrier before they sleep; where something else
 * wants the cores, that makes a training many times slower. A short spin costs nothing on an idle
 * machine (docs/benchmarks.md), but the run-time library reads the setting before main() runs: so
 * set it and start over, unless the user has chosen. */
static void shorten_spinning(char **argv)
{
    if (getenv("GOMP_SPINCOUNT") || getenv("OMP_WAIT_POLICY"))
        return;
    if (setenv("GOMP_SPINCOUNT", "10000", 1) == 0)
        execv("/proc/self/exe",
              argv); /* comes back only where there is no /proc: go on as we are */
}

int main(int argc, char **argv)
{
    const struct command *command = argc > 1 ? find_command(argv[1]) : NULL;
    if (command && command->computes)
        shorten_spinning(argv);
    signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes becomes an error of the write */
    setlocale(LC_CTYPE, "");  /* numbers stay in the C locale */
    int code = run(argc, argv);
    errno = 0;
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == EXIT_FINE) {
        fprintf(stderr, "valence: cannot write the output: %s\n", strerror(errno ? errno : EIO));
        code = EXIT_FAILED;
    }
    return code;
}
