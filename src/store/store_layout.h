/* What the store's records look like, for the reader and the writer; valence/store.h lists them. */
#ifndef VALENCE_STORE_LAYOUT_H
#define VALENCE_STORE_LAYOUT_H

#include <jansson.h>
#include <stdint.h>

#include "base/text.h"
#include "valence/store.h"

#define STORE_VERSION         2 /* since 2 with checksums (store_checksum.h) */
#define STORE_DATA_FILE       "data.mdb"
#define STORE_LOCK_FILE       "lock.mdb"
#define STORE_META            "meta"
#define STORE_CLIPS           "clips"
#define STORE_IDS             "ids"
#define STORE_STREAM_PREFIX   "stream:"
#define STORE_MAX_DATABASES   (3 + VALENCE_STORE_MAX_STREAMS)
#define STORE_KEY_FORMAT      "format"
#define STORE_KEY_SOURCE      "source"
#define STORE_KEY_STATE       "state"
#define STORE_KEY_LABEL_SCALE "label_scale"
#define STORE_KEY_NEW_STREAM  "new_stream"
#define STORE_FAILURE_PREFIX                                                                       \
    "missing:" /* and the clip's id; behind "format" in the order of keys */
#define STORE_MAX_RECORD_BYTES (4 << 20) /* of a clip's record or a "meta" value */
#define STORE_MAX_CLIPS        INT32_MAX
/* Of one clip and stream. LMDB holds values of 4 GiB; checksums take some of it. */
#define STORE_MAX_ROWS_BYTES (UINT32_MAX - (1 << 20))

/* "clips" and "stream:NAME" are keyed by the clip's ordinal, big-endian so that LMDB's byte order
 * is its order. */
struct ordinal_key {
    unsigned char bytes[4];
};

struct ordinal_key ordinal_encode(uint32_t ordinal);
uint32_t ordinal_decode(const unsigned char *bytes);

/* ERROR_ARGUMENT if a table of streams breaks the rules of valence/store.h. */
int streams_check(const struct valence_store_stream *streams, int n_streams,
                  struct valence_error *error);

/* The "format" value, and back. It holds its own checksum, so that every version can read which one
 * the store is of. On failure *n_streams is 0. */
void format_encode(int version, const struct valence_store_stream *streams, int n_streams,
                   struct text *json);
int format_decode(const char *json, size_t size, int *version, struct valence_store_stream *streams,
                  int *n_streams, struct valence_error *error);

/* Whether the store's writer finished it. Stores made before there was such a mark have none. */
struct store_state {
    bool is_known, is_finished;
    int64_t n_clips; /* when it was finished */
};

/* The "state" value, and back. */
void state_encode(const struct store_state *state, struct text *json);
int state_decode(const char *json, size_t size, struct store_state *state,
                 struct valence_error *error);

/* A stream that is being added in place: the first `done` clips have its rows, where they have any.
 * Readers pass it over. */
struct new_stream {
    bool is_there;
    struct valence_store_stream stream;
    json_t *settings; /* with what its rows are made */
    int64_t done;
};

/* The "new_stream" value, and back; clear what was decoded. */
int new_stream_encode(const struct new_stream *added, struct text *json,
                      struct valence_error *error);
int new_stream_decode(const char *json, size_t size, struct new_stream *added,
                      struct valence_error *error);
void new_stream_clear(struct new_stream *added);

/* The "label_scale" value, and back. Both refuse an impossible scale, with ERROR_ARGUMENT and
 * ERROR_FORMAT. */
int label_scale_encode(const struct valence_label_scale *scale, struct text *json,
                       struct valence_error *error);
int label_scale_decode(const char *json, size_t size, struct valence_label_scale *scale,
                       struct valence_error *error);

/* A failure from its id and value. Its texts are one block that begins at `id`; release it with
 * failure_clear(). */
int failure_decode(const char *id, size_t id_size, const char *json, size_t size,
                   struct valence_store_failure *failure, struct valence_error *error);
void failure_clear(struct valence_store_failure *failure);

/* Whether the recorded "source" is the given one; else ERROR_EXISTS, naming what differs. */
int source_compare(const char *recorded, json_t *source, const char *path,
                   struct valence_error *error);

/* A clip's record, and back. A decoded clip's texts are one block that begins at `id`; release it
 * with clip_clear(). On failure *clip is all zero. */
int clip_encode(const struct valence_clip *clip, const struct valence_store_stream *streams,
                int n_streams, struct text *json, struct valence_error *error);
int clip_decode(const char *json, size_t size, const struct valence_store_stream *streams,
                int n_streams, struct valence_clip *clip, struct valence_error *error);
void clip_clear(struct valence_clip *clip);

/* Bytes of `n_rows` rows of a stream, or false if LMDB cannot hold them as one value. */
bool rows_bytes(const struct valence_store_stream *stream, int64_t n_rows, size_t *bytes);

#endif
