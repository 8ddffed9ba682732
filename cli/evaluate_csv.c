/* The predictions of an evaluation as CSV. */
#include "base/file_writer.h"
#include "evaluate_output.h"
#include "format/csv_write.h"

int write_predictions(const char *path, bool overwrite, const struct evaluation_set *set,
                      struct valence_error *error)
{
    struct file_writer writer;
    int status = file_write_begin(&writer, path, overwrite ? FILE_OVERWRITE : 0, error);
    if (status)
        return status;
    fputs("model,id,label", writer.stream);
    for (int flow = 0; flow < set->evaluations[0]->n_flows; flow++)
        fprintf(writer.stream, ",%s", valence_flow_name(set->evaluations[0]->flows[flow].flow));
    fputc('\n', writer.stream);
    for (int i = 0; i < set->n; i++) {
        const struct valence_evaluation *evaluation = set->evaluations[i];
        for (int64_t clip = 0; clip < evaluation->n_clips; clip++) {
            csv_write_field(writer.stream, valence_run_model_name(set->models, i));
            fputc(',', writer.stream);
            csv_write_field(writer.stream,
                            valence_store_clip(set->store, evaluation->clips[clip])->id);
            fputc(',', writer.stream);
            csv_write_number(writer.stream, evaluation->labels[clip]);
            for (int flow = 0; flow < evaluation->n_flows; flow++) {
                fputc(',', writer.stream);
                csv_write_number(writer.stream, evaluation->flows[flow].scores[clip]);
            }
            fputc('\n', writer.stream);
        }
    }
    return file_write_commit(&writer, error);
}
