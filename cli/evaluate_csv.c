/* The predictions of an evaluation as CSV. */
#include "valence/output.h"
#include "evaluate_output.h"
#include "valence/text.h"

/* A score, or the name of a class. */
static void write_label(FILE *stream, const struct evaluation_set *set,
                        const struct valence_evaluation *evaluation, float value)
{
    if (evaluation->n_classes)
        valence_write_csv_field(stream, valence_store_label_scale(set->store)->classes[(int)value]);
    else
        valence_write_csv_number(stream, value);
}

int write_predictions(const char *path, bool overwrite, const struct evaluation_set *set,
                      struct valence_error *error)
{
    struct valence_output *output;
    int status = valence_output_open(path, overwrite, &output, error);
    if (status)
        return status;
    FILE *stream = valence_output_stream(output);
    fputs("model,id,label", stream);
    for (int flow = 0; flow < set->evaluations[0]->n_flows; flow++)
        fprintf(stream, ",%s", valence_flow_name(set->evaluations[0]->flows[flow].flow));
    fputc('\n', stream);
    for (int i = 0; i < set->n; i++) {
        const struct valence_evaluation *evaluation = set->evaluations[i];
        for (int64_t clip = 0; clip < evaluation->n_clips; clip++) {
            valence_write_csv_field(stream, valence_run_model_name(set->models, i));
            fputc(',', stream);
            valence_write_csv_field(stream,
                                    valence_store_clip(set->store, evaluation->clips[clip])->id);
            fputc(',', stream);
            write_label(stream, set, evaluation, evaluation->labels[clip]);
            for (int flow = 0; flow < evaluation->n_flows; flow++) {
                fputc(',', stream);
                write_label(stream, set, evaluation, evaluation->flows[flow].scores[clip]);
            }
            fputc('\n', stream);
        }
    }
    return valence_output_commit(output, error);
}
