/* valence completion: what a shell needs to complete the command, from the tables that parse it. */
#include <stdio.h>
#include <string.h>

#include "choices.h"
#include "commands.h"
#include "encode_kinds.h"
#include "help_topics.h"

/* Calls `print` for each option of a command and those of every command. */
static void each_option(const struct command *command, const struct option *options,
                        void (*print)(const struct command *, const struct option *))
{
    for (const struct option *option = options; option->type != OPTION_END; option++)
        if (option->name && option->help)
            print(command, option);
    for (const struct option *option = common_options; option->type != OPTION_END; option++)
        print(command, option);
}

static void print_words(void)
{
    for (int i = 0; all_commands[i].command; i++)
        printf("%s%s", i ? " " : "", all_commands[i].command->name);
}

#define KIND_WORD(name, word) word " "

/* ---- bash ---- */

static void print_bash_option(const struct command *command, const struct option *option)
{
    (void)command;
    if (option->letter)
        printf(" -%c", option->letter);
    printf(" --%s", option->name);
}

static void print_bash_case(void *user, const struct command *command, const struct option *options)
{
    (void)user;
    printf("        '%s') options='", command->name);
    each_option(command, options, print_bash_option);
    puts("' ;;");
}

static void print_bash(void)
{
    puts("# bash completion for valence, made by 'valence completion bash'\n"
         "_valence() {\n"
         "    local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} options=\n"
         "    COMPREPLY=()");
    fputs("    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        COMPREPLY=($(compgen -W '", stdout);
    print_words();
    puts(" help' -- \"$word\"))\n        return\n    fi");
    fputs("    if [ \"$command\" = help ]; then\n        COMPREPLY=($(compgen -W '", stdout);
    print_words();
    for (int i = 0; topic_name(i); i++)
        printf(" %s", topic_name(i));
    puts("' -- \"$word\"))\n        return\n    fi");
    puts("    if [ \"$command\" = encode ] && [ \"$COMP_CWORD\" -gt 2 ]; then\n"
         "        command=\"encode ${COMP_WORDS[2]}\"\n"
         "    elif [ \"$command\" = encode ]; then\n"
         "        COMPREPLY=($(compgen -W '" ENCODE_KINDS(KIND_WORD) "' -- \"$word\"))\n"
                                                                     "        return\n"
                                                                     "    fi\n"
                                                                     "    case $command in");
    commands_visit(print_bash_case, NULL);
    puts("    esac\n"
         "    case $word in\n"
         "        -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) ;;\n"
         "        *) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n"
         "    esac\n"
         "}\n"
         "complete -o filenames -F _valence valence");
}

/* ---- zsh ---- */

/* A help text inside single quotes and _arguments' brackets: its first sentence. */
static void print_quoted(const char *text, const char *special)
{
    for (; *text && !(text[0] == '.' && (text[1] == ' ' || text[1] == '\0')) && *text != '\n';
         text++) {
        if (*text == '\'')
            fputs("'\\'", stdout);
        else if (strchr(special, *text))
            putchar('\\');
        putchar(*text);
    }
}

static void print_zsh_option(const struct command *command, const struct option *option)
{
    (void)command;
    const char *argument = option->type == OPTION_FLAG ? "" : ":value:_files";
    const char *repeated = option->type == OPTION_LIST ? "*" : "";
    if (option->letter) {
        printf(" \\\n            '%s-%c[", repeated, option->letter);
        print_quoted(option->help, "[]:\\");
        printf("]%s'", argument);
    }
    printf(" \\\n            '%s--%s[", repeated, option->name);
    print_quoted(option->help, "[]:\\");
    printf("]%s'", argument);
}

static void print_zsh_case(void *user, const struct command *command, const struct option *options)
{
    (void)user;
    printf("        '%s') _arguments -s", command->name);
    each_option(command, options, print_zsh_option);
    puts(" '*:file:_files' ;;");
}

