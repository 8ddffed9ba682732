/* Torture: scoring texts and sound, on a small model of text. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "media_fixture.h"
#include "text_run.h"
#include "torture.h"
#include "valence/score_report.h"
#include "valence/score_json.h"
#include "valence/scorer.h"
#include "valence/serve.h"
#include "valence/text_table.h"

#define LLAMA VALENCE_TEST_DATA "/golden/llm/tiny-llama-f32.gguf"

enum { N_SAMPLES = 16000 };

static char scored_run[96], table_path[96], sound_path[96];
static float samples[N_SAMPLES];

static int open_scorer(struct valence_scorer **scorer, struct valence_error *error)
{
    struct valence_scorer_options options;
    valence_scorer_options_default(&options);
    options.text_model = LLAMA;
    options.recognise = false;
    options.explain = true;
    return valence_scorer_open(scored_run, &options, scorer, error);
}

static int add_segment(void *user, const struct valence_scored_segment *segment)
{
    double *result = user;
    *result = *result * 1.0001 + (isnan(segment->score) ? 1 : segment->score);
    add_text(result, segment->text);
    return 0;
}

static int score_texts(double *result, struct valence_error *error)
{
    static const char *const texts[] = {"good day", "", "bad"};
    struct valence_scorer *scorer;
    int status = open_scorer(&scorer, error);
    if (status)
        return scorer ? 1 : status;
    status = valence_scorer_load(scorer, VALENCE_SCORER_TEXTS, error);
    if (!status)
        status = valence_score_texts(scorer, texts, 3, NULL, add_segment, result, error);
    valence_scorer_close(scorer);
    return status;
}

static int score_sound(double *result, struct valence_error *error)
{
    const struct valence_recording recording = {
        .samples = samples, .n_samples = N_SAMPLES, .text = "not well"};
    struct valence_scorer *scorer;
    struct valence_recording_score *score;
    int status = open_scorer(&scorer, error);
    if (status)
        return scorer ? 1 : status;
    status = valence_score_recording(scorer, &recording, NULL, NULL, NULL, &score, error);
    if (status && score)
        status = 1;
    if (!status)
        *result = score->score + 10 * score->segments[0].explanation->without_word[0];
    valence_recording_score_free(score);
    valence_scorer_close(scorer);
    return status;
}

static int write_json(struct valence_scorer *scorer, FILE *stream, struct valence_error *error)
{
    const struct valence_word word = {.text = "ba\xff d"};
    const struct valence_scored_segment segment = {
        .text = "ba\xff d", .reason = "", .n_words = 1, .words = &word};
    const struct valence_recording_score score = {
        .n_segments = 1, .segments = &segment, .language = "", .warning = ""};
    struct valence_score_json *json;
    int status = valence_score_json_open(stream, scorer, "a run", &json, error);
    if (status)
        return json ? 1 : status;
    status = valence_score_json_add(json, "\xffid", &score, error);
    if (!status)
        status = valence_score_json_add_failure(json, "id", "why", error);
    if (!status)
        status = valence_score_json_segment(stream, scorer, &segment, error);
    valence_score_json_close(json);
    return status;
}

static int score_to_json(double *result, struct valence_error *error)
{
    static char text[1 << 16], buffer[1 << 12];
    struct valence_scorer *scorer;
    int status = open_scorer(&scorer, error);
    if (status)
        return scorer ? 1 : status;
    FILE *stream = fopen(made, "w+");
    if (!stream)
        status = valence_fail(error, VALENCE_ERROR_MEMORY, NULL, "no memory for a stream");
    else
        setvbuf(stream, buffer, _IOFBF, sizeof buffer); /* none of its own */
    if (!status)
        status = write_json(scorer, stream, error);
    if (!status) {
        rewind(stream);
        text[fread(text, 1, sizeof text - 1, stream)] = '\0';
        add_text(result, text);
    }
    if (stream)
        fclose(stream);
    valence_scorer_close(scorer);
    return status;
}

static int add_to_report(struct valence_score_report *report, struct valence_error *error)
{
    const struct valence_word word = {.text = "bad", .end = 1};
    const struct valence_scored_segment segment = {
        .end = 1, .text = "bad", .reason = "", .n_words = 1, .words = &word};
    const struct valence_recording_score score = {.n_segments = 1,
                                                  .segments = &segment,
                                                  .seconds = 1,
                                                  .has_sound = true,
                                                  .language = "",
                                                  .warning = ""};
    int status = valence_score_report_add(report, "id", sound_path, &score, NULL, error);
    return status ? status : valence_score_report_add_failure(report, "\xff", "why", error);
}

