/* Filling a struct valence_encode_report. */
#ifndef VALENCE_ENCODE_FILES_ENCODE_REPORT_H
#define VALENCE_ENCODE_FILES_ENCODE_REPORT_H

#include "valence/encode.h"

/* NULL where memory is short. */
struct valence_encode_report *encode_report_create(int64_t width);

/* Appends the result of an input, copying the texts; `reason` and `notes` may be NULL. `skipped`
 * is the status for which it was, else VALENCE_OK. */
int encode_report_add(struct valence_encode_report *report, const char *name,
                      enum valence_encoded_state state, int64_t n_rows, int skipped,
                      const char *reason, const char *notes, struct valence_error *error);

/* Whether a failure is the input's own, so that another may still be encoded. */
bool encode_may_skip(int status);

#endif
