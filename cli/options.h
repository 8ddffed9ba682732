/* One table a command gives its parsing, its help and its checks. */
#ifndef VALENCE_CLI_OPTIONS_H
#define VALENCE_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/error.h"
#include "valence/progress.h"

enum exit_code {
    EXIT_FINE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_INTERRUPTED = 130 /* 128 + SIGINT, as shells have it */
};

enum option_type {
    OPTION_END,
    OPTION_FLAG,     /* bool *: --name sets it */
    OPTION_TEXT,     /* const char **: --name VALUE or --name=VALUE */
    OPTION_LIST,     /* struct option_list *: as a text, any number of times */
    OPTION_INT,      /* int64_t *, within [minimum, maximum] */
    OPTION_NUMBER,   /* double *, within [minimum, maximum] */
    OPTION_ARGUMENT, /* const char **, a place in `positional`: --name VALUE gives that argument */
    OPTION_GROUP     /* a heading in the help */
};

#define OPTION_LIST_MAX 64

struct option_list {
    int n;
    const char *values[OPTION_LIST_MAX];
};

struct option {
    enum option_type type;
    char letter; /* short form, or 0 */
    const char *name;
    void *target;
    const char *value_name;  /* "FILE", for the help; NULL for a flag */
    const char *help;        /* one sentence, with the default; NULL: no help shows the option */
    double minimum, maximum; /* both 0: any value */
};

/* The options that every command has. */
extern const struct option common_options[];

struct command {
    const char *name;        /* "train" */
    const char *arguments;   /* "CONFIG.yaml", "KIND SOURCE STORE" */
    const char *summary;     /* one line for the list of commands */
    const char *description; /* paragraphs for --help */
    const char *example;     /* lines of shell for --help */
    bool computes;           /* uses many threads for long: main() then shortens their spinning */
    int (*run)(const struct command *command, int argc, char **argv);
    /* Another way to say what an unknown option NAME was meant to set, written to `hint` ("--set
     * epochs="), which its value then follows; false if there is none. May be NULL. */
    bool (*other_way)(const char *name, char *hint, size_t room);
};

/* Calls `visit` with a command's option table, and runs nothing: for completion, manual pages and
 * the test of the tables. */
typedef void (*option_visitor)(void *user, const struct command *command,
                               const struct option *options);
void options_visit(const struct command *command, option_visitor visit, void *user);

/* The command whose options were parsed last, NULL before. */
const struct command *options_command(void);

/* The words that make the results of the last command again: its name, options and arguments.
 * Options for how results are shown are left out. NULL and *n = 0 where memory was short or nothing
 * was parsed. Lives until the next parse. */
const char *const *options_given(int *n);

/* Whether an option of this name ("tables", or "tables=FOLDER") is never among them, because it
 * changes how results are shown, or what else is written. */
bool options_left_out(const char *name);

/* Parses argv[1..] (argv[0] is the command's name). Options and positional arguments may be mixed;
 * "--" ends options. Positional arguments go to `positional` (room for `maximum`; the places that
 * an OPTION_ARGUMENT filled are skipped), their number to *n_positional; places that nothing
 * filled are NULL. Gives true to go on; false if the command is over: *exit_code is EXIT_FINE
 * after --help (printed to stdout) or EXIT_USAGE after an error (printed to stderr, with the
 * nearest valid option where one is meant). Every command has -h/--help and -v/--verbose by itself.
 */
bool options_parse(const struct command *command, const struct option *options, int argc,
                   char **argv, const char **positional, int minimum, int maximum,
                   int *n_positional, int *exit_code);

/* An option whose value is wrong in a way the table cannot say, found after parsing: prints
 * "valence NAME: TEXT" and the way to the help to stderr, and gives EXIT_USAGE. */
int report_usage(const struct command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Prints "valence: TEXT" to stderr and gives EXIT_FAILED; EXIT_USAGE for ERROR_ARGUMENT and
 * ERROR_CONFIG, EXIT_INTERRUPTED for ERROR_CANCELLED. Control characters in the text do not reach
 * the terminal. */
int report_error(const struct valence_error *error);

/* The same where there is no memory for anything. */
int report_no_memory(void);

/* A progress receiver for the terminal: a bar with rate and time left where stderr is a terminal, a
 * plain line now and then elsewhere, nothing if `quiet`. Ctrl-C (SIGINT, SIGTERM) makes it ask
 * for cancellation; a second one ends the process at once. Call terminal_progress_finish() before
 * printing results. */
struct valence_progress *terminal_progress(bool quiet);
void terminal_progress_finish(void);

/* A line that stays above the bar, wrapped at the terminal's width: the figures of an epoch.
 * Nothing where the progress is quiet. */
void terminal_progress_line(const char *text);

/* The whole of `value` as a number, which is in the range of its type. The command never leaves the
 * C locale, so a decimal point is a point. */
bool option_read_integer(const char *value, int64_t *integer);
bool option_read_number(const char *value, double *number);

/* Splits "KEY=VALUE"; quotes around the value, as YAML has them, are not part of it. False where
 * there is no '=', or one of the two is longer than its room. */
bool option_split_assignment(const char *text, char *key, size_t key_bytes, char *value,
                             size_t value_bytes);

#endif
