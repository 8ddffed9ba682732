/* valence doctor: what is wrong with a store, and what to do. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "choices.h"
#include "commands.h"
#include "json_output.h"
#include "open_paths.h"
#include "shared_options.h"
#include "terminal.h"
#include "valence/doctor.h"
#include "valence/text.h"

struct request {
    const char *store, *published;
    bool json, strict, quiet, verify, accept_unfinished;
};

/* ---- Findings ---- */

/* How 'valence import' is told to do what a finding's remedy says. */
static const char *import_option(const char *key)
{
    static const char *const options[][2] = {{"dtype", "--dtype f32"},
                                             {"skip", "--skip value"},
                                             {"zeros_missing", "--zeros-missing"},
                                             {"group", "--group-column"},
                                             {"all_in", "--all-in train"},
                                             {"validation_fraction", "--validation-fraction 0.15"}};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (strcmp(key, options[i][0]) == 0)
            return options[i][1];
    return NULL;
}

static void print_finding(const struct valence_finding *finding, int columns)
{
    char remedy[512];
    const char *option = import_option(finding->key);
    printf("\n%s %s\n", finding->severity == VALENCE_NOTE ? "note   " : "WARNING", finding->code);
    print_wrapped(stdout, finding->text, 8, 0, columns);
    if (!finding->remedy)
        return;
    snprintf(remedy, sizeof remedy, option ? "%s (valence import %s)" : "%s", finding->remedy,
             option);
    fputs("        -> ", stdout);
    print_wrapped(stdout, remedy, 11, 11, columns);
}

static void print_findings(const struct request *request,
                           const struct valence_data_summary *summary,
                           const struct valence_diagnosis *diagnosis)
{
    int columns = terminal_columns(stdout);
    print_clean(stdout, request->store);
    printf(": %" PRId64 " %s, %d %s\n", summary->n_clips,
           valence_plural(summary->n_clips, "clip", "clips"), diagnosis->n_warnings,
           valence_plural(diagnosis->n_warnings, "warning", "warnings"));
    for (int i = 0; i < diagnosis->n_findings; i++)
        print_finding(&diagnosis->findings[i], columns);
}

static json_t *clips_to_json(const struct valence_data_summary *summary,
                             const struct valence_clip_examples *clips)
{
    json_t *ids = json_array();
    for (int i = 0; i < VALENCE_N_EXAMPLES && i < clips->n; i++)
        json_array_append_new(ids, json_string(valence_data_summary_id(summary, clips->clips[i])));
    return json_pack("{s:I, s:o}", "n", (json_int_t)clips->n, "examples", ids);
}

static json_t *finding_to_json(const struct valence_data_summary *summary,
                               const struct valence_finding *finding)
{
    json_t *columns = json_array();
    for (int i = 0; i < VALENCE_N_EXAMPLES && i < finding->n_columns; i++)
        json_array_append_new(columns, json_integer(finding->columns[i]));
    return json_pack("{s:s, s:s, s:s, s:s?, s:s, s:s, s:o, s:{s:I, s:o}}", "code", finding->code,
                     "severity", finding->severity == VALENCE_NOTE ? "note" : "warning", "text",
                     finding->text, "remedy", finding->remedy, "key", finding->key, "stream",
                     finding->stream, "clips", clips_to_json(summary, &finding->clips), "columns",
                     "n", (json_int_t)finding->n_columns, "examples", columns);
}

static json_t *findings_to_json(const struct request *request,
                                const struct valence_data_summary *summary,
                                const struct valence_diagnosis *diagnosis)
{
    json_t *findings = json_array();
    for (int i = 0; i < diagnosis->n_findings; i++)
        json_array_append_new(findings, finding_to_json(summary, &diagnosis->findings[i]));
    const struct valence_published_split *published = diagnosis->published;
    json_t *compared =
        published ? json_pack("{s:s, s:s, s:s, s:[I, I, I]}", "name", published->name, "title",
                              published->title, "where", published->where, "clips",
                              (json_int_t)published->n_clips[0], (json_int_t)published->n_clips[1],
                              (json_int_t)published->n_clips[2])
                  : json_null();
    return json_pack("{s:s, s:I, s:[I, I, I], s:i, s:o, s:o}", "store", request->store, "clips",
                     (json_int_t)summary->n_clips, "splits", (json_int_t)summary->splits[0].n_clips,
                     (json_int_t)summary->splits[1].n_clips, (json_int_t)summary->splits[2].n_clips,
                     "warnings", diagnosis->n_warnings, "findings", findings, "published",
                     compared);
}

static int show_findings(const struct request *request, const struct valence_store *store,
                         int *n_warnings, struct valence_error *error)
{
    struct valence_data_summary *summary = NULL;
    struct valence_diagnosis *diagnosis = NULL;
    struct valence_doctor_options options;
    valence_doctor_options_default(&options);
    options.published = request->published;
    int status =
        valence_store_summarise(store, true, terminal_progress(request->quiet), &summary, error);
    terminal_progress_finish();
    if (!status)
        status = valence_diagnose(summary, &options, &diagnosis, error);
    if (!status && request->json)
        status = print_json(with_command(findings_to_json(request, summary, diagnosis)), error);
    else if (!status)
        print_findings(request, summary, diagnosis);
    *n_warnings = status ? 0 : diagnosis->n_warnings;
    valence_diagnosis_free(diagnosis);
    valence_data_summary_free(summary);
    return status;
}

