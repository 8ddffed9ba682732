/* The data set: its splits, labels, lengths, what is missing, and what the doctor finds. */
#include <string.h>

#include "base/file.h"
#include "report/collect.h"
#include "report/json_values.h"
#include "valence/doctor.h"
#include "valence/summary.h"

/* ---- Splits ---- */

#define SPLIT_COUNTS                                                                               \
    "Split|#Clips|#Recordings|#Without label|#Without rows|#With transcript|#Duplicates"

static void tabulate_splits(struct report_builder *builder, const char *name,
                            const struct valence_data_summary *summary)
{
    struct report_table *table = report_table(
        builder, "splits", report_format(builder, "Splits of %s", name),
        summary->n_classes ? SPLIT_COUNTS : SPLIT_COUNTS "|#Mean label|#sd|#Lowest|#Highest");
    for (int s = 0; s < VALENCE_N_SPLITS; s++) {
        const struct valence_split_summary *split = &summary->splits[s];
        const int64_t counts[] = {split->n_clips, split->n_groups,      split->n_unlabelled,
                                  split->n_empty, split->n_transcripts, split->n_duplicates};
        report_cell_text(builder, table, valence_split_names[s]);
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
            report_cell_number(builder, table, (double)counts[i], 0);
        if (summary->n_classes)
            continue;
        report_cell_number(builder, table, split->label_mean, 2);
        report_cell_number(builder, table, split->label_deviation, 2);
        report_cell_number(builder, table, split->label_low, 2);
        report_cell_number(builder, table, split->label_high, 2);
    }
}

/* The share of each bin in each split's labelled clips; `counts` is (VALENCE_N_SPLITS, n). */
static struct report_chart *chart_shares(struct report_builder *builder, const char *title,
                                         const char *axis, const char *const *bins, int n,
                                         const int64_t *counts)
{
    struct report_chart *chart = report_chart(builder, REPORT_BARS, "labels", title);
    if (!chart)
        return NULL;
    report_axis_names(builder, &chart->x, bins, n);
    chart->x.title = axis;
    chart->y.title = "Share of the split";
    chart->y.unit = "%";
    chart->y.digits = 1;
    for (int s = 0; s < VALENCE_N_SPLITS; s++, counts += n) {
        int64_t sum = 0;
        for (int b = 0; b < n; b++)
            sum += counts[b];
        struct report_series *series =
            sum > 0 ? report_series(builder, chart, valence_split_names[s], n) : NULL;
        double *y = report_numbers(builder, n);
        if (!series || !y)
            continue;
        for (int b = 0; b < n; b++)
            y[b] = 100 * (double)counts[b] / (double)sum;
        series->y = y;
    }
    return chart;
}

/* The summary counts no classes, so they are counted in the store. */
static void chart_classes(struct report_builder *builder, const char *name,
                          const struct valence_store *store)
{
    const struct valence_label_scale *scale = valence_store_label_scale(store);
    const char *names[VALENCE_MAX_CLASSES];
    int n = scale->n_classes;
    int64_t *counts = report_take(builder, VALENCE_N_SPLITS * n, sizeof *counts);
    if (!counts)
        return;
    for (int c = 0; c < n; c++)
        names[c] = scale->classes[c];
    for (int64_t i = 0; i < valence_store_n_clips(store); i++) {
        const struct valence_clip *clip = valence_store_clip(store, i);
        if (clip->label >= 0 && clip->label < (float)n)
            counts[(int)clip->split * n + (int)clip->label]++;
    }
    chart_shares(builder, report_format(builder, "Classes of %s", name), "Class", names, n, counts);
}

static void chart_labels(struct report_builder *builder, const char *name,
                         const struct valence_data_summary *summary)
{
    static const char *const bins[VALENCE_LABEL_BINS] = {"-3", "-2", "-1", "0", "+1", "+2", "+3"};
    int64_t counts[VALENCE_N_SPLITS][VALENCE_LABEL_BINS];
    for (int s = 0; s < VALENCE_N_SPLITS; s++)
        for (int b = 0; b < VALENCE_LABEL_BINS; b++)
            counts[s][b] = summary->splits[s].label_bins[b];
    struct report_chart *chart = chart_shares(builder, report_format(builder, "Labels of %s", name),
                                              "Rounded label", bins, VALENCE_LABEL_BINS, counts[0]);
    if (chart)
        report_note(builder, chart, "Labels beyond -3 and 3 count at the ends.");
}

/* ---- Streams ---- */

