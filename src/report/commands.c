/* The commands that make everything in a report again. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "report/collect.h"
#include "report/json_values.h"

/* ---- Words ---- */

static bool needs_quotes(const char *text)
{
    for (; *text; text++)
        if (!((*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
              (*text >= '0' && *text <= '9') || strchr("-_./=+:,@%", *text)))
            return true;
    return false;
}

/* As a shell reads it. */
static const char *quoted(struct report_builder *builder, const char *text)
{
    struct text made = {.maximum = (size_t)1 << 20};
    if (*text && !needs_quotes(text))
        return text;
    text_format(&made, "'");
    for (const char *at = text; *at; at++)
        text_format(&made, *at == '\'' ? "'\\''" : "%c", *at);
    text_format(&made, "'");
    const char *kept = made.failed ? "" : report_text(builder, made.data);
    text_free(&made);
    return kept;
}

/* A path as a shell reads it; one that begins with a hyphen would be taken for an option. */
static const char *quoted_path(struct report_builder *builder, const char *path)
{
    return quoted(builder, *path == '-' ? report_format(builder, "./%s", path) : path);
}

/* Adds a word, quoted, to a command. */
static const char *add(struct report_builder *builder, const char *command, const char *word)
{
    return report_format(builder, "%s %s", command, quoted(builder, report_text(builder, word)));
}

/* Adds a path. */
static const char *add_path(struct report_builder *builder, const char *command, const char *path)
{
    return report_format(builder, "%s %s", command,
                         quoted_path(builder, report_text(builder, path)));
}

/* ---- The report itself ---- */

static void say_report_command(struct report_builder *builder, const struct sources *sources,
                               const struct valence_report_options *options)
{
    const char *command = "valence report";
    const char *last = "";
    for (int64_t i = 0; i < sources->n_runs; i++)
        if (strcmp(last, sources->runs[i].parent) != 0) {
            last = sources->runs[i].parent;
            command = add_path(builder, command, last);
        }
    for (int64_t i = 0; i < sources->n_documents; i++)
        command = add_path(builder, command, sources->documents[i].path);
    for (int64_t i = 0; i < sources->n_unfinished; i++)
        command = add_path(builder, command, sources->unfinished[i].path);
    for (int64_t i = 0; i < sources->n_tables; i++)
        command = add_path(builder, command, sources->tables[i].path);
    if (options->store)
        command = add_path(builder, report_format(builder, "%s --store", command), options->store);
    if (options->split != VALENCE_TEST)
        command =
            report_format(builder, "%s --split %s", command, valence_split_names[options->split]);
    if (options->level < 0.9 || options->level > 0.9)
        command = report_format(builder, "%s --level %g", command, options->level);
    if (options->title)
        command = report_format(builder, "%s --title %s", command, quoted(builder, options->title));
    report_say(builder, REPORT_TEXT, "This report, all of its charts and tables:");
    report_say(builder, REPORT_COMMAND, "%s", command);
}

/* ---- Results of one command ---- */

/* What a document says of the command that made it; "" where it says nothing. */
static const char *recorded_command(struct report_builder *builder, const json_t *json)
{
    const json_t *words = json_object_get(json, "command"), *word;
    const char *command = "";
    size_t i;
    json_array_foreach(words, i, word)
    {
        if (!json_is_string(word))
            return "";
        command = i ? add(builder, command, json_string_value(word))
                    : report_text(builder, json_string_value(word));
    }
    return command;
}

static void say_recorded(struct report_builder *builder, const struct document_source *document)
{
    const char *command = recorded_command(builder, document->json);
    if (*command)
        report_say(builder, REPORT_COMMAND, "%s > %s", command,
                   quoted_path(builder, document->path));
    else
        report_say(builder, REPORT_TEXT, "%s does not say which command made it.", document->path);
}

/* ---- Experiments ---- */

static const char *add_number(struct report_builder *builder, const char *command,
                              const char *option, const json_t *json, const char *key)
{
    double value = json_number_at(json, key);
    return isnan(value) ? command : report_format(builder, "%s %s %.0f", command, option, value);
}

/* A comparison of finished runs. */
static void say_comparison(struct report_builder *builder, const struct document_source *document,
                           const json_t *runs)
{
    const json_t *json = document->json, *data = json_object_get(json, "data"), *run;
    const char *command = "valence compare";
    size_t i;
    json_array_foreach(runs, i, run) command =
        add_path(builder, command, json_is_string(run) ? json_string_value(run) : "");
    command = add_path(builder, report_format(builder, "%s --store", command),
                       json_text_at(data, "store"));
    command = add_number(builder, command, "--bootstrap", json_object_get(json, "statistics"),
                         "resamples");
    report_say(builder, REPORT_COMMAND, "%s --json > %s", command,
               quoted_path(builder, document->path));
}

/* " --variant 'NAME KEY=VALUE ...'" of all but the first, which is the configuration. */
static const char *add_variants(struct report_builder *builder, const char *command,
                                const json_t *variants)
{
    size_t i, j;
    const json_t *variant, *set;
    json_array_foreach(variants, i, variant)
    {
        const char *words = json_text_at(variant, "name");
        if (i == 0)
            continue;
        json_array_foreach(json_object_get(variant, "set"), j, set) words = report_format(
            builder, "%s %s", words, json_is_string(set) ? json_string_value(set) : "");
        command = add(builder, report_format(builder, "%s --variant", command), words);
    }
    return command;
}

/* A value of a configuration as YAML. */
static void add_yaml(struct text *lines, const char *key, const char *value)
{
    json_t *quoted_value = needs_quotes(value) || !*value ? json_string(value) : NULL;
    char *text = quoted_value && *value != '[' ? json_dumps(quoted_value, JSON_ENCODE_ANY) : NULL;
    text_format(lines, "%s: %s\n", key, text ? text : value);
    free(text);
    json_decref(quoted_value);
}

/* The configuration of a plan, and the name of the file that the commands read it from. */
static const char *show_plan(struct report_builder *builder, const struct document_source *document,
                             const json_t *configuration)
{
    const char *file = report_format(builder, "%s.yaml", document->name);
    struct text lines = {.maximum = (size_t)1 << 20};
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)configuration, key, value)
        add_yaml(&lines, key, json_is_string(value) ? json_string_value(value) : "");
    report_say(builder, REPORT_TEXT,
               "The configuration of %s, which the command below reads from %s:", document->name,
               file);
    report_say(builder, REPORT_CODE, "%s", lines.failed || !lines.length ? "" : lines.data);
    text_free(&lines);
    return quoted_path(builder, file);
}