static void print_zsh(void)
{
    puts("#compdef valence\n# zsh completion for valence, made by 'valence completion zsh'\n"
         "_valence() {\n    local -a commands\n    local command=$words[2]\n    commands=(");
    for (int i = 0; all_commands[i].command; i++) {
        printf("        '%s:", all_commands[i].command->name);
        print_quoted(all_commands[i].command->summary, ":\\");
        puts("'");
    }
    puts("    )\n    if (( CURRENT == 2 )); then\n        _describe command commands\n        "
         "return\n"
         "    fi");
    fputs("    if [[ $command == help ]]; then\n        _values topic ", stdout);
    print_words();
    for (int i = 0; topic_name(i); i++)
        printf(" %s", topic_name(i));
    puts("\n        return\n    fi");
    puts("    if [[ $command == encode ]] && (( CURRENT == 3 )); then\n"
         "        _values kind " ENCODE_KINDS(
             KIND_WORD) "\n        return\n    fi\n"
                        "    [[ $command == encode ]] && command=\"encode $words[3]\"\n    case "
                        "$command in");
    commands_visit(print_zsh_case, NULL);
    puts("        *) _files ;;\n    esac\n}\n_valence \"$@\"");
}

/* ---- fish ---- */

static void print_fish_option(const struct command *command, const struct option *option)
{
    const char *kind = strchr(command->name, ' ');
    if (kind)
        printf("complete -c valence -n '__fish_seen_subcommand_from encode; and "
               "__fish_seen_subcommand_from %s'",
               kind + 1);
    else
        printf("complete -c valence -n '__fish_seen_subcommand_from %s'", command->name);
    if (option->letter)
        printf(" -s %c", option->letter);
    printf(" -l %s%s -d '", option->name, option->type == OPTION_FLAG ? "" : " -r");
    for (const char *at = option->help; *at && *at != '.' && *at != '\n'; at++) {
        if (*at == '\'' || *at == '\\')
            putchar('\\');
        putchar(*at);
    }
    puts("'");
}

static void print_fish_command(void *user, const struct command *command,
                               const struct option *options)
{
    (void)user;
    each_option(command, options, print_fish_option);
}

static void print_fish(void)
{
    puts("# fish completion for valence, made by 'valence completion fish'");
    for (int i = 0; all_commands[i].command; i++)
        printf("complete -c valence -f -n __fish_use_subcommand -a %s -d '%s'\n",
               all_commands[i].command->name, all_commands[i].command->summary);
    fputs("complete -c valence -f -n '__fish_seen_subcommand_from help' -a '", stdout);
    print_words();
    for (int i = 0; topic_name(i); i++)
        printf(" %s", topic_name(i));
    puts("'");
    puts("complete -c valence -n '__fish_seen_subcommand_from encode' -a '" ENCODE_KINDS(
        KIND_WORD) "'");
    commands_visit(print_fish_command, NULL);
}

static int run_completion(const struct command *command, int argc, char **argv)
{
    static const struct option options[] = {{.type = OPTION_END}};
    static const char *const shells[] = {"bash", "zsh", "fish"};
    static void (*const print[])(void) = {print_bash, print_zsh, print_fish};
    const char *shell;
    int n, code, index;
    if (!options_parse(command, options, argc, argv, &shell, 1, 1, &n, &code))
        return code;
    if ((code = choose_name(command, "SHELL", shell, shells, 3, &index)))
        return code;
    print[index]();
    return EXIT_FINE;
}

const struct command command_completion = {
    .name = "completion",
    .arguments = "bash|zsh|fish",
    .summary = "Print a completion script for a shell.",
    .description = "'make install' puts these scripts where shells look for them. Otherwise you "
                   "can load one yourself.",
    .example = "source <(valence completion bash)\n"
               "valence completion zsh > ~/.zfunc/_valence\n"
               "valence completion fish > ~/.config/fish/completions/valence.fish",
    .run = run_completion,
};
