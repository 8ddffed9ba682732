/* Predictions that were written before: `predict --json`, `evaluate --predictions`. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/text.h"
#include "format/csv.h"
#include "report/scored.h"
#include "valence/evaluate.h"

#define MAX_CLIPS ((int64_t)1 << 22)

static int no_memory(struct valence_error *error)
{
    return fail(error, VALENCE_ERROR_MEMORY, "no memory for a report");
}

/* A report shows classes with their confusion, which needs the labels and all names. */
static int refuse_classes(const char *path, struct valence_error *error)
{
    return fail(
        error, VALENCE_ERROR_UNSUPPORTED,
        "%s: predictions of classes; make the report of the run itself, or of what evaluate "
        "says of it as JSON",
        path);
}

/* ---- predict --json ---- */

static double number_at(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* The flow of all clips, or that each has its own. */
static const char *flow_of(const json_t *clips)
{
    size_t i;
    const json_t *clip;
    const char *flow = NULL;
    json_array_foreach(clips, i, clip)
    {
        const char *own = json_string_value(json_object_get(clip, "flow"));
        if (flow && own && strcmp(flow, own) != 0)
            return "chosen for each clip";
        flow = own ? own : flow;
    }
    return flow ? flow : "complete";
}

static int list_ids(struct report_builder *builder, const json_t *clips, const char *path,
                    const char ***ids, struct valence_error *error)
{
    size_t n = json_array_size(clips), i;
    const json_t *clip;
    *ids = report_take(builder, (int64_t)n + 1, sizeof **ids);
    if (!*ids)
        return no_memory(error);
    json_array_foreach(clips, i, clip)
    {
        (*ids)[i] = json_string_value(json_object_get(clip, "id"));
        if (!(*ids)[i])
            return fail(error, VALENCE_ERROR_FORMAT, "%s: clip %zu has no id", path, i + 1);
    }
    return VALENCE_OK;
}

static int take_clips(struct report_builder *builder, const json_t *clips, struct scored_set *set,
                      struct scored_list *list, struct valence_error *error)
{
    int64_t n = set->clips.n;
    size_t i;
    const json_t *clip;
    float *low = report_take(builder, n + 1, sizeof *low);
    float *high = report_take(builder, n + 1, sizeof *high);
    float *weights = report_take(builder, VALENCE_N_MODALITIES * n + 1, sizeof *weights);
    bool has_intervals = false, has_weights = false;
    if (!low || !high || !weights)
        return no_memory(error);
    for (int64_t j = 0; j < n; j++) {
        low[j] = high[j] = NAN;
        for (int m = 0; m < VALENCE_N_MODALITIES; m++)
            weights[VALENCE_N_MODALITIES * j + m] = NAN;
    }
    json_array_foreach(clips, i, clip)
    {
        int64_t at = scored_set_find(set, json_string_value(json_object_get(clip, "id")));
        const json_t *own = json_object_get(clip, "modality_weights");
        list->shown.score[at] = (float)number_at(clip, "score");
        low[at] = (float)number_at(clip, "low");
        high[at] = (float)number_at(clip, "high");
        has_intervals = has_intervals || !isnan(low[at]);
        for (int m = 0; m < VALENCE_N_MODALITIES; m++) {
            float weight = (float)number_at(own, valence_modality_names[m]);
            weights[VALENCE_N_MODALITIES * at + m] = weight;
            has_weights = has_weights || !isnan(weight);
        }
    }
    list->shown.low = has_intervals ? low : NULL;
    list->shown.high = has_intervals ? high : NULL;
    list->shown.modality_weights = has_weights ? weights : NULL;
    return VALENCE_OK;
}

static int read_document(struct report_builder *builder, const struct document_source *document,
                         struct scored_sets *sets, struct valence_error *error)
{
    const json_t *clips = json_object_get(document->json, "clips");
    const char *run = json_string_value(json_object_get(document->json, "run"));
    const char **ids;
    if (!json_is_array(clips))
        return fail(error, VALENCE_ERROR_FORMAT, "%s: it has no clips", document->path);
    if (json_object_get(json_array_get(clips, 0), "class"))
        return refuse_classes(document->path, error);
    int status = list_ids(builder, clips, document->path, &ids, error);
    if (status || json_array_size(clips) == 0)
        return status;
    struct scored_set *set =
        scored_set_for(builder, sets, document->name, (int64_t)json_array_size(clips), ids);
    struct scored_list *list = set ? scored_list_add(builder, set, run ? run : document->name,
                                                     document->path, flow_of(clips))
                                   : NULL;
    if (!list)
        return no_memory(error);
    status = take_clips(builder, clips, set, list, error);
    set->level = isnan(set->level) ? number_at(document->json, "level") : set->level;
    return status ? status : scored_list_measure(set, list, error);
}

/* ---- evaluate --predictions ---- */

/* The columns before the flows. */
enum { MODEL, ID, LABEL, N_FIXED };

/* One model's rows of the table, in the order of the file. */
struct table {
    int n_flows;
    char *model;
    char **ids;
    float *labels, *scores; /* (n), (n, n_flows) */
    int64_t n, capacity, label_capacity, score_capacity;
};

static void clear_table(struct table *table)
{
    for (int64_t i = 0; i < table->n; i++)
        free(table->ids[i]);
    table->n = 0;
    free(table->model);
    table->model = NULL;
}

static void free_table(struct table *table)
{
    clear_table(table);
    free(table->ids);
    free(table->labels);
    free(table->scores);
}

/* An empty field is unknown. */
static int read_number(struct csv_reader *reader, int column, float *value,
                       struct valence_error *error)
{
    double number = NAN;
    int status =
        *csv_field(reader, column) ? csv_number(reader, column, &number, error) : VALENCE_OK;
    *value = isfinite(number) ? (float)number : NAN;
    return status;
}

static int add_row(struct csv_reader *reader, const char *path, struct table *table,
                   struct valence_error *error)
{
    int n_flows = table->n_flows;
    int64_t n = table->n + 1;
    int status = grow_array((void **)&table->ids, &table->capacity, n, sizeof *table->ids,
                            MAX_CLIPS, "clips", error);
    if (!status)
        status = grow_array((void **)&table->labels, &table->label_capacity, n,
                            sizeof *table->labels, MAX_CLIPS, "clips", error);
    if (!status)
        status = grow_array((void **)&table->scores, &table->score_capacity, n * n_flows,
                            sizeof *table->scores, MAX_CLIPS * n_flows, "scores", error);
    if (status)
        return status;
    const char *label = csv_field(reader, LABEL);
    if (*label && !parse_double(label, &(double){0}))
        return refuse_classes(path, error);
    status = read_number(reader, LABEL, &table->labels[table->n], error);
    for (int i = 0; i < n_flows && !status; i++)
        status = read_number(reader, N_FIXED + i, &table->scores[table->n * n_flows + i], error);
    if (!status && !(table->ids[table->n] = strdup(csv_field(reader, ID))))
        status = no_memory(error);
    table->n += !status;
    return status;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int check_ids(const struct table *table, const char *path, struct valence_error *error)
{
    const char **sorted = allocate(table->n + 1, sizeof *sorted);
    int status = sorted ? VALENCE_OK : no_memory(error);
    for (int64_t i = 0; sorted && i < table->n; i++)
        sorted[i] = table->ids[i];
    if (sorted)
        qsort(sorted, (size_t)table->n, sizeof *sorted, by_text);
    for (int64_t i = 1; i < table->n && !status; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            status =
                fail(error, VALENCE_ERROR_FORMAT, "%s: '%.200s' is there twice for model %.60s",
                     path, sorted[i], table->model);
    free(sorted);
    return status;
}

/* Labels that an earlier input gave stay. */
static int take_labels(struct scored_set *set, const struct table *table, const char *path,
                       struct valence_error *error)
{
    float *labels = (float *)set->clips.labels;
    for (int64_t i = 0; i < table->n; i++) {
        int64_t at = scored_set_find(set, table->ids[i]);
        if (isnan(labels[at]))
            labels[at] = table->labels[i];
        else if (!isnan(table->labels[i]) && fabsf(labels[at] - table->labels[i]) > 1e-5f)
            return fail(error, VALENCE_ERROR_DATA,
                        "%s: clip '%.200s' has the label %g, in another input %g: make a report of "
                        "each",
                        path, table->ids[i], (double)table->labels[i], (double)labels[at]);
    }
    if (isnan(set->clips.low))
        scored_set_find_scale(set);
    return VALENCE_OK;
}

/* The rows of one model become a list for each flow. */
static int take_table(struct report_builder *builder, struct csv_reader *reader,
                      const struct table_source *source, const struct table *table,
                      struct scored_sets *sets, struct valence_error *error)
{
    int status = check_ids(table, source->path, error);
    if (status)
        return status;
    struct scored_set *set =
        scored_set_for(builder, sets, source->name, table->n, (const char *const *)table->ids);
    if (!set)
        return no_memory(error);
    status = take_labels(set, table, source->path, error);
    for (int flow = 0; flow < table->n_flows && !status; flow++) {
        struct scored_list *list = scored_list_add(builder, set, table->model, source->path,
                                                   csv_column_name(reader, N_FIXED + flow));
        for (int64_t i = 0; list && i < table->n; i++)
            list->shown.score[scored_set_find(set, table->ids[i])] =
                table->scores[i * table->n_flows + flow];
        status = list ? scored_list_measure(set, list, error) : no_memory(error);
    }
    return status;
}

static int read_rows(struct report_builder *builder, struct csv_reader *reader,
                     const struct table_source *source, struct scored_sets *sets,
                     struct valence_error *error)
{
    struct table table = {.n_flows = csv_n_columns(reader) - N_FIXED};
    bool more = true;
    int status = VALENCE_OK;
    while (!status) {
        status = csv_next(reader, &more, error);
        bool ends =
            !status && table.n > 0 && (!more || strcmp(table.model, csv_field(reader, MODEL)) != 0);
        if (ends) {
            status = take_table(builder, reader, source, &table, sets, error);
            clear_table(&table);
        }
        if (status || !more)
            break;
        if (!table.model && !(table.model = strdup(csv_field(reader, MODEL))))
            status = no_memory(error);
        if (!status)
            status = add_row(reader, source->path, &table, error);
    }
    free_table(&table);
    return status;
}

static int read_table(struct report_builder *builder, const struct table_source *source,
                      struct scored_sets *sets, struct valence_error *error)
{
    struct csv_reader *reader;
    int status = csv_open(source->path, ',', &reader, error);
    if (status)
        return status;
    bool fits = csv_n_columns(reader) > N_FIXED &&
                strcmp(csv_column_name(reader, MODEL), "model") == 0 &&
                strcmp(csv_column_name(reader, ID), "id") == 0 &&
                strcmp(csv_column_name(reader, LABEL), "label") == 0;
    status = fits ? read_rows(builder, reader, source, sets, error)
                  : fail(error, VALENCE_ERROR_FORMAT,
                         "%s: not a table of predictions, whose columns are model, id, label and a "
                         "flow each, as evaluate writes it",
                         source->path);
    csv_close(reader);
    return status;
}

int read_predictions(struct report_builder *builder, const struct sources *sources,
                     struct scored_sets *sets, struct valence_error *error)
{
    int status = VALENCE_OK;
    for (int64_t i = 0; i < sources->n_tables && !status; i++)
        status = read_table(builder, &sources->tables[i], sets, error);
    for (int64_t i = 0; i < sources->n_documents && !status; i++)
        if (sources->documents[i].kind == DOCUMENT_PREDICTION)
            status = read_document(builder, &sources->documents[i], sets, error);
    return status;
}
