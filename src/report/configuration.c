/* How everything was made: configurations and provenance. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "report/collect.h"
#include "report/json_values.h"
#include "run/run_folder.h"
#include "valence/model.h"
#include "valence/version.h"

/* ---- Provenance ---- */

static void add_provenance(struct report_builder *builder, struct report_table *table,
                           const struct run_source *run)
{
    const json_t *clips = json_object_get(run->results, "clips");
    report_cell_text(builder, table, run->name);
    report_cell_text(builder, table, run->version);
    report_cell_text(builder, table, run->store);
    report_cell_text(builder, table, report_format(builder, "%.12s", run->data));
    report_cell_number(builder, table, json_number_at(run->results, "seed"), 0);
    report_cell_number(builder, table, json_number_at(run->results, "epochs"), 0);
    report_cell_number(builder, table, json_number_at(run->results, "best_epoch"), 0);
    report_cell_number(builder, table, json_number_at(run->results, "parameters"), 0);
    report_cell_number(builder, table, json_number_at(clips, "train"), 0);
    report_cell_number(builder, table, json_number_at(clips, "validation"), 0);
}

static void tabulate_runs(struct report_builder *builder, const struct sources *sources)
{
    if (sources->n_runs == 0)
        return;
    struct report_table *table =
        report_table(builder, "runs", "Runs",
                     "Run|valence|Store|Data|#Seed|#Epochs|#Best epoch|#Parameters|#Training clips|"
                     "#Validation clips");
    for (int64_t i = 0; i < sources->n_runs; i++)
        add_provenance(builder, table, &sources->runs[i]);
    if (table)
        table->note = "Data: the first digits of the fingerprint of the training and validation "
                      "clips. The best epoch is chosen by the validation part alone.";
}

/* ---- Configurations ---- */

/* The lines of a config.yaml that set something. */
static const char *keys_of(struct report_builder *builder, const char *configuration)
{
    struct text kept = {.maximum = (size_t)1 << 20};
    for (const char *line = configuration; *line;) {
        size_t length = strcspn(line, "\n"), blanks = strspn(line, " ");
        if (blanks < length && line[blanks] != '#') {
            text_append(&kept, line, length);
            text_append(&kept, "\n", 1);
        }
        line += length + (line[length] == '\n');
    }
    const char *text = kept.failed || !kept.length ? "" : report_text(builder, kept.data);
    text_free(&kept);
    return text;
}

/* Seeds of one run differ in their seed alone: the first stands for all. */
static bool is_first_seed(const struct sources *sources, int64_t run)
{
    return run == 0 || strcmp(sources->runs[run - 1].parent, sources->runs[run].parent) != 0;
}

#define MAX_CONFIGURATIONS 20

static void show_configurations(struct report_builder *builder, const struct sources *sources)
{
    int n = 0;
    for (int64_t i = 0; i < sources->n_runs && n < MAX_CONFIGURATIONS; i++)
        if (sources->runs[i].configuration && is_first_seed(sources, i)) {
            report_say(builder, REPORT_TEXT,
                       "The configuration of %s. With it in a file, 'valence train FILE' trains "
                       "the same again:",
                       sources->runs[i].name);
            report_say(builder, REPORT_CODE, "%s",
                       keys_of(builder, sources->runs[i].configuration));
            n++;
        }
}

/* ---- Experiments: the run card ---- */

static void card(struct report_builder *builder, const struct document_source *document)
{
    static const struct {
        const char *heading, *object, *key;
    } fields[] = {{"valence", NULL, "valence_version"},
                  {"system", "machine", "system"},
                  {"processor", "machine", "cpu"},
                  {"cores", "machine", "cores"},
                  {"store", "data", "store"},
                  {"fingerprint of the training and validation clips", "data", "fingerprint"},
                  {"split measured", "data", "split"},
                  {"clips", "data", "clips"},
                  {"clips left out", "data", "left_out"},
                  {"recordings", "data", "recordings"},
                  {"SHA-256 of ids and labels", "data", "clips_sha256"},
                  {"resamples", "statistics", "resamples"},
                  {"seed of the resampling", "statistics", "seed"},
                  {"level of the intervals", "statistics", "level"},
                  {"tests corrected for", "statistics", "tests"}};
    struct report_table *table =
        report_table(builder, report_format(builder, "card-%s", document->name),
                     report_format(builder, "Run card of %s", document->name), "Field|Value");
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const json_t *object =
            fields[i].object ? json_object_get(document->json, fields[i].object) : document->json;
        const json_t *value = json_object_get(object, fields[i].key);
        report_cell_text(builder, table, fields[i].heading);
        if (json_is_string(value))
            report_cell_text(builder, table, json_string_value(value));
        else
            report_cell_text(
                builder, table,
                report_format(builder, "%.10g", json_number_at(object, fields[i].key)));
    }
}

void collect_configuration(struct report_builder *builder, const struct sources *sources,
                           const struct valence_report_options *options)
{
    report_section(builder, "made");
    say_commands(builder, sources, options);
    tabulate_runs(builder, sources);
    for (int64_t i = 0; i < sources->n_documents; i++)
        if (sources->documents[i].kind == DOCUMENT_RESULT)
            card(builder, &sources->documents[i]);
    show_configurations(builder, sources);
}
