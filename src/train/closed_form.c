#include "train/closed_form.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "kernels/logistic.h"
#include "kernels/ridge.h"
#include "model/layout.h"

/* Penalties tried: 0.01 ... 1e6, two for each power of ten. */
enum { N_PENALTIES = 17 };

static double penalty_of(int i)
{
    return 0.01 * pow(10, i / 2.0);
}

/* ---- What is regressed on ---- */

/* A row for each clip and flow, flow after flow. */
struct design {
    int64_t n_clips, n; /* n: n_clips times the flows */
    int64_t p;          /* columns: audio's, text's, video's */
    double *x;          /* (n, p) */
    double *y, *s;      /* (n): labels and weights */
    int *labels;        /* (n): numbers of classes */
};

static void design_free(struct design *design)
{
    free(design->x);
    free(design->y);
    free(design->s);
    free(design->labels);
}

static double weight_of_flow(const struct trainer *t, int flow)
{
    const struct loss_weights *losses = &t->config->losses;
    int n_flows = t->checkpoint.config.n_flows;
    double all = losses->complete + losses->missing;
    if (n_flows == 1)
        return 1;
    return flow == 0 ? losses->complete / all : losses->missing / all / (n_flows - 1);
}

static int design_allocate(const struct trainer *t, int64_t n_clips, struct design *design,
                           struct valence_error *error)
{
    int64_t n = n_clips * t->checkpoint.config.n_flows;
    int64_t p = t->checkpoint.n_parameters / network_n_outputs(&t->checkpoint.config) - 1;
    size_t bytes = 0;
    *design = (struct design){.n_clips = n_clips, .n = n, .p = p};
    if (size_multiply(n, p, &bytes) && bytes <= INT64_MAX)
        design->x = allocate((int64_t)bytes, sizeof *design->x);
    design->y = allocate(n, sizeof *design->y);
    design->s = allocate(n, sizeof *design->s);
    design->labels = allocate(n, sizeof *design->labels);
    return design->x && design->y && design->s && design->labels
               ? VALENCE_OK
               : fail_memory(error, bytes * sizeof *design->x, "the mean rows of all clips");
}

static void add_batch(const struct trainer *t, const struct network_layout *layout,
                      const struct valence_batch *batch, const struct flow_output *outputs,
                      int64_t done, struct design *design)
{
    const struct valence_model_config *model = &t->checkpoint.config;
    int64_t k = network_n_outputs(model);
    for (int f = 0; f < model->n_flows; f++)
        for (int64_t b = 0; b < batch->n_clips; b++) {
            int64_t row = f * design->n_clips + done + b;
            design->y[row] = (double)batch->labels[b];
            design->labels[row] = (int)batch->labels[b];
            design->s[row] = weight_of_flow(t, f);
            for (int m = 0; m < VALENCE_N_MODALITIES; m++) {
                const float *means = outputs[f].mean_rows[m];
                double *x = design->x + row * design->p + layout->mean_row[m] / k;
                for (int64_t j = 0; means && j < model->widths[m]; j++)
                    x[j] = (double)means[b * model->widths[m] + j];
            }
        }
}

/* Reads the pass that the loader has begun, of `n_clips` clips. */
static int design_read(struct trainer *t, int64_t n_clips, struct design *design,
                       struct valence_error *error)
{
    const struct checkpoint *checkpoint = &t->checkpoint;
    const struct valence_model_config *model = &checkpoint->config;
    struct network_layout layout;
    int status = design_allocate(t, n_clips, design, error);
    network_layout_make(model, &layout, NULL);
    for (int64_t done = 0; !status;) {
        const struct valence_batch *batch;
        struct flow_output outputs[VALENCE_MAX_FLOWS];
        status = batch_loader_next(t->loader, &batch, error);
        if (status || !batch)
            break;
        status = network_forward(t->network, checkpoint->parameters, &checkpoint->standardisation,
                                 batch, model->flows, model->n_flows, outputs, error);
        if (!status)
            add_batch(t, &layout, batch, outputs, done, design);
        done += batch->n_clips;
    }
    return status;
}

/* ---- The penalty ---- */

static double validation_error(const struct trainer *t, const struct design *design,
                               const double *w, double b)
{
    double mae[VALENCE_MAX_FLOWS] = {0};
    for (int64_t i = 0; i < design->n; i++) {
        double score = b;
        for (int64_t j = 0; j < design->p; j++)
            score += design->x[i * design->p + j] * w[j];
        mae[i / design->n_clips] += fabs(score - design->y[i]) / (double)design->n_clips;
    }
    return train_selected_error(t->config->select, mae, t->checkpoint.config.n_flows);
}

