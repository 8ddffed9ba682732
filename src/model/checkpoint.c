#include "model/checkpoint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "format/safetensors.h"
#include "model/config_json.h"
#include "model/parameters.h"

#define FIRST_MOMENT  "optimizer.first_moment"
#define SECOND_MOMENT "optimizer.second_moment"
#define RANGE         "calibration.range"
#define LABELS        "calibration.labels"
#define SCORES        "calibration.scores"
#define VERSION       "1"

/* "standardisation.audio.mean" */
static void statistic_name(char name[64], int stream, const char *what)
{
    snprintf(name, 64, "standardisation.%s.%s", valence_stream_names[stream], what);
}

static int64_t stream_width(const struct valence_model_config *config, int stream)
{
    return config->widths[valence_stream_modality(stream)];
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
        *blocks[i] = allocate(table.n_values, sizeof(float));
        if (!*blocks[i])
            return fail_memory(error, (size_t)table.n_values * sizeof(float), "the parameters");
    }
    return VALENCE_OK;
}

int checkpoint_set_standardisation(struct checkpoint *checkpoint, enum valence_stream stream,
                                   int64_t n, const float *mean, const float *deviation,
                                   struct valence_error *error)
{
    float *means = allocate(n, sizeof *means), *scales = allocate(n, sizeof *scales);
    if (!means || !scales) {
        free(means);
        free(scales);
        return fail_memory(error, (size_t)n * sizeof *means, "the standardisation");
    }
    for (int64_t j = 0; j < n; j++) {
        means[j] = mean[j];
        scales[j] = deviation[j] > 0 ? 1.0f / deviation[j] : 0;
    }
    free((void *)(uintptr_t)checkpoint->standardisation.mean[stream]);
    free((void *)(uintptr_t)checkpoint->standardisation.scale[stream]);
    checkpoint->standardisation.mean[stream] = means;
    checkpoint->standardisation.scale[stream] = scales;
    return VALENCE_OK;
}

int calibration_allocate(struct calibration *calibration, int64_t n, int n_flows,
                         struct valence_error *error)
{
    calibration->n = n;
    calibration->labels = allocate(n, sizeof *calibration->labels);
    calibration->scores = allocate(n * n_flows, sizeof *calibration->scores);
    if (calibration->labels && calibration->scores)
        return VALENCE_OK;
    calibration_free(calibration);
    return fail_memory(error, (size_t)n * sizeof *calibration->scores, "the calibration set");
}

void calibration_free(struct calibration *calibration)
{
    free(calibration->labels);
    free(calibration->scores);
    *calibration = (struct calibration){0};
}

void checkpoint_free(struct checkpoint *checkpoint)
{
    free(checkpoint->parameters);
    free(checkpoint->first_moment);
    free(checkpoint->second_moment);
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        free((void *)(uintptr_t)checkpoint->standardisation.mean[s]);
        free((void *)(uintptr_t)checkpoint->standardisation.scale[s]);
    }
    calibration_free(&checkpoint->calibration);
    json_decref(checkpoint->provenance);
    json_decref(checkpoint->training);
    *checkpoint = (struct checkpoint){0};
}

/* ---- Writing ---- */

static int describe_json(struct safetensors_writer *writer, const char *key, const json_t *value,
                         struct valence_error *error)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17));
    if (!text)
        return fail(error, VALENCE_ERROR_MEMORY, "cannot write \"%s\" of the checkpoint", key);
    int status = safetensors_describe(writer, key, text, error);
    free(text);
    return status;
}

static int describe(struct safetensors_writer *writer, const struct checkpoint *checkpoint,
                    struct valence_error *error)
{
    json_t *config = model_config_to_json(&checkpoint->config);
    json_t *streams = json_object();
    for (int s = 0; s < VALENCE_N_STREAMS; s++)
        if (checkpoint->stream_names[s][0])
            json_object_set_new(streams, valence_stream_names[s],
                                json_string(checkpoint->stream_names[s]));
    int status = safetensors_describe(writer, "format", CHECKPOINT_FORMAT, error);
    if (!status)
        status = safetensors_describe(writer, "version", VERSION, error);
    if (!status)
        status = describe_json(writer, "config", config, error);
    if (!status)
        status = describe_json(writer, "streams", streams, error);
    if (!status && checkpoint->provenance)
        status = describe_json(writer, "provenance", checkpoint->provenance, error);
    if (!status && checkpoint->training)
        status = describe_json(writer, "training", checkpoint->training, error);
    json_decref(config);
    json_decref(streams);
    return status;
}

/* Goes over the file's tensors in order, declaring them or writing their values. */
static int declare_or_write(struct safetensors_writer *writer, bool declaring, const char *name,
                            int n_dims, const int64_t *shape, int64_t n, const float *values,
                            struct valence_error *error)
{
    return declaring ? safetensors_declare(writer, name, ELEMENT_F32, n_dims, shape, error)
                     : safetensors_write(writer, values, (size_t)n * sizeof *values, error);
}

