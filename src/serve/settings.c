/* The fields of a request to score. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "serve/serve.h"
#include "valence/reliability.h"
#include "valence/text.h"

static const char *const format_names[SERVE_N_FORMATS] = {"json", "verbose_json", "srt",
                                                          "vtt",  "csv",          "text"};

/* ---- Values ---- */

static void refuse(struct http_reply *reply, const char *name, const char *wanted)
{
    http_reply_error(reply, 400, "invalid_field", "%s: %s", name, wanted);
}

static bool read_number(const struct http_field *field, double minimum, double maximum,
                        double *value, struct http_reply *reply)
{
    char wanted[96];
    if (field->text && parse_double(field->text, value) && *value >= minimum && *value <= maximum)
        return true;
    snprintf(wanted, sizeof wanted, "give a number of %g ... %g", minimum, maximum);
    refuse(reply, field->name, wanted);
    return false;
}

static bool read_flag(const struct http_field *field, bool *value, struct http_reply *reply)
{
    static const char *const yes[] = {"true", "1", "yes"}, *const no[] = {"false", "0", "no"};
    for (size_t i = 0; field->text && i < sizeof yes / sizeof *yes; i++)
        if (strcmp(field->text, yes[i]) == 0 || strcmp(field->text, no[i]) == 0) {
            *value = strcmp(field->text, yes[i]) == 0;
            return true;
        }
    refuse(reply, field->name, "give true or false");
    return false;
}

/* The place of the field's text in a list. */
static bool read_choice(const struct http_field *field, const char *const *names, int n, int *value,
                        struct http_reply *reply)
{
    struct text wanted = {.maximum = 512};
    for (*value = 0; *value < n; ++*value)
        if (field->text && strcmp(field->text, names[*value]) == 0)
            return true;
    text_format(&wanted, "give one of");
    for (int i = 0; i < n; i++)
        text_format(&wanted, "%s %s", i ? "," : "", names[i]);
    refuse(reply, field->name, wanted.failed ? "it has no such value" : wanted.data);
    text_free(&wanted);
    return false;
}

/* ---- Fields ---- */

enum field {
    FILE_FIELD,
    TEXT,
    TRANSCRIPT,
    TRANSCRIPT_FORMAT,
    START,
    END,
    LEVEL,
    WINDOW,
    EXPLAIN,
    SIGNALS,
    FORMAT,
    MODEL,
    N_FIELDS
};
static const char *const names[N_FIELDS] = {
    "file",  "text",   "transcript", "transcript_format", "start",           "end",
    "level", "window", "explain",    "signals",           "response_format", "model"};

static bool read_model(const struct valence_server *server, const struct http_field *field,
                       struct http_reply *reply)
{
    if (field->text && strcmp(field->text, server->options.model) == 0)
        return true;
    http_reply_error(reply, 404, "model_not_found",
                     "the model of this server is '%s'; GET /v1/models describes it",
                     server->options.model);
    return false;
}

static bool read_upload(const struct http_field *field, const struct http_field **upload,
                        struct http_reply *reply)
{
    *upload = field;
    if (field->file_name)
        return true;
    refuse(reply, field->name, "send a file, as a part of a form with a file name");
    return false;
}

static bool read_text(const struct http_field *field, const struct http_field **text,
                      struct http_reply *reply)
{
    *text = field;
    if (field->text)
        return true;
    refuse(reply, field->name, "send a text, and not a file");
    return false;
}

static bool read_field(const struct valence_server *server, const struct http_field *field,
                       struct serve_settings *to, struct http_reply *reply)
{
    int which = 0, choice = 0;
    while (which < N_FIELDS && strcmp(names[which], field->name) != 0)
        which++;
    switch ((enum field)which) {
    case FILE_FIELD:
        return read_upload(field, &to->file, reply);
    case TEXT:
        return read_text(field, &to->text, reply);
    case TRANSCRIPT: /* a text or a file */
        to->transcript = field;
        return true;
    case TRANSCRIPT_FORMAT:
        if (!read_choice(field, valence_transcript_format_names, VALENCE_N_TRANSCRIPT_FORMATS,
                         &choice, reply))
            return false;
        to->transcript_format = (enum valence_transcript_format)choice;
        return true;
    case START:
        return read_number(field, 0, 1e7, &to->start, reply);
    case END:
        return read_number(field, 0, 1e7, &to->end, reply);
    case LEVEL:
        return read_number(field, VALENCE_MIN_LEVEL, VALENCE_MAX_LEVEL, &to->level, reply);
    case WINDOW:
        return read_number(field, 0.5, 3600, &to->window, reply);
    case EXPLAIN:
        return read_flag(field, &to->explain, reply);
    case SIGNALS:
        return read_flag(field, &to->signals, reply);
    case FORMAT:
        if (!read_choice(field, format_names, SERVE_N_FORMATS, &choice, reply))
            return false;
        to->format = (enum serve_format)choice;
        return true;
    case MODEL:
        return read_model(server, field, reply);
    case N_FIELDS:
        break;
    }
    const char *meant = valence_suggest(field->name, names, N_FIELDS);
    http_reply_error(reply, 400, "unknown_field", "there is no field '%.64s'%s%s%s", field->name,
                     meant ? "; did you mean '" : "", meant ? meant : "", meant ? "'?" : "");
    return false;
}

/* ---- All of them ---- */

static bool fit(const struct serve_settings *settings, bool streams, struct http_reply *reply)
{
    const char *problem = NULL;
    if (!settings->file && !settings->text)
        problem = "send a file, a text, or both";
    else if (settings->text && settings->transcript)
        problem = "text and transcript both say what is said: send one of them";
    else if (!settings->file && (settings->transcript || settings->start > 0 || settings->end > 0))
        problem = "transcript, start and end need a file";
    else if (settings->end > 0 && settings->end <= settings->start)
        problem = "end is not after start";
    else if (!settings->file && (settings->format == SERVE_SRT || settings->format == SERVE_VTT))
        problem = "subtitles need a file: a text has no times";
    else if (streams && settings->format != SERVE_JSON && settings->format != SERVE_VERBOSE_JSON)
        problem = "a stream is json or verbose_json";
    const bool is_blank = !settings->file && settings->text &&
                          strspn(settings->text->text, " \t\r\n") == settings->text->n_bytes;
    if (problem)
        http_reply_error(reply, 400, "invalid_request", "%s", problem);
    else if (is_blank)
        http_reply_error(reply, 422, "nothing_to_score", "the text has no words");
    return !reply->status;
}

void serve_upload_path(const struct http_field *file, char path[SERVE_PATH_BYTES])
{
    snprintf(path, SERVE_PATH_BYTES, "/proc/self/fd/%d", file->descriptor);
}

bool serve_read_settings(const struct valence_server *server, const struct http_form *form,
                         bool streams, struct serve_settings *settings, struct http_reply *reply)
{
    *settings = (struct serve_settings){0};
    for (int i = 0; i < form->n; i++)
        if (!read_field(server, &form->fields[i], settings, reply))
            return false;
    settings->explain = settings->explain || settings->format == SERVE_VERBOSE_JSON;
    return fit(settings, streams, reply);
}
