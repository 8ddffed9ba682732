/* valence doctor: what is wrong with a store, and what to do. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "choices.h"
#include "commands.h"
#include "json_output.h"
#include "open_store.h"
#include "data/diagnosis.h"
#include "data/store_summary.h"
#include "terminal.h"

struct request {
    const char *store, *published;
    bool json, strict, quiet, accept_unfinished;
};

static void print_findings(const struct request *request, const struct data_summary *summary,
                           const struct diagnosis *diagnosis)
{
    int columns = terminal_columns(stdout);
    print_clean(stdout, request->store);
    printf(": %" PRId64 " clips, %d warning%s\n", summary->n_clips, diagnosis->n_warnings,
           diagnosis->n_warnings == 1 ? "" : "s");
    for (int i = 0; i < diagnosis->n; i++) {
        const struct finding *finding = &diagnosis->findings[i];
        putchar('\n');
        printf("%s %s\n", finding->is_note ? "note   " : "WARNING", finding->name);
        print_wrapped(stdout, finding->text, 8, 0, columns);
        if (finding->remedy) {
            fputs("        -> ", stdout);
            print_wrapped(stdout, finding->remedy, 11, 11, columns);
        }
    }
}

static json_t *findings_to_json(const struct request *request, const struct data_summary *summary,
                                const struct diagnosis *diagnosis)
{
    json_t *findings = json_array();
    for (int i = 0; i < diagnosis->n; i++) {
        const struct finding *finding = &diagnosis->findings[i];
        json_array_append_new(findings,
                              json_pack("{s:s, s:s, s:s, s:s?}", "name", finding->name, "severity",
                                        finding->is_note ? "note" : "warning", "text",
                                        finding->text, "remedy", finding->remedy));
    }
    const struct published_split *published = diagnosis->published;
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

static int examine(const struct request *request, const struct published_split *published,
                   struct diagnosis *diagnosis, struct valence_error *error)
{
    struct valence_store *store;
    struct data_summary summary = {0};
    int status = open_store(request->store, request->accept_unfinished, &store, error);
    if (!status)
        status = store_summarise(store, true, terminal_progress(request->quiet), &summary, error);
    terminal_progress_finish();
    if (!status)
        diagnose(&summary, published, diagnosis);
    if (!status && request->json)
        status = print_json(findings_to_json(request, &summary, diagnosis), error);
    else if (!status)
        print_findings(request, &summary, diagnosis);
    data_summary_free(&summary);
    valence_store_close(store);
    return status;
}

static int run_doctor(const struct command *command, int argc, char **argv)
{
    struct request request = {0};
    int n, code;
    const struct option options[] = {
        {OPTION_TEXT, 0, "published", &request.published, "NAME",
         "Compare the counts with this published split: mosi, mosi-bclstm, mosei, sims, simsv2 or "
         "meld (default: the nearest, if one is near).",
         0, 0},
        {OPTION_FLAG, 0, "strict", &request.strict, NULL, "Exit with 1 where there are warnings.",
         0, 0},
        {OPTION_FLAG, 0, "json", &request.json, NULL, "Print JSON for programs.", 0, 0},
        OPTION_ACCEPT_UNFINISHED(&request.accept_unfinished),
        {OPTION_FLAG, 'q', "quiet", &request.quiet, NULL, "Show no progress.", 0, 0},
        {.type = OPTION_END}};
    if (!options_parse(command, options, argc, argv, &request.store, 1, 1, &n, &code))
        return code;
    const struct published_split *published = NULL;
    if (request.published && (code = choose_published(command, request.published, &published)))
        return code;
    struct valence_error error;
    struct diagnosis diagnosis;
    if (examine(&request, published, &diagnosis, &error))
        return report_error(&error);
    return request.strict && diagnosis.n_warnings ? EXIT_FAILED : EXIT_FINE;
}

const struct command command_doctor = {
    .name = "doctor",
    .arguments = "STORE",
    .summary = "Warn of what is wrong with a store, and say what to do.",
    .description =
        "Reads all clips and rows and warns of what spoils training or figures: clips or "
        "recordings "
        "in several splits, duplicates, NaN, columns that never change, values cut off by f16, "
        "streams that are missing or empty, labels out of range or nearly alike, too small a "
        "validation part. Counts near those of a published split (MOSI, MOSEI, CH-SIMS, CH-SIMS "
        "v2, "
        "MELD) are compared with it.",
    .example = "valence doctor corpus\n"
               "valence doctor mosi --published mosi --strict\n"
               "valence doctor corpus --json | jq '.findings[].name'",
    .run = run_doctor};
