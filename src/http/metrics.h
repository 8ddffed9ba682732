/* Counters, in the text format of Prometheus. */
#ifndef VALENCE_HTTP_METRICS_H
#define VALENCE_HTTP_METRICS_H

#include <stdint.h>

#include "base/text.h"

#define METRICS_MAX_SERIES 128
#define METRICS_MAX_STAGES 8
#define METRICS_N_BUCKETS  10

/* One request that ended. */
struct http_event {
    const char *route; /* lives as long as the metrics */
    int status;
    double seconds, queue_seconds, work_seconds, media_seconds;
};

struct http_metrics {
    struct {
        const char *route;
        int status;
        int64_t n;
    } series[METRICS_MAX_SERIES];
    int n_series;
    struct {
        const char *name;
        double seconds;
    } stages[METRICS_MAX_STAGES];
    int n_stages;
    int64_t buckets[METRICS_N_BUCKETS + 1];
    int64_t n;
    double seconds, queue_seconds, work_seconds, media_seconds;
};

void metrics_count(struct http_metrics *metrics, const struct http_event *event);

/* Adds to a stage of the work; `stage` lives as long as the metrics. */
void metrics_count_stage(struct http_metrics *metrics, const char *stage, double seconds);

/* Appends all of them; `n_jobs` wait or are at work. */
void metrics_write(const struct http_metrics *metrics, int n_jobs, bool is_ready,
                   struct text *text);

#endif
