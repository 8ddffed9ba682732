#include "options.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "given_options.h"
#include "remedies.h"
#include "terminal.h"
#include "valence/runtime.h"
#include "valence/text.h"

/* ---- Looking at a command's options ---- */

static const struct command *current;
static option_visitor visitor;
static void *visitor_user;

const struct command *options_command(void)
{
    return current;
}

void options_visit(const struct command *command, option_visitor visit, void *user)
{
    char name[64], *argv[] = {name, NULL};
    snprintf(name, sizeof name, "%s", command->name);
    visitor = visit;
    visitor_user = user;
    (void)command->run(command, 1, argv);
    visitor = NULL;
}

/* ---- Help ---- */

static void print_usage(FILE *stream, const struct command *command)
{
    fprintf(stream, "usage: valence %s [options]%s%s\n", command->name,
            command->arguments[0] ? " " : "", command->arguments);
}

static void print_option(const struct option *option, int columns)
{
    enum { HELP_COLUMN = 28 };
    if (!option->help)
        return;
    if (option->type == OPTION_GROUP) {
        printf("\n%s:\n", option->help);
        return;
    }
    char left[96], letter[8] = "   ";
    if (option->letter)
        snprintf(letter, sizeof letter, "-%c,", option->letter);
    snprintf(left, sizeof left, "  %s --%s%s%s", letter, option->name,
             option->value_name ? " " : "", option->value_name ? option->value_name : "");
    int width = display_width(left);
    printf("%s", left);
    if (width + 2 > HELP_COLUMN) {
        putchar('\n');
        width = 0;
    }
    print_wrapped(stdout, option->help, HELP_COLUMN, width, columns);
}

/* Of every command. */
static bool verbose;
const struct option common_options[] = {
    {OPTION_FLAG, 'v', "verbose", &verbose, NULL,
     "Also print messages of valence and the libraries it uses.", 0, 0},
    {OPTION_FLAG, 'h', "help", NULL, NULL, "Show this help.", 0, 0},
    {.type = OPTION_END}};

static void print_help(const struct command *command, const struct option *options)
{
    int columns = terminal_columns(stdout);
    columns = columns > 100 ? 100 : columns;
    printf("%s\n\n", command->summary);
    print_usage(stdout, command);
    if (command->description) {
        putchar('\n');
        print_wrapped(stdout, command->description, 0, 0, columns);
    }
    bool grouped = false;
    if (options->type != OPTION_GROUP)
        printf("\nOptions:\n");
    for (const struct option *option = options; option->type != OPTION_END; option++) {
        grouped = grouped || option->type == OPTION_GROUP;
        print_option(option, columns);
    }
    if (grouped)
        printf("\nGeneral:\n");
    for (const struct option *option = common_options; option->type != OPTION_END; option++)
        print_option(option, columns);
    if (command->example) {
        printf("\nExample:\n");
        print_wrapped(stdout, command->example, 2, 0, 10000);
    }
}

/* ---- Errors ---- */

static void print_problem(const struct command *command, const char *format, va_list args)
{
    char text[VALENCE_ERROR_TEXT_BYTES];
    vsnprintf(text, sizeof text, format, args);
    fprintf(stderr, "valence %s: ", command->name);
    print_clean(stderr, text);
    fputc('\n', stderr);
}

int report_usage(const struct command *command, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_problem(command, format, args);
    va_end(args);
    fprintf(stderr, "(valence %s --help shows its options)\n", command->name);
    return EXIT_USAGE;
}

int report_error(const struct valence_error *error)
{
    fprintf(stderr, "%svalence:%s ", terminal_style(stderr, STYLE_ERROR),
            terminal_style(stderr, STYLE_PLAIN));
    print_clean(stderr, error->text);
    const char *remedy = remedy_for(error);
    if (remedy)
        fprintf(stderr, " (%s)", remedy);
    fputc('\n', stderr);
    switch (error->status) {
    case VALENCE_ERROR_ARGUMENT:
    case VALENCE_ERROR_CONFIG:
        return EXIT_USAGE;
    case VALENCE_ERROR_CANCELLED:
        return EXIT_INTERRUPTED;
    default:
        return EXIT_FAILED;
    }
}

int report_no_memory(void)
{
    struct valence_error error = {.status = VALENCE_ERROR_MEMORY,
                                  .text = "there is not enough memory"};
    return report_error(&error);
}

#define MAX_OPTIONS 64 /* of a command, that suggestions consider */

