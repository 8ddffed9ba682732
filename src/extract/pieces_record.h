/* What the pieces of an extraction depend on, so that nobody joins pieces that do not fit together:
 * their number, the clips, the settings, and the encoders with their fingerprints. */
#ifndef VALENCE_EXTRACT_PIECES_RECORD_H
#define VALENCE_EXTRACT_PIECES_RECORD_H

#include <jansson.h>

#include "extract/extraction.h"

/* {"format": "valence-pieces", "version": 2, "pieces": 16, "clips": SHA-256, "settings": {KEY:
 * VALUE, ...}, "encoders": {...}}; NULL if memory is short. The number of threads, and where input
 * and output are, may differ between processes and are not in it. */
json_t *pieces_record_make(const struct extraction *extraction, int64_t n_pieces);

/* Compares the record of a folder, as text, with this process's. ERROR_DATA, key "overwrite", names
 * the first difference; ERROR_FORMAT for what is no record. `folder` is for errors. */
int pieces_record_compare(const char *text, size_t size, const json_t *own, const char *folder,
                          struct valence_error *error);

#endif
