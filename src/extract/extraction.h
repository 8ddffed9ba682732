/* What an extraction keeps open from its first clip to its last: the plan, and the encoders. A call
 * makes one store with it, or a store for each piece. */
#ifndef VALENCE_EXTRACT_EXTRACTION_H
#define VALENCE_EXTRACT_EXTRACTION_H

#include "extract/extract_preview.h"
#include "extract/extract_report.h"
#include "extract/extractor.h"
#include "extract/plan.h"

struct extraction {
    const struct valence_extract_config *config;
    const struct valence_extract_options *options;
    struct plan plan;
    struct extract_settings settings;
    struct valence_extractor *extractor;
    int n_streams;
    struct valence_store_stream streams[VALENCE_N_STREAMS];
    enum valence_stream kinds[VALENCE_N_STREAMS]; /* of the store's streams */
    struct extract_previews previews;
};

/* Lists the clips and loads the encoders. Both arguments must outlive the extraction. Close after a
 * failure, too. */
int extraction_open(struct extraction *extraction, const struct valence_extract_config *config,
                    const struct valence_extract_options *options, struct valence_error *error);
void extraction_close(struct extraction *extraction);

/* The configuration's name of a setting that the decoder's error names. */
const char *extraction_key(const char *key);

/* Makes or completes the store `path` of a part of the clips. *report is to be freed, after a
 * failure too. *first, which may be NULL, is why the first clip failed in this call; its status is
 * VALENCE_OK if none did. */
int extraction_make(struct extraction *extraction, const char *path, const struct plan_part *part,
                    struct extract_report **report, struct valence_error *first,
                    struct valence_error *error);

/* Where every clip fails, the fault is not a clip's: the error of `first`, or of the first failure
 * in the report. */
int extraction_check(const struct valence_extract_report *report, const struct valence_error *first,
                     struct valence_error *error);

#endif
