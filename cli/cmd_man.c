/* valence man: the manual page of a command, from the table that parses its options. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "help_topics.h"
#include "valence/version.h"

#define OVERVIEW "valence" /* the page that names them all */

/* Text for troff: backslashes and hyphens are themselves, and no line begins with a request. */
static void print_text(const char *text)
{
    bool start = true;
    for (; *text; text++) {
        if (start && (*text == '.' || *text == '\''))
            fputs("\\&", stdout);
        start = *text == '\n';
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else
            putchar(*text);
    }
}

/* Paragraphs; a line that begins with a blank stands as it is. */
static void print_paragraphs(const char *text)
{
    for (size_t length; *text; text += length + (text[length] == '\n')) {
        char line[8192];
        length = strcspn(text, "\n");
        snprintf(line, sizeof line, "%.*s", (int)length, text);
        if (length == 0)
            puts(".PP");
        else if (line[0] == ' ')
            puts(".br");
        print_text(line);
        if (length)
            putchar('\n');
    }
}

static void print_option(const struct option *option)
{
    if (!option->help)
        return;
    if (option->type == OPTION_GROUP) {
        printf(".SS ");
        print_text(option->help);
        putchar('\n');
        return;
    }
    fputs(".TP\n", stdout);
    if (option->letter)
        printf("\\fB\\-%c\\fR, ", option->letter);
    fputs("\\fB\\-\\-", stdout);
    print_text(option->name);
    fputs("\\fR", stdout);
    if (option->value_name) {
        fputs(" \\fI", stdout);
        print_text(option->value_name);
        fputs("\\fR", stdout);
    }
    putchar('\n');
    print_paragraphs(option->help);
}

static void print_heading(const char *title)
{
    printf(".TH \"%s\" 1 \"\" \"valence %s\" \"User Commands\"\n.SH NAME\n", title,
           valence_version());
    print_text(title);
    fputs(" \\- ", stdout);
}

static void print_exit_codes(void)
{
    puts(".SH EXIT STATUS\n0 on success, 1 on failure, 2 if the command "
         "line or a configuration is wrong, 130 after an interrupt.");
}

static void print_page(const struct command *command, const struct option *options)
{
    char title[64];
    snprintf(title, sizeof title, "valence-%s", command->name);
    for (char *at = title; *at; at++)
        *at = *at == ' ' ? '-' : *at;
    print_heading(title);
    print_text(command->summary);
    printf("\n.SH SYNOPSIS\n.B valence %s\n[options] ", command->name);
    print_text(command->arguments);
    putchar('\n');
    if (command->description) {
        puts(".SH DESCRIPTION");
        print_paragraphs(command->description);
    }
    puts(".SH OPTIONS");
    for (const struct option *option = options; option->type != OPTION_END; option++)
        print_option(option);
    for (const struct option *option = common_options; option->type != OPTION_END; option++)
        print_option(option);
    print_exit_codes();
    if (command->example) {
        puts(".SH EXAMPLES\n.nf");
        print_text(command->example);
        puts("\n.fi");
    }
    puts(".SH SEE ALSO\n.BR valence (1)");
}

/* ---- The page of the whole ---- */

static void print_commands(void)
{
    const char *purpose = "";
    puts(".SH COMMANDS\nEach has a page of its own,\n.BR valence\\-COMMAND (1).");
    for (const struct listed_command *at = all_commands; at->command; at++) {
        if (strcmp(at->purpose, purpose) != 0)
            printf(".SS %s\n", purpose = at->purpose);
        fputs(".TP\n\\fBvalence ", stdout);
        print_text(at->command->name);
        fputs("\\fR ", stdout);
        print_text(at->command->arguments);
        putchar('\n');
        print_paragraphs(at->command->summary);
    }
    puts(".SS Help\n.TP\n\\fBvalence help\\fR [COMMAND|TOPIC]\nExplain a command, or one of "
         "the topics:");
    for (int i = 0; topic_name(i); i++) {
        fputs(i ? ", " : "", stdout);
        print_text(topic_name(i));
    }
    puts(".");
}

static void print_overview(void)
{
    print_heading("valence");
    puts("multimodal sentiment of video clips that works without a transcript, too\n"
         ".SH SYNOPSIS\n.B valence\nCOMMAND [options] [arguments]\n.SH DESCRIPTION");
    print_paragraphs(
        "valence scores how positive or negative a person in a video clip is, from -3 to 3, from "
        "words, voice and face. It trains, evaluates and applies the double-flow network of arXiv "
        "2410.15029 on features of the three modalities audio, text and video.\n\n"
        "A flow is one pass through the network with a set of missing modalities, which it "
        "imagines from the others. A store is a folder with the features, labels and splits of a "
        "data set. A run is the folder that training writes: configuration, log and "
        "checkpoints.\n\n"
        "Results go to standard output, progress and errors to standard error.");
    print_commands();
    puts(".SH OPTIONS\nof every command:");
    for (const struct option *option = common_options; option->type != OPTION_END; option++)
        print_option(option);
    print_exit_codes();
    puts(".SH ENVIRONMENT\n"
         ".TP\n.B VALENCE_CACHE\nwhere fetched models are kept (default: ~/.cache/valence)\n"
         ".TP\n.B VALENCE_MIRROR\na folder or address to fetch models from\n"
         ".TP\n.BR COLUMNS \", \" NO_COLOR\nthe width to print at; no colour\n"
         ".TP\n.B TMPDIR\nwhere temporary stores are made (default: /tmp)\n"
         ".SH EXAMPLES\n.nf");
    print_text("valence synthesize corpus\n"
               "valence train corpus -o run\n"
               "valence evaluate run corpus\n"
               "valence predict run corpus --csv > scores.csv\n");
    puts(".fi\n.SH SEE ALSO\nThe headers in valence/*.h are the library's manual; pkg\\-config "
         "\\-\\-cflags \\-\\-libs valence gives the compiler's flags.");
}

/* ---- The command ---- */

static void print_name(void *user, const struct command *command, const struct option *options)
{
    (void)user, (void)options;
    puts(command->name);
}

struct wanted {
    const char *name;
    bool is_found;
};

static void print_wanted(void *user, const struct command *command, const struct option *options)
{
    struct wanted *wanted = user;
    if (strcmp(command->name, wanted->name) != 0)
        return;
    print_page(command, options);
    wanted->is_found = true;
}

static int run_man(const struct command *command, int argc, char **argv)
{
    static const struct option options[] = {{.type = OPTION_END}};
    struct wanted wanted = {.name = NULL};
    int n, code;
    if (!options_parse(command, options, argc, argv, &wanted.name, 0, 1, &n, &code))
        return code;
    if (n == 0)
        puts(OVERVIEW);
    if (n == 0)
        commands_visit(print_name, NULL);
    else if ((wanted.is_found = strcmp(wanted.name, OVERVIEW) == 0))
        print_overview();
    else
        commands_visit(print_wanted, &wanted);
    return n == 0 || wanted.is_found
               ? EXIT_FINE
               : report_usage(command, "unknown command '%s'; 'valence man' lists the commands",
                              wanted.name);
}

const struct command command_man = {
    .name = "man",
    .arguments = "[COMMAND]",
    .summary = "Print the manual page of a command.",
    .description = "Without a command it lists the pages; 'valence' is the one that names all "
                   "commands. An installed valence has them as valence(1) and valence-COMMAND(1).",
    .example = "valence man evaluate | man -l -\n"
               "valence man 'encode wavlm' | man -l -",
    .run = run_man,
};
