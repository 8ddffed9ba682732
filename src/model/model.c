/* Models: loading, groups, and what is known about them. */
#include "valence/model.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/memory.h"
#include "model/model_private.h"
#include "valence/score.h"

/* ---- What the validation clips say ---- */

/* A clip is far outside the training data where its distance is more than twice that of any
 * validation clip, and no mere fluctuation. */
#define FAR_FACTOR   2.0f
#define FAR_AT_LEAST 4.0f

float model_flow_distance(const float *distances, int64_t stride, unsigned missing)
{
    float largest = 0;
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        bool text_missing = missing & VALENCE_BIT(VALENCE_TEXT);
        bool read = s == VALENCE_STREAM_SIMULATED_TEXT ? text_missing : !(missing & VALENCE_BIT(s));
        if (read && distances[s * stride] > largest)
            largest = distances[s * stride];
    }
    return largest;
}

static void find_limits(struct valence_model *model, const struct calibration *c)
{
    for (unsigned missing = 0; missing < VALENCE_ALL_MODALITIES; missing++) {
        float largest = 0;
        for (int64_t i = 0; i < c->n && c->distances; i++)
            largest = fmaxf(largest, model_flow_distance(c->distances + i, c->n, missing));
        model->distance_limits[missing] =
            c->n && c->distances ? fmaxf(FAR_FACTOR * largest, FAR_AT_LEAST) : INFINITY;
    }
}

static int calibrate(struct valence_model *model, const struct calibration *c,
                     struct valence_error *error)
{
    const struct valence_model_config *config = &model->checkpoint.config;
    int status = VALENCE_OK;
    find_limits(model, c);
    if (c->n) {
        model->has_range = true;
        model->minimum = (double)c->range[0];
        model->maximum = (double)c->range[1];
    }
    bool scores = config->n_classes == 0; /* numbers of classes have no errors and no intervals */
    for (int f = 0; f < config->n_flows && c->n && scores && !status; f++)
        status = valence_reliability_create(c->scores + f * c->n, c->labels, c->n, model->minimum,
                                            model->maximum, &model->reliability[config->flows[f]],
                                            error);
    return status;
}

/* ---- One model ---- */

int checkpoint_to_model(struct checkpoint *checkpoint, struct valence_model **model,
                        struct valence_error *error)
{
    struct valence_model *made = allocate(1, sizeof *made);
    *model = NULL;
    if (!made)
        return fail_memory(error, sizeof *made, "the model");
    atomic_init(&made->n_references, 1);
    made->checkpoint = *checkpoint;
    *checkpoint = (struct checkpoint){0};
    int status = calibrate(made, &made->checkpoint.calibration, error);
    if (!status)
        status = model_read_provenance(made, error);
    if (status)
        valence_model_free(made);
    else
        *model = made;
    return status;
}

int valence_model_load(const char *path, struct valence_model **model, struct valence_error *error)
{
    *model = NULL;
    struct checkpoint checkpoint;
    int status = path ? checkpoint_load(path, &checkpoint, error)
                      : fail(error, VALENCE_ERROR_ARGUMENT, "the path of the model is NULL");
    return status ? status : checkpoint_to_model(&checkpoint, model, error);
}

int valence_model_load_memory(const void *data, size_t size, const char *name,
                              struct valence_model **model, struct valence_error *error)
{
    *model = NULL;
    struct checkpoint checkpoint;
    int status =
        data ? checkpoint_load_memory(data, size, name ? name : "memory", &checkpoint, error)
             : fail(error, VALENCE_ERROR_ARGUMENT, "the model's data are NULL");
    return status ? status : checkpoint_to_model(&checkpoint, model, error);
}

/* All that is left to read, in *data (free() it), grown as it comes: a pipe does not tell its
 * size. */
static int read_all(int descriptor, const char *name, void **data, size_t *size,
                    struct valence_error *error)
{
    int64_t capacity = 0;
    unsigned char *bytes = NULL;
    int status = VALENCE_OK;
    for (*size = 0; !status;) {
        status = grow_array((void **)&bytes, &capacity, (int64_t)*size + (1 << 20), 1,
                            (int64_t)1 << 36, "bytes of a model", error);
        ssize_t n = status ? 0 : read(descriptor, bytes + *size, (size_t)capacity - *size);
        if (n < 0 && errno != EINTR)
            status = fail_errno(error, errno, "%s: cannot read", name);
        if (n == 0)
            break;
        *size += n > 0 ? (size_t)n : 0;
    }
    if (status)
        free(bytes);
    *data = status ? NULL : bytes;
    return status;
}