static int each_calibration_tensor(struct safetensors_writer *writer,
                                   const struct checkpoint *checkpoint, bool declaring,
                                   struct valence_error *error)
{
    const struct calibration *c = &checkpoint->calibration;
    int64_t two = 2, shape[] = {checkpoint->config.n_flows, c->n};
    if (!c->n)
        return VALENCE_OK;
    int status = declare_or_write(writer, declaring, RANGE, 1, &two, two, c->range, error);
    if (!status)
        status = declare_or_write(writer, declaring, LABELS, 1, &c->n, c->n, c->labels, error);
    if (!status)
        status = declare_or_write(writer, declaring, SCORES, 2, shape, shape[0] * c->n, c->scores,
                                  error);
    return status;
}

static int each_tensor(struct safetensors_writer *writer, const struct checkpoint *checkpoint,
                       bool declaring, struct valence_error *error)
{
    struct parameter_table table;
    parameter_table_make(&checkpoint->config, &table);
    int status = VALENCE_OK;
    for (int i = 0; i < table.n && !status; i++) {
        const struct parameter *parameter = &table.parameters[i];
        status = declare_or_write(writer, declaring, parameter->name, parameter->n_dims,
                                  parameter->shape, parameter->n_values,
                                  checkpoint->parameters + parameter->offset, error);
    }
    for (int s = 0; s < VALENCE_N_STREAMS && !status; s++) {
        int64_t width = stream_width(&checkpoint->config, s);
        const float *statistics[] = {checkpoint->standardisation.mean[s],
                                     checkpoint->standardisation.scale[s]};
        for (int i = 0; i < 2 && statistics[0] && !status; i++) {
            char name[64];
            statistic_name(name, s, i ? "scale" : "mean");
            status =
                declare_or_write(writer, declaring, name, 1, &width, width, statistics[i], error);
        }
    }
    if (!status)
        status = each_calibration_tensor(writer, checkpoint, declaring, error);
    const float *moments[] = {checkpoint->first_moment, checkpoint->second_moment};
    for (int i = 0; i < 2 && moments[i] && !status; i++)
        status = declare_or_write(writer, declaring, i ? SECOND_MOMENT : FIRST_MOMENT, 1,
                                  &table.n_values, table.n_values, moments[i], error);
    return status;
}

int checkpoint_save(const char *path, unsigned flags, const struct checkpoint *checkpoint,
                    struct valence_error *error)
{
    struct safetensors_writer *writer;
    int status = safetensors_write_begin(path, flags, &writer, error);
    if (status)
        return status;
    status = describe(writer, checkpoint, error);
    if (!status)
        status = each_tensor(writer, checkpoint, true, error);
    if (!status)
        status = each_tensor(writer, checkpoint, false, error);
    if (status) {
        safetensors_write_abort(writer);
        return status;
    }
    return safetensors_write_commit(writer, error);
}

/* ---- Reading ---- */

/* The tensor of this name: it must be there, with this shape, in F32. */
static int find_tensor(const struct safetensors *file, const char *path, const char *name,
                       int n_dims, const int64_t *shape, const struct safetensor **tensor,
                       struct valence_error *error)
{
    const struct safetensor *found = *tensor = safetensors_find(file, name);
    char is[SHAPE_TEXT_BYTES], should[SHAPE_TEXT_BYTES];
    if (!found)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: tensor '%s' is missing", path, name);
    bool same = found->n_dims == n_dims && found->type == ELEMENT_F32;
    for (int i = 0; same && i < n_dims; i++)
        same = found->shape[i] == shape[i];
    if (!same)
        return fail(error, VALENCE_ERROR_SHAPE,
                    "%s: tensor '%s' is %s %s; the configuration in the file asks for F32 %s", path,
                    name, element_type_name(found->type),
                    shape_text(found->shape, found->n_dims, is, sizeof is),
                    shape_text(shape, n_dims, should, sizeof should));
    return VALENCE_OK;
}

/* Copies such a tensor to `values`, which must be finite. */
static int read_tensor(const struct safetensors *file, const char *path, const char *name,
                       int n_dims, const int64_t *shape, float *values, struct valence_error *error)
{
    const struct safetensor *tensor;
    int status = find_tensor(file, path, name, n_dims, shape, &tensor, error);
    if (status)
        return status;
    safetensor_to_float(tensor, values);
    for (int64_t i = 0; i < tensor->count; i++)
        if (!isfinite(values[i]))
            return fail(error, VALENCE_ERROR_DATA, "%s: tensor '%s', element %lld is %f", path,
                        name, (long long)i, (double)values[i]);
    return VALENCE_OK;
}

