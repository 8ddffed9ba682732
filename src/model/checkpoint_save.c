/* Writing a checkpoint's file. Every text and tensor is made before the first byte is written,
 * since the digest of all stands in the metadata, in front of them. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "format/safetensors.h"
#include "model/checkpoint_names.h"
#include "model/config_json.h"
#include "model/parameters.h"

/* ---- Tensors ---- */

/* What to do with each tensor in the order of the file. */
struct tensor_visit {
    int (*visit)(struct tensor_visit *visit, const char *name, int n_dims, const int64_t *shape,
                 int64_t n, const float *values, struct valence_error *error);
    struct safetensors_writer *writer;
    struct sha256 *digest;
};

static int declare_tensor(struct tensor_visit *visit, const char *name, int n_dims,
                          const int64_t *shape, int64_t n, const float *values,
                          struct valence_error *error)
{
    (void)n, (void)values;
    return safetensors_declare(visit->writer, name, ELEMENT_F32, n_dims, shape, error);
}

static int write_tensor(struct tensor_visit *visit, const char *name, int n_dims,
                        const int64_t *shape, int64_t n, const float *values,
                        struct valence_error *error)
{
    (void)name, (void)n_dims, (void)shape;
    return safetensors_write(visit->writer, values, (size_t)n * sizeof *values, error);
}

static int digest_tensor(struct tensor_visit *visit, const char *name, int n_dims,
                         const int64_t *shape, int64_t n, const float *values,
                         struct valence_error *error)
{
    (void)name, (void)n_dims, (void)shape, (void)error;
    sha256_add(visit->digest, values, (size_t)n * sizeof *values);
    return VALENCE_OK;
}

static int visit_calibration(struct tensor_visit *visit, const struct checkpoint *checkpoint,
                             struct valence_error *error)
{
    const struct calibration *c = &checkpoint->calibration;
    int64_t two = 2, scores[] = {checkpoint->config.n_flows, c->n};
    int64_t distances[] = {VALENCE_N_STREAMS, c->n};
    if (!c->n)
        return VALENCE_OK;
    int status = visit->visit(visit, TENSOR_RANGE, 1, &two, two, c->range, error);
    if (!status)
        status = visit->visit(visit, TENSOR_LABELS, 1, &c->n, c->n, c->labels, error);
    if (!status)
        status = visit->visit(visit, TENSOR_SCORES, 2, scores, scores[0] * c->n, c->scores, error);
    if (!status && c->distances)
        status = visit->visit(visit, TENSOR_DISTANCES, 2, distances, distances[0] * c->n,
                              c->distances, error);
    return status;
}

static int visit_standardisation(struct tensor_visit *visit, struct checkpoint *checkpoint,
                                 struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int s = 0; s < VALENCE_N_STREAMS; s++)
        for (int i = 0; i < N_STATISTICS && !status; i++) {
            const float *values = *checkpoint_statistic(checkpoint, s, (enum statistic)i);
            int64_t width = checkpoint_stream_width(checkpoint, s);
            char name[TENSOR_NAME_BYTES];
            checkpoint_statistic_name(name, s, (enum statistic)i);
            if (values)
                status = visit->visit(visit, name, 1, &width, width, values, error);
        }
    return status;
}

static int visit_novelty(struct tensor_visit *visit, const struct checkpoint *checkpoint,
                         struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int s = 0; s < VALENCE_N_STREAMS; s++)
        for (int i = 0; i < N_NOVELTY_ARRAYS && !status; i++) {
            enum novelty_array array = (enum novelty_array)i;
            const struct novelty_tensor tensor =
                checkpoint_novelty_tensor(&checkpoint->novelty[s], array);
            char name[TENSOR_NAME_BYTES];
            checkpoint_novelty_name(name, s, array);
            if (tensor.values)
                status = visit->visit(visit, name, tensor.n_dims, tensor.shape, tensor.n,
                                      tensor.values, error);
        }
    return status;
}

static int visit_tensors(struct tensor_visit *visit, const struct checkpoint *checkpoint,
                         struct valence_error *error)
{
    struct parameter_table table;
    struct checkpoint copy = *checkpoint;
    parameter_table_make(&checkpoint->config, &table);
    int status = VALENCE_OK;
    for (int i = 0; i < table.n && !status; i++) {
        const struct parameter *p = &table.parameters[i];
        status = visit->visit(visit, p->name, p->n_dims, p->shape, p->n_values,
                              checkpoint->parameters + p->offset, error);
    }
    if (!status)
        status = visit_standardisation(visit, &copy, error);
    if (!status)
        status = visit_calibration(visit, checkpoint, error);
    if (!status)
        status = visit_novelty(visit, checkpoint, error);
    const float *moments[] = {checkpoint->first_moment, checkpoint->second_moment};
    for (int i = 0; i < 2 && moments[i] && !status; i++)
        status = visit->visit(visit, i ? TENSOR_SECOND_MOMENT : TENSOR_FIRST_MOMENT, 1,
                              &table.n_values, table.n_values, moments[i], error);
    return status;
}

