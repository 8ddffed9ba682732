/* What is wrong with a data set's splits, recordings and labels. */
#include <inttypes.h>
#include <math.h>

#include "data/diagnosis.h"
#include "valence/text.h"

#define FEW_VALIDATION 100 /* clips; fewer choose the best epoch by chance */
#define UNBALANCED     0.8 /* of the labelled clips on one side of 0 or at one value */
#define FEW_GROUPED    10  /* clips; of fewer it is no wonder that each has its own recording */

/* ---- Recordings ---- */

static void name_pair(struct valence_finding *finding, int64_t n,
                      const struct valence_clip_pair *pair)
{
    finding->clips.n = n;
    finding->clips.clips[0] = pair->second;
    finding->clips.clips[1] = pair->first;
}

static void diagnose_duplicates(const struct valence_data_summary *summary,
                                struct diagnosis *diagnosis)
{
    const struct valence_clip_pair *leak = &summary->leaked[0], *twin = &summary->duplicates[0];
    int64_t n_within = 0;
    for (int s = 0; s < VALENCE_N_SPLITS; s++)
        n_within += summary->splits[s].n_duplicates;
    if (summary->n_leaked)
        name_pair(
            add_finding(diagnosis, VALENCE_WARNING, "duplicates-across-splits",
                        "leave them out of one of the splits: results on them flatter the model",
                        "%" PRId64 " %s the same rows as a clip of an earlier split ('%.60s' "
                        "as '%.60s')",
                        summary->n_leaked,
                        valence_plural(summary->n_leaked, "clip has", "clips have"),
                        valence_data_summary_id(summary, leak->second),
                        valence_data_summary_id(summary, leak->first)),
            summary->n_leaked, leak);
    if (n_within)
        name_pair(add_finding(diagnosis, VALENCE_WARNING, "duplicates",
                              "leave out all but one of each",
                              "%" PRId64 " %s the same rows as another of the same split "
                              "('%.60s' and '%.60s')",
                              n_within, valence_plural(n_within, "clip has", "clips have"),
                              valence_data_summary_id(summary, twin->first),
                              valence_data_summary_id(summary, twin->second)),
                  n_within, twin);
}

static void diagnose_groups(const struct valence_data_summary *summary, struct diagnosis *diagnosis)
{
    const struct valence_clip_pair *shared = &summary->shared_groups[0];
    struct valence_finding *finding;
    if (summary->n_shared_groups)
        add_finding(
            diagnosis, VALENCE_WARNING, "groups-across-splits",
            "split by whole recordings; where the split is a published one, say so with the "
            "figures: the speakers were seen in training",
            "%" PRId64 " %s clips in several splits ('%.60s': %s and %s)", summary->n_shared_groups,
            valence_plural(summary->n_shared_groups, "recording has", "recordings have"),
            valence_data_summary_group(summary, shared->first),
            valence_split_names[valence_data_summary_split(summary, shared->first)],
            valence_split_names[valence_data_summary_split(summary, shared->second)]);
    if (summary->n_clips && !summary->n_grouped) {
        finding =
            add_finding(diagnosis, VALENCE_NOTE, "no-groups", "name the recordings when you import",
                        "no clip names the recording it was cut from, so nobody can tell "
                        "whether splits share recordings");
        finding->key = "group";
    } else if (summary->n_grouped >= FEW_GROUPED && summary->n_groups == summary->n_grouped) {
        finding = add_finding(diagnosis, VALENCE_WARNING, "groups-of-one",
                              "name the recordings (videos, speakers) when you import, not the "
                              "clips; otherwise splits may share recordings unseen",
                              "each of the %" PRId64 " recordings has one clip ('%.60s')",
                              summary->n_groups, valence_data_summary_group(summary, 0));
        finding->key = "group";
    } else if (summary->n_groups == 1 && summary->n_grouped >= FEW_GROUPED) {
        finding = add_finding(diagnosis, VALENCE_WARNING, "one-group",
                              "name the recordings when you import; a validation part drawn by "
                              "whole recordings takes all clips or none",
                              "all clips are of one recording ('%.60s')",
                              valence_data_summary_group(summary, 0));
        finding->key = "group";
    }
}

