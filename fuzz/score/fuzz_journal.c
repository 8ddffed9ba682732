/* Journals of unfinished recordings: the file with its checksums, and the records behind them. */
#include <stdlib.h>

#include "score/journal.h"
#include "score/journal_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char *bytes = (unsigned char *)(uintptr_t)data; /* which are only read */
    struct valence_transcript *heard;
    struct score_made made;
    char *warning;
    size_t first;
    bool is_all;
    (void)score_journal_scan(data, size, "key", &first, &heard, &is_all);
    valence_transcript_free(heard);
    struct record record = {.reads = true, .bytes = bytes, .n = size};
    valence_transcript_free(record_read_transcript(&record));
    record = (struct record){.reads = true, .bytes = bytes, .n = size};
    record_segment(&record, &made, &warning);
    score_made_free(&made);
    free(warning);
    return 0;
}
