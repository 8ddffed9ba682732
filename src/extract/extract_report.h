/* The report of an extraction while it is made. */
#ifndef VALENCE_EXTRACT_EXTRACT_REPORT_H
#define VALENCE_EXTRACT_EXTRACT_REPORT_H

#include "valence/extract_store.h"

struct extract_report {
    struct valence_extract_report public; /* first, so that one is the other */
    char *store, *encoders;
    int64_t failure_capacity;
    struct valence_store_failure *failures;
    struct valence_extracted_stream streams[VALENCE_STORE_MAX_STREAMS];
};

int extract_report_create(struct extract_report **report, const char *store, int64_t n_clips,
                          const struct valence_store_stream *streams, int n_streams,
                          const char *encoders, struct valence_error *error);
void extract_report_free(struct extract_report *report);

/* Counts the clips and rows of each stream in the finished store. */
int extract_report_count(struct extract_report *report, const char *store,
                         struct valence_error *error);

/* Adds a copy of a failure. */
int extract_report_fail(struct extract_report *report, const struct valence_store_failure *failure,
                        struct valence_error *error);

#endif
