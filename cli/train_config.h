/* From the command line of `valence train` to a configuration, and back. */
#ifndef VALENCE_CLI_TRAIN_CONFIG_H
#define VALENCE_CLI_TRAIN_CONFIG_H

#include "options.h"
#include "valence/train.h"

/* What the command line says, as parsed. */
struct train_request {
    const char *subject; /* a store or a configuration file, or NULL */
    const char *store, *resume, *output, *from;
    const char *model; /* whose keys are set first, or NULL */
    struct option_list assignments;
    int64_t seed, seeds, threads; /* -1: not given */
    bool accept_changed_data, print_config, dry_run, test, json, quiet;
    char folder[VALENCE_CONFIG_VALUE_BYTES]; /* of the run; set by train_request_config() */
};

/* Whether it says what to train on, or at least what to print. */
bool train_request_complete(const struct train_request *request);

/* Makes the configuration: file, run or what suits the store; then the model's keys; then --set;
 * then the options that stand for keys. */
int train_request_config(struct train_request *request, struct valence_train_config *config,
                         struct valence_error *error);

/* After an error of what the configuration was used for: says more where its store, or the run that
 * --from names, is something else (path_kinds.h). Gives back the status. */
int explain_training(const struct train_request *request, const struct valence_train_config *config,
                     struct valence_error *error);

/* struct command's other_way: options that are keys of the configuration ("epochs",
 * "learning-rate"). */
bool train_key_for_option(const char *name, char *hint, size_t room);

/* Prints the command that trains with this configuration, with every key by --set that is not at
 * its default, quoted for a shell. With --from RUN that holds too, since keys win over a run's. */
void print_full_command(const struct train_request *request,
                        const struct valence_train_config *config);

#endif
