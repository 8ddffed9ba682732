#include "http/options.h"

#include <string.h>

#include "base/fail.h"
#include "base/options.h"

void valence_server_options_default(struct valence_server_options *options)
{
    *options = (struct valence_server_options){.size = sizeof *options,
                                               .address = "127.0.0.1",
                                               .port = 8080,
                                               .folder = "/tmp",
                                               .job_seconds = 60,
                                               .job_keep_seconds = 3600,
                                               .job_wait_seconds = 86400,
                                               .max_jobs = 100,
                                               .max_body_bytes = (int64_t)64 << 20,
                                               .max_text_bytes = (int64_t)1 << 20,
                                               .max_connections = 1000,
                                               .max_queue = 64,
                                               .receive_seconds = 30,
                                               .request_seconds = 300,
                                               .ping_seconds = 10};
}

/* ---- Checking ---- */

static int check_range(const char *key, double value, double minimum, double maximum,
                       struct valence_error *error)
{
    if (value >= minimum && value <= maximum)
        return VALENCE_OK;
    return fail_key(error, VALENCE_ERROR_ARGUMENT, key, "%s: %g is not within %g ... %g", key,
                    value, minimum, maximum);
}

static int check_numbers(const struct valence_server_options *options, struct valence_error *error)
{
    const struct {
        const char *key;
        double value, minimum, maximum;
    } ranges[] = {{"port", options->port, 0, 65535},
                  {"job_seconds", options->job_seconds, 0, 1e7},
                  {"job_keep_seconds", options->job_keep_seconds, 1, 1e9},
                  {"job_wait_seconds", options->job_wait_seconds, 1, 1e9},
                  {"max_jobs", options->max_jobs, 1, 1e6},
                  {"max_body_bytes", (double)options->max_body_bytes, 1, 1e12},
                  {"max_text_bytes", (double)options->max_text_bytes, 1, 1e9},
                  {"max_connections", options->max_connections, 2, 100000},
                  {"max_queue", options->max_queue, 1, 100000},
                  {"requests_per_minute", options->requests_per_minute, 0, 1e6},
                  {"receive_seconds", options->receive_seconds, 0.1, 86400},
                  {"request_seconds", options->request_seconds, 0.1, 86400},
                  {"ping_seconds", options->ping_seconds, 0.1, 3600},
                  {"threads", options->threads, 0, 4096}};
    int status = VALENCE_OK;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges && !status; i++)
        status = check_range(ranges[i].key, ranges[i].value, ranges[i].minimum, ranges[i].maximum,
                             error);
    return status;
}

/* A text that goes into a header. */
static int check_text(const char *key, const char *text, struct valence_error *error)
{
    if (!text)
        return VALENCE_OK;
    if (!*text)
        return fail_key(error, VALENCE_ERROR_ARGUMENT, key, "%s: the text is empty", key);
    for (const char *at = text; *at; at++)
        if (*at < '!' || *at > '~')
            return fail_key(error, VALENCE_ERROR_ARGUMENT, key,
                            "%s: it holds a blank or a character that is not ASCII", key);
    return VALENCE_OK;
}

int http_options_read(struct valence_server_options *options,
                      const struct valence_server_options *given, struct valence_error *error)
{
    valence_server_options_default(options);
    int status = options_read(options, sizeof *options, given, error);
    if (!status)
        status = check_numbers(options, error);
    if (!status)
        status = check_text("api_key", options->api_key, error);
    if (!status)
        status = check_text("origin", options->origin, error);
    if (!status && (!options->address || !*options->address))
        status = fail_key(error, VALENCE_ERROR_ARGUMENT, "address", "there is no address");
    if (!status && (!options->folder || !*options->folder))
        status =
            fail_key(error, VALENCE_ERROR_ARGUMENT, "folder", "there is no folder for uploads");
    return status;
}