/* ---- Texts ---- */

/* As checkpoint_digested_texts; NULL if the checkpoint has none. */
struct texts {
    char *values[N_DIGESTED_TEXTS];
};

static json_t *stream_names(const struct checkpoint *checkpoint)
{
    json_t *streams = json_object();
    for (int s = 0; s < VALENCE_N_STREAMS; s++)
        if (checkpoint->stream_names[s][0] &&
            json_object_set_new(streams, valence_stream_names[s],
                                json_string(checkpoint->stream_names[s])) != 0) {
            json_decref(streams);
            return NULL;
        }
    return streams;
}

static int make_texts(const struct checkpoint *checkpoint, struct texts *texts,
                      struct valence_error *error)
{
    json_t *objects[N_DIGESTED_TEXTS] = {
        model_config_to_json(&checkpoint->config), stream_names(checkpoint),
        json_incref(checkpoint->provenance), json_incref(checkpoint->training)};
    bool needed[N_DIGESTED_TEXTS] = {true, true, checkpoint->provenance, checkpoint->training};
    int status = VALENCE_OK;
    for (int i = 0; i < N_DIGESTED_TEXTS; i++) {
        texts->values[i] =
            objects[i]
                ? json_dumps(objects[i], JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17))
                : NULL;
        if (needed[i] && !texts->values[i])
            status = fail(error, VALENCE_ERROR_MEMORY, "cannot write \"%s\" of the checkpoint",
                          checkpoint_digested_texts[i]);
        json_decref(objects[i]);
    }
    return status;
}

static void free_texts(struct texts *texts)
{
    for (int i = 0; i < N_DIGESTED_TEXTS; i++)
        free(texts->values[i]);
}

static int describe(struct safetensors_writer *writer, const struct texts *texts,
                    const char *digest, struct valence_error *error)
{
    int status = safetensors_describe(writer, "format", CHECKPOINT_FORMAT, error);
    if (!status)
        status = safetensors_describe(writer, "version", CHECKPOINT_VERSION, error);
    for (int i = 0; i < N_DIGESTED_TEXTS && !status; i++)
        if (texts->values[i])
            status =
                safetensors_describe(writer, checkpoint_digested_texts[i], texts->values[i], error);
    return status ? status : safetensors_describe(writer, "digest", digest, error);
}

/* ---- The file ---- */

static void digest_all(const struct checkpoint *checkpoint, const struct texts *texts,
                       char text[SHA256_TEXT_BYTES])
{
    struct sha256 digest;
    struct tensor_visit visit = {.visit = digest_tensor, .digest = &digest};
    sha256_begin(&digest);
    (void)visit_tensors(&visit, checkpoint, NULL); /* adding to a digest cannot fail */
    for (int i = 0; i < N_DIGESTED_TEXTS; i++)
        if (texts->values[i])
            sha256_add(&digest, texts->values[i], strlen(texts->values[i]) + 1);
    sha256_end(&digest, text);
}

static int write_file(const char *path, unsigned flags, const struct checkpoint *checkpoint,
                      const struct texts *texts, struct valence_error *error)
{
    char digest[SHA256_TEXT_BYTES];
    struct tensor_visit declare = {.visit = declare_tensor}, write = {.visit = write_tensor};
    digest_all(checkpoint, texts, digest);
    int status = safetensors_write_begin(path, flags, &declare.writer, error);
    if (status)
        return status;
    write.writer = declare.writer;
    status = describe(declare.writer, texts, digest, error);
    if (!status)
        status = visit_tensors(&declare, checkpoint, error);
    if (!status)
        status = visit_tensors(&write, checkpoint, error);
    if (!status)
        return safetensors_write_commit(write.writer, error);
    safetensors_write_abort(write.writer);
    return status;
}

int checkpoint_save(const char *path, unsigned flags, const struct checkpoint *checkpoint,
                    struct valence_error *error)
{
    struct texts texts = {{NULL}};
    int status = make_texts(checkpoint, &texts, error);
    if (!status)
        status = write_file(path, flags, checkpoint, &texts, error);
    free_texts(&texts);
    return status;
}
