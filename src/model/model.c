/* The public face of a trained network: load, describe, score. */
#include "valence/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "model/checkpoint.h"
#include "model/network.h"
#include "valence/reliability.h"

struct valence_model {
    struct checkpoint checkpoint;
    /* by what is missing, or NULL */
    struct valence_reliability *reliability[VALENCE_ALL_MODALITIES];
};

struct valence_workspace {
    struct network *network;
};

int checkpoint_to_model(struct checkpoint *checkpoint, struct valence_model **model,
                        struct valence_error *error)
{
    const struct calibration *c = &checkpoint->calibration;
    struct valence_model *made = allocate(1, sizeof *made);
    *model = NULL;
    if (!made)
        return fail_memory(error, sizeof *made, "the model");
    for (int f = 0; f < checkpoint->config.n_flows && c->n; f++)
        if (valence_reliability_create(c->scores + f * c->n, c->labels, c->n, (double)c->range[0],
                                       (double)c->range[1],
                                       &made->reliability[checkpoint->config.flows[f]], error)) {
            valence_model_free(made);
            return VALENCE_ERROR_MEMORY;
        }
    made->checkpoint = *checkpoint;
    *checkpoint = (struct checkpoint){0};
    *model = made;
    return VALENCE_OK;
}

int valence_model_load(const char *path, struct valence_model **model, struct valence_error *error)
{
    *model = NULL;
    struct checkpoint checkpoint;
    int status = checkpoint_load(path, &checkpoint, error);
    if (!status)
        status = checkpoint_to_model(&checkpoint, model, error);
    if (status)
        checkpoint_free(&checkpoint);
    return status;
}

void valence_model_free(struct valence_model *model)
{
    if (!model)
        return;
    for (unsigned missing = 0; missing < VALENCE_ALL_MODALITIES; missing++)
        valence_reliability_free(model->reliability[missing]);
    checkpoint_free(&model->checkpoint);
    free(model);
}

const struct valence_model_config *valence_model_config(const struct valence_model *model)
{
    return &model->checkpoint.config;
}

int64_t valence_model_n_parameters(const struct valence_model *model)
{
    return model->checkpoint.n_parameters;
}

const struct valence_reliability *valence_model_reliability(const struct valence_model *model,
                                                            unsigned missing)
{
    return missing < VALENCE_ALL_MODALITIES ? model->reliability[missing] : NULL;
}

const char *valence_model_stream_name(const struct valence_model *model, enum valence_stream stream)
{
    return model->checkpoint.stream_names[stream];
}

int valence_workspace_create(const struct valence_model *model,
                             struct valence_workspace **workspace, struct valence_error *error)
{
    *workspace = NULL;
    struct network *network;
    int status = network_create(&model->checkpoint.config, &network, error);
    if (status)
        return status;
    struct valence_workspace *made = malloc(sizeof *made);
    if (!made) {
        network_free(network);
        return fail_memory(error, sizeof *made, "a workspace");
    }
    made->network = network;
    *workspace = made;
    return VALENCE_OK;
}

void valence_workspace_free(struct valence_workspace *workspace)
{
    if (workspace)
        network_free(workspace->network);
    free(workspace);
}

int valence_model_score_flows(const struct valence_model *model,
                              struct valence_workspace *workspace,
                              const struct valence_batch *batch, const unsigned *flows, int n_flows,
                              float *const *scores, struct valence_details *details,
                              struct valence_error *error)
{
    struct flow_output outputs[VALENCE_MAX_FLOWS];
    if (n_flows < 1 || n_flows > VALENCE_MAX_FLOWS)
        return fail(error, VALENCE_ERROR_ARGUMENT, "%d flows; there can be 1 to %d", n_flows,
                    VALENCE_MAX_FLOWS);
    for (int f = 0; f < n_flows; f++)
        if (flows[f] >= VALENCE_ALL_MODALITIES)
            return fail(error, VALENCE_ERROR_ARGUMENT,
                        "a flow that misses every modality has nothing to score from");
    int status =
        network_forward(workspace->network, model->checkpoint.parameters,
                        &model->checkpoint.standardisation, batch, flows, n_flows, outputs, error);
    for (int f = 0; f < n_flows && !status; f++) {
        memcpy(scores[f], outputs[f].score, (size_t)batch->n_clips * sizeof(float));
        if (details)
            details[f] =
                (struct valence_details){outputs[f].modality_weights, outputs[f].view_weights};
    }
    return status;
}

int valence_model_score(const struct valence_model *model, struct valence_workspace *workspace,
                        const struct valence_batch *batch, unsigned missing, float *scores,
                        struct valence_details *details, struct valence_error *error)
{
    return valence_model_score_flows(model, workspace, batch, &missing, 1, &scores, details, error);
}
