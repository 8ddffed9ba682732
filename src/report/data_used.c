/* Whether what a report shows together rests on the same data. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "report/collect.h"
#include "report/json_values.h"

/* ---- What rests on what ---- */

#define MAX_USES 256 /* more than a reader looks at together */

/* A run or a document, and the data of one kind that it rests on: `data` identifies them among uses
 * of the same streams, `place` is where they are. */
struct use {
    const char *name, *store, *place, *streams, *data;
};

struct uses {
    int n;
    struct use uses[MAX_USES];
};

static void add(struct uses *uses, const struct use *use)
{
    if (*use->data && uses->n < MAX_USES)
        uses->uses[uses->n++] = *use;
}

/* The fingerprint of the training data is of the streams that the model reads. Models that read
 * others, as most baselines do, have the same data where they have the same store. */
static bool are_same(const struct use *a, const struct use *b)
{
    if (strcmp(a->data, b->data) == 0)
        return true;
    return strcmp(a->streams, b->streams) != 0 && strcmp(a->place, b->place) == 0;
}

static bool are_different(const struct uses *uses)
{
    for (int i = 0; i < uses->n; i++)
        for (int j = 0; j < i; j++)
            if (!are_same(&uses->uses[i], &uses->uses[j]))
                return true;
    return false;
}

/* "run, ridge on corpus (data 0123456789ab); other on mosi (data ...)" */
static const char *list_uses(struct report_builder *builder, const struct uses *uses,
                             bool is_fingerprint)
{
    const char *text = "";
    for (int i = 0; i < uses->n; i++) {
        const struct use *first = &uses->uses[i];
        const char *names = "";
        bool is_known = false;
        for (int j = 0; j < i; j++)
            is_known = is_known || are_same(&uses->uses[j], first);
        for (int j = i; j < uses->n && !is_known; j++)
            if (are_same(&uses->uses[j], first))
                names =
                    report_format(builder, "%s%s%s", names, *names ? ", " : "", uses->uses[j].name);
        if (is_known)
            continue;
        text = report_format(builder, "%s%s%s on %s", text, *text ? "; " : "", names, first->store);
        if (is_fingerprint)
            text = report_format(builder, "%s (data %.12s)", text, first->data);
    }
    return text;
}

/* The same store may be named in several ways. */
static const char *real_path(struct report_builder *builder, const char *store)
{
    char path[PATH_MAX];
    return *store && realpath(store, path) ? report_text(builder, path) : store;
}

/* ---- Training ---- */

/* The streams of a plan's configuration; "" where it is not known. */
static const char *planned_streams(struct report_builder *builder, const json_t *result)
{
    const json_t *configuration = json_object_get(json_object_get(result, "plan"), "configuration");
    const char *streams = "";
    for (int s = 0; s < VALENCE_N_STREAMS && configuration; s++)
        streams =
            report_format(builder, "%s%s,", streams,
                          json_text_at(configuration, report_format(builder, "streams.%s",
                                                                    valence_stream_names[s])));
    return streams;
}

static void warn_of_training(struct report_builder *builder, const struct sources *sources,
                             struct uses *uses)
{
    uses->n = 0;
    for (int64_t i = 0; i < sources->n_runs; i++) {
        const struct run_source *run = &sources->runs[i];
        bool is_seed = i > 0 && strcmp(sources->runs[i - 1].parent, run->parent) == 0 &&
                       strcmp(sources->runs[i - 1].data, run->data) == 0;
        if (!is_seed)
            add(uses, &(struct use){run->group, path_name(run->store),
                                    real_path(builder, run->store), run->streams, run->data});
    }
    for (int64_t i = 0; i < sources->n_documents; i++) {
        const struct document_source *document = &sources->documents[i];
        const json_t *data = json_object_get(document->json, "data");
        const char *store = json_text_at(data, "store");
        if (document->kind == DOCUMENT_RESULT)
            add(uses, &(struct use){document->name, path_name(store), real_path(builder, store),
                                    planned_streams(builder, document->json),
                                    json_text_at(data, "fingerprint")});
    }
    if (are_different(uses))
        report_say(builder, REPORT_WARNING,
                   "Not everything here was trained on the same data, so figures differ by more "
                   "than the models: %s.",
                   list_uses(builder, uses, true));
}

/* ---- Measuring ---- */

static void warn_of_measuring(struct report_builder *builder, const struct sources *sources,
                              struct uses *uses)
{
    uses->n = 0;
    for (int64_t i = 0; i < sources->n_documents; i++) {
        const struct document_source *document = &sources->documents[i];
        const char *store = json_text_at(document->json, "store");
        const char *split = json_text_at(document->json, "split");
        if (document->kind != DOCUMENT_EVALUATION && document->kind != DOCUMENT_PROTOCOL)
            continue;
        add(uses,
            &(struct use){document->name,
                          report_format(builder, "the %s part of %s", split, path_name(store)), "",
                          "", report_format(builder, "%s %s", split, real_path(builder, store))});
        if (strcmp(json_text_at(document->json, "training_data"), "other") == 0)
            report_say(builder, REPORT_WARNING,
                       "%s was measured on %s, which holds other data than its model was trained "
                       "on.",
                       document->name, path_name(store));
    }
    if (are_different(uses))
        report_say(builder, REPORT_WARNING,
                   "Not everything here was measured on the same clips: %s.",
                   list_uses(builder, uses, false));
}

/* ---- All ---- */

void collect_data_used(struct report_builder *builder, const struct sources *sources)
{
    struct uses *uses = report_take(builder, 1, sizeof *uses);
    if (!uses)
        return;
    report_section(builder, "summary");
    warn_of_training(builder, sources, uses);
    warn_of_measuring(builder, sources, uses);
}
