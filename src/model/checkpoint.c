/* A checkpoint in memory. */
#include "model/checkpoint.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "model/checkpoint_names.h"
#include "model/parameters.h"

const char *const checkpoint_digested_texts[N_DIGESTED_TEXTS] = {"config", "streams", "provenance",
                                                                 "training"};

void checkpoint_statistic_name(char name[TENSOR_NAME_BYTES], int stream, enum statistic statistic)
{
    static const char *const names[N_STATISTICS] = {"mean", "scale", "low", "high"};
    snprintf(name, TENSOR_NAME_BYTES, "standardisation.%s.%s", valence_stream_names[stream],
             names[statistic]);
}

const float **checkpoint_statistic(struct checkpoint *checkpoint, int stream,
                                   enum statistic statistic)
{
    struct standardisation *s = &checkpoint->standardisation;
    const float **places[N_STATISTICS] = {&s->mean[stream], &s->scale[stream], &s->low[stream],
                                          &s->high[stream]};
    return places[statistic];
}

void checkpoint_novelty_name(char name[TENSOR_NAME_BYTES], int stream, enum novelty_array array)
{
    static const char *const names[N_NOVELTY_ARRAYS] = {"mean", "directions", "validation"};
    snprintf(name, TENSOR_NAME_BYTES, "novelty.%s.%s", valence_stream_names[stream], names[array]);
}

struct novelty_tensor checkpoint_novelty_tensor(const struct novelty *novelty,
                                                enum novelty_array array)
{
    int64_t columns = novelty->n_columns, directions = novelty->n_directions;
    switch (array) {
    case NOVELTY_MEAN:
        return (struct novelty_tensor){novelty->mean, 1, {columns}, columns};
    case NOVELTY_DIRECTIONS:
        return (struct novelty_tensor){
            novelty->directions, 2, {directions, columns}, directions * columns};
    default:
        return (struct novelty_tensor){
            novelty->validation, 1, {novelty->n_validation}, novelty->n_validation};
    }
}

int64_t checkpoint_stream_width(const struct checkpoint *checkpoint, int stream)
{
    return checkpoint->config.widths[valence_stream_modality((enum valence_stream)stream)];
}

int checkpoint_allocate(struct checkpoint *checkpoint, bool with_moments,
                        struct valence_error *error)
{
    struct parameter_table table;
    parameter_table_make(&checkpoint->config, &table);
    checkpoint->n_parameters = table.n_values;
    float **blocks[] = {&checkpoint->parameters, &checkpoint->first_moment,
                        &checkpoint->second_moment};
    for (int i = 0; i < (with_moments ? 3 : 1); i++) {
        *blocks[i] = block_take_zeroed(table.n_values, sizeof(float));
        if (!*blocks[i])
            return fail_memory(error, (size_t)table.n_values * sizeof(float), "the parameters");
    }
    return VALENCE_OK;
}

/* A stream's four arrays, or none of them. */
static void free_statistics(struct checkpoint *checkpoint, int stream)
{
    for (int i = 0; i < N_STATISTICS; i++) {
        const float **place = checkpoint_statistic(checkpoint, stream, (enum statistic)i);
        free((void *)(uintptr_t)*place);
        *place = NULL;
    }
}

int checkpoint_allocate_standardisation(struct checkpoint *checkpoint, enum valence_stream stream,
                                        int64_t n, bool clipped,
                                        float *values[CHECKPOINT_N_STATISTICS],
                                        struct valence_error *error)
{
    bool complete = true;
    for (int i = 0; i < N_STATISTICS; i++) {
        bool wanted = clipped || i < STATISTIC_LOW;
        values[i] = wanted ? allocate(n, sizeof **values) : NULL;
        complete = complete && (values[i] || !wanted);
    }
    free_statistics(checkpoint, (int)stream);
    for (int i = 0; i < N_STATISTICS; i++)
        *checkpoint_statistic(checkpoint, (int)stream, (enum statistic)i) = values[i];
    if (!complete) {
        free_statistics(checkpoint, (int)stream);
        return fail_memory(error, (size_t)n * sizeof **values, "the standardisation");
    }
    return VALENCE_OK;
}

int checkpoint_set_standardisation(struct checkpoint *checkpoint, enum valence_stream stream,
                                   const struct column_ranges *columns, struct valence_error *error)
{
    int64_t n = columns->n;
    bool clipped = columns->minimum && columns->maximum;
    float *values[CHECKPOINT_N_STATISTICS];
    int status = checkpoint_allocate_standardisation(checkpoint, stream, n, clipped, values, error);
    if (status)
        return status;
    for (int64_t j = 0; j < n; j++) {
        float mean = columns->mean[j], deviation = columns->deviation[j];
        float scale = deviation >= FLT_MIN ? 1.0f / deviation : 0;
        values[STATISTIC_MEAN][j] = mean;
        values[STATISTIC_SCALE][j] = scale;
        if (clipped) {
            /* As the kernel computes it, so that no training row is changed. */
            values[STATISTIC_LOW][j] = (columns->minimum[j] - mean) * scale;
            values[STATISTIC_HIGH][j] = (columns->maximum[j] - mean) * scale;
        }
    }
    return VALENCE_OK;
}

int calibration_allocate(struct calibration *calibration, int64_t n, int n_flows,
                         struct valence_error *error)
{
    calibration->n = n;
    calibration->labels = allocate(n, sizeof *calibration->labels);
    calibration->scores = allocate(n * n_flows, sizeof *calibration->scores);
    calibration->distances = allocate(n * VALENCE_N_STREAMS, sizeof *calibration->distances);
    if (calibration->labels && calibration->scores && calibration->distances)
        return VALENCE_OK;
    calibration_free(calibration);
    return fail_memory(error, (size_t)n * sizeof *calibration->scores, "the calibration set");
}

void calibration_free(struct calibration *calibration)
{
    free(calibration->labels);
    free(calibration->scores);
    free(calibration->distances);
    *calibration = (struct calibration){0};
}

void checkpoint_free(struct checkpoint *checkpoint)
{
    block_free(checkpoint->parameters, checkpoint->n_parameters, sizeof(float));
    block_free(checkpoint->first_moment, checkpoint->n_parameters, sizeof(float));
    block_free(checkpoint->second_moment, checkpoint->n_parameters, sizeof(float));
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        free_statistics(checkpoint, s);
        novelty_free(&checkpoint->novelty[s]);
    }
    calibration_free(&checkpoint->calibration);
    json_decref(checkpoint->provenance);
    json_decref(checkpoint->training);
    *checkpoint = (struct checkpoint){0};
}
