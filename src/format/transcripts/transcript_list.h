/* Building a transcript: a growing list of segments with words. */
#ifndef VALENCE_FORMAT_TRANSCRIPT_LIST_H
#define VALENCE_FORMAT_TRANSCRIPT_LIST_H

#include "valence/transcript.h"

#define TRANSCRIPT_MAX_ITEMS 1000000 /* segments, and words in a row */

/* Start from zeros. The texts, tokens and words of the segments are owned. */
struct transcript_list {
    struct valence_speech_segment *segments;
    int64_t n_segments, capacity;
    struct valence_speech_span *speech;
    int64_t n_speech, speech_capacity;
};

/* Start from zeros. The texts are owned. */
struct word_list {
    struct valence_word *words;
    int64_t n_words, capacity;
};

/* Appends a segment with a copy of the text; its measures are unknown (NAN). *segment may be
 * changed until the next call; words put into it belong to it. `segment` may be NULL. */
int transcript_list_add(struct transcript_list *list, const char *text, size_t length, double start,
                        double end, struct valence_speech_segment **segment,
                        struct valence_error *error);

/* Appends a span in which voice activity was detected. */
int transcript_list_add_speech(struct transcript_list *list, double start, double end,
                               struct valence_error *error);

/* Appends a word with a copy of the text without the blanks around it; a blank text is dropped. */
int word_list_add(struct word_list *list, const char *text, size_t length, double start, double end,
                  double confidence, struct valence_error *error);

/* Takes the words over as segments: one up to each pause. Words are sorted by their start first.
 * The list of words is empty afterwards. */
int transcript_list_take_words(struct transcript_list *list, struct word_list *words,
                               struct valence_error *error);

/* Sorts the segments by their start; equal ones stay in order. */
int transcript_list_sort(struct transcript_list *list, struct valence_error *error);

/* Appends copies of another transcript's segments and spans of speech. */
int transcript_list_copy(struct transcript_list *list, const struct valence_transcript *from,
                         struct valence_error *error);

/* Makes the transcript of the segments; the list is empty afterwards. `language` is copied. */
int transcript_list_finish(struct transcript_list *list, const char *language, double duration,
                           struct valence_transcript **transcript, struct valence_error *error);

void transcript_list_free(struct transcript_list *list);
void word_list_free(struct word_list *list);

#endif
