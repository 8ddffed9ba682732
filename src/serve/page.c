/* The page at /: a form before the components of the page of scores. */
#include "report/page.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "serve/serve.h"
#include "valence/version.h"

static const char *const styles[] = {
    "tokens.css", "base.css", "recording.css", "player.css", "timeline.css",
    "words.css",  "cues.css", "table.css",     "print.css",  "try.css",
    NULL};
static const char *const scripts[] = {"dom.js",       "format.js", "tone.js",     "theme.js",
                                      "player.js",    "axis.js",   "timeline.js", "words.js",
                                      "tracks.js",    "cues.js",   "table.js",    "score_table.js",
                                      "recording.js", "score.js",  "try.js",      NULL};

static void write_data(FILE *stream, void *user)
{
    const char *data = user;
    page_write_json(stream, "page", data, strlen(data));
}

int serve_make_page(struct valence_server *server, struct valence_error *error)
{
    /* the model that comes with valence was trained on English */
    const bool is_english = strcmp(server->options.model, "valence-text-en") == 0;
    json_t *json = json_pack("{s:s,s:s,s:s?}", "model", server->options.model, "version",
                             valence_version(), "language", is_english ? "en" : NULL);
    char *data = json ? json_dumps(json, JSON_COMPACT) : NULL;
    FILE *stream = data ? open_memstream(&server->page, &server->n_page_bytes) : NULL;
    const struct page page = {.title = "valence",
                              .styles = styles,
                              .scripts = scripts,
                              .media_source = "blob:",
                              .connect_source = "'self'",
                              .write_data = write_data,
                              .user = data};
    int status = stream ? page_write(stream, &page, error) : VALENCE_ERROR_MEMORY;
    if (stream && fclose(stream) != 0)
        status = VALENCE_ERROR_MEMORY;
    free(data);
    json_decref(json);
    return status ? fail_memory(error, 0, "the server's page") : VALENCE_OK;
}
