/* Options whose values are names that several commands share. */
#ifndef VALENCE_CLI_CHOICES_H
#define VALENCE_CLI_CHOICES_H

#include "options.h"
#include "valence/export.h"
#include "valence/model.h"
#include "valence/reliability.h"
#include "valence/run.h"
#include "valence/stream.h"

/* Options in the tables of several commands. */
#define CHOICE_LEVEL    0.9
#define CHOICE_MAX_ROWS 10000
#define LEVEL_OPTION(target)                                                                       \
    {                                                                                              \
        OPTION_NUMBER, 0, "level", target, "P",                                                    \
            "Coverage of the score intervals, 0.01 to 0.999 (default: 0.9, for 90 % coverage).",   \
            VALENCE_MIN_LEVEL, VALENCE_MAX_LEVEL                                                   \
    }
#define MAX_ROWS_OPTION(target)                                                                    \
    {                                                                                              \
        OPTION_INT, 0, "max-rows", target, "N",                                                    \
            "Read at most N rows of each stream of a clip (default: 10000).", 1, 4e6               \
    }

/* The rows that the tables of commands end with which compute with a run's models on a store. */
#define COMPUTING_OPTIONS(request)                                                                 \
    OPTION_ACCEPT_UNFINISHED(&(request)->accept_unfinished), option_quiet(&(request)->quiet),      \
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Resources", 0, 0}, option_batch(&(request)->batch),   \
        option_threads(&(request)->threads), MAX_ROWS_OPTION(&(request)->max_rows),                \
    {                                                                                              \
        .type = OPTION_END                                                                         \
    }

/* Which of a run's checkpoints is used. */
#define CHECKPOINT_OPTION(target)                                                                  \
    {                                                                                              \
        OPTION_TEXT, 0, "checkpoint", target, "WHICH",                                             \
            "The run's checkpoint to use, best or last (default: best).", 0, 0                     \
    }

/* All give EXIT_FINE or, having printed what is wrong and which names there are, EXIT_USAGE. */

/* One of `n` names; `what` is the option, "--rows". */
int choose_name(const struct command *command, const char *what, const char *text,
                const char *const *names, int n, int *index);

int choose_split(const struct command *command, const char *text, enum valence_split *split);

int choose_dtype(const struct command *command, const char *text, enum valence_dtype *type);

/* "best" or "last", of a run's checkpoints. */
int choose_checkpoint(const struct command *command, const char *text,
                      enum valence_checkpoint *which);

int choose_form(const struct command *command, const char *text, enum valence_export_kind *form);

/* The name of a published split. */
int choose_published(const struct command *command, const char *text);

/* "complete" or "complete,text_missing": names without blanks, each once; "all": every flow, those
 * that miss less first. */
int choose_flows(const struct command *command, const char *text, unsigned flows[VALENCE_MAX_FLOWS],
                 int *n_flows);

/* "audio" or "audio,text", to a set of modalities; `what` is the option. */
int choose_modalities(const struct command *command, const char *what, const char *text,
                      unsigned *modalities);

#endif
