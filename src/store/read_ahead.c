#include "store/read_ahead.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"

#define N_SLOTS    6
#define N_TEXTS    6
#define MOST_BYTES ((size_t)24 << 20) /* of rows that wait, but for one clip of any size */

/* One clip, with copies of all that it brings. */
struct slot {
    struct import_record record;
    char *texts[N_TEXTS];
    bool more;
    int status; /* of next() */
    struct valence_error error;
    size_t bytes;
    struct {
        int64_t n_rows, capacity;
        float *values;
        int status; /* of rows() */
        struct valence_error error;
    } streams[VALENCE_STORE_MAX_STREAMS];
};

/* Slots go round: the thread fills the one at n_read, the reader looks at the one at n_taken - 1. */
struct read_ahead {
    struct import_source *source;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* any of what follows */
    int64_t n_read, n_taken;
    size_t waiting_bytes; /* of slots read and not let go of */
    bool stop;
    struct slot slots[N_SLOTS];
};

/* ---- The thread ------------------------------------------------------------------------------ */

static int copy_texts(struct slot *slot, struct valence_error *error)
{
    struct import_record *record = &slot->record;
    const char **places[N_TEXTS] = {&record->id,       &record->group, &record->transcript,
                                    &record->metadata, &record->split, &record->label};
    for (int i = 0; i < N_TEXTS; i++) {
        free(slot->texts[i]);
        slot->texts[i] = *places[i] ? strdup(*places[i]) : NULL;
        if (*places[i] && !slot->texts[i])
            return fail_memory(error, strlen(*places[i]), "a clip's texts");
        *places[i] = slot->texts[i];
    }
    return VALENCE_OK;
}

static int copy_rows(const struct import_source *source, struct slot *slot, int i,
                     struct valence_error *error)
{
    struct valence_clip_rows rows = {0};
    int status = source->rows(source->self, i, &rows, error);
    if (status)
        return status;
    void *values = slot->streams[i].values;
    int64_t n = rows.n_rows * source->streams[i].width;
    status = grow_array(&values, &slot->streams[i].capacity, n, sizeof *slot->streams[i].values,
                        INT64_MAX, "values of a clip", error);
    slot->streams[i].values = values;
    if (status)
        return status;
    slot->streams[i].n_rows = rows.n_rows;
    slot->bytes += (size_t)n * sizeof *slot->streams[i].values;
    if (n > 0)
        memcpy(slot->streams[i].values, rows.rows, (size_t)n * sizeof *slot->streams[i].values);
    return VALENCE_OK;
}

static void fill(const struct import_source *source, struct slot *slot)
{
    slot->bytes = 0;
    slot->more = false;
    slot->status = source->next(source->self, &slot->record, &slot->more, &slot->error);
    if (!slot->status && slot->more)
        slot->status = copy_texts(slot, &slot->error);
    for (int i = 0; i < source->n_streams && !slot->status && slot->more; i++)
        slot->streams[i].status = copy_rows(source, slot, i, &slot->streams[i].error);
}

static bool may_read(const struct read_ahead *ahead)
{
    int64_t waiting = ahead->n_read - ahead->n_taken;
    return waiting == 0 || (waiting < N_SLOTS - 1 && ahead->waiting_bytes < MOST_BYTES);
}

static void *read_clips(void *argument)
{
    struct read_ahead *ahead = argument;
    bool more = true;
    while (more) {
        pthread_mutex_lock(&ahead->mutex);
        while (!ahead->stop && !may_read(ahead))
            pthread_cond_wait(&ahead->changed, &ahead->mutex);
        bool stop = ahead->stop;
        struct slot *slot = &ahead->slots[ahead->n_read % N_SLOTS];
        pthread_mutex_unlock(&ahead->mutex);
        if (stop)
            break;
        fill(ahead->source, slot);
        more = slot->more && !slot->status;
        pthread_mutex_lock(&ahead->mutex);
        ahead->n_read++;
        ahead->waiting_bytes += slot->bytes;
        pthread_cond_broadcast(&ahead->changed);
        pthread_mutex_unlock(&ahead->mutex);
    }
    return NULL;
}

/* ---- The reader ------------------------------------------------------------------------------ */

int read_ahead_start(struct import_source *source, struct read_ahead **opened,
                     struct valence_error *error)
{
    *opened = NULL;
    struct read_ahead *ahead = calloc(1, sizeof *ahead);
    if (!ahead)
        return fail_memory(error, sizeof *ahead, "reading ahead");
    ahead->source = source;
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
    for (int i = 0; i < N_SLOTS; i++) {
        for (int j = 0; j < N_TEXTS; j++)
            free(ahead->slots[i].texts[j]);
        for (int j = 0; j < VALENCE_STORE_MAX_STREAMS; j++)
            free(ahead->slots[i].streams[j].values);
    }
    free(ahead);
}

/* The clip taken last; none before the first. */
static struct slot *current(struct read_ahead *ahead)
{
    return &ahead->slots[(ahead->n_taken + N_SLOTS - 1) % N_SLOTS];
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
    pthread_mutex_lock(&ahead->mutex);
    ahead->waiting_bytes -= current(ahead)->bytes;
    current(ahead)->bytes = 0;
    ahead->n_taken++;
    pthread_cond_broadcast(&ahead->changed);
    while (ahead->n_read < ahead->n_taken)
        pthread_cond_wait(&ahead->changed, &ahead->mutex);
    pthread_mutex_unlock(&ahead->mutex);
    const struct slot *slot = current(ahead);
    *record = slot->record;
    *more = slot->more;
    return give_error(&slot->error, slot->status, error);
}

int read_ahead_rows(struct read_ahead *ahead, int stream, struct valence_clip_rows *rows,
                    struct valence_error *error)
{
    const struct slot *slot = current(ahead);
    rows->n_rows = slot->streams[stream].n_rows;
    rows->rows = slot->streams[stream].values;
    return give_error(&slot->streams[stream].error, slot->streams[stream].status, error);
}
