/* The vocabulary: modalities, streams, splits, element types.
 *
 * A *clip* is one labelled (or to be scored) utterance. It has up to four *streams*, each a
 * sequence of T feature rows of D columns. Three of them are *modalities*, always in the order
 * audio, text, video; the fourth, simulated_text, stands in for text in flows that miss it (arXiv
 * 2410.15029, section 2.1). */
#ifndef VALENCE_STREAM_H
#define VALENCE_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "valence/api.h"
#ifdef __cplusplus
extern "C" {
#endif

/* Arrays that are indexed by an enum have this size, not the number of its names today, so that a
 * new name does not change the layout of a struct. Entries after the last name are 0 or NULL. */
#define VALENCE_MAX_MODALITIES 8
#define VALENCE_MAX_STREAMS    16
#define VALENCE_MAX_SPLITS     8

enum valence_modality { VALENCE_AUDIO, VALENCE_TEXT, VALENCE_VIDEO, VALENCE_N_MODALITIES };

enum valence_stream {
    VALENCE_STREAM_AUDIO,
    VALENCE_STREAM_TEXT,
    VALENCE_STREAM_VIDEO,
    VALENCE_STREAM_SIMULATED_TEXT,
    VALENCE_N_STREAMS
};

/* The modality that a stream feeds: simulated_text stands in for text and has its width, the others
 * are their own. */
static inline enum valence_modality valence_stream_modality(enum valence_stream stream)
{
    return stream == VALENCE_STREAM_SIMULATED_TEXT ? VALENCE_TEXT : (enum valence_modality)stream;
}

/* A set of modalities is a bit mask: VALENCE_BIT(VALENCE_TEXT) | VALENCE_BIT(VALENCE_VIDEO). */
#define VALENCE_BIT(modality)  (1u << (modality))
#define VALENCE_ALL_MODALITIES (VALENCE_BIT(VALENCE_N_MODALITIES) - 1u)

enum valence_split { VALENCE_TRAIN, VALENCE_VALIDATION, VALENCE_TEST, VALENCE_N_SPLITS };

/* How the elements of rows are stored: IEEE half or single precision, little-endian. */
enum valence_dtype { VALENCE_F16, VALENCE_F32, VALENCE_N_DTYPES };

/* "audio", "text", "video" */
extern VALENCE_API const char *const valence_modality_names[VALENCE_MAX_NAMES];
/* ..., "simulated_text" */
extern VALENCE_API const char *const valence_stream_names[VALENCE_MAX_NAMES];
/* "train", "validation", "test" */
extern VALENCE_API const char *const valence_split_names[VALENCE_MAX_NAMES];
/* "f16", "f32" */
extern VALENCE_API const char *const valence_dtype_names[VALENCE_MAX_NAMES];

/* Bytes of one element. */
VALENCE_API size_t valence_dtype_size(enum valence_dtype type);

/* The index of `name` in one of the arrays above, or -1. valence_split_from_name() also takes the
 * usual spellings "valid", "val", "dev" for validation. */
VALENCE_API int valence_modality_from_name(const char *name);
VALENCE_API int valence_stream_from_name(const char *name);
VALENCE_API int valence_split_from_name(const char *name);

/* ---- Batches ---- */

/* The rows of one stream for all clips of a batch, concatenated: clip i owns rows offsets[i] ...
 * offsets[i+1]-1. A clip without the stream is a sequence of length 0. `data` is (offsets[n_clips],
 * width), row-major.
 *
 * Rows that are not concatenated need no copy: `clips` says where those of each clip are, and
 * `offsets` still count them. */
struct valence_rows {
    const void *data;
    enum valence_dtype type;
    /* 0: the stream is absent from the whole batch, and the pointers may be NULL */
    int64_t width;
    const int64_t *offsets; /* n_clips + 1 values, offsets[0] == 0, never decreasing */
    /* NULL, or n_clips addresses that are read instead of `data`: clip i's rows, (offsets[i+1] -
     * offsets[i], width), are at clips[i], which may be NULL if the clip has none. */
    const void *const *clips;
};

/* A packed batch: nothing is padded, so that a clip's result does not depend on its neighbours. It
 * owns nothing. */
struct valence_batch {
    int64_t n_clips;
    const uint64_t *keys; /* one per clip, from its id; the randomness of dropout */
    const float *labels;  /* one per clip; NULL where not needed */
    struct valence_rows streams[VALENCE_MAX_STREAMS]; /* by enum valence_stream */
};

/* The 64-bit key of a clip id (FNV-1a, finished by an avalanche): the same on every machine. */
VALENCE_API uint64_t valence_clip_key(const char *id);

#ifdef __cplusplus
}
#endif
#endif
