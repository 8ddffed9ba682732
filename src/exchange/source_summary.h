/* Looking at what could be imported, without importing it. */
#ifndef VALENCE_EXCHANGE_SOURCE_SUMMARY_H
#define VALENCE_EXCHANGE_SOURCE_SUMMARY_H

#include "data/data_summary.h"
#include "valence/import.h"

struct source_summary {
    /* as which it was read: "table", ..., or "features" for rows without labels */
    const char *kind;
    struct valence_data_summary data;
    struct valence_import_result result; /* what was left out, and why */
};

/* Recognises and reads
 *
 *   a folder      with id.npy (dense); with a CSV for each split, or labels.csv and folders of
 *                 arrays (table); of arrays ID.npy, or of such folders, one a stream (features)
 *   .csv, .tsv    whose columns are those of a known layout (table)
 *   .npz          with an array id (dense) or arrays SPLIT/id (mmsa), or of labels as MERBench's
 *                 (merbench)
 *   .safetensors  of clips (dense)
 *   .pkl          of splits as MMSA's (mmsa)
 *   .csd          entry by entry (features)
 *
 * ERROR_UNSUPPORTED for anything else; errors of reading say what is wrong. Nothing stops at a clip
 * that could not be imported; it is counted. `progress` may be NULL. Free with
 * source_summary_free(), after an error too. */
int source_summarise(const char *path, const struct valence_progress *progress,
                     struct source_summary *summary, struct valence_error *error);
void source_summary_free(struct source_summary *summary);

#endif
