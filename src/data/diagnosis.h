/* Making a diagnosis (valence/doctor.h): each part of it adds its findings. */
#ifndef VALENCE_DATA_DIAGNOSIS_H
#define VALENCE_DATA_DIAGNOSIS_H

#include "valence/doctor.h"

/* More than all kinds of findings of the most streams; what comes after is left out. */
#define DIAGNOSIS_MAX_FINDINGS 256
#define FINDING_TEXT_BYTES     384

struct diagnosis {
    struct valence_diagnosis shown; /* first: programs hold a pointer to it */
    struct valence_finding findings[DIAGNOSIS_MAX_FINDINGS];
    char texts[DIAGNOSIS_MAX_FINDINGS][FINDING_TEXT_BYTES];
    char streams[DIAGNOSIS_MAX_FINDINGS][VALENCE_STORE_NAME_BYTES];
};

/* Adds a finding; what it is about can be set in the one that is given back. `code` and `remedy`
 * are literals. */
struct valence_finding *add_finding(struct diagnosis *diagnosis, enum valence_severity severity,
                                    const char *code, const char *remedy, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Says which stream it is about. */
void finding_of_stream(struct diagnosis *diagnosis, struct valence_finding *finding,
                       const char *stream);

void diagnose_streams(const struct valence_data_summary *summary, struct diagnosis *diagnosis);
void diagnose_splits(const struct valence_data_summary *summary, struct diagnosis *diagnosis);
void diagnose_labels(const struct valence_data_summary *summary, struct diagnosis *diagnosis);

#endif
