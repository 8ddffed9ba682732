/* What `valence score` does: one input after the other. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "path_kinds.h"
#include "score_inputs.h"
#include "score_live.h"
#include "score_output.h"
#include "score_request.h"
#include "valence/runtime.h"
#include "valence/scorer.h"
#include "valence/text.h"
#include "valence/transcript.h"

/* ---- Recordings ---- */

/* What is said, as --text or --transcript gives it. */
struct said {
    const char *text;
    char *own; /* that `text` points to, or NULL */
    struct valence_transcript *transcript;
};

static int read_transcript(const struct score_request *request, struct said *said,
                           struct valence_error *error)
{
    bool is_part = request->start > 0 || request->end > 0;
    double end = request->end > 0 ? request->end : INFINITY;
    *said = (struct said){.text = request->n_files && request->texts.n ? request->texts.values[0]
                                                                       : NULL};
    if (!request->transcript)
        return VALENCE_OK;
    int status = valence_transcript_read(request->transcript, NULL, &said->transcript, error);
    if (status)
        return status;
    bool has_times =
        said->transcript->n_segments > 0 && !isnan(said->transcript->segments[0].start);
    if (has_times && !is_part)
        return VALENCE_OK;
    status = valence_transcript_text(said->transcript, is_part ? request->start : 0,
                                     is_part ? end : (double)INFINITY, &said->own, error);
    said->text = said->own;
    return status;
}

static int score_one(struct valence_scorer *scorer, const struct score_request *request,
                     const struct score_input *input, const struct said *said,
                     struct score_output *output, struct valence_error *error)
{
    const struct valence_media_segment range = {request->start,
                                                request->end > 0 ? request->end : 1e300};
    bool is_part = request->start > 0 || request->end > 0;
    struct valence_recording recording = {.name = input->id};
    struct valence_recording_score *score;
    char *text = NULL;
    int status = VALENCE_OK;
    if (input->kind == SCORE_TEXT_FILE) {
        status = score_read_text(input->path, &text, error);
        recording.text = text;
    } else {
        recording.path = input->path;
        recording.range = is_part ? &range : NULL;
        recording.text = said->text;
        recording.transcript = said->text ? NULL : said->transcript;
    }
    if (!status)
        status = valence_score_recording(scorer, &recording, terminal_progress(request->quiet),
                                         NULL, NULL, &score, error);
    terminal_progress_finish();
    if (!status) {
        bool is_gone = input->is_temporary && !request->embed; /* before the page is read */
        score_output_recording(output, input->id, is_gone ? NULL : recording.path, score);
        valence_recording_score_free(score);
    }
    valence_text_free(text);
    return status;
}

/* ---- All of them ---- */

static int receive_sentence(void *user, const struct valence_scored_segment *segment)
{
    score_output_text(user, NULL, segment);
    return ferror(stdout);
}

static int score_input(struct valence_scorer *scorer, const struct score_request *request,
                       const struct score_input *input, const struct said *said,
                       struct score_output *output, struct valence_error *error)
{
    return input->kind == SCORE_TABLE ? score_table(scorer, request, input, output, error)
                                      : score_one(scorer, request, input, said, output, error);
}

/* Goes on behind a file that cannot be scored, and says so at the end. */
static int score_files(struct valence_scorer *scorer, const struct score_request *request,
                       const struct score_inputs *inputs, struct score_output *output)
{
    struct valence_error error;
    struct said said;
    int64_t n_failed = 0;
    int code = EXIT_FINE;
    if (read_transcript(request, &said, &error))
        code = report_error(&error);
    for (int64_t i = 0; i < inputs->n && (code == EXIT_FINE || n_failed); i++) {
        int status = score_input(scorer, request, &inputs->list[i], &said, output, &error);
        output->stopped = status == VALENCE_ERROR_CANCELLED;
        if (output->stopped && ferror(stdout))
            break; /* main() says why nothing more can be written */
        if (!status)
            continue;
        explain_path(inputs->list[i].path, WANTED_MEDIA, &error);
        code = report_error(&error);
        output->stopped = status == VALENCE_ERROR_CANCELLED || status == VALENCE_ERROR_MEMORY;
        if (output->stopped)
            break;
        n_failed++;
        score_output_failure(output, inputs->list[i].id, error.text);
    }
    if (n_failed && inputs->n > 1) {
        fprintf(stderr, "valence score: %lld of %lld files could not be scored\n",
                (long long)n_failed, (long long)inputs->n);
        code = EXIT_FAILED;
    }
    if (inputs->n_passed_over && !request->quiet)
        fprintf(stderr,
                "valence score: note: %lld files of the folder are neither sound, video "
                "nor text and were left out\n",
                (long long)inputs->n_passed_over);
    valence_transcript_free(said.transcript);
    valence_text_free(said.own);
    return code;
}