/* " --vary KEY=VALUE,VALUE" of settings that change one key each; NULL where some change several,
 * whose ranges the plan does not hold. */
static const char *add_ranges(struct report_builder *builder, const char *command,
                              const json_t *variants)
{
    const char *range = "", *key = "";
    for (size_t i = 1; i < json_array_size(variants); i++) {
        const json_t *set = json_object_get(json_array_get(variants, i), "set");
        const char *text = json_string_value(json_array_get(set, 0));
        const char *equals = text ? strchr(text, '=') : NULL;
        if (json_array_size(set) != 1 || !equals || strchr(equals, ','))
            return NULL;
        const char *own = report_format(builder, "%.*s", (int)(equals - text), text);
        if (strcmp(own, key) == 0) {
            range = report_format(builder, "%s,%s", range, equals + 1);
            continue;
        }
        if (*range)
            command = add(builder, report_format(builder, "%s --vary", command), range);
        range = text;
        key = own;
    }
    return *range ? add(builder, report_format(builder, "%s --vary", command), range) : NULL;
}

/* An experiment that trains: from the plan that it keeps. */
static void say_training(struct report_builder *builder, const struct document_source *document,
                         const json_t *plan)
{
    const json_t *json = document->json, *variants = json_object_get(plan, "variants");
    const char *kind = json_text_at(json, "kind");
    const char *folder = json_text_at(json_object_get(json, "source"), "experiment");
    const char *file = show_plan(builder, document, json_object_get(plan, "configuration"));
    const char *command = report_format(builder, "valence compare %s", file);
    if (strcmp(kind, "ablation") == 0)
        command = report_format(builder, "valence ablate %s", file);
    else if (strcmp(kind, "sweep") == 0)
        command = add_ranges(builder, report_format(builder, "valence sweep %s", file), variants);
    else
        command = add_variants(builder, command, variants);
    if (!command) {
        report_say(builder, REPORT_TEXT,
                   "The settings of this sweep change several keys at once: plan.json in its "
                   "folder lists them.");
        return;
    }
    /* One seed in a file would stand for the usual three. */
    command = report_format(builder, "%s --seeds %s", command,
                            json_text_at(json_object_get(plan, "configuration"), "seeds"));
    if (json_number_at(plan, "rungs") > 1) {
        command = add_number(builder, command, "--rungs", plan, "rungs");
        command = add_number(builder, command, "--factor", plan, "factor");
    }
    command = add_number(builder, command, "--bootstrap", json_object_get(json, "statistics"),
                         "resamples");
    command = add_path(builder, report_format(builder, "%s -o", command), folder);
    report_say(builder, REPORT_TEXT,
               "This trains all of it. Runs trained with another number of threads differ in "
               "their last digits:");
    report_say(builder, REPORT_COMMAND, "%s", command);
}

/* How its figures are measured again, and how they are made from nothing. */
static void say_experiment(struct report_builder *builder, const struct document_source *document)
{
    const json_t *runs = json_object_get(json_object_get(document->json, "source"), "runs");
    const json_t *plan = json_object_get(document->json, "plan");
    if (json_is_array(runs))
        say_comparison(builder, document, runs);
    if (json_is_object(plan))
        say_training(builder, document, plan);
    report_say(builder, REPORT_TEXT, "The same figures from the runs that are there:");
    report_say(builder, REPORT_COMMAND, "valence verify %s", quoted_path(builder, document->path));
}

/* ---- All ---- */

void say_commands(struct report_builder *builder, const struct sources *sources,
                  const struct valence_report_options *options)
{
    say_report_command(builder, sources, options);
    if (sources->n_documents > 0)
        report_say(builder, REPORT_TEXT, "What it was given:");
    for (int64_t i = 0; i < sources->n_documents; i++)
        if (sources->documents[i].kind == DOCUMENT_RESULT)
            say_experiment(builder, &sources->documents[i]);
        else
            say_recorded(builder, &sources->documents[i]);
    if (sources->n_unfinished > 0)
        report_say(builder, REPORT_TEXT, "The state of the experiments that are not finished:");
    for (int64_t i = 0; i < sources->n_unfinished; i++)
        report_say(builder, REPORT_COMMAND, "valence runs %s",
                   quoted_path(builder, sources->unfinished[i].path));
}
