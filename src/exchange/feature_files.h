/* Rows without labels, looked at: a folder of ID.npy, a folder of such folders, a .csd. */
#ifndef VALENCE_EXCHANGE_FEATURE_FILES_H
#define VALENCE_EXCHANGE_FEATURE_FILES_H

#include "data/data_summary.h"
#include "valence/import.h"

/* A clip is an id that any of the streams (folders, by their names) has, or an entry of the .csd,
 * whose group is its video; all are of the training part and without label. Files that hold no (T,
 * D) or (D) of their stream's width are counted in result->skipped. ERROR_UNSUPPORTED if there
 * are no arrays. */
int feature_files_summarise(const char *path, const struct valence_progress *progress,
                            struct valence_data_summary *summary,
                            struct valence_import_result *result, struct valence_error *error);

#endif
