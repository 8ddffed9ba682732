/* Trains a store's configuration with and without a change of one key, two seeds each, and prints
 * what the change does. Runs that are finished already are not repeated.
 *
 *     cc compare.c $(pkg-config --cflags --libs valence) -o compare &&
 *     ./compare STORE FOLDER KEY=VALUE [EPOCHS] */
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
    if (!status && argc > 4)
        status = valence_train_config_set(config, "epochs", argv[4], error);
    return status;
}

int main(int argc, char **argv)
{
    struct valence_error error;
    struct valence_train_config *config = NULL;
    struct valence_experiment *experiment = NULL;
    const struct valence_experiment_result *result = NULL;
    if (argc < 4) {
        fprintf(stderr, "usage: compare STORE FOLDER KEY=VALUE [EPOCHS]\n");
        return 2;
    }
    const char *const change[] = {argv[3]};
    const struct valence_variant variants[] = {{"base", NULL, 0}, {"changed", change, 1}};
    int status = valence_train_config_create(&config, &error);
    if (!status)
        status = configure(config, argc, argv, &error);
    if (!status)
        status = valence_experiment_create(config, variants, 2, NULL, &experiment, &error);
    if (!status)
        status = valence_experiment_run(experiment, NULL, &error); /* in this process */
    if (!status)
        status = valence_experiment_evaluate(experiment, NULL, NULL, &result, &error);
    if (status)
        fprintf(stderr, "compare: %s\n", error.text);
    else
        print(result);
    valence_experiment_result_free(result);
    valence_experiment_close(experiment);
    valence_train_config_free(config);
    return status ? 1 : 0;
}
