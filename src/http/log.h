/* The access log: one line of JSON for each request that ended, without anything that was sent. */
#ifndef VALENCE_HTTP_LOG_H
#define VALENCE_HTTP_LOG_H

#include "http/http.h"
#include "http/metrics.h"

struct http_log_entry {
    struct http_event event;
    const char *client, *method;
    int64_t received, sent; /* bytes of the bodies; -1 of a stream */
};

void log_request(const struct valence_server_options *options, const struct http_log_entry *entry);

#endif
