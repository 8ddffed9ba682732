#include "exchange/read_ahead.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"

#define N_TEXTS    8
#define N_EXPECTED 24 /* clips of which the source knows that they will be read */
#define N_READ     6  /* clips with rows: one taken, the others waiting */
#define N_RECORDS  (N_EXPECTED + N_READ)
#define MOST_BYTES ((size_t)24 << 20) /* of rows that wait, but for one clip of any size */

/* What next() gave, with texts of its own. */
struct clip_record {
    struct import_record record;
    char *texts[N_TEXTS];
    bool more;
    int status;
    struct valence_error error;
};

/* What rows() gave for each stream. */
struct clip_rows {
    size_t bytes;
    struct {
        int64_t n_rows;
        float *values; /* NULL once let go of */
        int status;
        struct valence_error error;
    } streams[VALENCE_STORE_MAX_STREAMS];
};

/* Clip i has record i % N_RECORDS and rows i % N_READ: the thread fills those from n_read, the
 * reader looks at those of n_taken - 1. */
struct read_ahead {
    struct import_source *source;
    int n_expected;  /* at most so many records before their rows */
    int64_t n_known; /* records read; the thread's own */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* any of what follows */
    int64_t n_read, n_taken;
    size_t waiting_bytes; /* of rows read and not let go of */
    bool stop;
    struct clip_record records[N_RECORDS];
    struct clip_rows rows[N_READ];
};

/* ---- The thread ---- */

static int copy_texts(struct clip_record *clip, struct valence_error *error)
{
    struct import_record *record = &clip->record;
    const char **places[N_TEXTS] = {&record->id,       &record->group,        &record->transcript,
                                    &record->metadata, &record->split,        &record->label,
                                    &record->problem,  &record->split_problem};
    for (int i = 0; i < N_TEXTS; i++) {
        free(clip->texts[i]);
        clip->texts[i] = *places[i] ? strdup(*places[i]) : NULL;
        if (*places[i] && !clip->texts[i])
            return fail_memory(error, strlen(*places[i]), "a clip's texts");
        *places[i] = clip->texts[i];
    }
    return VALENCE_OK;
}

/* Reads records as far ahead as is wanted; the last one, or one with an error, is followed by
 * none. */
static void read_records(struct read_ahead *ahead, int64_t n_read)
{
    struct import_source *source = ahead->source;
    bool more = ahead->n_known == 0 || ahead->records[(ahead->n_known - 1) % N_RECORDS].more;
    while (more && ahead->n_known < n_read + ahead->n_expected) {
        struct clip_record *clip = &ahead->records[ahead->n_known++ % N_RECORDS];
        clip->more = false;
        clip->status = source->next(source->self, &clip->record, &clip->more, &clip->error);
        if (!clip->status && clip->more)
            clip->status = copy_texts(clip, &clip->error);
        clip->more = more = clip->more && !clip->status;
        if (more && source->expect)
            source->expect(source->self, clip->record.id);
    }
}

static int copy_rows(const struct import_source *source, const char *id, struct clip_rows *clip,
                     int i, struct valence_error *error)
{
    struct valence_clip_rows rows = {0};
    int status = source->rows_of ? source->rows_of(source->self, id, i, &rows, error)
                                 : source->rows(source->self, i, &rows, error);
    if (status)
        return status;
    size_t bytes;
    float *values = NULL;
    int64_t n = rows.n_rows * source->streams[i].width;
    if (!size_multiply(n, sizeof *values, &bytes) || (bytes > 0 && !(values = malloc(bytes))))
        return fail_memory(error, bytes, "values of a clip");
    if (values)
        memcpy(values, rows.rows, bytes);
    clip->streams[i].n_rows = rows.n_rows;
    clip->streams[i].values = values;
    clip->bytes += bytes;
    return VALENCE_OK;
}

static void let_go(struct clip_rows *clip)
{
    for (int i = 0; i < VALENCE_STORE_MAX_STREAMS; i++) {
        free(clip->streams[i].values);
        clip->streams[i].values = NULL;
    }
    clip->bytes = 0;
}

static bool may_read(const struct read_ahead *ahead)
{
    int64_t waiting = ahead->n_read - ahead->n_taken;
    return waiting == 0 || (waiting < N_READ - 1 && ahead->waiting_bytes < MOST_BYTES);
}

