/* A server of a tiny model, requests with a film, and what the library makes of the same film. */
#ifndef VALENCE_TESTS_SERVE_FIXTURE_H
#define VALENCE_TESTS_SERVE_FIXTURE_H

#include "http_client.h"
#include "scorer_fixture.h"

#include <jansson.h>
#include <sys/stat.h>

#include "valence/runtime.h"
#include "valence/score_json.h"
#include "valence/serve.h"

static char uploads[128], short_path[128];

/* ---- A server ---- */

/* Options for a server that decodes in processes of its own; the film that it is sent is made. */
static inline struct valence_server_options server_options(void)
{
    static const char *const decoder[] = {VALENCE_COMMAND, "decode-media", NULL};
    struct valence_server_options options;
    if (access(film_path, R_OK) != 0)
        skip(); /* there is no ffmpeg */
    snprintf(uploads, sizeof uploads, "%s/uploads", fixture_folder);
    snprintf(short_path, sizeof short_path, "%s/short.mkv", fixture_folder);
    if (access(short_path, R_OK) != 0)
        ffmpeg("-i film.mkv -t 3 -c copy short.mkv");
    mkdir(uploads, 0700);
    valence_server_options_default(&options);
    options.port = 0;
    options.folder = uploads;
    options.max_text_bytes = 4096;
    options.threads = 1;
    options.decoder = decoder;
    return options;
}

/* `scorer` may be NULL. */
static inline struct valence_server *start_server(const struct valence_scorer_options *scorer,
                                                  const struct valence_server_options *options)
{
    struct valence_scorer_options own = own_options();
    struct valence_server *server;
    struct valence_error error;
    must(valence_server_create(run_path, scorer ? scorer : &own, options, &server, &error), &error);
    must(valence_server_wait(server, -1, &error), &error);
    http_port = valence_server_port(server);
    return server;
}

/* ---- Requests ---- */

#define FIELD(name) "--line\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n"
#define FILE_PART(name)                                                                            \
    "--line\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" name "\"\r\n\r\n"

static inline void *read_whole(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*size + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

/* Sends a file as a part of a form, behind `fields`; hear() gives the answer. */
static inline int post_file(const char *route, const char *fields, const void *bytes, size_t n)
{
    static const char head[] = FILE_PART("../a film.mkv"), end[] = "\r\n--line--\r\n";
    char text[2048];
    int s = dial();
    snprintf(text, sizeof text,
             "POST %s HTTP/1.1\r\nHost: here\r\nConnection: close\r\n" FORM_TYPE
             "Content-Length: %zu\r\n\r\n%s%s",
             route, strlen(fields) + strlen(head) + n + strlen(end), fields, head);
    say(s, text);
    for (size_t sent = 0; sent < n;) {
        ssize_t now = send(s, (const char *)bytes + sent, n - sent, MSG_NOSIGNAL);
        assert_true(now > 0);
        sent += (size_t)now;
    }
    say(s, end);
    return s;
}

static inline const char *send_file(const char *route, const char *fields, const void *bytes,
                                    size_t n)
{
    return hear(post_file(route, fields, bytes, n));
}

static inline int post_film(const char *route, const char *fields)
{
    size_t n;
    void *bytes = read_whole(short_path, &n);
    int s = post_file(route, fields, bytes, n);
    free(bytes);
    return s;
}

static inline const char *send_film(const char *route, const char *fields)
{
    return hear(post_film(route, fields));
}

/* ---- Results ---- */

/* A number of GET /metrics, of a server that has them; NAN where there is none. */
static inline double metric(const char *name)
{
    const char *body = body_of(ask("GET", "/metrics", "", "")), *at = body;
    while ((at = strstr(at, name)) && (at[strlen(name)] != ' ' || (at > body && at[-1] != '\n')))
        at++;
    return at ? atof(at + strlen(name)) : (double)NAN;
}

/* What the library writes of a recording with these options. */
static inline json_t *library_score(struct valence_recording recording, bool explains)
{
    struct valence_scorer_options options = own_options();
    struct valence_score_json *json;
    struct valence_error error;
    char *text = NULL;
    size_t n = 0;
    options.explain = explains;
    valence_set_threads(1);
    struct valence_scorer *scorer = open_scorer(&options);
    struct valence_recording_score *made = score(scorer, recording);
    FILE *stream = open_memstream(&text, &n);
    must(valence_score_json_open(stream, scorer, "run", &json, &error), &error);
    must(valence_score_json_add(json, recording.name, made, &error), &error);
    valence_score_json_close(json);
    fclose(stream);
    json_t *root = json_loadb(text, n, 0, NULL);
    assert_non_null(root);
    free(text);
    valence_recording_score_free(made);
    valence_scorer_close(scorer);
    return root;
}

/* The same document but for how long it took. */
static inline void assert_same(const char *answer, json_t *wanted)
{
    if (code_of(answer) != 200)
        fail_msg("%s", answer);
    json_t *found = json_loads(body_of(answer), 0, NULL);
    assert_non_null(found);
    json_t *documents[] = {found, wanted};
    for (int i = 0; i < 2; i++)
        json_object_del(json_array_get(json_object_get(documents[i], "recordings"), 0),
                        "work_seconds");
    if (!json_equal(found, wanted))
        fail_msg("%s\nis not\n%s", json_dumps(found, 0), json_dumps(wanted, 0));
    json_decref(found);
    json_decref(wanted);
}

#endif
