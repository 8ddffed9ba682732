#include "extract/extract_report.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"

int extract_report_create(struct extract_report **report, const char *store, int64_t n_clips,
                          const struct valence_store_stream *streams, int n_streams,
                          const char *encoders, struct valence_error *error)
{
    struct extract_report *made = allocate(1, sizeof *made);
    *report = made;
    if (!made || !(made->store = strdup(store)) || !(made->encoders = strdup(encoders)))
        return fail_memory(error, sizeof *made, "a report");
    made->public.store = made->store;
    made->public.encoders = made->encoders;
    made->public.n_clips = n_clips;
    made->public.n_streams = n_streams;
    made->public.streams = made->streams;
    for (int s = 0; s < n_streams; s++)
        made->streams[s].width = streams[s].width;
    for (int s = 0; s < n_streams; s++) {
        int kind = valence_stream_from_name(streams[s].name);
        made->streams[s].name = kind < 0 ? "" : valence_stream_names[kind];
    }
    return VALENCE_OK;
}

void extract_report_free(struct extract_report *report)
{
    if (!report)
        return;
    for (int64_t i = 0; i < report->public.n_failed; i++) {
        free((void *)(uintptr_t)report->failures[i].id);
        free((void *)(uintptr_t)report->failures[i].reason);
        free((void *)(uintptr_t)report->failures[i].metadata);
    }
    free(report->failures);
    free(report->store);
    free(report->encoders);
    free(report);
}

void valence_extract_report_free(struct valence_extract_report *report)
{
    extract_report_free((struct extract_report *)report);
}

int extract_report_count(struct extract_report *report, const char *path,
                         struct valence_error *error)
{
    struct valence_store *store;
    int status = valence_store_open(path, NULL, &store, error);
    for (int64_t i = 0; !status && i < valence_store_n_clips(store); i++)
        for (int s = 0; s < report->public.n_streams; s++) {
            int64_t n_rows = valence_store_clip(store, i)->n_rows[s];
            report->streams[s].n_clips += n_rows > 0;
            report->streams[s].n_rows += n_rows;
        }
    valence_store_close(status ? NULL : store);
    return status;
}

int extract_report_fail(struct extract_report *report, const struct valence_store_failure *failure,
                        struct valence_error *error)
{
    struct valence_extract_report *public = &report->public;
    int status =
        grow_array((void **)&report->failures, &report->failure_capacity, public->n_failed + 1,
                   sizeof *report->failures, INT32_MAX, "failures", error);
    if (status)
        return status;
    public->failures = report->failures;
    report->failures[public->n_failed++] = (struct valence_store_failure){
        strdup(failure->id), failure->status, strdup(failure->reason), strdup(failure->metadata)};
    const struct valence_store_failure *added = &report->failures[public->n_failed - 1];
    return added->id && added->reason && added->metadata ? VALENCE_OK
                                                         : fail_memory(error, 0, "a failure");
}
