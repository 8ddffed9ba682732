/* What the tests of given transcripts share. */
#ifndef TESTS_FORMAT_TRANSCRIPT_CASE_H
#define TESTS_FORMAT_TRANSCRIPT_CASE_H

#include "fixtures.h"

#include <math.h>

#include "valence/transcript.h"

/* Reads an exact-size copy of the bytes as a file of that name. */
static inline int read_bytes(const void *data, size_t size, const char *name, const char *tier,
                             struct valence_transcript **transcript, struct valence_error *error)
{
    struct valence_transcript_read_options options;
    valence_transcript_read_options_default(&options);
    options.tier = tier;
    unsigned char *copy = copy_bytes(data, size);
    int status = valence_transcript_read_memory(copy, size, name, &options, transcript, error);
    free(copy);
    return status;
}

static inline struct valence_transcript *read_text(const char *text, const char *name)
{
    struct valence_transcript *transcript;
    struct valence_error error;
    if (read_bytes(text, strlen(text), name, NULL, &transcript, &error))
        fail_msg("%s", error.text);
    return transcript;
}

static inline void check_segment(const struct valence_transcript *transcript, int64_t index,
                                 double start, double end, const char *text)
{
    assert_true(index < transcript->n_segments);
    const struct valence_speech_segment *segment = &transcript->segments[index];
    assert_string_equal(segment->text, text);
    assert_true(fabs(segment->start - start) < 1e-9);
    assert_true(fabs(segment->end - end) < 1e-9);
}

static inline void check_word(const struct valence_speech_segment *segment, int64_t index,
                              double start, double end, const char *text)
{
    assert_true(index < segment->n_words);
    assert_string_equal(segment->words[index].text, text);
    assert_true(fabs(segment->words[index].start - start) < 1e-9);
    assert_true(fabs(segment->words[index].end - end) < 1e-9);
}

/* The bytes end in that error, whose text begins with the name (and line). */
static inline void check_refused_bytes(const void *data, size_t size, const char *name, int status,
                                       const char *where, const char *what)
{
    struct valence_transcript *transcript;
    struct valence_error error;
    int found = read_bytes(data, size, name, NULL, &transcript, &error);
    if (found == VALENCE_OK)
        fail_msg("accepted: %s", (const char *)data);
    assert_null(transcript);
    if (found != status || strncmp(error.text, where, strlen(where)) != 0 ||
        !strstr(error.text, what))
        fail_msg("'%s' (%d) is not '%s ... %s' (%d)", error.text, found, where, what, status);
}

static inline void check_refused(const char *text, const char *where, const char *what)
{
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(where, ":"), where);
    check_refused_bytes(text, strlen(text), name, VALENCE_ERROR_FORMAT, where, what);
}

/* The text as UTF-16 with a byte-order mark; ASCII only. *size receives its bytes; free() it. */
static inline unsigned char *as_utf16(const char *text, bool is_big, size_t *size)
{
    size_t n = strlen(text);
    unsigned char *bytes = malloc(2 * n + 2);
    assert_non_null(bytes);
    bytes[is_big ? 0 : 1] = 0xFE;
    bytes[is_big ? 1 : 0] = 0xFF;
    for (size_t i = 0; i < n; i++) {
        bytes[2 * i + 2 + is_big] = (unsigned char)text[i];
        bytes[2 * i + 3 - is_big] = 0;
    }
    *size = 2 * n + 2;
    return bytes;
}

#endif
