/* Imagined representations against real ones: maps of distances before and after imagination, and
 * the principal components of the features, from `valence compare-representations --json`. */
#include <math.h>

#include "base/file.h"
#include "report/collect.h"
#include "report/json_values.h"

#define MAX_CELLS 400 /* of a map along an axis */

static double mean_at(const json_t *object, const char *key)
{
    return json_number_at(json_object_get(object, key), "mean");
}

/* ---- Maps ---- */

/* "text, pooled, after imagination" */
static const char *name_of(struct report_builder *builder, const json_t *map)
{
    return report_format(builder, "%s, %s, %s imagination", json_text_at(map, "modality"),
                         json_text_at(map, "at"), json_text_at(map, "mia"));
}

static void name_cells(struct report_builder *builder, struct report_axis *axis, int64_t n)
{
    const char *names[MAX_CELLS];
    for (int64_t i = 0; i < n; i++)
        names[i] = report_format(builder, "%lld", (long long)i + 1);
    report_axis_names(builder, axis, names, n);
}

/* The map's blocks: clips are in the order of their labels. */
static void chart_map(struct report_builder *builder, const json_t *map)
{
    const json_t *grid = json_object_get(map, "grid");
    int64_t n = (int64_t)json_array_size(grid);
    if (n < 1 || n > MAX_CELLS)
        return;
    struct report_chart *chart =
        report_chart(builder, REPORT_HEAT,
                     report_format(builder, "map-%s-%s-%s", json_text_at(map, "modality"),
                                   json_text_at(map, "at"), json_text_at(map, "mia")),
                     report_format(builder, "Distances: %s", name_of(builder, map)));
    struct report_series *series = report_series(builder, chart, "distance", n * n);
    double *cells = report_numbers(builder, n * n);
    if (!series || !cells)
        return;
    for (int64_t row = 0; row < n; row++)
        for (int64_t column = 0; column < n; column++)
            cells[n * row + column] =
                json_number_in(json_array_get(grid, (size_t)row), (size_t)column);
    series->y = cells;
    name_cells(builder, &chart->x, n);
    name_cells(builder, &chart->y, n);
    chart->x.title = "Complete clips, by label";
    chart->y.title = "Incomplete clips, by label";
    chart->z.title = "Mean distance";
    chart->z.low = 0;
    report_note(builder, chart,
                "Each cell is a block of clips, in ascending order of their labels. Where "
                "imagination works, the diagonal is dark: an incomplete clip is near itself.");
}

static void tabulate(struct report_builder *builder, const struct document_source *document)
{
    static const struct {
        const char *key;
        double unit;
        int digits;
    } columns[] = {{"diagonal", 1, 3},  {"off_diagonal", 1, 3}, {"ratio", 1, 3},
                   {"nearest", 100, 1}, {"nearer", 100, 1},     {"label_corr", 1, 3}};
    size_t i;
    const json_t *map;
    struct report_table *table = report_table(
        builder, "maps", report_format(builder, "Imagined and real: %s", document->name),
        "Modality|At|Imagination|#Distance to itself|#To others|#Ratio|#Nearest is itself, %|"
        "#Nearer than itself, %|#Corr with labels");
    json_array_foreach(json_object_get(document->json, "maps"), i, map)
    {
        report_cell_text(builder, table, json_text_at(map, "modality"));
        report_cell_text(builder, table, json_text_at(map, "at"));
        report_cell_text(builder, table, json_text_at(map, "mia"));
        for (size_t c = 0; c < sizeof columns / sizeof columns[0]; c++)
            report_cell_number(builder, table, columns[c].unit * mean_at(map, columns[c].key),
                               columns[c].digits);
    }
    if (table)
        table->note = report_format(
            builder,
            "Distances between the representations of incomplete clips and those of complete ones, "
            "on %s. Means over the models.",
            path_name(json_text_at(json_object_get(document->json, "data"), "store")));
}

/* ---- Features ---- */

static void add_points(struct report_builder *builder, struct report_chart *chart, const char *name,
                       const json_t *points)
{
    int64_t n = (int64_t)json_array_size(points);
    struct report_series *series = report_series(builder, chart, name, n);
    double *x = report_numbers(builder, n), *y = report_numbers(builder, n);
    if (!series || !x || !y)
        return;
    for (int64_t i = 0; i < n; i++) {
        x[i] = json_number_in(json_array_get(points, (size_t)i), 0);
        y[i] = json_number_in(json_array_get(points, (size_t)i), 1);
    }
    series->x = x;
    series->y = y;
}

static void chart_features(struct report_builder *builder, const struct document_source *document)
{
    const json_t *features = json_object_get(document->json, "features");
    const json_t *explained = json_object_get(features, "explained");
    if (json_array_size(json_object_get(features, "complete")) == 0)
        return;
    struct report_chart *chart = report_chart(
        builder, REPORT_POINTS, "features",
        report_format(builder, "Features of complete and incomplete clips: %s", document->name));
    if (!chart)
        return;
    chart->x.title = report_format(builder, "First component, %.0f %% of the variance",
                                   100 * json_number_at(json_array_get(explained, 0), "mean"));
    chart->y.title = report_format(builder, "Second, %.0f %%",
                                   100 * json_number_at(json_array_get(explained, 1), "mean"));
    chart->x.digits = chart->y.digits = 2;
    add_points(builder, chart, "complete", json_object_get(features, "complete"));
    add_points(builder, chart, json_text_at(document->json, "flow"),
               json_object_get(features, "missing"));
    report_note(builder, chart,
                "The features that scores are read off, of the first model, on their first two "
                "principal components. The nearer both kinds lie, the less is lost.");
}

void collect_representations(struct report_builder *builder, const struct sources *sources)
{
    size_t m;
    const json_t *map;
    report_section(builder, "representations");
    for (int64_t i = 0; i < sources->n_documents; i++) {
        if (sources->documents[i].kind != DOCUMENT_REPRESENTATIONS)
            continue;
        json_array_foreach(json_object_get(sources->documents[i].json, "maps"), m, map)
            chart_map(builder, map);
        tabulate(builder, &sources->documents[i]);
        chart_features(builder, &sources->documents[i]);
    }
}
