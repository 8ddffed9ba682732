#include "import_output.h"

#include <inttypes.h>
#include <stdio.h>

#include "remedies.h"
#include "table.h"
#include "terminal.h"

/* ---- Notes ---- */

/* What the option to a note's setting does; NULL if there is none. */
static const char *option_for(const char *key)
{
    struct valence_error error = {.status = VALENCE_OK};
    snprintf(error.key, sizeof error.key, "%s", key);
    return remedy_for(&error);
}

void print_import_notes(const struct valence_import_result *result)
{
    for (int i = 0; i < result->n_notes; i++) {
        char line[1024];
        const struct valence_import_note *note = &result->notes[i];
        const char *option = option_for(note->key);
        snprintf(line, sizeof line, "note: %s%s%s%s\n", note->text, option ? " (" : "",
                 option ? option : "", option ? ")" : "");
        print_wrapped(stdout, line, 0, 2, terminal_columns(stdout));
    }
}

json_t *import_notes_to_json(const struct valence_import_result *result)
{
    json_t *notes = json_array();
    for (int i = 0; i < result->n_notes; i++)
        json_array_append_new(notes, json_pack("{s:s, s:s}", "key", result->notes[i].key, "text",
                                               result->notes[i].text));
    return notes;
}

/* ---- Results ---- */

static void print_count(struct table *table, const struct valence_import_count *count,
                        const char *what, const char *why)
{
    if (count->n == 0)
        return;
    table_cell(table, "%" PRId64, count->n);
    table_cell(table, "%s: %s (%s%s%s%s%s%s)", what, why, count->examples[0],
               count->n > 1 ? ", " : "", count->examples[1], count->n > 2 ? ", " : "",
               count->examples[2], count->n > VALENCE_IMPORT_N_EXAMPLES ? ", ..." : "");
}

void print_import_result(const char *store, const struct valence_import_result *result)
{
    struct table table = {.title = store};
    table_column(&table, "clips", TABLE_RIGHT);
    table_column(&table, "outcome", TABLE_LEFT);
    table_cell(&table, "%" PRId64, result->n_taken);
    table_cell(&table, "imported%s",
               result->n_no_label == 0                 ? ""
               : result->n_no_label == result->n_taken ? ", without labels"
                                                       : "");
    if (result->n_no_label > 0 && result->n_no_label < result->n_taken) {
        table_cell(&table, "%" PRId64, result->n_no_label);
        table_cell(&table, "of these without a label");
    }
    if (result->n_stored) {
        table_cell(&table, "%" PRId64, result->n_stored);
        table_cell(&table, "in the store already");
    }
    for (int i = 0; i < valence_n_skips(); i++)
        print_count(&table, &result->skipped[i], i == VALENCE_SKIP_MISSING ? "noted" : "skipped",
                    valence_skip_text(i));
    print_count(&table, &result->unlisted, "left out", "the labels do not name them");
    table_print(&table, stdout);
    print_import_notes(result);
}

static json_t *count_to_json(const struct valence_import_count *count)
{
    json_t *examples = json_array();
    for (int i = 0; i < VALENCE_IMPORT_N_EXAMPLES && i < count->n; i++)
        json_array_append_new(examples, json_string(count->examples[i]));
    return json_pack("{s:I, s:o}", "clips", (json_int_t)count->n, "examples", examples);
}

json_t *import_result_to_json(const char *store, const struct valence_import_result *result)
{
    json_t *skipped = json_object();
    for (int i = 0; i < valence_n_skips(); i++)
        json_object_set_new(skipped, valence_skip_name(i), count_to_json(&result->skipped[i]));
    return json_pack("{s:s, s:I, s:I, s:I, s:o, s:o, s:o}", "store", store, "imported",
                     (json_int_t)result->n_taken, "without_label", (json_int_t)result->n_no_label,
                     "stored_before", (json_int_t)result->n_stored, "skipped", skipped, "unlisted",
                     count_to_json(&result->unlisted), "notes", import_notes_to_json(result));
}
