/* The backward pass of a batch's parts, and the sum of their gradients over all ranks. */
#include <string.h>

#include "collective/background.h"
#include "train/step_parts_private.h"

static float *part_gradients(const struct step_parts *p, const struct step *step, int64_t part)
{
    return p->n_blocks ? p->blocks[part - step->first_block] : step->gradients;
}

static int backward_part(struct step_parts *p, int64_t part, void *user,
                         struct valence_error *error)
{
    const struct step *step = user;
    (void)error;
    network_part_backward(p->networks[part], step->checkpoint->parameters, step->weights,
                          &step->whole, part_gradients(p, step, part));
    return VALENCE_OK;
}

static int project_part(struct step_parts *p, int64_t part, void *user, struct valence_error *error)
{
    const struct step *step = user;
    (void)error;
    network_part_project_backward(p->networks[part], step->checkpoint->parameters,
                                  &step->checkpoint->standardisation,
                                  part_gradients(p, step, part));
    return VALENCE_OK;
}

/* Without other ranks: a few parts at a time, each group added to the ones before it. */
static void backward_alone(struct step_parts *p, struct step *step, int64_t n)
{
    float *sum = step->gradients;
    for (int64_t first = 0; first < n; first += p->n_blocks) {
        int64_t end = first + p->n_blocks < n ? first + p->n_blocks : n;
        step->first_block = first;
        step_each_part(p, first, end, backward_part, step, NULL);
        step_each_part(p, first, end, project_part, step, NULL);
        for (int64_t i = first; i < end; i++)
            sum_add_part(p->n_parameters, p->blocks[i - first], i == 0, sum);
    }
}

/* Sums the n gradients from `first` on over all ranks. */
static int reduce(struct step_parts *p, struct step *step, int64_t first, int64_t n,
                  struct valence_error *error)
{
    return p->ordered
               ? collective_sum_ordered(p->collective, step_count_parts(p, step->batch->n_clips),
                                        p->blocks, first, n, step->gradients, &p->buffers, error)
               : collective_sum(p->collective, p->wire, n, step->gradients + first, &p->buffers,
                                error);
}

/* A reduction that runs in the background. */
struct reduction {
    struct step_parts *p;
    struct step *step;
    int64_t first;
};

static int reduce_rest(void *user, struct valence_error *error)
{
    const struct reduction *r = user;
    return reduce(r->p, r->step, r->first, r->p->n_parameters - r->first, error);
}

/* With several ranks, the gradients that are made first, those behind the projections', travel
 * while the projections' are computed. */
int step_backward(struct step_parts *p, struct step *step, bool reduced,
                  struct valence_error *error)
{
    int64_t n = step_own_parts(p, step->batch->n_clips);
    bool reduces = p->ordered || reduced;
    struct reduction rest = {p, step, network_n_projection_values(p->networks[0])};
    struct background background;
    if (p->ordered && !collective_is_several(p->collective)) {
        backward_alone(p, step, n);
        return VALENCE_OK;
    }
    if (!p->ordered && n == 0)
        memset(step->gradients, 0, (size_t)p->n_parameters * sizeof *step->gradients);
    step_each_part(p, 0, n, backward_part, step, NULL);
    if (reduces)
        background_start(&background, reduce_rest, &rest);
    step_each_part(p, 0, n, project_part, step, NULL);
    int status = reduces ? background_finish(&background, error) : VALENCE_OK;
    return status || !reduces ? status : reduce(p, step, 0, rest.first, error);
}

int step_parts_reduce(struct step_parts *p, float *gradients, struct valence_error *error)
{
    return collective_sum(p->collective, p->wire, p->n_parameters, gradients, &p->buffers, error);
}