/* Once all tensors are known to be there, the memory taken for them is no more than the file is
 * long, whatever sizes its configuration claims. */
static int read_parameters(const struct safetensors *file, const char *path,
                           const struct parameter_table *table, struct checkpoint *checkpoint,
                           struct valence_error *error)
{
    bool with_moments = safetensors_find(file, FIRST_MOMENT) != NULL;
    const struct safetensor *tensor;
    int status = VALENCE_OK;
    for (int i = 0; i < table->n && !status; i++) {
        const struct parameter *parameter = &table->parameters[i];
        status = find_tensor(file, path, parameter->name, parameter->n_dims, parameter->shape,
                             &tensor, error);
    }
    if (!status)
        status = checkpoint_allocate(checkpoint, with_moments, error);
    for (int i = 0; i < table->n && !status; i++) {
        const struct parameter *parameter = &table->parameters[i];
        status = read_tensor(file, path, parameter->name, parameter->n_dims, parameter->shape,
                             checkpoint->parameters + parameter->offset, error);
    }
    if (!status && with_moments)
        status = read_tensor(file, path, FIRST_MOMENT, 1, &table->n_values,
                             checkpoint->first_moment, error);
    if (!status && with_moments)
        status = read_tensor(file, path, SECOND_MOMENT, 1, &table->n_values,
                             checkpoint->second_moment, error);
    return status;
}

static int read_standardisation(const struct safetensors *file, const char *path,
                                struct checkpoint *checkpoint, struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int s = 0; s < VALENCE_N_STREAMS && !status; s++) {
        int64_t width = stream_width(&checkpoint->config, s);
        const float **places[] = {&checkpoint->standardisation.mean[s],
                                  &checkpoint->standardisation.scale[s]};
        char name[64];
        statistic_name(name, s, "mean");
        if (!safetensors_find(file, name))
            continue;
        for (int i = 0; i < 2 && !status; i++) {
            float *values = allocate(width, sizeof *values);
            if (!values)
                return fail_memory(error, (size_t)width * sizeof *values, "the standardisation");
            *places[i] = values;
            statistic_name(name, s, i ? "scale" : "mean");
            status = read_tensor(file, path, name, 1, &width, values, error);
        }
    }
    return status;
}

/* The length of the labels says how many clips there are; no more memory is taken than the file is
 * long. */
static int read_calibration(const struct safetensors *file, const char *path,
                            struct checkpoint *checkpoint, struct valence_error *error)
{
    struct calibration *c = &checkpoint->calibration;
    const struct safetensor *labels = safetensors_find(file, LABELS), *scores;
    if (!labels)
        return VALENCE_OK;
    int64_t n = labels->count, two = 2, shape[] = {checkpoint->config.n_flows, n};
    if (n < 1)
        return fail(error, VALENCE_ERROR_SHAPE, "%s: tensor '" LABELS "' is empty", path);
    int status = find_tensor(file, path, SCORES, 2, shape, &scores, error);
    if (!status)
        status = calibration_allocate(c, n, checkpoint->config.n_flows, error);
    if (!status)
        status = read_tensor(file, path, RANGE, 1, &two, c->range, error);
    if (!status)
        status = read_tensor(file, path, LABELS, 1, &n, c->labels, error);
    if (!status)
        status = read_tensor(file, path, SCORES, 2, shape, c->scores, error);
    for (int64_t i = 0; i < n && !status; i++)
        if (!(c->labels[i] >= c->range[0] && c->labels[i] <= c->range[1]))
            status = fail(error, VALENCE_ERROR_DATA,
                          "%s: tensor '" LABELS "', element %lld is not in the range %g ... %g",
                          path, (long long)i, (double)c->range[0], (double)c->range[1]);
    return status;
}

/* Whatever else is in the file is not ours: a name nobody reads is a name misspelt. */
static int refuse_unknown(const struct safetensors *file, const char *path,
                          const struct parameter_table *table, const struct checkpoint *checkpoint,
                          struct valence_error *error)
{
    for (int64_t i = 0; i < safetensors_n_tensors(file); i++) {
        const char *name = safetensors_tensor(file, i)->name;
        bool known = parameter_find(table, name) != NULL;
        known = known || (checkpoint->first_moment &&
                          (strcmp(name, FIRST_MOMENT) == 0 || strcmp(name, SECOND_MOMENT) == 0));
        known =
            known ||
            (checkpoint->calibration.n &&
             (strcmp(name, RANGE) == 0 || strcmp(name, LABELS) == 0 || strcmp(name, SCORES) == 0));
        for (int s = 0; s < VALENCE_N_STREAMS && !known; s++) {
            char mean[64], scale[64];
            statistic_name(mean, s, "mean");
            statistic_name(scale, s, "scale");
            known = checkpoint->standardisation.mean[s] &&
                    (strcmp(name, mean) == 0 || strcmp(name, scale) == 0);
        }
        if (!known)
            return fail(error, VALENCE_ERROR_FORMAT,
                        "%s: tensor '%s' belongs to no layer of the configuration in the file",
                        path, name);
    }
    return VALENCE_OK;
}

