/* What the ranks of a training have in common when it begins. The first one opens the run's folder,
 * and begins or loads the state; the others get it from there. */
#include <string.h>

#include "base/fail.h"
#include "train/trainer_private.h"

/* What is of one size, sent as it lies in memory: all ranks run the same program. */
struct beginning {
    struct valence_model_config config;
    char stream_names[VALENCE_N_STREAMS][64];
    struct train_state state;
    int64_t n_columns[VALENCE_N_STREAMS]; /* that are standardised; 0: none */
    bool clipped[VALENCE_N_STREAMS];
};

static struct beginning describe(const struct trainer *t)
{
    const struct checkpoint *checkpoint = &t->checkpoint;
    struct beginning beginning = {.config = checkpoint->config, .state = t->state};
    memcpy(beginning.stream_names, checkpoint->stream_names, sizeof beginning.stream_names);
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        if (!checkpoint->standardisation.mean[s])
            continue;
        beginning.n_columns[s] =
            checkpoint->config.widths[valence_stream_modality((enum valence_stream)s)];
        beginning.clipped[s] = checkpoint->standardisation.low[s] != NULL;
    }
    return beginning;
}

/* In the other ranks: the same checkpoint, with room for the numbers. */
static int prepare(struct trainer *t, const struct beginning *beginning,
                   struct valence_error *error)
{
    struct checkpoint *checkpoint = &t->checkpoint;
    float *values[CHECKPOINT_N_STATISTICS];
    if (beginning->state.data_key != t->state.data_key)
        return fail_key(error, VALENCE_ERROR_DATA, "store",
                        "%s: its training and validation clips are not those that rank 0 has",
                        t->config->store);
    checkpoint->config = beginning->config;
    memcpy(checkpoint->stream_names, beginning->stream_names, sizeof checkpoint->stream_names);
    t->state = beginning->state;
    int status = checkpoint_allocate(checkpoint, true, error);
    for (int s = 0; s < VALENCE_N_STREAMS && !status; s++)
        if (beginning->n_columns[s])
            status = checkpoint_allocate_standardisation(checkpoint, (enum valence_stream)s,
                                                         beginning->n_columns[s],
                                                         beginning->clipped[s], values, error);
    return status;
}

static int send_floats(const struct trainer *t, const float *values, int64_t n,
                       struct valence_error *error)
{
    return collective_broadcast(t->collective, (void *)(uintptr_t)values,
                                n * (int64_t)sizeof *values, 0, error);
}

static int send_numbers(struct trainer *t, const struct beginning *beginning,
                        struct valence_error *error)
{
    const struct checkpoint *checkpoint = &t->checkpoint;
    const struct standardisation *s = &checkpoint->standardisation;
    int64_t n = checkpoint->n_parameters;
    int status = send_floats(t, checkpoint->parameters, n, error);
    if (!status)
        status = send_floats(t, checkpoint->first_moment, n, error);
    if (!status)
        status = send_floats(t, checkpoint->second_moment, n, error);
    for (int i = 0; i < VALENCE_N_STREAMS && !status; i++) {
        const float *arrays[CHECKPOINT_N_STATISTICS] = {s->mean[i], s->scale[i], s->low[i],
                                                        s->high[i]};
        int n_arrays = !beginning->n_columns[i] ? 0 : beginning->clipped[i] ? 4 : 2;
        for (int k = 0; k < n_arrays && !status; k++)
            status = send_floats(t, arrays[k], beginning->n_columns[i], error);
    }
    return status;
}

int trainer_share(struct trainer *t, struct valence_error *error)
{
    if (!collective_is_several(t->collective))
        return VALENCE_OK;
    struct beginning beginning = describe(t);
    int status = collective_broadcast(t->collective, &beginning, sizeof beginning, 0, error);
    if (status)
        return status;
    if (!trainer_is_first(t))
        status = prepare(t, &beginning, error);
    status = collective_agree(t->collective, status, error);
    return status ? status : send_numbers(t, &beginning, error);
}
