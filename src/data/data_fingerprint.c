#include "data/data_fingerprint.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/random.h"

#define PART_DIGITS  16
#define SAMPLE_CLIPS 64

/* ---- Hashing ---- */

/* Eight bytes at a time; no defence against intent, which could change the text itself. */
static uint64_t hash_bytes(uint64_t key, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    uint64_t word;
    for (; size >= sizeof word; size -= sizeof word, bytes += sizeof word) {
        memcpy(&word, bytes, sizeof word);
        key = (key ^ word) * 0x9E3779B97F4A7C15u;
        key ^= key >> 32;
    }
    word = size;
    memcpy(&word, bytes, size);
    return mix_keys(key, word ^ (uint64_t)size << 56);
}

static uint64_t hash_float(uint64_t key, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return mix_keys(key, bits);
}

/* ---- Clips ---- */

struct fingerprint {
    uint64_t records, sample, rows;
};

/* What is read: the store's streams by the network's, and its clips. */
struct reading {
    const struct valence_store *store;
    int streams[VALENCE_N_STREAMS]; /* -1: none */
    void *room;                     /* the rows of one clip */
    size_t room_bytes;
};

static void open_reading(struct reading *reading, const struct valence_store *store,
                         const char names[VALENCE_N_STREAMS][VALENCE_STORE_NAME_BYTES])
{
    *reading = (struct reading){.store = store};
    for (int s = 0; s < VALENCE_N_STREAMS; s++)
        reading->streams[s] = names[s][0] ? valence_store_find_stream(store, names[s]) : -1;
}

/* Whether training looks at the clip. */
static bool takes_part(const struct valence_clip *clip)
{
    return clip->split != VALENCE_TEST && !isnan(clip->label);
}

static int64_t count_clips(const struct valence_store *store)
{
    int64_t n = 0;
    for (int64_t i = 0; i < valence_store_n_clips(store); i++)
        n += takes_part(valence_store_clip(store, i));
    return n;
}

static uint64_t hash_record(const struct reading *reading, const struct valence_clip *clip,
                            uint64_t key)
{
    key = mix_keys(key, valence_clip_key(clip->id));
    key = hash_float(mix_keys(key, clip->split), clip->label);
    for (int s = 0; s < VALENCE_N_STREAMS; s++)
        key = mix_keys(key, reading->streams[s] < 0 ? UINT64_MAX
                                                    : (uint64_t)clip->n_rows[reading->streams[s]]);
    return key;
}

static int hash_rows(struct reading *reading, int64_t clip, uint64_t *key,
                     struct valence_error *error)
{
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        int stream = reading->streams[s];
        int64_t n = stream < 0 ? 0 : valence_store_clip(reading->store, clip)->n_rows[stream];
        if (n == 0)
            continue;
        const struct valence_store_stream *stored =
            valence_store_get_stream(reading->store, stream);
        size_t bytes = (size_t)(n * stored->width) * valence_dtype_size(stored->type);
        if (bytes > reading->room_bytes) {
            free(reading->room);
            reading->room = malloc(bytes);
            reading->room_bytes = reading->room ? bytes : 0;
            if (!reading->room)
                return fail_memory(error, bytes, "the rows of a clip");
        }
        int status =
            valence_store_read_rows(reading->store, clip, stream, 0, n, reading->room, error);
        if (status)
            return status;
        *key = hash_bytes(*key, reading->room, bytes);
    }
    return VALENCE_OK;
}

static int report(const struct valence_progress *progress, int64_t done, int64_t total,
                  struct valence_error *error)
{
    struct valence_progress_event event = {
        .stage = "comparing data", .done = done, .total = total, .unit = "clips"};
    if (!progress || progress->report(progress->user, &event) == 0)
        return VALENCE_OK;
    return fail(error, VALENCE_ERROR_CANCELLED, "cancelled");
}

/* The records of all clips; the rows of the sample, which is spread evenly, and with `whole` of
 * all. */
static int compute(const struct valence_store *store,
                   const char names[VALENCE_N_STREAMS][VALENCE_STORE_NAME_BYTES], bool whole,
                   const struct valence_progress *progress, struct fingerprint *fingerprint,
                   struct valence_error *error)
{
    struct reading reading;
    int64_t total = count_clips(store), done = 0;
    int64_t step = total / SAMPLE_CLIPS + 1;
    int status = VALENCE_OK;
    *fingerprint = (struct fingerprint){0};
    open_reading(&reading, store, names);
    for (int64_t i = 0; i < valence_store_n_clips(store) && !status; i++) {
        const struct valence_clip *clip = valence_store_clip(store, i);
        if (!takes_part(clip))
            continue;
        fingerprint->records = hash_record(&reading, clip, fingerprint->records);
        if (done % step == 0)
            status = hash_rows(&reading, i, &fingerprint->sample, error);
        if (whole && !status)
            status = hash_rows(&reading, i, &fingerprint->rows, error);
        done++;
        if (whole && !status && done % 1024 == 0)
            status = report(progress, done, total, error);
    }
    free(reading.room);
    return status;
}

/* ---- Texts ---- */

static void write_text(const struct fingerprint *f, char text[DATA_FINGERPRINT_BYTES])
{
    snprintf(text, DATA_FINGERPRINT_BYTES, "%016" PRIx64 "-%016" PRIx64 "-%016" PRIx64, f->records,
             f->sample, f->rows);
}

int data_fingerprint(const struct valence_store *store,
                     const char names[VALENCE_N_STREAMS][VALENCE_STORE_NAME_BYTES],
                     const struct valence_progress *progress, char text[DATA_FINGERPRINT_BYTES],
                     struct valence_error *error)
{
    struct fingerprint fingerprint;
    int status = compute(store, names, true, progress, &fingerprint, error);
    if (!status)
        write_text(&fingerprint, text);
    return status;
}

/* The first of the text's first `n` parts that differs. */
static enum data_match match_parts(const char *a, const char *b, int n)
{
    if (strlen(a) != DATA_FINGERPRINT_BYTES - 1 || strlen(b) != DATA_FINGERPRINT_BYTES - 1)
        return DATA_OTHER_RECORDS;
    for (int part = 0; part < n; part++)
        if (strncmp(a + part * (PART_DIGITS + 1), b + part * (PART_DIGITS + 1), PART_DIGITS) != 0)
            return part ? DATA_OTHER_ROWS : DATA_OTHER_RECORDS;
    return DATA_SAME;
}

int data_fingerprint_compare(const struct valence_store *store,
                             const char names[VALENCE_N_STREAMS][VALENCE_STORE_NAME_BYTES],
                             const char *text, enum data_match *match, struct valence_error *error)
{
    struct fingerprint fingerprint;
    char now[DATA_FINGERPRINT_BYTES];
    int status = compute(store, names, false, NULL, &fingerprint, error);
    write_text(&fingerprint, now);
    *match = status ? DATA_OTHER_RECORDS : match_parts(now, text, 2);
    return status;
}

enum data_match data_fingerprint_match(const char *a, const char *b)
{
    return match_parts(a, b, 3);
}