int valence_model_load_descriptor(int descriptor, const char *name, struct valence_model **model,
                                  struct valence_error *error)
{
    void *data;
    size_t size;
    *model = NULL;
    name = name ? name : "model";
    int status = read_all(descriptor, name, &data, &size, error);
    if (!status)
        status = valence_model_load_memory(data, size, name, model, error);
    free(data);
    return status;
}

struct valence_model *model_retain(const struct valence_model *model)
{
    struct valence_model *retained = (struct valence_model *)(uintptr_t)model;
    atomic_fetch_add(&retained->n_references, 1);
    return retained;
}

void valence_model_free(struct valence_model *model)
{
    if (!model || atomic_fetch_sub(&model->n_references, 1) > 1)
        return;
    for (unsigned missing = 0; missing < VALENCE_ALL_MODALITIES; missing++)
        valence_reliability_free(model->reliability[missing]);
    for (size_t i = 0; i < sizeof model->texts / sizeof model->texts[0]; i++)
        free(model->texts[i]);
    for (int i = 0; i < model->n_members; i++)
        valence_model_free(model->members[i]);
    free(model->members);
    checkpoint_free(&model->checkpoint);
    free(model);
}

/* ---- Groups ---- */

static int check_member(const struct valence_model *first, const struct valence_model *member,
                        int number, struct valence_error *error)
{
    const struct valence_model_config *a = &first->checkpoint.config,
                                      *b = &member->checkpoint.config;
    bool same = a->n_flows == b->n_flows &&
                memcmp(a->widths, b->widths, VALENCE_N_MODALITIES * sizeof *a->widths) == 0 &&
                memcmp(a->flows, b->flows, (size_t)a->n_flows * sizeof a->flows[0]) == 0;
    for (int s = 0; s < VALENCE_N_STREAMS; s++)
        same = same &&
               strcmp(first->checkpoint.stream_names[s], member->checkpoint.stream_names[s]) == 0;
    same = same && a->n_classes == b->n_classes;
    for (int i = 0; same && i < (int)a->n_classes; i++)
        same = strcmp(valence_model_class_name(first, i), valence_model_class_name(member, i)) == 0;
    if (same && member->n_members == 0)
        return VALENCE_OK;
    return fail(
        error, VALENCE_ERROR_ARGUMENT,
        same ? "member %d is a group itself"
             : "member %d reads other streams or was trained with other flows or labels than "
               "member 1",
        number);
}

/* The mean of the members' scores of the validation clips; none if they were not calibrated on
 * the same clips. */
static int mean_calibration(struct valence_model *const *members, int n,
                            struct calibration *calibration, struct valence_error *error)
{
    const struct calibration *first = &members[0]->checkpoint.calibration;
    int64_t n_clips = first->n, n_scores = n_clips * members[0]->checkpoint.config.n_flows;
    bool distances = first->distances;
    *calibration = (struct calibration){0};
    for (int i = 1; i < n; i++) {
        const struct calibration *c = &members[i]->checkpoint.calibration;
        if (c->n != n_clips || memcmp(c->range, first->range, sizeof c->range) != 0 ||
            (n_clips && memcmp(c->labels, first->labels, (size_t)n_clips * sizeof *c->labels) != 0))
            return VALENCE_OK;
        distances = distances && c->distances;
    }
    if (!n_clips)
        return VALENCE_OK;
    int status =
        calibration_allocate(calibration, n_clips, members[0]->checkpoint.config.n_flows, error);
    if (status)
        return status;
    memcpy(calibration->range, first->range, sizeof calibration->range);
    memcpy(calibration->labels, first->labels, (size_t)n_clips * sizeof *first->labels);
    for (int64_t j = 0; j < n_scores; j++) {
        double sum = 0;
        for (int i = 0; i < n; i++)
            sum += (double)members[i]->checkpoint.calibration.scores[j];
        calibration->scores[j] = (float)(sum / n);
    }
    for (int64_t j = 0; j < VALENCE_N_STREAMS * n_clips && distances; j++)
        for (int i = 0; i < n; i++)
            calibration->distances[j] =
                fmaxf(calibration->distances[j], members[i]->checkpoint.calibration.distances[j]);
    if (!distances) {
        free(calibration->distances);
        calibration->distances = NULL;
    }
    return VALENCE_OK;
}