/* Waits until a clip may be read; false if the thread is to end. */
static bool wait_for_room(struct read_ahead *ahead, int64_t *n_read)
{
    pthread_mutex_lock(&ahead->mutex);
    while (!ahead->stop && !may_read(ahead))
        pthread_cond_wait(&ahead->changed, &ahead->mutex);
    bool stop = ahead->stop;
    *n_read = ahead->n_read;
    pthread_mutex_unlock(&ahead->mutex);
    return !stop;
}

static void *read_clips(void *argument)
{
    struct read_ahead *ahead = argument;
    const struct import_source *source = ahead->source;
    int64_t n_read;
    bool more = true;
    while (more && wait_for_room(ahead, &n_read)) {
        read_records(ahead, n_read);
        const struct clip_record *record = &ahead->records[n_read % N_RECORDS];
        struct clip_rows *rows = &ahead->rows[n_read % N_READ];
        more = record->more;
        for (int i = 0; i < source->n_streams && more; i++)
            rows->streams[i].status =
                copy_rows(source, record->record.id, rows, i, &rows->streams[i].error);
        pthread_mutex_lock(&ahead->mutex);
        ahead->n_read++;
        ahead->waiting_bytes += rows->bytes;
        pthread_cond_broadcast(&ahead->changed);
        pthread_mutex_unlock(&ahead->mutex);
    }
    return NULL;
}

/* ---- The reader ---- */

int read_ahead_start(struct import_source *source, struct read_ahead **opened,
                     struct valence_error *error)
{
    *opened = NULL;
    struct read_ahead *ahead = calloc(1, sizeof *ahead);
    if (!ahead)
        return fail_memory(error, sizeof *ahead, "reading ahead");
    ahead->source = source;
    ahead->n_expected = source->rows_of ? N_EXPECTED : 1;
    pthread_mutex_init(&ahead->mutex, NULL);
    pthread_cond_init(&ahead->changed, NULL);
    int number = pthread_create(&ahead->thread, NULL, read_clips, ahead);
    if (number) {
        pthread_cond_destroy(&ahead->changed);
        pthread_mutex_destroy(&ahead->mutex);
        free(ahead);
        return fail_errno(error, number, "cannot start a thread that reads");
    }
    *opened = ahead;
    return VALENCE_OK;
}

void read_ahead_stop(struct read_ahead *ahead)
{
    if (!ahead)
        return;
    pthread_mutex_lock(&ahead->mutex);
    ahead->stop = true;
    pthread_cond_broadcast(&ahead->changed);
    pthread_mutex_unlock(&ahead->mutex);
    pthread_join(ahead->thread, NULL);
    pthread_cond_destroy(&ahead->changed);
    pthread_mutex_destroy(&ahead->mutex);
    for (int i = 0; i < N_RECORDS; i++)
        for (int j = 0; j < N_TEXTS; j++)
            free(ahead->records[i].texts[j]);
    for (int i = 0; i < N_READ; i++)
        let_go(&ahead->rows[i]);
    free(ahead);
}

/* The rows of the clip taken last; before the first, some without. */
static struct clip_rows *current_rows(struct read_ahead *ahead)
{
    return &ahead->rows[(ahead->n_taken + N_READ - 1) % N_READ];
}

static int give_error(const struct valence_error *from, int status, struct valence_error *error)
{
    if (error && status)
        *error = *from;
    return status;
}

int read_ahead_next(struct read_ahead *ahead, struct import_record *record, bool *more,
                    struct valence_error *error)
{
    size_t bytes = current_rows(ahead)->bytes;
    let_go(current_rows(ahead));
    pthread_mutex_lock(&ahead->mutex);
    ahead->waiting_bytes -= bytes;
    ahead->n_taken++;
    pthread_cond_broadcast(&ahead->changed);
    while (ahead->n_read < ahead->n_taken)
        pthread_cond_wait(&ahead->changed, &ahead->mutex);
    pthread_mutex_unlock(&ahead->mutex);
    const struct clip_record *clip = &ahead->records[(ahead->n_taken - 1) % N_RECORDS];
    *record = clip->record;
    *more = clip->more;
    return give_error(&clip->error, clip->status, error);
}

int read_ahead_rows(struct read_ahead *ahead, int stream, struct valence_clip_rows *rows,
                    struct valence_error *error)
{
    const struct clip_rows *clip = current_rows(ahead);
    rows->n_rows = clip->streams[stream].n_rows;
    rows->rows = clip->streams[stream].values;
    return give_error(&clip->streams[stream].error, clip->streams[stream].status, error);
}