/* Before anything is scored: it may take an hour. */
static int open_report(struct valence_scorer *scorer, const struct score_request *request,
                       const struct score_inputs *inputs, struct score_output *output,
                       struct valence_error *error)
{
    const struct valence_media_options media = media_options_of(&request->limits);
    struct valence_score_report_options options;
    const char **paths = calloc((size_t)inputs->n + 1, sizeof *paths);
    int64_t n = 0;
    if (!paths)
        return valence_fail(error, VALENCE_ERROR_MEMORY, NULL, "no memory for %s", "a list");
    for (int64_t i = 0; i < inputs->n; i++)
        if (inputs->list[i].kind == SCORE_RECORDING)
            paths[n++] = inputs->list[i].path;
    valence_score_report_options_default(&options);
    options.language = output->for_english ? "en" : NULL;
    options.embed = request->embed;
    options.overwrite = request->force;
    options.media = &media;
    int status = valence_score_report_check(request->report, paths, n, &options, error);
    if (!status)
        status = valence_score_report_open(request->report, scorer, output->model, &options,
                                           &output->report, error);
    free(paths);
    return status;
}

static int score_all(struct valence_scorer *scorer, const struct score_request *request,
                     const struct valence_media_options *media, struct score_output *output)
{
    struct score_inputs inputs = {0};
    struct valence_error error;
    bool has_media = false;
    int status, code = EXIT_FINE;
    if (request->live) {
        status = score_live(scorer, output, request->raw, media, &error);
        if (!status && output->error.status) {
            error = output->error;
            status = error.status;
        }
        return status && !ferror(stdout) ? report_error(&error) : EXIT_FINE;
    }
    status = score_inputs_list(&inputs, request->files, request->n_files, &error);
    if (status)
        explain_paths(request->files, request->n_files, WANTED_MEDIA, &error);
    else if (request->report)
        status = open_report(scorer, request, &inputs, output, &error);
    for (int64_t i = 0; i < inputs.n; i++)
        has_media = has_media || inputs.list[i].kind == SCORE_RECORDING;
    if (!status) /* once, and not for each file */
        status = valence_scorer_load(
            scorer, has_media ? VALENCE_SCORER_RECORDINGS : VALENCE_SCORER_TEXTS, &error);
    if (!status && !request->n_files)
        status = valence_score_texts(scorer, request->texts.values, request->texts.n,
                                     terminal_progress(request->quiet), receive_sentence, output,
                                     &error);
    terminal_progress_finish();
    if (status)
        code =
            status == VALENCE_ERROR_CANCELLED && ferror(stdout) ? EXIT_FINE : report_error(&error);
    else if (request->n_files)
        code = score_files(scorer, request, &inputs, output);
    output->stopped = output->stopped || status;
    if ((!status || output->begun) && score_output_finish(output, &error))
        code = report_error(&error);
    score_inputs_free(&inputs);
    return code;
}

int score_run(struct score_request *request)
{
    struct valence_media_options media = media_options_of(&request->limits);
    struct valence_scorer *scorer;
    struct valence_error error;
    if (request->threads)
        valence_set_threads((int)request->threads);
    if (request->language && strcmp(request->language, "auto") == 0)
        request->language = NULL;
    if (score_open(request, &media, &scorer, &error))
        return report_error(&error);
    struct score_output output = {.form = request->json  ? SCORE_FORM_JSON
                                          : request->csv ? SCORE_FORM_CSV
                                          : request->srt ? SCORE_FORM_SRT
                                          : request->vtt ? SCORE_FORM_VTT
                                                         : SCORE_FORM_TABLE,
                                  .scorer = scorer,
                                  .model = request->run ? request->run : "valence-text-en",
                                  .for_english = !request->run,
                                  .level = request->level,
                                  .explain = request->explain,
                                  .signals = request->signals};
    int code = score_all(scorer, request, &media, &output);
    valence_score_report_abort(output.report);
    valence_scorer_close(scorer);
    return code;
}
