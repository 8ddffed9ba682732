/* Reading a checkpoint's file, which is not trusted. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "format/json_failure.h"
#include "format/safetensors.h"
#include "model/checkpoint_names.h"
#include "model/config_json.h"
#include "model/parameters.h"

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
                    "%s: tensor '%s' is %s %s; the configuration in the file needs F32 %s", path,
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
    status = safetensor_to_float(tensor, values, error);
    if (status)
        return status;
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
    bool with_moments = safetensors_find(file, TENSOR_FIRST_MOMENT) != NULL;
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
        status = read_tensor(file, path, TENSOR_FIRST_MOMENT, 1, &table->n_values,
                             checkpoint->first_moment, error);
    if (!status && with_moments)
        status = read_tensor(file, path, TENSOR_SECOND_MOMENT, 1, &table->n_values,
                             checkpoint->second_moment, error);
    return status;
}

/* mean and scale, or none; low and high besides, or none. */
static int read_standardisation(const struct safetensors *file, const char *path,
                                struct checkpoint *checkpoint, struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int s = 0; s < VALENCE_N_STREAMS; s++)
        for (int i = 0; i < N_STATISTICS && !status; i++) {
            enum statistic statistic = (enum statistic)i;
            int64_t width = checkpoint_stream_width(checkpoint, s);
            char first[TENSOR_NAME_BYTES], name[TENSOR_NAME_BYTES];
            bool has_mean = *checkpoint_statistic(checkpoint, s, STATISTIC_MEAN) != NULL;
            checkpoint_statistic_name(first, s, i < STATISTIC_LOW ? STATISTIC_MEAN : STATISTIC_LOW);
            checkpoint_statistic_name(name, s, statistic);
            if (!safetensors_find(file, first) || (i > STATISTIC_MEAN && !has_mean))
                continue;
            float *values = allocate(width, sizeof *values);
            if (!values)
                return fail_memory(error, (size_t)width * sizeof *values, "the standardisation");
            *checkpoint_statistic(checkpoint, s, statistic) = values;
            status = read_tensor(file, path, name, 1, &width, values, error);
        }
    return status;
}

/* The length of the labels says how many clips there are; no more memory is taken than the file is
 * long. */
static int read_calibration(const struct safetensors *file, const char *path,
                            struct checkpoint *checkpoint, struct valence_error *error)
{
    struct calibration *c = &checkpoint->calibration;
    const struct safetensor *labels = safetensors_find(file, TENSOR_LABELS), *scores;
    if (!labels)
        return VALENCE_OK;
    int64_t n = labels->count, two = 2, shape[] = {checkpoint->config.n_flows, n};
    int64_t distances[] = {VALENCE_N_STREAMS, n};
    bool has_distances = safetensors_find(file, TENSOR_DISTANCES) != NULL;
    if (n < 1)
        return fail(error, VALENCE_ERROR_SHAPE, "%s: tensor '" TENSOR_LABELS "' is empty", path);
    int status = find_tensor(file, path, TENSOR_SCORES, 2, shape, &scores, error);
    if (!status)
        status = calibration_allocate(c, n, checkpoint->config.n_flows, error);
    if (!status)
        status = read_tensor(file, path, TENSOR_RANGE, 1, &two, c->range, error);
    if (!status)
        status = read_tensor(file, path, TENSOR_LABELS, 1, &n, c->labels, error);
    if (!status)
        status = read_tensor(file, path, TENSOR_SCORES, 2, shape, c->scores, error);
    if (!status && has_distances) {
        status = read_tensor(file, path, TENSOR_DISTANCES, 2, distances, c->distances, error);
    } else {
        free(c->distances);
        c->distances = NULL;
    }
    for (int64_t i = 0; i < n && !status; i++)
        if (!(c->labels[i] >= c->range[0] && c->labels[i] <= c->range[1]))
            status =
                fail(error, VALENCE_ERROR_DATA,
                     "%s: tensor '" TENSOR_LABELS "', element %lld is not in the range %g ... %g",
                     path, (long long)i, (double)c->range[0], (double)c->range[1]);
    return status;
}

/* The sizes of a stream's arrays: those of its columns follow from its width, the others are as in
 * the file, which is as long. */
static int size_novelty(const struct safetensors *file, const char *path, int stream, int64_t width,
                        struct novelty *novelty, struct valence_error *error)
{
    char directions[TENSOR_NAME_BYTES], validation[TENSOR_NAME_BYTES];
    checkpoint_novelty_name(directions, stream, NOVELTY_DIRECTIONS);
    checkpoint_novelty_name(validation, stream, NOVELTY_VALIDATION);
    const struct safetensor *of_directions = safetensors_find(file, directions);
    const struct safetensor *of_validation = safetensors_find(file, validation);
    if (!of_directions || !of_validation)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: tensor '%s' is missing", path,
                    of_directions ? validation : directions);
    int64_t n_columns = novelty_columns(width), n = of_directions->shape[0];
    if (of_directions->n_dims != 2 || n > n_columns || of_validation->n_dims != 1)
        return fail(error, VALENCE_ERROR_SHAPE,
                    "%s: tensors '%s' and '%s' do not have the shapes (directions, columns) and "
                    "(clips)",
                    path, directions, validation);
    return novelty_allocate(novelty, n_columns, n, of_validation->count, error);
}

static int check_ascending(const char *path, int stream, const struct novelty *novelty,
                           struct valence_error *error)
{
    char name[TENSOR_NAME_BYTES];
    checkpoint_novelty_name(name, stream, NOVELTY_VALIDATION);
    for (int64_t i = 1; i < novelty->n_validation; i++)
        if (novelty->validation[i] < novelty->validation[i - 1])
            return fail(error, VALENCE_ERROR_DATA,
                        "%s: tensor '%s', element %lld is less than the one before", path, name,
                        (long long)i);
    return VALENCE_OK;
}