/* `value` is what was meant for the option, or NULL. */
static int report_unknown(const struct command *command, const struct option *options,
                          const char *argument, const char *name, const char *value)
{
    char hint[160];
    if (command->other_way && command->other_way(name, hint, sizeof hint))
        return report_usage(command, "unknown option '%s'; use %s%s", argument, hint,
                            value ? value : "VALUE");
    const char *names[MAX_OPTIONS];
    int n = 0;
    for (const struct option *option = common_options; option->type != OPTION_END; option++)
        names[n++] = option->name;
    for (const struct option *option = options; option->type != OPTION_END; option++)
        if (option->name && option->help && n < MAX_OPTIONS)
            names[n++] = option->name;
    const char *meant = valence_suggest(name, names, n);
    if (meant)
        return report_usage(command, "unknown option '%s'; did you mean '--%s'?", argument, meant);
    return report_usage(command, "unknown option '%s'", argument);
}

static void print_log(void *user, enum valence_log_level level, const char *text)
{
    (void)user;
    fputs(level == VALENCE_LOG_WARNING ? "valence: warning: " : "valence: ", stderr);
    print_clean(stderr, text);
    fputc('\n', stderr);
}

/* ---- Parsing ---- */

/* What is left to parse. */
struct arguments {
    int n;
    char **values;
    int at;
};

/* An underscore is as good as a hyphen: streams are called simulated_text everywhere else. */
static bool is_same_name(const char *name, const char *given, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (name[i] != (given[i] == '_' ? '-' : given[i]))
            return false;
    return true;
}

static const struct option *find_option(const struct option *options, const char *name,
                                        size_t length)
{
    for (; options->type != OPTION_END; options++)
        if (options->name && strlen(options->name) == length &&
            is_same_name(options->name, name, length))
            return options;
    return NULL;
}

static const struct option *find_letter(const struct option *options, char letter)
{
    for (; options->type != OPTION_END; options++)
        if (options->letter && options->letter == letter)
            return options;
    return NULL;
}

static bool out_of_range(const struct option *option, double value)
{
    bool any = option->minimum == 0 && option->maximum == 0;
    return !isfinite(value) || (!any && (value < option->minimum || value > option->maximum));
}

bool option_read_integer(const char *value, int64_t *integer)
{
    char *end;
    errno = 0;
    *integer = strtoll(value, &end, 10);
    return end != value && *end == '\0' && errno == 0;
}

bool option_split_assignment(const char *text, char *key, size_t key_bytes, char *value,
                             size_t value_bytes)
{
    const char *equals = strchr(text, '='), *from = equals ? equals + 1 : "";
    size_t key_length = equals ? (size_t)(equals - text) : 0, length = strlen(from);
    if (length >= 2 && strchr("\"'", from[0]) && from[length - 1] == from[0]) {
        from++;
        length -= 2;
    }
    if (!equals || key_length >= key_bytes || length >= value_bytes)
        return false;
    snprintf(key, key_bytes, "%.*s", (int)key_length, text);
    snprintf(value, value_bytes, "%.*s", (int)length, from);
    return true;
}

bool option_read_number(const char *value, double *number)
{
    char *end;
    errno = 0;
    *number = strtod(value, &end);
    return end != value && *end == '\0' && errno == 0;
}

static int store_number(const struct command *command, const struct option *option,
                        const char *value)
{
    bool whole = option->type == OPTION_INT, valid;
    int64_t integer = 0;
    double number = 0;
    if (whole) {
        valid = option_read_integer(value, &integer);
        number = (double)integer;
    } else {
        valid = option_read_number(value, &number);
    }
    if (!valid)
        return report_usage(command, "--%s takes a%s number, not '%s'", option->name,
                            whole ? " whole" : "", value);
    if (out_of_range(option, number))
        return report_usage(command, "--%s takes values from %.10g to %.10g, not '%s'",
                            option->name, option->minimum, option->maximum, value);
    if (whole)
        *(int64_t *)option->target = integer;
    else
        *(double *)option->target = number;
    return EXIT_FINE;
}

/* Stores an option; `value` is what was attached to it ("--name=VALUE", "-nVALUE") or NULL. */
static int store_option(const struct command *command, const struct option *option,
                        struct arguments *arguments, const char *value)
{
    if (option->type == OPTION_FLAG) {
        if (value)
            return report_usage(command, "--%s takes no value", option->name);
        *(bool *)option->target = true;
        given_add_option(option->name, NULL);
        return EXIT_FINE;
    }
    if (!value) {
        if (arguments->at == arguments->n)
            return report_usage(command, "--%s needs its %s", option->name, option->value_name);
        value = arguments->values[arguments->at++];
    }
    given_add_option(option->name, value);
    if (option->type == OPTION_ARGUMENT && *(const char **)option->target)
        return report_usage(command, "--%s: this argument is given twice", option->name);
    if (option->type == OPTION_TEXT || option->type == OPTION_ARGUMENT) {
        *(const char **)option->target = value;
        return EXIT_FINE;
    }
    if (option->type == OPTION_LIST) {
        struct option_list *list = option->target;
        if (list->n == OPTION_LIST_MAX)
            return report_usage(command, "--%s can be given %d times", option->name,
                                OPTION_LIST_MAX);
        list->values[list->n++] = value;
        return EXIT_FINE;
    }
    return store_number(command, option, value);
}

