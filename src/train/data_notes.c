#include "train/data_notes.h"

#include <float.h>
#include <math.h>

/* The labels of a part: which signs there are, and whether they are one value. */
struct label_kinds {
    bool negative, positive;
    float least, most;
};

static struct label_kinds look_at(const struct trainer *t, const struct clip_selection *part)
{
    struct label_kinds kinds = {.least = INFINITY, .most = -INFINITY};
    for (int64_t i = 0; i < part->n; i++) {
        float label = valence_store_clip(t->store, part->clips[i])->label;
        kinds.negative = kinds.negative || label < 0;
        kinds.positive = kinds.positive || label > 0;
        kinds.least = fminf(kinds.least, label);
        kinds.most = fmaxf(kinds.most, label);
    }
    return kinds;
}

void note_labels(const struct trainer *t)
{
    const struct clip_selection *parts[] = {&t->training, &t->validation};
    struct label_kinds kinds[2];
    for (int part = 0; part < 2; part++) {
        kinds[part] = look_at(t, parts[part]);
        if (parts[part]->n > 1 && kinds[part].least >= kinds[part].most)
            trainer_note(t, "labels_equal", "all %lld %s labels are %g; %s",
                         (long long)parts[part]->n, part ? "validation" : "training",
                         (double)kinds[part].least,
                         part ? "they cannot tell which epoch is best"
                              : "there is nothing to learn from them");
    }
    bool both = kinds[0].negative && kinds[0].positive;
    bool one = kinds[1].negative != kinds[1].positive;
    if (both && one && !t->classes && kinds[1].least < kinds[1].most)
        trainer_note(t, "one_class",
                     "no validation label is %s, while training labels are; the best epoch is "
                     "chosen on one side of the scale",
                     kinds[1].negative ? "positive" : "negative");
}

void note_columns(const struct trainer *t, enum valence_stream stream, int64_t n,
                  const float *deviation)
{
    int64_t n_constant = 0;
    for (int64_t j = 0; j < n; j++)
        n_constant += !(deviation[j] >= FLT_MIN);
    if (n && n_constant == n)
        trainer_note(t, "no_columns",
                     "all %lld columns of %s are constant over the training clips, so nothing can "
                     "be learnt from them",
                     (long long)n, valence_stream_names[stream]);
}