/* The JSON object under a metadata key; NULL where there is none and it is `optional`. */
static int read_json(const struct safetensors *file, const char *path, const char *key,
                     bool optional, json_t **value, struct valence_error *error)
{
    *value = NULL;
    const char *text = safetensors_metadata(file, key);
    if (!text)
        return optional
                   ? VALENCE_OK
                   : fail(error, VALENCE_ERROR_FORMAT, "%s: metadata '%s' is missing", path, key);
    json_error_t problem;
    *value = json_loads(text, JSON_REJECT_DUPLICATES, &problem);
    if (!*value)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: metadata '%s', column %d: %s", path, key,
                    problem.column, problem.text);
    if (!json_is_object(*value)) {
        json_decref(*value);
        *value = NULL;
        return fail(error, VALENCE_ERROR_FORMAT, "%s: metadata '%s' is not an object", path, key);
    }
    return VALENCE_OK;
}

/* The object of stream names; a key that is no stream, or a value that is no name, is refused. */
static int read_stream_names(const struct safetensors *file, const char *path,
                             struct checkpoint *checkpoint, struct valence_error *error)
{
    json_t *streams, *value;
    const char *key;
    int status = read_json(file, path, "streams", false, &streams, error);
    if (status)
        return status;
    json_object_foreach(streams, key, value)
    {
        int stream = valence_stream_from_name(key);
        const char *name = json_string_value(value);
        if (stream < 0 || !name || strlen(name) >= sizeof checkpoint->stream_names[stream]) {
            status = fail(error, VALENCE_ERROR_FORMAT,
                          "%s: metadata 'streams': '%.40s' is no stream with a name of up to %zu "
                          "bytes",
                          path, key, sizeof checkpoint->stream_names[0] - 1);
            break;
        }
        strcpy(checkpoint->stream_names[stream], name);
    }
    json_decref(streams);
    return status;
}

static int read_description(const struct safetensors *file, const char *path,
                            struct checkpoint *checkpoint, struct valence_error *error)
{
    const char *format = safetensors_metadata(file, "format");
    const char *version = safetensors_metadata(file, "version");
    if (!format || strcmp(format, CHECKPOINT_FORMAT) != 0)
        return fail(error, VALENCE_ERROR_FORMAT,
                    "%s: not a checkpoint of valence (published weights are read by 'valence "
                    "convert published')",
                    path);
    if (!version || strcmp(version, VERSION) != 0)
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "%s: checkpoint version %s; this program reads version " VERSION, path,
                    version ? version : "(none)");
    json_t *config;
    int status = read_json(file, path, "config", false, &config, error);
    if (!status)
        status = model_config_from_json(config, &checkpoint->config, path, error);
    if (!status)
        status = read_stream_names(file, path, checkpoint, error);
    if (!status)
        status = read_json(file, path, "provenance", true, &checkpoint->provenance, error);
    if (!status)
        status = read_json(file, path, "training", true, &checkpoint->training, error);
    json_decref(config);
    return status;
}

static int load(const struct safetensors *file, const char *path, struct checkpoint *checkpoint,
                struct valence_error *error)
{
    *checkpoint = (struct checkpoint){0};
    struct parameter_table table;
    int status = read_description(file, path, checkpoint, error);
    if (!status) {
        parameter_table_make(&checkpoint->config, &table);
        status = read_parameters(file, path, &table, checkpoint, error);
    }
    if (!status)
        status = read_standardisation(file, path, checkpoint, error);
    if (!status)
        status = read_calibration(file, path, checkpoint, error);
    if (!status)
        status = refuse_unknown(file, path, &table, checkpoint, error);
    if (status)
        checkpoint_free(checkpoint);
    return status;
}

int checkpoint_load(const char *path, struct checkpoint *checkpoint, struct valence_error *error)
{
    *checkpoint = (struct checkpoint){0};
    struct safetensors *file;
    int status = safetensors_open(path, &file, error);
    if (status)
        return status;
    status = load(file, path, checkpoint, error);
    safetensors_close(file);
    return status;
}

int checkpoint_load_memory(const void *data, size_t size, const char *name,
                           struct checkpoint *checkpoint, struct valence_error *error)
{
    *checkpoint = (struct checkpoint){0};
    struct safetensors *file;
    int status = safetensors_open_memory(data, size, name, &file, error);
    if (status)
        return status;
    status = load(file, name, checkpoint, error);
    safetensors_close(file);
    return status;
}