static int make_report(struct valence_scorer *scorer, bool embed, struct valence_error *error)
{
    struct valence_score_report_options options;
    struct valence_score_report *report;
    const char *const media[] = {sound_path};
    valence_score_report_options_default(&options);
    options.language = "en";
    options.embed = embed;
    clear_untried(made);
    int status = valence_score_report_check(made, media, 1, &options, error);
    if (!status)
        status = valence_score_report_open(made, scorer, "a run", &options, &report, error);
    else
        report = NULL;
    if (status)
        return report ? 1 : status;
    status = add_to_report(report, error);
    if (!status)
        return valence_score_report_commit(report, error);
    valence_score_report_abort(report);
    return status;
}

static int score_to_page(double *result, struct valence_error *error)
{
    struct valence_scorer *scorer;
    struct stat about;
    int status = open_scorer(&scorer, error);
    if (status)
        return scorer ? 1 : status;
    for (int embed = 0; embed < 2 && !status; embed++) {
        status = make_report(scorer, embed, error);
        if (!status)
            *result = 3 * *result + (stat(made, &about) == 0 ? (double)about.st_size : -1);
    }
    valence_scorer_close(scorer);
    return status;
}

static int score_live(double *result, struct valence_error *error)
{
    struct valence_scorer *scorer;
    struct valence_live *live = NULL;
    int status = open_scorer(&scorer, error);
    if (status)
        return scorer ? 1 : status;
    status = valence_live_open(scorer, add_segment, result, &live, error);
    if (status && live)
        status = 1;
    if (!status)
        status = valence_live_feed(live, samples, N_SAMPLES, error);
    if (!status)
        status = valence_live_end(live, error);
    valence_live_close(live);
    valence_scorer_close(scorer);
    return status;
}

static int serve(double *result, struct valence_error *error)
{
    struct valence_scorer_options scorer;
    struct valence_server_options options;
    struct valence_server *server;
    valence_scorer_options_default(&scorer);
    valence_server_options_default(&options);
    scorer.text_model = LLAMA;
    scorer.recognise = false;
    options.port = 0;
    int status = valence_server_create(scored_run, &scorer, &options, &server, error);
    if (status == VALENCE_ERROR_UNSUPPORTED)
        return VALENCE_OK; /* a build without a server */
    if (status)
        return server ? 1 : status;
    status = valence_server_wait(server, -1, error);
    *result = valence_server_port(server) > 0;
    valence_server_free(server);
    return status;
}

static int read_table(double *result, struct valence_error *error)
{
    struct valence_text_table *table;
    const char *id, *text;
    int status = valence_text_table_open(table_path, NULL, &table, error);
    if (status)
        return table ? 1 : status;
    while (!(status = valence_text_table_next(table, &id, &text, error)) && id) {
        add_text(result, id);
        add_text(result, text);
    }
    valence_text_table_close(table);
    return status;
}

int make_scored(const char *folder, struct valence_error *error)
{
    snprintf(scored_run, sizeof scored_run, "%s/text-run", folder);
    snprintf(sound_path, sizeof sound_path, "%s/sound.wav", folder);
    size_t size;
    unsigned char *wav = make_wav(16000, 1, N_SAMPLES, 200, &size);
    FILE *sound = fopen(sound_path, "wb");
    if (!sound || fwrite(wav, 1, size, sound) != size || fclose(sound) != 0)
        return -1;
    free(wav);
    snprintf(table_path, sizeof table_path, "%s/table.csv", folder);
    for (int i = 0; i < N_SAMPLES; i++)
        samples[i] = (float)(0.3 * sin(0.05 * i)) * (i > 4000);
    FILE *file = fopen(table_path, "w");
    if (!file || fputs("id,text\na,good day\nb,\"bad, bad\"\n", file) < 0 || fclose(file) != 0)
        return -1;
    return text_run_make(folder, LLAMA, error);
}

const struct torture_case score_cases[] = {
    {"valence_scorer_open valence_scorer_load valence_score_texts", score_texts, 20},
    {"valence_score_recording", score_sound, 20},
    {"valence_score_json_open valence_score_json_add valence_score_json_add_failure "
     "valence_score_json_segment",
     score_to_json, 20},
    {"valence_score_report_check valence_score_report_open valence_score_report_add "
     "valence_score_report_add_failure valence_score_report_commit",
     score_to_page, 20},
    {"valence_live_open valence_live_feed valence_live_end", score_live, 20},
    {"valence_text_table_open valence_text_table_next", read_table, 0},
    {"valence_server_create valence_server_wait", serve, 20},
};
const int n_score_cases = sizeof score_cases / sizeof score_cases[0];
