/* What the fuzz targets of given transcripts share: reading, and the text of a range. */
#ifndef FUZZ_FORMAT_FUZZ_TRANSCRIPT_H
#define FUZZ_FORMAT_FUZZ_TRANSCRIPT_H

#include <math.h>
#include <stdlib.h>

#include "valence/transcript.h"
#include "valence/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Aborts where a segment is not what valence/transcript.h promises. */
static inline void fuzz_transcript(const uint8_t *data, size_t size,
                                   enum valence_transcript_format format)
{
    struct valence_transcript_read_options options;
    struct valence_transcript *transcript;
    struct valence_error error;
    char *text;
    valence_transcript_read_options_default(&options);
    options.format = format;
    if (valence_transcript_read_memory(data, size, "input", &options, &transcript, &error))
        return;
    for (int64_t i = 0; i < transcript->n_segments; i++) {
        const struct valence_speech_segment *segment = &transcript->segments[i];
        if (!(segment->start >= 0) || !(segment->end >= segment->start) || !*segment->text ||
            (i > 0 && segment->start < segment[-1].start))
            abort();
        for (int64_t j = 0; j < segment->n_words; j++)
            if (!(segment->words[j].start >= segment->start) || !*segment->words[j].text)
                abort();
    }
    if (valence_transcript_text(transcript, 1, 5, &text, &error) == VALENCE_OK)
        valence_text_free(text);
    valence_transcript_free(transcript);
}

#endif