static int report_penalty(const struct trainer *t, int i, struct valence_error *error)
{
    struct valence_progress_event event = {
        .stage = t->stage, .done = i, .total = N_PENALTIES, .unit = "penalties", .detail = ""};
    if (!t->progress || !t->progress->report(t->progress->user, &event))
        return VALENCE_OK;
    return fail_key(error, VALENCE_ERROR_CANCELLED, "resume", "%s: stopped before it was trained",
                    t->folder.path);
}

/* ---- Losses ---- */

static void add_losses(struct trainer *t, double complete, double missing)
{
    const struct loss_weights *losses = &t->config->losses;
    struct train_state *state = &t->state;
    double n = (double)t->training.n;
    state->n_clips = t->training.n;
    state->sums.complete = n * complete;
    state->sums.missing = n * missing;
    state->sums.total = n * (losses->complete * complete + losses->missing * missing);
    state->step++;
    state->n_batches++;
}

/* ---- Scores ---- */

/* The largest of the penalties with the smallest validation error, and w (p) and b with it. */
static int choose_penalty(struct trainer *t, struct ridge *ridge, const struct design *validation,
                          double *w, double *b, struct valence_error *error)
{
    double least = INFINITY, penalty = t->config->ridge_penalty;
    for (int i = N_PENALTIES - 1; i >= 0 && t->config->ridge_penalty == 0; i--) {
        int status = report_penalty(t, N_PENALTIES - 1 - i, error);
        if (!status)
            status = ridge_solve(ridge, penalty_of(i), w, b, error);
        if (status)
            return status;
        double mae = validation_error(t, validation, w, *b);
        if (mae < least) {
            least = mae;
            penalty = penalty_of(i);
        }
    }
    t->state.ridge_penalty = penalty;
    return ridge_solve(ridge, penalty, w, b, error);
}

/* From what ridge_create() made of x and y: centred, and times the root of the weight. */
static void add_ridge_losses(struct trainer *t, const struct design *design, const double *w)
{
    double complete = 0, missing = 0;
    for (int64_t i = 0; i < design->n; i++) {
        double difference = design->y[i];
        for (int64_t j = 0; j < design->p; j++)
            difference -= design->x[i * design->p + j] * w[j];
        double square = difference * difference / design->s[i];
        *(i < design->n_clips ? &complete : &missing) += square;
    }
    int64_t n_missing = design->n - design->n_clips;
    add_losses(t, complete / (double)design->n_clips, n_missing ? missing / (double)n_missing : 0);
}

static int solve_ridge(struct trainer *t, struct design *training, const struct design *validation,
                       struct valence_error *error)
{
    struct ridge *ridge = NULL;
    double b, *w = allocate(training->p, sizeof *w);
    int status = w ? ridge_create(training->n, training->p, training->x, training->y, training->s,
                                  &ridge, error)
                   : fail_memory(error, (size_t)training->p * sizeof *w, "a linear function");
    if (!status)
        status = choose_penalty(t, ridge, validation, w, &b, error);
    if (!status) {
        for (int64_t j = 0; j < training->p; j++)
            t->checkpoint.parameters[j] = (float)w[j];
        t->checkpoint.parameters[training->p] = (float)b;
        add_ridge_losses(t, training, w);
    }
    ridge_free(ridge);
    free(w);
    return status;
}

/* ---- Classes ---- */

static struct logistic logistic_of(const struct trainer *t, const struct design *design)
{
    return (struct logistic){design->n, design->p,      t->checkpoint.config.n_classes,
                             design->x, design->labels, design->s};
}

/* The mean cross-entropy of each flow, whose rows all weigh the same. */
static void flow_losses(const struct trainer *t, const struct design *design, const double *w,
                        const double *b, double losses[VALENCE_MAX_FLOWS])
{
    struct logistic problem = logistic_of(t, design);
    for (int f = 0; f < t->checkpoint.config.n_flows; f++)
        losses[f] = logistic_loss(&problem, f * design->n_clips, (f + 1) * design->n_clips, w, b) /
                    ((double)design->n_clips * design->s[f * design->n_clips]);
}

/* As choose_penalty(). Each penalty starts from the solution of the larger one before it; `kept`
 * (as w and b together) holds the best so far. */
