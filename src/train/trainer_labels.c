/* The labels that a training learns: classes or scores, their mean and spread, and those of the
 * validation clips. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "data/label_scale.h"
#include "model/layout.h"
#include "train/trainer_private.h"

/* ---- Classes ---- */

int trainer_check_labels(struct trainer *t, struct valence_error *error)
{
    char list[400];
    bool wanted = t->config->labels == TRAIN_CLASSES;
    t->classes = label_classes(t->store);
    if (wanted == (t->classes != NULL))
        return VALENCE_OK;
    if (wanted)
        return fail_key(error, VALENCE_ERROR_CONFIG, "labels",
                        "%s: its labels are scores; set labels to scores, or import it with "
                        "label_classes",
                        t->config->store);
    label_classes_list(t->classes, list, sizeof list);
    return fail_key(error, VALENCE_ERROR_CONFIG, "labels",
                    "%s: its labels are classes (%s); set labels to classes, and losses.rnc to 0",
                    t->config->store, list);
}

int trainer_count_classes(struct trainer *t, struct valence_error *error)
{
    const struct clip_selection *parts[] = {&t->training, &t->validation};
    int n = t->classes->n_classes;
    for (int part = 0; part < 2; part++)
        for (int64_t i = 0; i < parts[part]->n; i++) {
            const struct valence_clip *clip = valence_store_clip(t->store, parts[part]->clips[i]);
            if (!(clip->label >= 0 && clip->label < (float)n) || clip->label != floorf(clip->label))
                return fail(error, VALENCE_ERROR_DATA,
                            "%s: clip '%s' has the label %g, which is no class's number",
                            t->config->store, clip->id, (double)clip->label);
            if (part == 0)
                t->shares[(int)clip->label] += 1 / (double)parts[part]->n;
        }
    for (int c = 0; c < n; c++)
        if (t->shares[c] == 0)
            return fail_key(error, VALENCE_ERROR_DATA, "label_classes",
                            "%s: no training clip is of the class '%s', so it cannot be learnt; "
                            "import without that class",
                            t->config->store, t->classes->classes[c]);
    return VALENCE_OK;
}

json_t *trainer_classes_to_json(const struct trainer *t)
{
    json_t *array = t->classes ? json_array() : NULL;
    for (int c = 0; t->classes && c < t->classes->n_classes; c++)
        json_array_append_new(array, json_string(t->classes->classes[c]));
    return array;
}

/* ---- Scores ---- */

void trainer_measure_labels(struct trainer *t)
{
    int64_t n = t->training.n;
    double mean = 0, square = 0;
    t->labels = (struct label_transform){.factor = 1};
    if (!t->config->standardise_labels || t->classes || network_is_closed_form(&t->config->model))
        return;
    for (int64_t i = 0; i < n; i++)
        mean += (double)valence_store_clip(t->store, t->training.clips[i])->label / (double)n;
    for (int64_t i = 0; i < n; i++) {
        float label = valence_store_clip(t->store, t->training.clips[i])->label;
        square += pow((double)label - mean, 2) / (double)n;
    }
    if (sqrt(square) >= FLT_MIN) /* labels that are all the same have no spread */
        t->labels.factor = (float)sqrt(square);
    t->labels.offset = (float)mean;
}

/* ---- Calibration ---- */

int trainer_open_calibration(struct trainer *t, struct valence_error *error)
{
    struct calibration *calibration = &t->calibration;
    const struct clip_selection *parts[] = {&t->training, &t->validation};
    int status =
        calibration_allocate(calibration, t->validation.n, t->checkpoint.config.n_flows, error);
    if (status)
        return status;
    double minimum, maximum;
    bool declared = label_range(t->store, &minimum, &maximum);
    calibration->range[0] = declared ? (float)minimum : -3;
    calibration->range[1] = declared ? (float)maximum : 3;
    for (int part = 0; part < 2; part++)
        for (int64_t i = 0; i < parts[part]->n; i++) {
            float label = valence_store_clip(t->store, parts[part]->clips[i])->label;
            calibration->range[0] = fminf(calibration->range[0], label);
            calibration->range[1] = fmaxf(calibration->range[1], label);
            if (parts[part] == &t->validation)
                calibration->labels[i] = label;
        }
    status = training_median(t->store, &t->median, error);
    for (int64_t i = 0; i < calibration->n; i++) {
        double label = (double)calibration->labels[i];
        t->constant_mae +=
            (t->classes ? -log(t->shares[(int)label]) : fabs(label - (double)t->median)) /
            (double)calibration->n;
    }
    return status;
}