/* ---- Splits ---- */

static void diagnose_sizes(const struct valence_data_summary *summary, struct diagnosis *diagnosis)
{
    const struct valence_split_summary *splits = summary->splits;
    int64_t n_train = splits[VALENCE_TRAIN].n_clips, n_test = splits[VALENCE_TEST].n_clips;
    int64_t n_validation = splits[VALENCE_VALIDATION].n_clips;
    if (n_train == 0)
        add_finding(diagnosis, VALENCE_WARNING, "no-training",
                    "import with a column of splits, or put all clips into training",
                    "the store has no training clips")
            ->key = "all_in";
    if (n_validation == 0 && n_train > 0)
        add_finding(diagnosis, VALENCE_WARNING, "no-validation",
                    "import with a validation part drawn from the training clips",
                    "the store has no validation clips: training cannot choose its best epoch")
            ->key = "validation_fraction";
    else if (n_train > 0 && n_validation > n_train)
        add_finding(diagnosis, VALENCE_WARNING, "large-validation",
                    "swap the splits, or draw a smaller validation part",
                    "%" PRId64 " validation clips are more than the %" PRId64 " training %s",
                    n_validation, n_train, valence_plural(n_train, "clip", "clips"))
            ->key = "validation_fraction";
    else if (n_train > 0 && n_validation < FEW_VALIDATION)
        add_finding(diagnosis, VALENCE_WARNING, "small-validation",
                    "train several seeds, or draw a larger part",
                    "%" PRId64 " validation %s few: which epoch is best is partly chance",
                    n_validation, valence_plural(n_validation, "clip is", "clips are"))
            ->key = "validation_fraction";
    if (n_test == 0)
        add_finding(diagnosis, VALENCE_NOTE, "no-test", NULL, "the store has no test clips");
}

void diagnose_splits(const struct valence_data_summary *summary, struct diagnosis *diagnosis)
{
    diagnose_sizes(summary, diagnosis);
    for (int s = 0; s < VALENCE_N_SPLITS && summary->n_streams > 0; s++)
        if (summary->splits[s].n_empty)
            add_finding(diagnosis, VALENCE_WARNING, "empty-clips",
                        "encode their media, or leave them out",
                        "%" PRId64 " %s %s no rows in any stream", summary->splits[s].n_empty,
                        valence_split_names[s],
                        valence_plural(summary->splits[s].n_empty, "clip has", "clips have"));
    diagnose_duplicates(summary, diagnosis);
    diagnose_groups(summary, diagnosis);
}

/* ---- Labels ---- */

struct labels {
    int64_t n, n_unlabelled, n_negative, n_positive, n_fullest;
    double low, high;
};

static void add_split(struct labels *labels, int64_t bins[VALENCE_LABEL_BINS],
                      const struct valence_split_summary *split)
{
    labels->n_unlabelled += split->n_unlabelled;
    labels->low = split->label_low < labels->low ? split->label_low : labels->low;
    labels->high = split->label_high > labels->high ? split->label_high : labels->high;
    for (int bin = 0; bin < VALENCE_LABEL_BINS; bin++) {
        bins[bin] += split->label_bins[bin];
        labels->n += split->label_bins[bin];
    }
}

static struct labels count_labels(const struct valence_data_summary *summary)
{
    struct labels labels = {.low = INFINITY, .high = -INFINITY};
    int64_t bins[VALENCE_LABEL_BINS] = {0};
    for (int s = 0; s < VALENCE_N_SPLITS; s++)
        add_split(&labels, bins, &summary->splits[s]);
    for (int bin = 0; bin < VALENCE_LABEL_BINS; bin++) {
        labels.n_negative += bin < 3 ? bins[bin] : 0;
        labels.n_positive += bin > 3 ? bins[bin] : 0;
        labels.n_fullest = bins[bin] > labels.n_fullest ? bins[bin] : labels.n_fullest;
    }
    return labels;
}

