#include "train/epoch_record.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/threads.h"

static void set_losses(const struct trainer *t, struct epoch_record *record)
{
    const struct loss_terms *sums = &t->state.sums;
    double n = (double)t->state.n_clips;
    const struct valence_train_loss losses[EPOCH_N_LOSSES] = {
        {"total", sums->total / n},     {"complete", sums->complete / n},
        {"missing", sums->missing / n}, {"rep", sums->rep / n},
        {"cross", sums->cross / n},     {"feature", sums->feature / n},
        {"rnc", sums->rnc / n}};
    memcpy(record->losses, losses, sizeof losses);
}

void epoch_record_make(const struct trainer *t, const double *mae, struct epoch_record *record)
{
    const struct train_state *state = &t->state;
    double value = train_selected_error(t->config->select, mae, t->checkpoint.config.n_flows);
    bool best = state->best_epoch == 0 || value < state->best_value;
    set_losses(t, record);
    memcpy(record->mae, mae, sizeof record->mae);
    record->shown = (struct valence_train_epoch){
        .run = t->job->number,
        .n_runs = t->job->n,
        .seed = t->config->seed,
        .epoch = state->epoch + 1,
        .n_epochs = t->config->epochs,
        .step = state->step,
        .learning_rate = trainer_learning_rate(t),
        .gradient_norm = state->norm_sum / (double)state->n_clips,
        .n_losses = EPOCH_N_LOSSES,
        .losses = record->losses,
        .n_flows = t->checkpoint.config.n_flows,
        .flows = t->checkpoint.config.flows,
        .n_classes = t->checkpoint.config.n_classes,
        .validation_mae = record->mae,
        .select = train_selection_names[t->config->select],
        .selected_mae = value,
        .best_mae = best ? value : state->best_value,
        .best_epoch = best ? state->epoch + 1 : state->best_epoch,
        .is_best = best,
        .n_threads = threads_count(),
    };
}

json_t *epoch_to_json(const struct valence_train_epoch *epoch)
{
    json_t *losses = json_object();
    for (int i = 0; i < epoch->n_losses; i++)
        if (json_object_set_new(losses, epoch->losses[i].name, json_real(epoch->losses[i].value)) !=
                0 &&
            isfinite(epoch->losses[i].value)) { /* what is not finite is left out */
            json_decref(losses);
            return NULL;
        }
    return json_pack(
        "{s:I, s:I, s:f, s:o, s:f, s:o, s:f, s:b}", "epoch", (json_int_t)epoch->epoch, "step",
        (json_int_t)epoch->step, "learning_rate", epoch->learning_rate, "loss", losses,
        "gradient_norm", epoch->gradient_norm, "validation",
        train_errors_to_json(epoch->flows, epoch->n_flows, epoch->n_classes, epoch->validation_mae),
        epoch->select, epoch->selected_mae, "best", (int)epoch->is_best);
}

json_t *epoch_times_to_json(const struct valence_train_epoch *epoch)
{
    return json_pack("{s:I, s:I, s:f, s:f, s:f, s:i, s:I}", "epoch", (json_int_t)epoch->epoch,
                     "clips", (json_int_t)epoch->n_clips, "training_seconds",
                     epoch->training_seconds, "clips_per_second", epoch->clips_per_second,
                     "seconds", epoch->seconds, "threads", epoch->n_threads, "unix_milliseconds",
                     (json_int_t)unix_milliseconds());
}
