#include "data/diagnosis.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FEW_VALIDATION 100   /* clips; fewer choose the best epoch by chance */
#define USUAL_MAX_ROWS 10000 /* max_rows of the default configuration */
#define UNBALANCED     0.8   /* of the labelled clips on one side of 0 or at one value */

static void add_finding(struct diagnosis *diagnosis, bool is_note, const char *name,
                        const char *remedy, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

static void add_finding(struct diagnosis *diagnosis, bool is_note, const char *name,
                        const char *remedy, const char *format, ...)
{
    if (diagnosis->n == DIAGNOSIS_MAX_FINDINGS)
        return;
    struct finding *finding = &diagnosis->findings[diagnosis->n++];
    *finding = (struct finding){.name = name, .is_note = is_note, .remedy = remedy};
    va_list args;
    va_start(args, format);
    vsnprintf(finding->text, sizeof finding->text, format, args);
    va_end(args);
    diagnosis->n_warnings += !is_note;
}

#define WARN(name, remedy, ...) add_finding(diagnosis, false, name, remedy, __VA_ARGS__)
#define NOTE(name, remedy, ...) add_finding(diagnosis, true, name, remedy, __VA_ARGS__)

/* ---- Streams ---- */

static const char *example(const struct data_summary *summary, int64_t clip)
{
    return summary->clips[clip].id;
}

static void diagnose_values(const struct data_summary *summary, const struct stream_summary *stream,
                            struct diagnosis *diagnosis)
{
    const char *name = stream->format.name;
    if (stream->broken.n)
        WARN("broken-values", "extract these clips again, or import with --skip value",
             "stream '%s': %" PRId64 " NaN and %" PRId64 " infinite values in %" PRId64
             " clips ('%.60s')",
             name, stream->n_nan, stream->n_infinite, stream->broken.n,
             example(summary, stream->broken.clips[0]));
    if (stream->n_constant)
        WARN("constant-columns",
             "harmless (standardisation makes them 0), but look whether the extraction failed",
             "stream '%s': %" PRId64 " of %" PRId64 " columns have one value in all rows (column "
             "%" PRId64 "%s)",
             name, stream->n_constant, stream->format.width, stream->constant[0],
             stream->n_constant > 1 ? ", ..." : "");
    if (stream->n_saturated)
        WARN("saturated", "extract or import them in f32 (--dtype f32)",
             "stream '%s': %" PRId64 " values are the largest that f16 has, 65504", name,
             stream->n_saturated);
}

static void diagnose_stream(const struct data_summary *summary, const struct stream_summary *stream,
                            struct diagnosis *diagnosis)
{
    const char *name = stream->format.name;
    if (stream->n_clips == 0) {
        WARN("empty-stream", "import or encode it again, or leave it out of the configuration",
             "stream '%s': no clip has rows of it", name);
        return;
    }
    if (stream->absent.n)
        WARN("absent",
             "train a flow that misses it, or see why the extraction left these clips out",
             "stream '%s': %" PRId64 " clips have other streams, but not this one ('%.60s')", name,
             stream->absent.n, example(summary, stream->absent.clips[0]));
    if (stream->longest > USUAL_MAX_ROWS)
        WARN("long-clips", "set max_rows, or cut the clips",
             "stream '%s': the longest clip has %" PRId64 " rows; training reads the first %d "
             "unless max_rows says otherwise",
             name, stream->longest, USUAL_MAX_ROWS);
    diagnose_values(summary, stream, diagnosis);
}

static const struct stream_summary *find_stream(const struct data_summary *summary,
                                                const char *name)
{
    for (int s = 0; s < summary->n_streams; s++)
        if (strcmp(summary->streams[s].format.name, name) == 0)
            return &summary->streams[s];
    return NULL;
}

static void diagnose_streams(const struct data_summary *summary, struct diagnosis *diagnosis)
{
    if (summary->n_streams == 0)
        WARN("no-streams", "import features for these clips, or encode their media",
             "there are no feature streams: nothing can be trained or scored");
    for (int m = 0; m < VALENCE_N_MODALITIES && summary->n_streams > 0; m++)
        if (!find_stream(summary, valence_modality_names[m]))
            WARN("missing-stream",
                 "name another stream for it in the configuration (streams.audio: NAME), or train "
                 "flows that miss it",
                 "there is no stream '%s'", valence_modality_names[m]);
    const struct stream_summary *text = find_stream(summary, "text");
    const struct stream_summary *simulated = find_stream(summary, "simulated_text");
    if (text && simulated && text->format.width != simulated->format.width)
        WARN("widths", "extract both with one encoder: they go through one projection",
             "stream 'text' has width %" PRId64 ", 'simulated_text' %" PRId64, text->format.width,
             simulated->format.width);
    for (int s = 0; s < summary->n_streams; s++)
        diagnose_stream(summary, &summary->streams[s], diagnosis);
}

/* ---- Splits ---- */

static void diagnose_leaks(const struct data_summary *summary, struct diagnosis *diagnosis)
{
    const struct clip_pair *leak = &summary->leaked[0], *group = &summary->shared_groups[0];
    int64_t n_within = 0, n_groups = 0;
    for (int s = 0; s < VALENCE_N_SPLITS; s++) {
        n_within += summary->splits[s].n_duplicates;
        n_groups += summary->splits[s].n_groups;
    }
    if (summary->n_leaked)
        WARN("duplicates-across-splits",
             "leave them out of one of the splits: what is measured on them flatters the model",
             "%" PRId64 " clips have the same rows as a clip of an earlier split ('%.60s' as "
             "'%.60s')",
             summary->n_leaked, example(summary, leak->second), example(summary, leak->first));
    if (n_within)
        WARN("duplicates", "leave out all but one of each",
             "%" PRId64 " clips have the same rows as another of their split ('%.60s' and '%.60s')",
             n_within, example(summary, summary->duplicates[0].first),
             example(summary, summary->duplicates[0].second));
    if (summary->n_shared_groups)
        WARN("groups-across-splits",
             "split by whole recordings; where the split is a published one, say so with the "
             "figures: the speakers were seen in training",
             "%" PRId64 " recordings have clips in several splits ('%.60s': %s and %s)",
             summary->n_shared_groups, summary->clips[group->first].group,
             valence_split_names[summary->clips[group->first].split],
             valence_split_names[summary->clips[group->second].split]);
    if (summary->n_clips && !n_groups)
        NOTE("no-groups", "name the recordings (import: --group-column)",
             "no clip says which recording it was cut from: whether splits share recordings cannot "
             "be seen");
}

static void diagnose_splits(const struct data_summary *summary, struct diagnosis *diagnosis)
{
    const struct split_summary *splits = summary->splits;
    int64_t n_train = splits[VALENCE_TRAIN].n_clips, n_test = splits[VALENCE_TEST].n_clips;
    int64_t n_validation = splits[VALENCE_VALIDATION].n_clips;
    if (n_train == 0)
        WARN("no-training", "import with a split column or --all-in train",
             "there are no training clips");
    if (n_validation == 0 && n_train > 0)
        WARN("no-validation", "import with --validation-fraction 0.15",
             "there are no validation clips: training cannot choose its best epoch");
    else if (n_train > 0 && n_validation < FEW_VALIDATION)
        WARN("small-validation", "train several seeds (--seeds), or draw a larger part",
             "%" PRId64 " validation clips are few: which epoch is best is partly chance",
             n_validation);
    if (n_test == 0)
        NOTE("no-test", NULL, "there are no test clips");
    for (int s = 0; s < VALENCE_N_SPLITS && summary->n_streams > 0; s++)
        if (splits[s].n_empty)
            WARN("empty-clips", "encode their media, or leave them out",
                 "%" PRId64 " clips of %s have no rows in any stream", splits[s].n_empty,
                 valence_split_names[s]);
    diagnose_leaks(summary, diagnosis);
}

/* ---- Labels ---- */

struct labels {
    int64_t n, n_unlabelled, n_negative, n_positive, n_fullest;
    double low, high;
};

static struct labels count_labels(const struct data_summary *summary)
{
    struct labels labels = {.low = INFINITY, .high = -INFINITY};
    int64_t bins[LABEL_BINS] = {0};
    for (int s = 0; s < VALENCE_N_SPLITS; s++) {
        const struct split_summary *split = &summary->splits[s];
        labels.n_unlabelled += split->n_unlabelled;
        labels.low = split->label_low < labels.low ? split->label_low : labels.low;
        labels.high = split->label_high > labels.high ? split->label_high : labels.high;
        for (int bin = 0; bin < LABEL_BINS; bin++) {
            bins[bin] += split->label_bins[bin];
            labels.n += split->label_bins[bin];
        }
    }
    for (int bin = 0; bin < LABEL_BINS; bin++) {
        labels.n_negative += bin < 3 ? bins[bin] : 0;
        labels.n_positive += bin > 3 ? bins[bin] : 0;
        labels.n_fullest = bins[bin] > labels.n_fullest ? bins[bin] : labels.n_fullest;
    }
    return labels;
}

static void diagnose_range(const struct labels *labels, struct diagnosis *diagnosis)
{
    if (labels->low == labels->high)
        WARN("constant-labels", "look at the label column", "all labels are %g", labels->low);
    else if (labels->low < -3 || labels->high > 3)
        WARN("label-range", "scale them to -3 ... 3 for figures that compare with published ones",
             "labels reach from %g to %g, beyond -3 ... 3", labels->low, labels->high);
    else if (labels->low >= 0 || labels->high <= 0)
        WARN("label-sign", "sentiment is negative below 0: shift the labels",
             "labels reach from %g to %g and are all on one side of 0", labels->low, labels->high);
    else if (labels->low >= -1 && labels->high <= 1)
        NOTE("label-range",
             "compare errors only with figures on the same scale; 5 and 7 classes mean little here",
             "labels reach from %g to %g, a third of the usual -3 ... 3", labels->low,
             labels->high);
}

static void diagnose_labels(const struct data_summary *summary, struct diagnosis *diagnosis)
{
    struct labels labels = count_labels(summary);
    if (summary->n_clips == 0)
        return;
    if (labels.n == 0) {
        WARN("no-labels", "import with a label column; scoring alone needs none",
             "no clip has a label");
        return;
    }
    if (labels.n_unlabelled)
        WARN("unlabelled", "training and figures leave them out",
             "%" PRId64 " of %" PRId64 " clips have no label", labels.n_unlabelled,
             summary->n_clips);
    diagnose_range(&labels, diagnosis);
    double limit = UNBALANCED * (double)labels.n;
    if ((double)labels.n_fullest > limit && labels.low < labels.high)
        WARN("unbalanced", "compare with the best constant that evaluate shows",
             "%" PRId64 " of %" PRId64 " labels round to one value", labels.n_fullest, labels.n);
    else if ((double)labels.n_negative > limit || (double)labels.n_positive > limit)
        WARN("unbalanced", "compare with the best constant that evaluate shows",
             "%" PRId64 " of %" PRId64 " labels are %s",
             labels.n_negative > labels.n_positive ? labels.n_negative : labels.n_positive,
             labels.n, labels.n_negative > labels.n_positive ? "negative" : "positive");
}

/* ---- Published splits ---- */

static void compare_published(const struct data_summary *summary, struct diagnosis *diagnosis)
{
    const struct published_split *published = diagnosis->published;
    bool same = true;
    int64_t n[VALENCE_N_SPLITS];
    const int64_t *theirs = published->n_clips;
    for (int s = 0; s < VALENCE_N_SPLITS; s++) {
        n[s] = summary->splits[s].n_clips;
        same = same && n[s] == theirs[s];
    }
    bool summed = n[VALENCE_TRAIN] + n[VALENCE_VALIDATION] ==
                      theirs[VALENCE_TRAIN] + theirs[VALENCE_VALIDATION] &&
                  n[VALENCE_TEST] == theirs[VALENCE_TEST];
    if (same)
        NOTE("published-split", NULL, "the splits have the counts of %s (%s)", published->title,
             published->where);
    else if (summed)
        NOTE("published-split", NULL,
             "training with validation, and test, have the counts of %s (%s); validation was drawn "
             "differently: %" PRId64 " of %" PRId64 " clips",
             published->title, published->where, n[VALENCE_VALIDATION], theirs[VALENCE_VALIDATION]);
    else
        WARN("published-split",
             "find the clips that are missing or too many before comparing with published figures",
             "%" PRId64 "/%" PRId64 "/%" PRId64 " training, validation and test clips are not the "
             "%" PRId64 "/%" PRId64 "/%" PRId64 " of %s (%s)",
             n[0], n[1], n[2], theirs[0], theirs[1], theirs[2], published->title, published->where);
}

void diagnose(const struct data_summary *summary, const struct published_split *published,
              struct diagnosis *diagnosis)
{
    int64_t n_clips[VALENCE_N_SPLITS];
    for (int s = 0; s < VALENCE_N_SPLITS; s++)
        n_clips[s] = summary->splits[s].n_clips;
    *diagnosis =
        (struct diagnosis){.published = published ? published : published_split_nearest(n_clips)};
    if (summary->n_clips == 0)
        WARN("no-clips", "import or encode some", "the store is empty");
    diagnose_streams(summary, diagnosis);
    diagnose_splits(summary, diagnosis);
    diagnose_labels(summary, diagnosis);
    if (diagnosis->published)
        compare_published(summary, diagnosis);
}
