/* Trains a store's configuration without each part of the framework in turn, and prints what that
 * changes. Runs that are finished already are not repeated.
 *
 *     cc ablate.c $(pkg-config --cflags --libs valence) -o ablate && ./ablate STORE FOLDER [EPOCHS]
 */
#include <stdio.h>
#include <valence/experiment.h>

static void print(const struct valence_experiment_result *result)
{
    for (int v = 1; v < result->n_variants; v++)
        for (int f = 0; f < result->n_flows; f++) {
            const struct valence_result_cell *mae =
                &result->variants[v].cells[f * result->n_metrics];
            printf("%-24s %-14s %s %+.3f (%+.3f to %+.3f), p = %.3f\n", result->variants[v].name,
                   valence_flow_name(result->flows[f]),
                   valence_metric_describe(result->metrics[0])->heading, mae->difference,
                   mae->interval.low, mae->interval.high, mae->p_holm);
        }
}

static int configure(struct valence_train_config *config, int argc, char **argv,
                     struct valence_error *error)
{
    int status = valence_train_config_for_store(config, argv[1], error);
    if (!status)
        status = valence_train_config_set(config, "output", argv[2], error);
    if (!status)
        status = valence_train_config_set(config, "seeds", "2", error);
    if (!status && argc > 3)
        status = valence_train_config_set(config, "epochs", argv[3], error);
    return status;
}

int main(int argc, char **argv)
{
    struct valence_error error;
    struct valence_train_config *config = NULL;
    struct valence_experiment *experiment = NULL;
    const struct valence_variant *variants = NULL;
    const struct valence_experiment_result *result = NULL;
    int n = 0;
    if (argc < 3) {
        fprintf(stderr, "usage: ablate STORE FOLDER [EPOCHS]\n");
        return 2;
    }
    int status = valence_train_config_create(&config, &error);
    if (!status)
        status = configure(config, argc, argv, &error);
    if (!status)
        status = valence_ablation_create(config, &variants, &n, &error);
    if (!status)
        status = valence_experiment_create(config, variants, n, NULL, &experiment, &error);
    if (!status)
        status = valence_experiment_run(experiment, NULL, &error); /* in this process */
    if (!status)
        status = valence_experiment_evaluate(experiment, NULL, NULL, &result, &error);
    if (status)
        fprintf(stderr, "ablate: %s\n", error.text);
    else
        print(result);
    valence_experiment_result_free(result);
    valence_experiment_close(experiment);
    valence_variants_free(variants, n);
    valence_train_config_free(config);
    return status ? 1 : 0;
}