static void diagnose_range(const struct labels *labels, struct diagnosis *diagnosis)
{
    if (labels->low == labels->high)
        add_finding(diagnosis, VALENCE_WARNING, "constant-labels", "look at the label column",
                    "all labels are %g", labels->low);
    else if (labels->low < -3 || labels->high > 3)
        add_finding(diagnosis, VALENCE_WARNING, "label-range",
                    "scale them to -3 ... 3 for figures that compare with published ones",
                    "labels reach from %g to %g, beyond -3 ... 3", labels->low, labels->high);
    else if (labels->low >= 0 || labels->high <= 0)
        add_finding(diagnosis, VALENCE_WARNING, "label-sign",
                    "sentiment is negative below 0: shift the labels",
                    "labels reach from %g to %g and are all on one side of 0", labels->low,
                    labels->high);
    else if (labels->low >= -1 && labels->high <= 1)
        add_finding(diagnosis, VALENCE_NOTE, "label-range",
                    "compare errors only with figures on the same scale; 5 and 7 classes mean "
                    "little here",
                    "labels reach from %g to %g, a third of the usual -3 ... 3", labels->low,
                    labels->high);
}

static void diagnose_balance(const struct labels *labels, struct diagnosis *diagnosis)
{
    static const char remedy[] = "compare with the best constant that evaluation shows";
    double limit = UNBALANCED * (double)labels->n;
    bool negative = labels->n_negative > labels->n_positive;
    if ((double)labels->n_fullest > limit && labels->low < labels->high)
        add_finding(diagnosis, VALENCE_WARNING, "unbalanced", remedy,
                    "%" PRId64 " of %" PRId64 " labels round to one value", labels->n_fullest,
                    labels->n);
    else if ((double)labels->n_negative > limit || (double)labels->n_positive > limit)
        add_finding(diagnosis, VALENCE_WARNING, "unbalanced", remedy,
                    "%" PRId64 " of %" PRId64 " labels are %s",
                    negative ? labels->n_negative : labels->n_positive, labels->n,
                    negative ? "negative" : "positive");
}

/* Validation or test labels of one class, while the data set has both: nothing that is measured on
 * them tells whether a model has learnt the sign. */
static void diagnose_part(const struct valence_data_summary *summary, enum valence_split part,
                          struct diagnosis *diagnosis)
{
    const struct valence_split_summary *split = &summary->splits[part];
    int64_t n = split->n_clips - split->n_unlabelled;
    bool one_value = split->label_low == split->label_high;
    if (n < 2 || !(one_value || split->label_high < 0 || split->label_low > 0))
        return;
    add_finding(diagnosis, VALENCE_WARNING, "one-class",
                "draw a part that has negative and positive labels",
                "the %" PRId64 " %s labels are all %s: figures on them do not tell whether a model "
                "knows negative from positive",
                n, valence_split_names[part],
                one_value               ? "the same"
                : split->label_high < 0 ? "negative"
                                        : "positive");
}

void diagnose_labels(const struct valence_data_summary *summary, struct diagnosis *diagnosis)
{
    struct labels labels = count_labels(summary);
    if (summary->n_clips == 0)
        return;
    if (labels.n == 0) {
        add_finding(diagnosis, VALENCE_WARNING, "no-labels",
                    "import with a column of labels; scoring alone needs none",
                    "no clip has a label");
        return;
    }
    if (labels.n_unlabelled)
        add_finding(diagnosis, VALENCE_WARNING, "unlabelled", "training and figures leave them out",
                    "%" PRId64 " of %" PRId64 " clips %s no label", labels.n_unlabelled,
                    summary->n_clips, valence_plural(labels.n_unlabelled, "has", "have"));
    if (summary->n_classes) /* numbers of classes have no sign and no range of sentiment */
        return;
    diagnose_range(&labels, diagnosis);
    diagnose_balance(&labels, diagnosis);
    for (int part = VALENCE_VALIDATION; part <= VALENCE_TEST && labels.low < labels.high; part++)
        if (labels.low < 0 && labels.high > 0)
            diagnose_part(summary, (enum valence_split)part, diagnosis);
}
