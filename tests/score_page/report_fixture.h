/* Results made by hand for pages: a sound of six seconds in three segments, and texts that try to
 * break out of the page. */
#ifndef VALENCE_TESTS_REPORT_FIXTURE_H
#define VALENCE_TESTS_REPORT_FIXTURE_H

#include "media_fixture.h"

#include "scored.h"
#include "valence/score_report.h"

#define SOUND_SECONDS 6

/* Ends elements, tags, strings and comments, turns the direction of writing, and is no UTF-8. */
#define HOSTILE                                                                                    \
    "</script><script>document.title='broken'</script><!--<img src=x onerror=alert(1)> \"'`${}"    \
    "\\u003c &lt; \u202e\u2066\u05d0\u202d \xff\xc3("

/* FOLDER/tone.wav */
static inline void report_make_sound(const char *folder, char path[128])
{
    size_t size;
    unsigned char *wav = make_wav(16000, 1, 16000 * SOUND_SECONDS, 220, &size);
    snprintf(path, 128, "%s/tone.wav", folder);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(wav, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    free(wav);
}

/* Six words in two segments, and one without a score. */
static inline const struct valence_recording_score *report_recording(void)
{
    static const struct valence_word words[] = {
        {.text = "What", .start = 0.1, .end = 0.5, .confidence = 0.9},
        {.text = "a", .start = 0.5, .end = 0.8, .confidence = 0.9},
        {.text = "joy!", .start = 0.8, .end = 1.6, .confidence = 0.9},
        {.text = "Then", .start = 2.1, .end = 2.4, .confidence = 0.8},
        {.text = "it", .start = 2.4, .end = 2.6, .confidence = 0.8},
        {.text = "broke.", .start = 2.6, .end = 3.5, .confidence = 0.8}};
    static const double without[] = {1.9, 2.05, 0.25, -1.25, -1.5, 0.5};
    static const struct valence_explanation explanations[] = {
        {.without = {NAN, NAN, NAN}, .without_word = without},
        {.without = {NAN, NAN, NAN}, .without_word = without + 3}};
    static const struct valence_signals signals = {.expressions = {0.2, 0.7, 0.1, 0, 0, 0, 0},
                                                   .face_coverage = NAN,
                                                   .pitch_hz = 181.5,
                                                   .pitch_range = 4.25,
                                                   .voiced = 0.5,
                                                   .energy_db = -21.5,
                                                   .words_per_second = 1.5};
    static const struct valence_scored_segment segments[] = {
        {.index = 0,
         .start = 0,
         .end = 2,
         .score = 2.125,
         .raw_score = 2.125,
         .estimate = {.error = 0.5, .low = 1.25, .high = 3},
         .reason = "",
         .modality_weights = {0, 0.5, 0},
         .words_from = VALENCE_WORDS_RECOGNISED,
         .text = "What a joy!",
         .n_words = 3,
         .words = words,
         .confidence = 0.9,
         .signals = &signals,
         .explanation = &explanations[0]},
        {.index = 1,
         .start = 2,
         .end = 4,
         .score = -1.5,
         .raw_score = -1.5,
         .estimate = {.error = 0.75, .low = -2.75, .high = -0.25},
         .outside = true,
         .reason = "",
         .modality_weights = {0, 0.25, 0},
         .words_from = VALENCE_WORDS_RECOGNISED,
         .text = "Then it broke.",
         .n_words = 3,
         .words = words + 3,
         .confidence = 0.8,
         .signals = &signals,
         .explanation = &explanations[1]},
        {.index = 2,
         .start = 4,
         .end = 6,
         .score = NAN,
         .raw_score = NAN,
         .estimate = {NAN, NAN, NAN},
         .reason = "no words were recognised",
         .text = "",
         .confidence = NAN}};
    static const struct valence_recording_score score = {.score = 0.3125,
                                                         .spread = 1.8125,
                                                         .lowest = -1.5,
                                                         .highest = 2.125,
                                                         .n_segments = 3,
                                                         .n_unscored = 1,
                                                         .segments = segments,
                                                         .seconds = SOUND_SECONDS,
                                                         .has_sound = true,
                                                         .language = "en",
                                                         .warning = ""};
    return &score;
}

#endif