/* What a group takes over from its first member: what it is, without its parameters. */
static void copy_description(struct valence_model *group, const struct valence_model *first)
{
    group->checkpoint.config = first->checkpoint.config;
    memcpy(group->checkpoint.stream_names, first->checkpoint.stream_names,
           sizeof group->checkpoint.stream_names);
    group->checkpoint.provenance = json_incref(first->checkpoint.provenance);
}

static int fill_group(struct valence_model *group, struct valence_model *const *members, int n,
                      struct valence_error *error)
{
    copy_description(group, members[0]);
    group->members = allocate(n, sizeof(struct valence_model *));
    if (!group->members)
        return fail_memory(error, (size_t)n * sizeof *group->members, "a group of models");
    for (; group->n_members < n; group->n_members++) {
        group->members[group->n_members] = model_retain(members[group->n_members]);
        group->checkpoint.n_parameters += members[group->n_members]->checkpoint.n_parameters;
    }
    int status = mean_calibration(members, n, &group->checkpoint.calibration, error);
    if (!status)
        status = calibrate(group, &group->checkpoint.calibration, error);
    return status ? status : model_read_provenance(group, error);
}

int valence_model_group(struct valence_model *const *members, int n, struct valence_model **group,
                        struct valence_error *error)
{
    *group = NULL;
    if (!members || n < 1)
        return fail(error, VALENCE_ERROR_ARGUMENT, "a group has at least one member, not %d", n);
    int status = VALENCE_OK;
    for (int i = 0; i < n && !status; i++)
        status = members[i] ? check_member(members[0], members[i], i + 1, error)
                            : fail(error, VALENCE_ERROR_ARGUMENT, "member %d is NULL", i + 1);
    if (status)
        return status;
    struct valence_model *made = allocate(1, sizeof *made);
    if (!made)
        return fail_memory(error, sizeof *made, "a group of models");
    atomic_init(&made->n_references, 1);
    status = fill_group(made, members, n, error);
    if (status)
        valence_model_free(made);
    else
        *group = made;
    return status;
}

int valence_model_n_members(const struct valence_model *model)
{
    return model->n_members ? model->n_members : 1;
}

/* ---- Descriptions ---- */

const struct valence_model_config *valence_model_get_config(const struct valence_model *model)
{
    return &model->checkpoint.config;
}

int64_t valence_model_n_parameters(const struct valence_model *model)
{
    return model->checkpoint.n_parameters;
}

unsigned valence_model_modalities(const struct valence_model *model)
{
    unsigned read = 0;
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        if (model->checkpoint.stream_names[m][0])
            read |= VALENCE_BIT(m);
    return read;
}

bool valence_model_label_range(const struct valence_model *model, double *minimum, double *maximum)
{
    *minimum = model->has_range ? model->minimum : NAN;
    *maximum = model->has_range ? model->maximum : NAN;
    return model->has_range;
}

const struct valence_reliability *valence_model_reliability(const struct valence_model *model,
                                                            unsigned missing)
{
    return missing < VALENCE_ALL_MODALITIES ? model->reliability[missing] : NULL;
}

float valence_model_distance_limit(const struct valence_model *model, unsigned missing)
{
    return missing < VALENCE_ALL_MODALITIES ? model->distance_limits[missing] : INFINITY;
}

const char *valence_model_stream_name(const struct valence_model *model, enum valence_stream stream)
{
    return (unsigned)stream < VALENCE_N_STREAMS ? model->checkpoint.stream_names[stream] : "";
}

void model_add_digest(const struct valence_model *model, struct sha256 *digest)
{
    for (int i = 0; i < model->n_members; i++)
        model_add_digest(model->members[i], digest);
    if (model->n_members == 0)
        sha256_add(digest, model->checkpoint.parameters,
                   (size_t)model->checkpoint.n_parameters * sizeof *model->checkpoint.parameters);
}
