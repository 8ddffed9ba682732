/* Measures a run, or a checkpoint, on the test part of a store: every flow it was trained with,
 * with 95 % intervals.
 *
 *     cc evaluate.c $(pkg-config --cflags --libs valence) -o evaluate && ./evaluate RUN STORE */
#include <stdio.h>
#include <valence/evaluate.h>
#include <valence/run.h>

static void print_flow(const struct valence_flow_evaluation *flow)
{
    const enum valence_metric shown[] = {VALENCE_METRIC_MAE, VALENCE_METRIC_CORR};
    printf("%s:", valence_flow_name(flow->flow));
    for (int i = 0; i < 2; i++)
        printf("  %s %.3f (%.3f to %.3f)", valence_metric_describe(shown[i])->heading,
               flow->metrics.values[shown[i]], flow->intervals[shown[i]].low,
               flow->intervals[shown[i]].high);
    printf("\n");
}

int main(int argc, char **argv)
{
    struct valence_error error;
    struct valence_run *run = NULL;
    struct valence_model *model = NULL;
    struct valence_store *store = NULL;
    const struct valence_evaluation *evaluation = NULL;
    if (argc != 3) {
        fprintf(stderr, "usage: evaluate RUN STORE\n");
        return 2;
    }
    int status = valence_run_open(argv[1], VALENCE_CHECKPOINT_BEST, &run, &error);
    if (!status)
        status = valence_run_load(run, &model, &error); /* several seeds become one model */
    if (!status)
        status = valence_store_open(argv[2], NULL, &store, &error);
    if (!status)
        status = valence_evaluate(model, store, NULL, NULL, &evaluation, &error);
    for (int i = 0; !status && i < evaluation->n_flows; i++)
        print_flow(&evaluation->flows[i]);
    if (status)
        fprintf(stderr, "evaluate: %s\n", error.text);
    valence_evaluation_free(evaluation);
    valence_store_close(store);
    valence_model_free(model);
    valence_run_close(run);
    return status ? 1 : 0;
}