/* ---- Verifying ---- */

static void print_verification(const struct request *request, const struct valence_store *store,
                               const struct valence_verification *verified)
{
    print_clean(stdout, request->store);
    printf(": %" PRId64 " %s, %" PRId64 " %s read, %" PRId64 " damaged\n",
           valence_store_n_clips(store),
           valence_plural(valence_store_n_clips(store), "clip", "clips"), verified->n_values,
           valence_plural(verified->n_values, "value", "values"), verified->n_damaged);
    if (!verified->has_checksums)
        print_wrapped(stdout,
                      "This store is of version 1 and has no checksums: only the sizes of its "
                      "values were compared. Import the data again to get them.",
                      8, 0, terminal_columns(stdout));
    if (verified->n_damaged)
        print_wrapped(stdout, verified->text, 8, 0, terminal_columns(stdout));
}

static json_t *verification_to_json(const struct request *request,
                                    const struct valence_store *store,
                                    const struct valence_verification *verified)
{
    json_t *ids = json_array();
    for (int i = 0; i < VALENCE_N_EXAMPLES && i < verified->damaged.n; i++)
        json_array_append_new(
            ids, json_string(valence_store_clip(store, verified->damaged.clips[i])->id));
    return json_pack("{s:s, s:I, s:b, s:I, s:I, s:{s:I, s:o}, s:s?}", "store", request->store,
                     "clips", (json_int_t)valence_store_n_clips(store), "has_checksums",
                     verified->has_checksums, "values", (json_int_t)verified->n_values, "damaged",
                     (json_int_t)verified->n_damaged, "damaged_clips", "n",
                     (json_int_t)verified->damaged.n, "examples", ids, "text",
                     verified->n_damaged ? verified->text : NULL);
}

static int verify(const struct request *request, const struct valence_store *store, int *n_damaged,
                  struct valence_error *error)
{
    struct valence_verification verified = {.size = sizeof verified};
    int status = valence_store_verify(store, terminal_progress(request->quiet), &verified, error);
    terminal_progress_finish();
    if (!status && request->json)
        status = print_json(verification_to_json(request, store, &verified), error);
    else if (!status)
        print_verification(request, store, &verified);
    *n_damaged = verified.n_damaged > 0;
    return status;
}

/* ---- The command ---- */

static int run_doctor(const struct command *command, int argc, char **argv)
{
    struct request request = {0};
    int n, code, n_problems = 0;
    const struct option options[] = {
        option_store(&request.store),
        {OPTION_FLAG, 0, "verify", &request.verify, NULL,
         "Instead, compare every value in the store with its checksum; exit with 1 if one is "
         "damaged.",
         0, 0},
        {OPTION_TEXT, 0, "published", &request.published, "NAME",
         "Compare the counts with this published split: mosi, mosi-bclstm, mosei, sims, simsv2 or "
         "meld (default: the nearest, if one is near).",
         0, 0},
        {OPTION_FLAG, 0, "strict", &request.strict, NULL, "Exit with 1 if there are warnings.", 0,
         0},
        option_json(&request.json),
        OPTION_ACCEPT_UNFINISHED(&request.accept_unfinished),
        option_quiet(&request.quiet),
        {.type = OPTION_END}};
    if (!options_parse(command, options, argc, argv, &request.store, 1, 1, &n, &code))
        return code;
    if (request.verify && request.published)
        return report_usage(command, "--verify compares the values alone: --published does not go "
                                     "with it");
    if (request.published && (code = choose_published(command, request.published)))
        return code;
    struct valence_error error;
    struct valence_store *store;
    int status = open_store(request.store, request.accept_unfinished, &store, &error);
    if (!status)
        status = (request.verify ? verify : show_findings)(&request, store, &n_problems, &error);
    valence_store_close(store);
    if (status)
        return report_error(&error);
    return n_problems && (request.strict || request.verify) ? EXIT_FAILED : EXIT_FINE;
}

const struct command command_doctor = {
    .name = "doctor",
    .arguments = "STORE",
    .summary = "Find problems in a store, with advice on each.",
    .description =
        "Reads all clips and rows and warns of problems for training or evaluation: clips or "
        "recordings in several splits, duplicates, NaN, clips of nothing but zeros, columns that "
        "never change, that lose too much in f16, or that reach far beyond the training clips, "
        "streams that "
        "are missing or empty, labels out of range or nearly alike, a validation part that is too "
        "small or of one class, recordings that name one clip each.\n\n"
        "Counts near those of a published split (MOSI, MOSEI, CH-SIMS, CH-SIMS v2, MELD) are "
        "compared with that split.\n\n"
        "With --verify it compares every value with its checksum instead, and counts the damaged "
        "ones.",
    .example = "valence doctor corpus\n"
               "valence doctor mosi --published mosi --strict\n"
               "valence doctor corpus --verify\n"
               "valence doctor corpus --json | jq '.findings[].code'",
    .run = run_doctor};
