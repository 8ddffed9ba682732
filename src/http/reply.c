#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "http/http.h"

#define MAX_MESSAGE ((size_t)4096)

void http_reply_free(struct http_reply *reply)
{
    if (reply->is_file)
        close(reply->descriptor);
    else if (!reply->is_static)
        free(reply->body);
    *reply = (struct http_reply){0};
}

/* What is said where there is no memory for anything else. */
static void reply_no_memory(struct http_reply *reply)
{
    static char body[] = "{\"error\":{\"code\":\"out_of_memory\",\"message\":\"the server has too "
                         "little memory at present\",\"type\":\"server_error\"}}\n";
    *reply = (struct http_reply){.status = 503,
                                 .type = "application/json",
                                 .body = body,
                                 .n_bytes = sizeof body - 1,
                                 .is_static = true};
}

void http_reply_body(struct http_reply *reply, int status, const char *type, char *body,
                     size_t n_bytes)
{
    http_reply_free(reply);
    if (body)
        *reply =
            (struct http_reply){.status = status, .type = type, .body = body, .n_bytes = n_bytes};
    else
        reply_no_memory(reply);
}

void http_reply_file(struct http_reply *reply, int status, const char *type, int descriptor,
                     size_t n_bytes)
{
    http_reply_free(reply);
    *reply = (struct http_reply){.status = status,
                                 .type = type,
                                 .n_bytes = n_bytes,
                                 .is_file = true,
                                 .descriptor = descriptor};
}

/* The names that clients of OpenAI's API know. */
static const char *type_of(int status)
{
    return status == 401   ? "authentication_error"
           : status == 429 ? "rate_limit_error"
           : status >= 500 ? "server_error"
                           : "invalid_request_error";
}

void http_reply_error(struct http_reply *reply, int status, const char *code, const char *format,
                      ...)
{
    char message[MAX_MESSAGE];
    struct text repaired = {.maximum = 4 * MAX_MESSAGE};
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    text_append_repaired(&repaired, message, strlen(message));
    json_t *error = repaired.failed ? NULL
                                    : json_pack("{s:{s:s,s:s#,s:s}}", "error", "code", code,
                                                "message", repaired.data ? repaired.data : "",
                                                (int)repaired.length, "type", type_of(status));
    char *body = error ? json_dumps(error, JSON_COMPACT) : NULL;
    json_decref(error);
    text_free(&repaired);
    http_reply_body(reply, status, "application/json", body, body ? strlen(body) : 0);
}
