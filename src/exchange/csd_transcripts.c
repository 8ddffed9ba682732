#include "exchange/csd_transcripts.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"

#define PAUSE     "sp"
#define MAX_BYTES (1 << 20) /* of a segment's transcript */

int csd_transcripts_open(struct csd_transcripts *transcripts, const char *path,
                         struct valence_error *error)
{
    *transcripts = (struct csd_transcripts){.text.maximum = MAX_BYTES};
    return csd_open(path, &transcripts->csd, error);
}

void csd_transcripts_close(struct csd_transcripts *transcripts)
{
    csd_words_free(&transcripts->words);
    csd_close(transcripts->csd);
    text_free(&transcripts->text);
}

/* No words where the file does not have the recording. */
static int load(struct csd_transcripts *transcripts, const char *recording,
                struct valence_error *error)
{
    if (strcmp(transcripts->recording, recording) == 0)
        return VALENCE_OK;
    csd_words_free(&transcripts->words);
    transcripts->recording[0] = '\0';
    int status = csd_read_words(transcripts->csd, recording, &transcripts->words, error);
    if (status && status != VALENCE_ERROR_NOT_FOUND)
        return status;
    snprintf(transcripts->recording, sizeof transcripts->recording, "%s", recording);
    return VALENCE_OK;
}

int csd_transcripts_find(struct csd_transcripts *transcripts, const char *recording, double start,
                         double end, const char **text, struct valence_error *error)
{
    struct text *found = &transcripts->text;
    int status = load(transcripts, recording, error);
    *text = "";
    if (status)
        return status;
    text_free(found);
    *found = (struct text){.maximum = MAX_BYTES};
    text_append(found, "", 0);
    for (int64_t i = 0; i < transcripts->words.n; i++) {
        const struct csd_word *word = &transcripts->words.words[i];
        double middle = (word->start + word->end) / 2;
        if (middle >= start && middle < end && strcmp(word->text, PAUSE) != 0)
            text_format(found, "%s%s", found->length ? " " : "", word->text);
    }
    if (found->failed)
        return fail_text(found, error, VALENCE_ERROR_LIMIT,
                         "a segment of '%s' has more than %d bytes of words", recording, MAX_BYTES);
    *text = found->data ? found->data : "";
    return VALENCE_OK;
}