static void tabulate_streams(struct report_builder *builder, const char *name,
                             const struct valence_data_summary *summary)
{
    struct report_table *table = report_table(
        builder, "streams", report_format(builder, "Streams of %s", name),
        "Stream|#Columns|Type|#Clips with it|#Clips without|#Rows|#Shortest|#5 %|#Median|#95 %|"
        "#Longest|#All zeros|#NaN or infinite|#Constant columns");
    for (int i = 0; i < summary->n_streams; i++) {
        const struct valence_stream_summary *stream = &summary->streams[i];
        const int64_t counts[] = {stream->n_clips,       summary->n_clips - stream->n_clips,
                                  stream->n_rows,        stream->shortest,
                                  stream->percentile_5,  stream->median,
                                  stream->percentile_95, stream->longest,
                                  stream->zero.n,        stream->n_nan + stream->n_infinite,
                                  stream->n_constant};
        report_cell_text(builder, table, stream->format.name);
        report_cell_number(builder, table, (double)stream->format.width, 0);
        report_cell_text(builder, table, valence_dtype_names[stream->format.type]);
        for (size_t j = 0; j < sizeof counts / sizeof counts[0]; j++)
            report_cell_number(builder, table, (double)counts[j], 0);
    }
    if (table)
        table->note = "Shortest to longest: rows of a clip that has the stream.";
}

/* How many clips have each stream: what is missing at a glance. */
static void chart_presence(struct report_builder *builder, const char *name,
                           const struct valence_data_summary *summary)
{
    const char *names[VALENCE_STORE_MAX_STREAMS];
    struct report_chart *chart =
        report_chart(builder, REPORT_BARS, "presence", report_format(builder, "What %s has", name));
    struct report_series *series =
        report_series(builder, chart, "clips with rows", summary->n_streams);
    double *y = report_numbers(builder, summary->n_streams);
    if (!series || !y)
        return;
    for (int i = 0; i < summary->n_streams; i++) {
        names[i] = summary->streams[i].format.name;
        y[i] = 100 * (double)summary->streams[i].n_clips /
               (double)(summary->n_clips > 0 ? summary->n_clips : 1);
    }
    series->y = y;
    report_axis_names(builder, &chart->x, names, summary->n_streams);
    chart->x.title = "Stream";
    chart->y.title = "Clips with rows of it";
    chart->y.unit = "%";
    chart->y.digits = 1;
    chart->y.low = 0;
    chart->y.high = 100;
}

/* ---- Findings ---- */

static void add_finding(struct report_builder *builder, struct report_table *table, bool is_warning,
                        const char *text, const char *remedy)
{
    report_cell_text(builder, table, is_warning ? "warning" : "note");
    report_cell_text(builder, table, text);
    report_cell_text(builder, table, remedy ? remedy : "");
}

static struct report_table *begin_findings(struct report_builder *builder, const char *name)
{
    return report_table(builder, "findings", report_format(builder, "Findings on %s", name),
                        "Severity|Finding|What to do");
}

static int add_diagnosis(struct report_builder *builder, const char *name,
                         const struct valence_data_summary *summary, struct valence_error *error)
{
    struct valence_diagnosis *diagnosis;
    int status = valence_diagnose(summary, NULL, &diagnosis, error);
    if (status)
        return status;
    if (diagnosis->n_findings == 0)
        report_say(builder, REPORT_TEXT, "The doctor finds nothing wrong with %s.", name);
    struct report_table *table = diagnosis->n_findings ? begin_findings(builder, name) : NULL;
    for (int i = 0; i < diagnosis->n_findings; i++)
        add_finding(builder, table, diagnosis->findings[i].severity == VALENCE_WARNING,
                    diagnosis->findings[i].text, diagnosis->findings[i].remedy);
    valence_diagnosis_free(diagnosis);
    return VALENCE_OK;
}

/* ---- A store ---- */

int collect_data(struct report_builder *builder, const struct valence_store *store,
                 const struct valence_progress *progress, struct valence_error *error)
{
    struct valence_data_summary *summary;
    const char *name = path_name(valence_store_path(store));
    report_section(builder, "data");
    int status = valence_store_summarise(store, true, progress, &summary, error);
    if (status)
        return status;
    report_say(builder, REPORT_TEXT, "%s has %lld clips of %lld recordings in %d streams.%s", name,
               (long long)summary->n_clips, (long long)summary->n_groups, summary->n_streams,
               valence_store_is_finished(store) ? "" : " Its import did not finish.");
    tabulate_splits(builder, name, summary);
    if (summary->n_classes)
        chart_classes(builder, name, store);
    else
        chart_labels(builder, name, summary);
    chart_presence(builder, name, summary);
    tabulate_streams(builder, name, summary);
    status = add_diagnosis(builder, name, summary, error);
    valence_data_summary_free(summary);
    return status;
}

/* ---- doctor --json ---- */

void collect_findings(struct report_builder *builder, const struct sources *sources)
{
    report_section(builder, "data");
    for (int64_t i = 0; i < sources->n_documents; i++) {
        const json_t *json = sources->documents[i].json;
        const json_t *findings = json_object_get(json, "findings"), *finding;
        const char *name = json_text_at(json, "store");
        size_t j;
        if (sources->documents[i].kind != DOCUMENT_DOCTOR)
            continue;
        if (json_array_size(findings) == 0) {
            report_say(builder, REPORT_TEXT, "The doctor found nothing wrong with %s.", name);
            continue;
        }
        struct report_table *table = begin_findings(builder, name);
        json_array_foreach(findings, j, finding)
            add_finding(builder, table, strcmp(json_text_at(finding, "severity"), "warning") == 0,
                        json_text_at(finding, "text"), json_text_at(finding, "remedy"));
    }
}
