/* Predictions that were written before: `predict --json`. */
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "report/predictions_read.h"
#include "valence/evaluate.h"

static int no_memory(struct valence_error *error)
{
    return fail(error, VALENCE_ERROR_MEMORY, "no memory for a report");
}

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

/* The names of all classes, in the order of the model, then each clip's. */
static int take_classes(struct report_builder *builder, const json_t *clips, const char *path,
                        struct scored_set *set, struct scored_list *list,
                        struct valence_error *error)
{
    int status = VALENCE_OK, class;
    size_t i;
    const json_t *clip;
    const char *name;
    json_t *unused;
    json_array_foreach(clips, i, clip)
    {
        json_object_foreach(json_object_get(clip, "probabilities"), name, unused)
        {
            if (!status)
                status = scored_set_class(builder, set, name, path, &class, error);
        }
        const char *own = json_string_value(json_object_get(clip, "class"));
        if (!status && own)
            status = scored_set_class(builder, set, own, path, &class, error);
        if (!status && own)
            list->shown
                .score[scored_set_find(set, json_string_value(json_object_get(clip, "id")))] =
                (float)class;
    }
    return status;
}

int read_prediction_document(struct report_builder *builder, const struct document_source *document,
                             struct scored_sets *sets, struct valence_error *error)
{
    const json_t *clips = json_object_get(document->json, "clips");
    const char *run = json_string_value(json_object_get(document->json, "run"));
    const int64_t n = (int64_t)json_array_size(clips);
    const char **ids;
    run = run ? run : document->name;
    if (!json_is_array(clips))
        return fail(error, VALENCE_ERROR_FORMAT, "%s: it has no clips", document->path);
    int status = list_ids(builder, clips, document->path, &ids, error);
    if (status || n == 0)
        return status;
    struct scored_set *set;
    struct scored_list *list;
    status = scored_check_ids(document->path, run, n, ids, error);
    if (!status)
        status = scored_set_for(builder, sets, document->name, n, ids, &set, error);
    if (!status)
        status = scored_list_add(builder, set, run, document->path, flow_of(clips), &list, error);
    if (status)
        return status;
    if (json_object_get(json_array_get(clips, 0), "class"))
        status = take_classes(builder, clips, document->path, set, list, error);
    else if (!(status = scored_set_check_scores(set, document->path, error)))
        status = take_clips(builder, clips, set, list, error);
    set->level = isnan(set->level) ? number_at(document->json, "level") : set->level;
    return status ? status : scored_list_measure(builder, set, list, error);
}
