/* Transcripts of segments, from a computational sequence of timed words. */
#ifndef VALENCE_EXCHANGE_CSD_TRANSCRIPTS_H
#define VALENCE_EXCHANGE_CSD_TRANSCRIPTS_H

#include "base/text.h"
#include "format/csd.h"
#include "valence/store.h"

struct csd_transcripts {
    struct csd *csd;                        /* NULL: there are none */
    char recording[VALENCE_STORE_ID_BYTES]; /* that the words are of; "" before the first */
    struct csd_words words;
    struct text text;
};

int csd_transcripts_open(struct csd_transcripts *transcripts, const char *path,
                         struct valence_error *error);
void csd_transcripts_close(struct csd_transcripts *transcripts);

/* The words of a recording whose middle lies in [start, end), with blanks between; pauses ("sp")
 * are left out. "" if the file does not have the recording. Lives until the next call. */
int csd_transcripts_find(struct csd_transcripts *transcripts, const char *recording, double start,
                         double end, const char **text, struct valence_error *error);

#endif
