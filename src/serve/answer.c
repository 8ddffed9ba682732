/* Failures of the library as answers, and texts that were written to a stream. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "serve/serve.h"

/* What a status of the library means to a client. */
static const struct {
    int status, code;
    const char *name;
} codes[] = {{VALENCE_ERROR_ARGUMENT, 400, "invalid_request"},
             {VALENCE_ERROR_CONFIG, 400, "invalid_request"},
             {VALENCE_ERROR_LIMIT, 413, "too_large"},
             {VALENCE_ERROR_UNSUPPORTED, 415, "unsupported_media"},
             {VALENCE_ERROR_FORMAT, 422, "damaged"},
             {VALENCE_ERROR_DATA, 422, "nothing_to_score"},
             {VALENCE_ERROR_SHAPE, 422, "damaged"},
             {VALENCE_ERROR_NOT_FOUND, 503, "encoder_missing"},
             {VALENCE_ERROR_MEMORY, 503, "out_of_memory"},
             {VALENCE_ERROR_DISK_FULL, 503, "no_room"},
             {VALENCE_ERROR_BUSY, 503, "busy"},
             {VALENCE_ERROR_CANCELLED, 503, "cancelled"}};

/* The text with `name` in place of each `path`. */
static void rename_path(struct text *to, const char *from, const char *path, const char *name)
{
    const char *found;
    for (; path && (found = strstr(from, path)); from = found + strlen(path)) {
        text_append(to, from, (size_t)(found - from));
        text_append(to, name, strlen(name));
    }
    text_append(to, from, strlen(from));
}

void serve_fail(struct http_reply *reply, const struct valence_error *error, const char *path,
                const char *name)
{
    struct text message = {.maximum = 16384};
    size_t i = 0;
    while (i < sizeof codes / sizeof *codes && codes[i].status != error->status)
        i++;
    const bool is_known = i < sizeof codes / sizeof *codes;
    rename_path(&message, error->text, path, name ? name : "the file");
    http_reply_error(reply, is_known ? codes[i].code : 500, is_known ? codes[i].name : "internal",
                     "%s", message.failed ? "the request could not be done" : message.data);
    text_free(&message);
}

void serve_reply_stream(struct http_reply *reply, const char *type, FILE *stream, char **text,
                        size_t *n_bytes)
{
    if (stream && fclose(stream) == 0) {
        http_reply_body(reply, 200, type, *text, *n_bytes);
        return;
    }
    free(*text);
    http_reply_body(reply, 503, NULL, NULL, 0);
}
