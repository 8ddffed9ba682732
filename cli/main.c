/* valence: the command. It finds the command meant and hands over; everything else is in
 * cmd_NAME.c. */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "commands.h"
#include "help_topics.h"
#include "terminal.h"
#ifdef VALENCE_WITH_ENCODERS
#include "valence/media_worker.h"
#endif
#include "valence/version.h"

#define MOST_OPEN_FILES 65536

static void print_overview(void)
{
    enum { NAME_COLUMNS = 14 };
    int columns = terminal_columns(stdout);
    columns = columns > 100 ? 100 : columns;
    print_wrapped(stdout,
                  "valence scores how positive or negative a person in a video clip is, from "
                  "words, voice and face. It also works when the transcript is missing.\n\n"
                  "usage: valence COMMAND ...",
                  0, 0, columns);
    const char *purpose = "";
    for (const struct listed_command *at = all_commands; at->command; at++) {
        if (strcmp(at->purpose, purpose) != 0)
            printf("\n%s\n", purpose = at->purpose);
        bool is_long = strlen(at->command->name) > NAME_COLUMNS - 4;
        if (is_long)
            printf("  %s\n", at->command->name);
        else
            printf("  %-12s", at->command->name);
        print_wrapped(stdout, at->command->summary, NAME_COLUMNS, is_long ? 0 : NAME_COLUMNS,
                      columns);
    }
#ifdef VALENCE_WITH_ENCODERS
    printf("\nA first example:\n"
           "  valence score --text 'I loved every minute'\n"
           "\nA network of your own, on made-up data:\n"
#else
    printf("\nA first example, on made-up data:\n"
#endif
           "  valence synthesize corpus\n"
           "  valence train corpus -o run\n"
           "  valence evaluate run corpus\n"
           "\n'valence help COMMAND' or 'valence COMMAND --help' explains a command;\n'valence "
           "help TOPIC' explains configuration, flows, stores or missing-data.\n");
}

static int report_unknown(const char *name)
{
    const char *meant = command_meant(name);
    fputs("valence: unknown command '", stderr);
    print_clean(stderr, name);
    if (meant)
        fprintf(stderr, "'; did you mean '%s'?\n", meant);
    else
        fputs("' ('valence' alone lists them)\n", stderr);
    return EXIT_USAGE;
}

/* `help encode text` is `encode text --help`. */
static int explain(const struct command *command, int argc, char **argv)
{
    char option[] = "--help", *words[] = {argv[2], argc > 3 ? argv[3] : option, option, NULL};
    return command->run(command, argc > 3 ? 3 : 2, words);
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
    const struct command *command = command_find(name);
    if (!command && help && print_topic(name))
        return EXIT_FINE;
    if (!command)
        return report_unknown(name);
    return help ? explain(command, argc, argv) : command->run(command, argc - 1, argv + 1);
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

/* A store in shards takes an open file for each of them, and a merge one for each store; the usual
 * limit, 1,024, is there for programs that use select(). */
static void raise_open_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= MOST_OPEN_FILES)
        return;
    limit.rlim_cur = limit.rlim_max < MOST_OPEN_FILES ? limit.rlim_max : MOST_OPEN_FILES;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* Where a standard stream is closed, the next file that is opened would take its number, and what
 * is printed would go into that file: a store, or LMDB's lock. A descriptor that can be neither
 * read nor written keeps the number, and errors stay those of a closed stream. */
static void keep_standard_streams_apart(void)
{
    int descriptor;
    do
        descriptor = open("/", O_PATH);
    while (descriptor >= 0 && descriptor <= STDERR_FILENO);
    if (descriptor >= 0)
        close(descriptor);
}

/* Whether all output has been written; says so where not. */
static bool output_is_complete(void)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return true;
    /* An earlier write failed, and its reason is lost. The output is cut off in any case: one byte
     * more tells why. */
    if (!errno && write(STDOUT_FILENO, "\n", 1) == 1)
        errno = EIO;
    fprintf(stderr, "valence: cannot write the output: %s\n", strerror(errno));
    return false;
}

int main(int argc, char **argv)
{
    keep_standard_streams_apart();
#ifdef VALENCE_WITH_ENCODERS
    /* What `valence serve` starts to decode media; no command for people, so not in the list. */
    if (argc == 2 && strcmp(argv[1], "decode-media") == 0)
        return valence_media_worker_run();
#endif
    const struct command *command = argc > 1 ? command_find(argv[1]) : NULL;
    if (command && command->computes)
        shorten_spinning(argv);
    raise_open_files();
    signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes becomes an error of the write */
    setlocale(LC_CTYPE, "");  /* numbers stay in the C locale */
    int code = run(argc, argv);
    return code == EXIT_FINE && !output_is_complete() ? EXIT_FAILED : code;
}
