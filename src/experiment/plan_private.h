/* Making a plan: what plan.c and plan_create.c share. */
#ifndef VALENCE_EXPERIMENT_PLAN_PRIVATE_H
#define VALENCE_EXPERIMENT_PLAN_PRIVATE_H

#include "experiment/plan.h"

/* An experiment without variants, and with room for them. */
int plan_allocate(const char *folder, int n_variants, struct valence_experiment **experiment,
                  struct valence_error *error);

/* Adds a variant with room for assignments; then these to the last variant, which are copied. */
int plan_add_variant(struct valence_experiment *experiment, const char *name, int n_assignments,
                     struct valence_error *error);
int plan_add_assignment(struct valence_experiment *experiment, const char *assignment,
                        struct valence_error *error);

/* A configuration without what is not part of a plan. NULL without memory. */
json_t *plan_config_to_json(const struct valence_train_config *config);

/* Tries every variant on the store: one that cannot be trained should not be found out after hours.
 * Errors: those of a dry run of valence_train(). */
int plan_try_variants(const struct valence_experiment *experiment, struct valence_error *error);

/* Checks every variant's configuration and, without `allow_equal`, that it is not that of an
 * earlier one: its figures would look like a finding and only repeat the other's. Errors: ARGUMENT
 * with key "variant"; those of plan_run_config(). */
int plan_check_variants(const struct valence_experiment *experiment, bool allow_equal,
                        struct valence_error *error);

/* The plan in `size` bytes of JSON, which `name` stands for in errors. *experiment is NULL on
 * failure. */
int plan_parse(const char *folder, const char *json, size_t size, const char *name,
               struct valence_experiment **experiment, struct valence_error *error);

/* Any JSON document; and a file's text, of at most 64 MiB. Free *value with json_decref(), *text
 * with free(). Errors: FORMAT; NOT_FOUND, IO, LIMIT; MEMORY. */
int plan_parse_json(const char *text, size_t size, const char *name, json_t **value,
                    struct valence_error *error);
int plan_read_text(const char *path, char **text, size_t *size, struct valence_error *error);

#endif
