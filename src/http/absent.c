/* A build without libmicrohttpd. */
#include "base/fail.h"
#include "http/http.h"

int http_server_create(const struct http_service *service,
                       const struct valence_server_options *options, struct http_server **server,
                       struct valence_error *error)
{
    (void)service, (void)options;
    *server = NULL;
    return fail(error, VALENCE_ERROR_UNSUPPORTED,
                "this build cannot serve: it was made without libmicrohttpd (Debian: "
                "libmicrohttpd-dev)");
}

/* No server exists that these could be called with. */

int http_server_port(const struct http_server *server)
{
    (void)server;
    return 0;
}

int http_server_wait(struct http_server *server, double seconds, struct valence_error *error)
{
    (void)server, (void)seconds;
    return fail(error, VALENCE_ERROR_UNSUPPORTED, "this build cannot serve");
}

void http_server_reload(struct http_server *server)
{
    (void)server;
}

void http_server_stop(struct http_server *server, double seconds)
{
    (void)server, (void)seconds;
}

void http_server_free(struct http_server *server)
{
    (void)server;
}

bool http_server_is_wanted(struct http_server *server)
{
    (void)server;
    return true;
}

bool http_server_is_ending(struct http_server *server)
{
    (void)server;
    return true;
}

const struct http_form *http_job_form(const struct http_job *job)
{
    (void)job;
    return NULL;
}

void *http_job_settings(const struct http_job *job)
{
    (void)job;
    return NULL;
}

const struct http_route *http_job_route(const struct http_job *job)
{
    (void)job;
    return NULL;
}

bool http_job_is_cancelled(struct http_job *job)
{
    (void)job;
    return true;
}

bool http_job_event(struct http_job *job, const char *event, const char *data, size_t n_bytes)
{
    (void)job, (void)event, (void)data, (void)n_bytes;
    return false;
}

void http_job_count_media(struct http_job *job, double seconds)
{
    (void)job, (void)seconds;
}