static int choose_logistic(struct trainer *t, const struct design *training,
                           const struct design *validation, double *w, double *b, double *kept,
                           struct valence_error *error)
{
    const struct logistic problem = logistic_of(t, training);
    size_t n_weights = (size_t)(problem.k * problem.p), n = n_weights + (size_t)problem.k;
    double least = INFINITY, losses[VALENCE_MAX_FLOWS];
    if (t->config->ridge_penalty > 0) {
        t->state.ridge_penalty = t->config->ridge_penalty;
        return logistic_solve(&problem, t->config->ridge_penalty, w, b, error);
    }
    for (int i = N_PENALTIES - 1; i >= 0; i--) {
        int status = report_penalty(t, N_PENALTIES - 1 - i, error);
        if (!status)
            status = logistic_solve(&problem, penalty_of(i), w, b, error);
        if (status)
            return status;
        flow_losses(t, validation, w, b, losses);
        double loss = train_selected_error(t->config->select, losses, t->checkpoint.config.n_flows);
        if (loss < least) {
            least = loss;
            t->state.ridge_penalty = penalty_of(i);
            memcpy(kept, w, n * sizeof *kept); /* b lies behind w */
        }
    }
    memcpy(w, kept, n * sizeof *w);
    return VALENCE_OK;
}

/* The parameters hold the modalities one after the other, each (classes, width). */
static void set_class_weights(struct trainer *t, const struct design *design, const double *w,
                              const double *b)
{
    const struct valence_model_config *model = &t->checkpoint.config;
    struct network_layout layout;
    network_layout_make(model, &layout, NULL);
    for (int m = 0; m < VALENCE_N_MODALITIES; m++)
        for (int64_t i = 0; i < model->n_classes * model->widths[m]; i++) {
            int64_t row = i / model->widths[m], column = i % model->widths[m];
            t->checkpoint.parameters[layout.mean_row[m] + i] =
                (float)w[row * design->p + layout.mean_row[m] / model->n_classes + column];
        }
    for (int64_t c = 0; c < model->n_classes; c++)
        t->checkpoint.parameters[layout.score.bias + c] = (float)b[c];
}

static int solve_logistic(struct trainer *t, const struct design *training,
                          const struct design *validation, struct valence_error *error)
{
    int64_t k = t->checkpoint.config.n_classes, n = k * (training->p + 1);
    int n_flows = t->checkpoint.config.n_flows;
    double losses[VALENCE_MAX_FLOWS], missing = 0, *w = allocate(2 * n, sizeof *w);
    if (!w)
        return fail_memory(error, (size_t)(2 * n) * sizeof *w, "a linear function");
    double *b = w + k * training->p;
    int status = choose_logistic(t, training, validation, w, b, w + n, error);
    if (!status) {
        set_class_weights(t, training, w, b);
        flow_losses(t, training, w, b, losses);
        for (int f = 1; f < n_flows; f++)
            missing += losses[f] / (n_flows - 1);
        add_losses(t, losses[0], missing);
    }
    free(w);
    return status;
}

/* ---- The two networks ---- */

static int train_linear(struct trainer *t, struct valence_error *error)
{
    struct design training = {0}, validation = {0};
    int status = design_read(t, t->training.n, &training, error);
    if (!status)
        status = trainer_draw_missing(t, &t->validation, error);
    if (!status) {
        batch_loader_start(t->loader, t->validation.clips, t->validation.n, t->config->batch_size);
        status = design_read(t, t->validation.n, &validation, error);
    }
    if (!status)
        status = t->classes ? solve_logistic(t, &training, &validation, error)
                            : solve_ridge(t, &training, &validation, error);
    design_free(&training);
    design_free(&validation);
    return status;
}

/* Each class's share of the training clips as its probability. */
static void train_shares(struct trainer *t)
{
    double loss = 0;
    for (int c = 0; c < t->classes->n_classes; c++) {
        t->checkpoint.parameters[c] = (float)log(t->shares[c]);
        loss -= t->shares[c] * log(t->shares[c]);
    }
    add_losses(t, loss, t->checkpoint.config.n_flows > 1 ? loss : 0);
}

static void train_constant(struct trainer *t)
{
    double square = 0;
    t->checkpoint.parameters[0] = t->median;
    for (int64_t i = 0; i < t->training.n; i++) {
        float label = valence_store_clip(t->store, t->training.clips[i])->label;
        square += pow((double)label - (double)t->median, 2) / (double)t->training.n;
    }
    add_losses(t, square, t->checkpoint.config.n_flows > 1 ? square : 0);
}

int closed_form_train(struct trainer *t, struct valence_error *error)
{
    if (t->checkpoint.config.fusion == VALENCE_FUSION_LINEAR)
        return train_linear(t, error);
    if (t->classes)
        train_shares(t);
    else
        train_constant(t);
    return VALENCE_OK;
}
