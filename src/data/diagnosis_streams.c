/* What is wrong with a data set's streams and their values. */
#include <inttypes.h>
#include <string.h>

#include "data/diagnosis.h"
#include "valence/text.h"

#define USUAL_MAX_ROWS 10000 /* max_rows of the default configuration */

static const char *example(const struct valence_data_summary *summary,
                           const struct valence_clip_examples *clips)
{
    return valence_data_summary_id(summary, clips->clips[0]);
}

/* ", ..." behind a column or clip that is not the only one. */
static const char *and_more(int64_t n)
{
    return n > 1 ? ", ..." : "";
}

static void set_columns(struct valence_finding *finding, int64_t n,
                        const int64_t columns[VALENCE_N_EXAMPLES])
{
    finding->n_columns = n;
    memcpy(finding->columns, columns, sizeof finding->columns);
}

/* ---- Values ---- */

static void diagnose_broken(const struct valence_data_summary *summary,
                            const struct valence_stream_summary *stream,
                            struct diagnosis *diagnosis)
{
    const char *name = stream->format.name;
    if (stream->broken.n) {
        struct valence_finding *finding =
            add_finding(diagnosis, VALENCE_WARNING, "broken-values",
                        "extract these clips again, or skip them when you import",
                        "stream '%s': %" PRId64 " NaN and %" PRId64 " infinite values in %" PRId64
                        " %s ('%.60s'%s)",
                        name, stream->n_nan, stream->n_infinite, stream->broken.n,
                        valence_plural(stream->broken.n, "clip", "clips"),
                        example(summary, &stream->broken), and_more(stream->broken.n));
        finding->clips = stream->broken;
        finding->key = "skip";
        finding_of_stream(diagnosis, finding, name);
    }
    if (stream->zero.n) {
        struct valence_finding *finding = add_finding(
            diagnosis, VALENCE_WARNING, "zero-clips",
            "extractors write zeros where they find no face or no voice: import such clips as "
            "missing the stream, so that a flow that misses it scores them",
            "stream '%s': %" PRId64 " of %" PRId64 " clips %s nothing but zeros ('%.60s'%s)", name,
            stream->zero.n, stream->n_clips, valence_plural(stream->zero.n, "holds", "hold"),
            example(summary, &stream->zero), and_more(stream->zero.n));
        finding->clips = stream->zero;
        finding->key = "zeros_missing";
        finding_of_stream(diagnosis, finding, name);
    }
}

static void diagnose_columns(const struct valence_data_summary *summary,
                             const struct valence_stream_summary *stream,
                             struct diagnosis *diagnosis)
{
    const char *name = stream->format.name;
    struct valence_finding *finding;
    if (stream->n_constant) {
        finding = add_finding(
            diagnosis, VALENCE_WARNING, "constant-columns",
            "see whether the extraction failed; if these columns say nothing, they do no harm "
            "(standardisation makes them 0)",
            "stream '%s': %" PRId64 " of %" PRId64 " columns %s one value in all rows (column "
            "%" PRId64 "%s)",
            name, stream->n_constant, stream->format.width,
            valence_plural(stream->n_constant, "has", "have"), stream->constant[0],
            and_more(stream->n_constant));
        set_columns(finding, stream->n_constant, stream->constant);
        finding_of_stream(diagnosis, finding, name);
    }
    if (stream->n_coarse) {
        finding = add_finding(
            diagnosis, VALENCE_WARNING, "coarse-columns",
            "import the stream as f32: f16 keeps 11 bits, too few to tell such values apart",
            "stream '%s': %" PRId64 " of %" PRId64 " columns %s values that are too large for "
            "f16 compared with their spread (column %" PRId64 "%s)",
            name, stream->n_coarse, stream->format.width,
            valence_plural(stream->n_coarse, "has", "have"), stream->coarse[0],
            and_more(stream->n_coarse));
        set_columns(finding, stream->n_coarse, stream->coarse);
        finding->key = "dtype";
        finding_of_stream(diagnosis, finding, name);
    }
    if (stream->n_far) {
        const struct valence_far_column *far = &stream->far[0];
        int64_t columns[VALENCE_N_EXAMPLES] = {far[0].column, far[1].column, far[2].column};
        finding = add_finding(
            diagnosis, VALENCE_WARNING, "far-values",
            "see whether these rows are sound: scores of clips far outside the training data mean "
            "little",
            "stream '%s': %" PRId64 " of %" PRId64 " columns %s far beyond the training clips; "
            "column %" PRId64 " has %g in clip '%.60s', %.3g standard deviations from its mean",
            name, stream->n_far, stream->format.width,
            valence_plural(stream->n_far, "reaches", "reach"), far->column, (double)far->value,
            valence_data_summary_id(summary, far->clip), far->deviations);
        set_columns(finding, stream->n_far, columns);
        for (int64_t i = 0; i < stream->n_far && i < VALENCE_N_EXAMPLES; i++)
            finding->clips.clips[finding->clips.n++] = stream->far[i].clip;
        finding_of_stream(diagnosis, finding, name);
    }
    if (stream->n_saturated) {
        finding = add_finding(
            diagnosis, VALENCE_WARNING, "saturated", "extract or import them as f32",
            "stream '%s': %" PRId64 " %s the largest that f16 has, 65504", name,
            stream->n_saturated, valence_plural(stream->n_saturated, "value is", "values are"));
        finding->key = "dtype";
        finding_of_stream(diagnosis, finding, name);
    }
}

