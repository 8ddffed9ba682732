/* Options whose values are names that several commands share. */
#ifndef VALENCE_CLI_CHOICES_H
#define VALENCE_CLI_CHOICES_H

#include "options.h"
#include "store/published_splits.h"
#include "valence/model.h"
#include "valence/stream.h"

/* All give EXIT_FINE or, having printed what is wrong and which names there are, EXIT_USAGE. */

int choose_split(const struct command *command, const char *text, enum valence_split *split);

int choose_dtype(const struct command *command, const char *text, enum valence_dtype *type);

/* "best" or "last", of a run's checkpoints. */
int choose_checkpoint(const struct command *command, const char *text);

/* A published split by its name. */
int choose_published(const struct command *command, const char *text,
                     const struct published_split **published);

/* "complete" or "complete,text_missing": names without blanks, each once. */
int choose_flows(const struct command *command, const char *text, unsigned flows[VALENCE_MAX_FLOWS],
                 int *n_flows);

#endif
