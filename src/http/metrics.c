#include "http/metrics.h"

#include <string.h>

/* Upper ends in seconds; the last bucket has none. */
static const double bucket_ends[METRICS_N_BUCKETS] = {0.005, 0.02, 0.05, 0.1, 0.25,
                                                      0.5,   1,    2.5,  10,  60};

void metrics_count(struct http_metrics *metrics, const struct http_event *event)
{
    int s = 0, b = 0;
    while (s < metrics->n_series && (metrics->series[s].status != event->status ||
                                     strcmp(metrics->series[s].route, event->route) != 0))
        s++;
    if (s == metrics->n_series && s < METRICS_MAX_SERIES) {
        metrics->series[s].route = event->route;
        metrics->series[s].status = event->status;
        metrics->n_series++;
    }
    if (s < METRICS_MAX_SERIES)
        metrics->series[s].n++;
    while (b < METRICS_N_BUCKETS && event->seconds > bucket_ends[b])
        b++;
    metrics->buckets[b]++;
    metrics->n++;
    metrics->seconds += event->seconds;
    metrics->queue_seconds += event->queue_seconds;
    metrics->work_seconds += event->work_seconds;
    metrics->media_seconds += event->media_seconds;
}

void metrics_count_stage(struct http_metrics *metrics, const char *stage, double seconds)
{
    int s = 0;
    while (s < metrics->n_stages && strcmp(metrics->stages[s].name, stage) != 0)
        s++;
    if (s == METRICS_MAX_STAGES)
        return;
    if (s == metrics->n_stages)
        metrics->stages[metrics->n_stages++].name = stage;
    metrics->stages[s].seconds += seconds;
}

static void head(struct text *text, const char *name, const char *type, const char *help)
{
    text_format(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A line with a number as the C locale writes it. */
static void sample(struct text *text, const char *name, double value)
{
    char number[NUMBER_TEXT_BYTES];
    format_double(value, 12, number);
    text_format(text, "%s %s\n", name, number);
}

static void write_latency(const struct http_metrics *metrics, struct text *text)
{
    int64_t n = 0;
    head(text, "valence_request_seconds", "histogram",
         "From the first line of a request to the end of its answer.");
    for (int b = 0; b < METRICS_N_BUCKETS; b++) {
        char end[NUMBER_TEXT_BYTES];
        n += metrics->buckets[b];
        format_double(bucket_ends[b], 6, end);
        text_format(text, "valence_request_seconds_bucket{le=\"%s\"} %lld\n", end, (long long)n);
    }
    text_format(text, "valence_request_seconds_bucket{le=\"+Inf\"} %lld\n", (long long)metrics->n);
    sample(text, "valence_request_seconds_sum", metrics->seconds);
    text_format(text, "valence_request_seconds_count %lld\n", (long long)metrics->n);
}

void metrics_write(const struct http_metrics *metrics, int n_jobs, bool is_ready, struct text *text)
{
    head(text, "valence_requests_total", "counter", "Requests that ended, by route and code.");
    for (int s = 0; s < metrics->n_series; s++)
        text_format(text, "valence_requests_total{route=\"%s\",code=\"%d\"} %lld\n",
                    metrics->series[s].route, metrics->series[s].status,
                    (long long)metrics->series[s].n);
    head(text, "valence_jobs", "gauge", "Requests that wait for the model or are being scored.");
    text_format(text, "valence_jobs %d\n", n_jobs);
    head(text, "valence_ready", "gauge", "1 when the model is loaded.");
    text_format(text, "valence_ready %d\n", is_ready);
    head(text, "valence_media_seconds_total", "counter", "Seconds of sound and film scored.");
    sample(text, "valence_media_seconds_total", metrics->media_seconds);
    head(text, "valence_queue_seconds_total", "counter",
         "Seconds that requests waited for the model.");
    sample(text, "valence_queue_seconds_total", metrics->queue_seconds);
    head(text, "valence_work_seconds_total", "counter", "Seconds that requests were worked on.");
    sample(text, "valence_work_seconds_total", metrics->work_seconds);
    head(text, "valence_compute_seconds_total", "counter",
         "Seconds of computing by stage, for requests and for jobs.");
    for (int s = 0; s < metrics->n_stages; s++) {
        char number[NUMBER_TEXT_BYTES];
        format_double(metrics->stages[s].seconds, 12, number);
        text_format(text, "valence_compute_seconds_total{stage=\"%s\"} %s\n",
                    metrics->stages[s].name, number);
    }
    write_latency(metrics, text);
}
