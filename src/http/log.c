#include "http/log.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* "2026-01-31T12:00:00.123Z" */
static void format_now(char text[32])
{
    struct timespec now;
    struct tm utc;
    char seconds[24];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text, 32, "%s.%03dZ", seconds, (int)(now.tv_nsec / 1000000));
}

static double milliseconds(double seconds)
{
    return round(seconds * 1e6) / 1e3;
}

void log_request(const struct valence_server_options *options, const struct http_log_entry *entry)
{
    char now[32];
    const struct http_event *event = &entry->event;
    if (!options->log)
        return;
    format_now(now);
    json_t *line = json_pack(
        "{s:s,s:s,s:s,s:s,s:i,s:I,s:I,s:f,s:f,s:f,s:f}", "time", now, "client", entry->client,
        "method", entry->method, "route", event->route, "status", event->status, "received",
        (json_int_t)entry->received, "sent", (json_int_t)entry->sent, "ms",
        milliseconds(event->seconds), "queue_ms", milliseconds(event->queue_seconds), "work_ms",
        milliseconds(event->work_seconds), "media_seconds", event->media_seconds);
    char *text = line ? json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    if (text)
        options->log(options->user, text);
    free(text);
    json_decref(line);
}