static int parse_long(const struct command *command, const struct option *options,
                      struct arguments *arguments, const char *argument)
{
    const char *name = argument + 2, *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    const struct option *option = find_option(options, name, length);
    if (!option)
        option = find_option(common_options, name, length);
    if (!option) {
        char bare[128];
        snprintf(bare, sizeof bare, "%.*s", (int)(length < 127 ? length : 127), name);
        const char *next = arguments->at < arguments->n ? arguments->values[arguments->at] : NULL;
        const char *value = equals ? equals + 1 : next && next[0] != '-' ? next : NULL;
        return report_unknown(command, options, argument, bare, value);
    }
    return store_option(command, option, arguments, equals ? equals + 1 : NULL);
}

/* "-q", "-o FILE", "-oFILE", and flags together: "-qv". */
static int parse_letters(const struct command *command, const struct option *options,
                         struct arguments *arguments, const char *argument)
{
    for (const char *letter = argument + 1; *letter; letter++) {
        const struct option *option = find_letter(options, *letter);
        if (!option)
            option = find_letter(common_options, *letter);
        if (!option)
            return report_unknown(command, options, argument, argument + 1, NULL);
        bool flag = option->type == OPTION_FLAG;
        int code = store_option(command, option, arguments, !flag && letter[1] ? letter + 1 : NULL);
        if (code || !flag)
            return code;
    }
    return EXIT_FINE;
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

/* Stores the options, and gathers what is none at the beginning of argv. */
static int parse_all(const struct command *command, const struct option *options, int argc,
                     char **argv, int *n_loose)
{
    struct arguments arguments = {.n = argc, .values = argv, .at = 1};
    bool only_positional = false;
    int code = EXIT_FINE;
    *n_loose = 0;
    while (arguments.at < argc && !code) {
        char *argument = argv[arguments.at++];
        bool is_loose = only_positional || argument[0] != '-' || argument[1] == '\0';
        bool ends_options = !is_loose && strcmp(argument, "--") == 0;
        if (is_loose || ends_options)
            given_add("", argument);
        if (is_loose)
            argv[1 + (*n_loose)++] = argument;
        else if (ends_options)
            only_positional = true;
        else if (argument[1] == '-')
            code = parse_long(command, options, &arguments, argument);
        else
            code = parse_letters(command, options, &arguments, argument);
    }
    return code;
}

/* The `place`-th word of "RUN STORE", or "argument" where there is no such word. */
static int report_missing(const struct command *command, int place)
{
    const char *word = command->arguments;
    for (int i = 0; i < place && *word; i++) {
        word += strcspn(word, " ");
        word += strspn(word, " ");
    }
    print_usage(stderr, command);
    return report_usage(command, "an argument is missing: %.*s", (int)strcspn(word, " "), word);
}

/* Puts the loose arguments into the places that no option filled. */
static int place_arguments(const struct command *command, char **loose, int n_loose,
                           const char **positional, int minimum, int maximum, int *n)
{
    int place = 0;
    for (int i = 0; i < n_loose; i++) {
        while (place < maximum && positional[place])
            place++;
        if (place == maximum)
            return report_usage(command, "unexpected argument '%s'", loose[i]);
        if (!loose[i][0])
            return report_usage(command,
                                "an argument is empty (is a variable of the shell unset?)");
        positional[place++] = loose[i];
    }
    for (*n = maximum; *n > 0 && !positional[*n - 1]; --*n)
        ;
    for (int i = 0; i < *n || i < minimum; i++)
        if (!positional[i])
            return report_missing(command, i);
    return EXIT_FINE;
}

bool options_parse(const struct command *command, const struct option *options, int argc,
                   char **argv, const char **positional, int minimum, int maximum,
                   int *n_positional, int *exit_code)
{
    *exit_code = EXIT_FINE;
    current = command;
    if (visitor) {
        visitor(visitor_user, command, options);
        return false;
    }
    if (wants_help(argc, argv)) {
        print_help(command, options);
        return false;
    }
    int n_loose;
    given_forget();
    given_add("", command->name);
    for (int i = 0; i < maximum; i++)
        positional[i] = NULL;
    *exit_code = parse_all(command, options, argc, argv, &n_loose);
    if (!*exit_code)
        *exit_code =
            place_arguments(command, argv + 1, n_loose, positional, minimum, maximum, n_positional);
    if (verbose)
        valence_set_log(print_log, NULL);
    return *exit_code == EXIT_FINE;
}
