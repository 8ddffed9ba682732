/* Transcripts: what is said, with times, whether recognised (valence/transcribe.h) or given in a
 * file.
 *
 * Given transcripts are read from SubRip (.srt), WebVTT (.vtt), Praat's TextGrid (long or short
 * text form), tables with times (.csv, .tsv) and plain text. All may be UTF-8, with or without a
 * byte-order mark, or UTF-16 with one; lines may end in LF, CRLF or CR. */
#ifndef VALENCE_TRANSCRIPT_H
#define VALENCE_TRANSCRIPT_H

#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#include "valence/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Times are seconds from the file's beginning. */
struct valence_word {
    const char *text; /* UTF-8, without blanks around it */
    double start, end;
    double confidence; /* mean probability of its tokens, 0 ... 1; NAN where it is unknown */
};

struct valence_speech_segment {
    const char *text;  /* UTF-8; a recognised one begins with the blank that Whisper writes */
    double start, end; /* NAN in plain text, which has no times */
    /* The next three are NAN where they are unknown, as in most given transcripts. */
    double confidence;     /* mean probability of its tokens, 0 ... 1 */
    double avg_logprob;    /* mean logarithm of that probability */
    double no_speech_prob; /* probability that its window holds no speech */
    int64_t n_tokens;      /* 0 in given transcripts */
    const int32_t *tokens; /* ids, times included */
    int64_t n_words;       /* 0 where the words have no times of their own */
    const struct valence_word *words;
};

/* Where voice activity detection found speech. */
struct valence_speech_span {
    double start, end;
};

/* Made by the library; free with valence_transcript_free(). Segments are sorted by their start;
 * given ones may overlap. */
struct valence_transcript {
    const char *language; /* "en"; "" where it is unknown */
    /* Seconds of sound that were transcribed; of a given transcript, its last end. */
    double duration;
    int64_t n_segments;
    const struct valence_speech_segment *segments;
    /* In order; 0 and NULL where speech was not looked for, or not found. */
    int64_t n_speech;
    const struct valence_speech_span *speech;
};

VALENCE_API void valence_transcript_free(struct valence_transcript *transcript);

/* ---- Given transcripts ---- */

enum valence_transcript_format {
    /* From the content where it says what it is (WebVTT, TextGrid), else from the name's ending:
     * .srt, .csv, .tsv, .txt. */
    VALENCE_TRANSCRIPT_FIND,
    VALENCE_TRANSCRIPT_TEXT,     /* a line is a segment, without times */
    VALENCE_TRANSCRIPT_SRT,      /* tags such as <i> and {\an8} are dropped */
    VALENCE_TRANSCRIPT_VTT,      /* times within a cue, <00:01.500>, make its words */
    VALENCE_TRANSCRIPT_TEXTGRID, /* the intervals of one tier */
    /* Columns `start`, `end` (seconds or hh:mm:ss.mmm; or `start_ms`, `end_ms`) and `text`; or
     * `word` in place of `text`, where a row is a word. `confidence` and `language` are optional.
     * Other columns are ignored. */
    VALENCE_TRANSCRIPT_CSV,
    VALENCE_N_TRANSCRIPT_FORMATS
};
/* "find", "text", "srt", "vtt", "textgrid", "csv"; VALENCE_N_TRANSCRIPT_FORMATS of them. */
extern VALENCE_API const char *const valence_transcript_format_names[VALENCE_MAX_NAMES];

/* Start from valence_transcript_read_options_default(). */
struct valence_transcript_read_options {
    size_t size;                           /* of this struct, as the caller knows it */
    enum valence_transcript_format format; /* VALENCE_TRANSCRIPT_FIND */
    /* The tier of a TextGrid. NULL (the default): its only tier of intervals; of several, the one
     * whose name ends in "words" or "word", whatever its case. */
    const char *tier;
};

VALENCE_API void
valence_transcript_read_options_default(struct valence_transcript_read_options *options);

/* Reads a transcript from a file or from memory, where `name` stands for the file in errors and
 * gives the ending. `options` may be NULL. *transcript is NULL on failure.
 *
 * Blank segments are dropped, and so are the labels of silence in a tier of words ("sp", "sil",
 * "<eps>", "<p:>"). Where a row, or an interval of a tier whose name ends in "word" or "words", is
 * a word, words form a segment up to a pause of more than half a second.
 *
 * Errors, with the line: NOT_FOUND, IO; FORMAT for what is not in the format, for times that are
 * negative or end before they start, and for text that is neither UTF-8 nor marked UTF-16; LIMIT
 * for more than 64 MiB or a million segments or words; UNSUPPORTED for a binary TextGrid and, with
 * key "format", for content of an unknown kind; NOT_FOUND and DATA with key "tier" where the tier
 * is not there or there are several; ARGUMENT for options out of range; MEMORY. */
VALENCE_API int valence_transcript_read(const char *path,
                                        const struct valence_transcript_read_options *options,
                                        struct valence_transcript **transcript,
                                        struct valence_error *error);
VALENCE_API int
valence_transcript_read_memory(const void *data, size_t n_bytes, const char *name,
                               const struct valence_transcript_read_options *options,
                               struct valence_transcript **transcript, struct valence_error *error);

/* What is said from `start` to `end` as one text, in fresh memory: free it with
 * valence_text_free() (valence/text.h). Blanks are single,
 * and none stand around it. A word belongs to the range that holds its middle; a segment without
 * words counts as one word. For all of it pass 0 and INFINITY. *text is NULL on failure.
 * Errors: DATA where the transcript has no times and the range is not the whole; ARGUMENT where
 * `end` is not after `start`; MEMORY. */
VALENCE_API int valence_transcript_text(const struct valence_transcript *transcript, double start,
                                        double end, char **text, struct valence_error *error);

#ifdef __cplusplus
}
#endif
#endif
