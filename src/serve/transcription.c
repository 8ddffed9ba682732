#include "serve/transcription.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "valence/text.h"
#include "valence/transcribe.h"
#include "valence/transcript_formats.h"

enum form { FORM_JSON_TEXT, FORM_TEXT, FORM_SRT, FORM_VERBOSE, FORM_VTT, N_FORMS };
static const char *const form_names[N_FORMS] = {"json", "text", "srt", "verbose_json", "vtt"};

struct settings {
    const struct http_field *file, *language, *prompt; /* NULL: not given */
    bool words;
    enum form form;
};

/* ---- Fields ---- */

static bool refuse(struct http_reply *reply, const char *code, const char *text, const char *name)
{
    http_reply_error(reply, 400, code, "%s: %s", name, text);
    return false;
}

/* The one field that is a file; all others are texts. */
static bool take_text(const struct http_field *field, struct settings *settings,
                      struct http_reply *reply)
{
    const char *name = field->name, *text = field->text;
    double temperature;
    if (!text)
        return refuse(reply, "invalid_field", "send a text, and not a file", name);
    if (strcmp(name, "language") == 0) {
        settings->language = field;
    } else if (strcmp(name, "prompt") == 0) {
        settings->prompt = field;
    } else if (strcmp(name, "temperature") == 0) { /* decoding is by beams, without chance */
        if (!parse_double(text, &temperature) || !(temperature >= 0 && temperature <= 1))
            return refuse(reply, "invalid_field", "give a number of 0 ... 1", name);
    } else if (strcmp(name, "timestamp_granularities[]") == 0) {
        if (strcmp(text, "word") != 0 && strcmp(text, "segment") != 0)
            return refuse(reply, "invalid_field", "give word or segment", name);
        settings->words = settings->words || strcmp(text, "word") == 0;
    } else if (strcmp(name, "response_format") == 0) {
        int form = 0;
        while (form < N_FORMS && strcmp(form_names[form], text) != 0)
            form++;
        if (form == N_FORMS)
            return refuse(reply, "invalid_field", "give json, text, srt, verbose_json or vtt",
                          name);
        settings->form = (enum form)form;
    } else if (strcmp(name, "stream") == 0) {
        if (strcmp(text, "false") != 0)
            return refuse(reply, "invalid_field", "transcripts are not streamed", name);
    } else {
        return refuse(reply, "unknown_field", "there is no such field", name);
    }
    return true;
}

/* "whisper-1" is what clients of OpenAI's API call the model. */
static bool take_model(const struct http_field *field, struct http_reply *reply)
{
    if (field->text && strncmp(field->text, "whisper", 7) == 0)
        return true;
    http_reply_error(reply, 404, "model_not_found",
                     "speech is recognised by this server's own Whisper: call it 'whisper-1'");
    return false;
}

static bool take_field(const struct http_field *field, struct settings *settings,
                       struct http_reply *reply)
{
    if (strcmp(field->name, "model") == 0)
        return take_model(field, reply);
    if (strcmp(field->name, "file") != 0)
        return take_text(field, settings, reply);
    settings->file = field;
    return field->file_name ? true
                            : refuse(reply, "invalid_field",
                                     "send a file, as a part of a form with a file name", "file");
}

bool transcription_answer(void *server, const struct http_form *form, void **settings,
                          struct http_reply *reply)
{
    struct settings *read = calloc(1, sizeof *read);
    bool is_fine = read != NULL;
    (void)server;
    if (!read)
        http_reply_body(reply, 503, NULL, NULL, 0);
    for (int i = 0; is_fine && i < form->n; i++)
        is_fine = take_field(&form->fields[i], read, reply);
    if (is_fine && !read->file)
        is_fine = refuse(reply, "invalid_request", "send a recording", "file");
    if (!is_fine) {
        free(read);
        return true;
    }
    *settings = read;
    return false;
}

/* ---- Answers ---- */