/* All arrays of a stream, or none. */
static int read_novelty(const struct safetensors *file, const char *path,
                        struct checkpoint *checkpoint, struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int s = 0; s < VALENCE_N_STREAMS && !status; s++) {
        struct novelty *novelty = &checkpoint->novelty[s];
        char name[TENSOR_NAME_BYTES];
        checkpoint_novelty_name(name, s, NOVELTY_MEAN);
        if (!safetensors_find(file, name))
            continue;
        status =
            size_novelty(file, path, s, checkpoint_stream_width(checkpoint, s), novelty, error);
        for (int i = 0; i < N_NOVELTY_ARRAYS && !status; i++) {
            enum novelty_array array = (enum novelty_array)i;
            const struct novelty_tensor tensor = checkpoint_novelty_tensor(novelty, array);
            checkpoint_novelty_name(name, s, array);
            status =
                read_tensor(file, path, name, tensor.n_dims, tensor.shape, tensor.values, error);
        }
        if (!status)
            status = check_ascending(path, s, novelty, error);
    }
    return status;
}

static bool is_novelty(const struct checkpoint *checkpoint, const char *name)
{
    for (int s = 0; s < VALENCE_N_STREAMS; s++)
        for (int i = 0; i < N_NOVELTY_ARRAYS; i++) {
            char known[TENSOR_NAME_BYTES];
            checkpoint_novelty_name(known, s, (enum novelty_array)i);
            if (checkpoint->novelty[s].n_columns && strcmp(name, known) == 0)
                return true;
        }
    return false;
}

static bool is_statistic(struct checkpoint *checkpoint, const char *name)
{
    for (int s = 0; s < VALENCE_N_STREAMS; s++)
        for (int i = 0; i < N_STATISTICS; i++) {
            char known[TENSOR_NAME_BYTES];
            checkpoint_statistic_name(known, s, (enum statistic)i);
            if (strcmp(name, known) == 0)
                return *checkpoint_statistic(checkpoint, s, (enum statistic)i) != NULL;
        }
    return false;
}

static bool is_calibration(const struct calibration *calibration, const char *name)
{
    if (!calibration->n)
        return false;
    return strcmp(name, TENSOR_RANGE) == 0 || strcmp(name, TENSOR_LABELS) == 0 ||
           strcmp(name, TENSOR_SCORES) == 0 || strcmp(name, TENSOR_DISTANCES) == 0;
}

/* Whatever else is in the file is not ours: a name that no reader knows is probably misspelt. */
static int refuse_unknown(const struct safetensors *file, const char *path,
                          const struct parameter_table *table, struct checkpoint *checkpoint,
                          struct valence_error *error)
{
    for (int64_t i = 0; i < safetensors_n_tensors(file); i++) {
        const char *name = safetensors_tensor(file, i)->name;
        bool moment = checkpoint->first_moment && (strcmp(name, TENSOR_FIRST_MOMENT) == 0 ||
                                                   strcmp(name, TENSOR_SECOND_MOMENT) == 0);
        if (!moment && !parameter_find(table, name) && !is_statistic(checkpoint, name) &&
            !is_calibration(&checkpoint->calibration, name) && !is_novelty(checkpoint, name))
            return fail(error, VALENCE_ERROR_FORMAT,
                        "%s: tensor '%s' belongs to no layer of the configuration in the file",
                        path, name);
    }
    return VALENCE_OK;
}

/* The JSON object under a metadata key; NULL if there is none and it is `optional`. */
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
        return fail_json(&problem, error, VALENCE_ERROR_FORMAT, "%s: metadata '%s', column %d: %s",
                         path, key, problem.column, problem.text);
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
                          "%s: metadata 'streams': '%.40s' is not a stream name of up to %zu bytes",
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
                    "%s: not a checkpoint of valence (published weights are converted first)",
                    path);
    if (!version || strcmp(version, CHECKPOINT_VERSION) != 0)
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "%s: checkpoint version %s; this program reads version " CHECKPOINT_VERSION,
                    path, version ? version : "(none)");
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

/* Checkpoints from before there was a digest have none. */
static int check_digest(const struct safetensors *file, const char *path,
                        struct valence_error *error)
{
    const char *recorded = safetensors_metadata(file, "digest");
    char found[SHA256_TEXT_BYTES];
    struct sha256 digest;
    if (!recorded)
        return VALENCE_OK;
    sha256_begin(&digest);
    for (int64_t i = 0; i < safetensors_n_tensors(file); i++) {
        int status = safetensor_add_to_digest(safetensors_tensor(file, i), &digest, error);
        if (status)
            return status;
    }
    for (int i = 0; i < N_DIGESTED_TEXTS; i++) {
        const char *text = safetensors_metadata(file, checkpoint_digested_texts[i]);
        if (text)
            sha256_add(&digest, text, strlen(text) + 1);
    }
    sha256_end(&digest, found);
    if (strcmp(found, recorded) == 0)
        return VALENCE_OK;
    return fail(error, VALENCE_ERROR_DATA,
                "%s: the file is damaged: its content does not match the digest in it\n"
                "         (copy it again, or train again)",
                path);
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
        status = read_novelty(file, path, checkpoint, error);
    if (!status)
        status = refuse_unknown(file, path, &table, checkpoint, error);
    if (!status)
        status = check_digest(file, path, error);
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
