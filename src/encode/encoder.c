#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/options.h"
#include "encode/compute/backend.h"
#include "encode/encoder_kind.h"

/* What is converted to files of its own; everything else is a language model. */
static const struct encoder_kind *const kinds[] = {&encoder_wavlm, &encoder_whisper, &encoder_manet,
                                                   &encoder_projector};
#define N_KINDS (sizeof kinds / sizeof *kinds)

struct valence_encoder {
    const struct encoder_kind *kind;
    void *model;
    struct valence_encoder_description description;
};

struct valence_encoder_state {
    const struct valence_encoder *encoder;
    void *state;
};

static const struct encoder_kind *find_kind(const char *name)
{
    for (size_t i = 0; i < N_KINDS; i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}

/* ---- Loading ---- */

/* What every file that valence wrote says. */
static int describe_own(struct valence_encoder_description *description, struct weights *weights,
                        struct valence_error *error)
{
    description->license = weights_text(weights, "general.license");
    description->source = weights_text(weights, "valence.source");
    description->fingerprint = weights_text(weights, "valence.source_sha256");
    description->type = weights_text(weights, "valence.type");
    return weights_check(weights, error);
}

static int load_model(struct valence_encoder *encoder, struct weights *weights,
                      const struct valence_encoder_options *options, struct valence_error *error)
{
    ggml_backend_dev_t device;
    struct valence_encoder_description *description = &encoder->description;
    description->architecture = weights_text(weights, "general.architecture");
    description->layers = description->warning = "";
    int status = weights_check(weights, error);
    if (!status && strcmp(description->architecture, "faces") == 0)
        status = fail_key(error, VALENCE_ERROR_UNSUPPORTED, "faces_model",
                          "%s: holds face networks, which find faces in films and do not encode "
                          "single inputs",
                          weights->path);
    encoder->kind = find_kind(description->architecture);
    if (!status && encoder->kind)
        status = describe_own(description, weights, error);
    if (!status && encoder->kind && options->unverified)
        weights->is_verified = true; /* the caller says so */
    else if (!status && encoder->kind)
        status = weights_check_digest(weights, options->memory, error);
    if (!encoder->kind)
        encoder->kind = &encoder_llm;
    description->kind = encoder->kind->name;
    if (!status)
        status = backend_find_device(options->device, &device, error);
    if (status) {
        weights_close(weights);
        return status;
    }
    description->device = ggml_backend_dev_name(device);
    const struct encoder_kind *kind = encoder->kind;
    encoder->model = allocate(1, kind->model_bytes);
    if (!encoder->model) {
        weights_close(weights);
        return fail_memory(error, kind->model_bytes, "an encoder");
    }
    status = kind->load(weights, device, options, encoder->model, description, error);
    if (status) {
        kind->clear(encoder->model);
        free(encoder->model);
    }
    return status;
}

void valence_encoder_options_default(struct valence_encoder_options *options)
{
    *options = (struct valence_encoder_options){.size = sizeof *options};
}

int valence_encoder_load(const char *path, const struct valence_encoder_options *options,
                         struct valence_encoder **encoder, struct valence_error *error)
{
    struct valence_encoder_options own;
    struct weights weights;
    *encoder = NULL;
    valence_encoder_options_default(&own);
    int status = options_read(&own, sizeof own, options, error);
    if (!status)
        status = weights_open(&weights, path, error);
    if (status)
        return status;
    struct valence_encoder *loaded = allocate(1, sizeof *loaded);
    if (!loaded) {
        weights_close(&weights);
        return fail_memory(error, sizeof *loaded, "an encoder");
    }
    status = load_model(loaded, &weights, &own, error);
    if (status)
        free(loaded);
    else
        *encoder = loaded;
    return status;
}

void valence_encoder_free(struct valence_encoder *encoder)
{
    if (!encoder)
        return;
    encoder->kind->clear(encoder->model);
    free(encoder->model);
    free(encoder);
}

const void *encoder_model(const struct valence_encoder *encoder, const struct encoder_kind *kind)
{
    return encoder->kind == kind ? encoder->model : NULL;
}

const struct valence_encoder_description *
valence_encoder_describe(const struct valence_encoder *encoder)
{
    return &encoder->description;
}

/* ---- Encoding ---- */

int valence_encoder_state_create(const struct valence_encoder *encoder,
                                 struct valence_encoder_state **state, struct valence_error *error)
{
    *state = NULL;
    struct valence_encoder_state *created = allocate(1, sizeof *created);
    if (!created)
        return fail_memory(error, sizeof *created, "an encoder's state");
    created->encoder = encoder;
    created->state = allocate(1, encoder->kind->state_bytes);
    if (!created->state) {
        free(created);
        return fail_memory(error, encoder->kind->state_bytes, "an encoder's state");
    }
    int status = encoder->kind->state_open(encoder->model, created->state, error);
    if (status)
        valence_encoder_state_free(created);
    else
        *state = created;
    return status;
}

void valence_encoder_state_free(struct valence_encoder_state *state)
{
    if (!state)
        return;
    state->encoder->kind->state_clear(state->state);
    free(state->state);
    free(state);
}

static int make_room(struct valence_encoder_state *state,
                     const struct valence_encoder_input *inputs, int64_t n_inputs,
                     struct valence_features *features, struct valence_error *error)
{
    const struct valence_encoder *encoder = state->encoder;
    features->n_inputs = n_inputs;
    features->width = encoder->description.width;
    features->offsets = allocate(n_inputs + 1, sizeof *features->offsets);
    if (!features->offsets)
        return fail_memory(error, (size_t)n_inputs * sizeof *features->offsets, "features");
    int status =
        encoder->kind->measure(state->state, inputs, n_inputs, features->offsets + 1, error);
    if (status)
        return status;
    for (int64_t i = 0; i < n_inputs; i++)
        features->offsets[i + 1] += features->offsets[i];
    int64_t n_rows = features->offsets[n_inputs];
    features->rows = allocate(n_rows ? n_rows : 1, (size_t)features->width * sizeof(float));
    if (!features->rows)
        return fail_memory(error, (size_t)(n_rows * features->width) * sizeof(float), "features");
    return VALENCE_OK;
}

static int encode_each(struct valence_encoder_state *state,
                       const struct valence_encoder_input *inputs,
                       const struct valence_progress *progress, struct valence_features *features,
                       struct valence_error *error)
{
    const int64_t *offsets = features->offsets, n = features->n_inputs;
    for (int64_t i = 0; i < n; i++) {
        int status = state->encoder->kind->encode_input(
            state->state, &inputs[i], features->rows + offsets[i] * features->width,
            offsets[i + 1] - offsets[i], progress, offsets[i], offsets[n], error);
        if (status)
            return n > 1 ? fail_within(status, error, "input %" PRId64, i) : status;
    }
    return VALENCE_OK;
}

int valence_encoder_encode(struct valence_encoder_state *state,
                           const struct valence_encoder_input *inputs, int64_t n_inputs,
                           const struct valence_progress *progress,
                           struct valence_features *features, struct valence_error *error)
{
    const struct valence_encoder *encoder = state->encoder;
    *features = (struct valence_features){0};
    int status = make_room(state, inputs, n_inputs, features, error);
    if (!status && encoder->kind->encode_input)
        status = encode_each(state, inputs, progress, features, error);
    else if (!status)
        status = encoder->kind->encode(state->state, inputs, progress, features, error);
    if (status)
        valence_features_free(features);
    return status;
}

void valence_features_free(struct valence_features *features)
{
    if (!features)
        return;
    free(features->offsets);
    free(features->rows);
    *features = (struct valence_features){0};
}