/* ---- Streams ---- */

static void diagnose_stream(const struct valence_data_summary *summary,
                            const struct valence_stream_summary *stream,
                            struct diagnosis *diagnosis)
{
    const char *name = stream->format.name;
    struct valence_finding *finding;
    if (stream->n_clips == 0) {
        finding = add_finding(diagnosis, VALENCE_WARNING, "empty-stream",
                              "import or encode it again, or leave it out of the configuration",
                              "stream '%s': no clip has rows of it", name);
        finding_of_stream(diagnosis, finding, name);
        return;
    }
    if (stream->absent.n) {
        finding = add_finding(
            diagnosis, VALENCE_WARNING, "absent",
            "train a flow that misses it, or see why the extraction left these clips out",
            "stream '%s': %" PRId64 " %s other streams, but not this one ('%.60s'%s)", name,
            stream->absent.n, valence_plural(stream->absent.n, "clip has", "clips have"),
            example(summary, &stream->absent), and_more(stream->absent.n));
        finding->clips = stream->absent;
        finding_of_stream(diagnosis, finding, name);
    }
    if (stream->longest > USUAL_MAX_ROWS) {
        finding =
            add_finding(diagnosis, VALENCE_WARNING, "long-clips", "set max_rows, or cut the clips",
                        "stream '%s': the longest clip has %" PRId64
                        " rows; training reads the first %d unless max_rows is larger",
                        name, stream->longest, USUAL_MAX_ROWS);
        finding_of_stream(diagnosis, finding, name);
    }
    diagnose_broken(summary, stream, diagnosis);
    diagnose_columns(summary, stream, diagnosis);
}

static const struct valence_stream_summary *find_stream(const struct valence_data_summary *summary,
                                                        const char *name)
{
    for (int s = 0; s < summary->n_streams; s++)
        if (strcmp(summary->streams[s].format.name, name) == 0)
            return &summary->streams[s];
    return NULL;
}

void diagnose_streams(const struct valence_data_summary *summary, struct diagnosis *diagnosis)
{
    if (summary->n_streams == 0)
        add_finding(diagnosis, VALENCE_WARNING, "no-streams",
                    "import features for these clips, or encode their media",
                    "the store has no feature streams: nothing can be trained or scored");
    for (int m = 0; m < VALENCE_N_MODALITIES && summary->n_streams > 0; m++)
        if (!find_stream(summary, valence_modality_names[m]))
            add_finding(diagnosis, VALENCE_WARNING, "missing-stream",
                        "name another stream for it in the configuration (streams.audio: NAME), or "
                        "train flows that miss it",
                        "no stream is called '%s'", valence_modality_names[m]);
    const struct valence_stream_summary *text = find_stream(summary, "text");
    const struct valence_stream_summary *simulated = find_stream(summary, "simulated_text");
    if (text && simulated && text->format.width != simulated->format.width)
        add_finding(diagnosis, VALENCE_WARNING, "widths",
                    "extract both with one encoder: they go through one projection",
                    "stream 'text' has width %" PRId64 ", 'simulated_text' %" PRId64,
                    text->format.width, simulated->format.width);
    for (int s = 0; s < summary->n_streams; s++)
        diagnose_stream(summary, &summary->streams[s], diagnosis);
}