/* {"text": ...}, without the blank that Whisper begins with. */
static int write_text_json(FILE *stream, const struct valence_transcript *transcript)
{
    struct text all = {.maximum = (size_t)64 << 20}, repaired = {.maximum = (size_t)256 << 20};
    text_append(&repaired, "", 0);
    for (int64_t i = 0; i < transcript->n_segments; i++)
        text_append(&all, transcript->segments[i].text, strlen(transcript->segments[i].text));
    if (all.data)
        text_append_repaired(&repaired, all.data + strspn(all.data, " "),
                             all.length - strspn(all.data, " "));
    json_t *json = all.failed || repaired.failed ? NULL : json_pack("{s:s}", "text", repaired.data);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    text_free(&all);
    text_free(&repaired);
    if (!text)
        return VALENCE_ERROR_MEMORY;
    fprintf(stream, "%s\n", text);
    free(text);
    return VALENCE_OK;
}

static int write_transcript(FILE *stream, enum form form, const char *name,
                            const struct valence_transcript *transcript)
{
    switch (form) {
    case FORM_TEXT:
        valence_transcript_write_text(stream, transcript);
        return VALENCE_OK;
    case FORM_SRT:
    case FORM_VTT:
        valence_transcript_write_cues(stream, transcript, form == FORM_VTT);
        return VALENCE_OK;
    case FORM_VERBOSE:
        return valence_transcript_write_json(stream, name, false, transcript, NULL);
    default:
        return write_text_json(stream, transcript);
    }
}

static const char *const types[N_FORMS] = {"application/json", "text/plain; charset=utf-8",
                                           "application/x-subrip; charset=utf-8",
                                           "application/json", "text/vtt; charset=utf-8"};

static void reply_transcript(const struct settings *settings,
                             const struct valence_transcript *transcript, struct http_reply *reply)
{
    char *text = NULL;
    size_t n_bytes = 0;
    FILE *stream = open_memstream(&text, &n_bytes);
    int status =
        stream ? write_transcript(stream, settings->form, settings->file->file_name, transcript)
               : VALENCE_OK;
    serve_reply_stream(reply, types[settings->form], stream, &text, &n_bytes);
    if (status)
        http_reply_body(reply, 503, NULL, NULL, 0);
}

/* ---- The work ---- */

static int report(void *job, const struct valence_progress_event *event)
{
    (void)event;
    return http_job_is_cancelled(job);
}

static int hear(const struct valence_server *server, const struct settings *settings,
                struct http_job *job, const char *path, struct valence_transcript **transcript,
                struct valence_error *error)
{
    const struct valence_progress progress = {report, job};
    struct valence_transcribe_options options;
    struct valence_media *media;
    valence_transcribe_options_default(&options);
    options.language =
        settings->language ? settings->language->text : server->scorer_options.language;
    options.prompt = settings->prompt ? settings->prompt->text : NULL;
    options.words = settings->words;
    options.vad = server->scorer_options.vad;
    *transcript = NULL;
    const double begin = seconds_now();
    int status = valence_media_open(path, &server->media, &media, error);
    if (!status)
        status = valence_transcribe(valence_scorer_transcriber(server->scorer), media, NULL,
                                    &options, &progress, transcript, error);
    valence_media_close(media);
    http_server_count_stage(server->http, "transcribe", seconds_now() - begin);
    return status;
}

void transcription_work(struct valence_server *server, struct http_job *job,
                        struct http_reply *reply)
{
    const struct settings *settings = http_job_settings(job);
    struct valence_transcript *transcript;
    struct valence_error error = {0};
    char path[SERVE_PATH_BYTES];
    if (!valence_scorer_transcriber(server->scorer)) {
        http_reply_error(reply, 503, "encoder_missing", "this server recognises no speech");
        return;
    }
    serve_upload_path(settings->file, path);
    int status = hear(server, settings, job, path, &transcript, &error);
    if (status) {
        serve_fail(reply, &error, path, settings->file->file_name);
        return;
    }
    http_job_count_media(job, transcript->duration);
    reply_transcript(settings, transcript, reply);
    valence_transcript_free(transcript);
}
