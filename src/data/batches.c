#include "data/batches.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "data/prefetch.h"
#include "store/store_access.h"

/* One of the two batches: the memory behind it, and whose turn it is. */
struct slot {
    struct valence_batch batch;
    int64_t clip_capacity;
    uint64_t *keys;
    float *labels;
    int64_t *offsets[VALENCE_N_STREAMS];
    unsigned char *rows[VALENCE_N_STREAMS];
    int64_t row_capacity[VALENCE_N_STREAMS]; /* bytes */
    bool full;                               /* true: the caller's; false: the reading thread's */
    int status;
    struct valence_error error;
};

struct batch_loader {
    const struct valence_store *store;
    const struct stream_map *map;
    const struct row_filter *filter; /* or NULL */
    struct prefetch *prefetch;       /* or NULL */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* any of what follows */

    /* The pass; `clips` is NULL if there is none or it is over. */
    const int64_t *clips;
    int64_t n_clips;
    int64_t batch_size;
    const int64_t *sizes; /* of the batches, or NULL: batch_size, the last what is left */
    int64_t n_batches;
    int64_t n_read;  /* clips the thread has begun to read */
    int64_t n_begun; /* batches the thread has begun to read */
    int64_t n_given; /* batches the caller has got */

    struct slot slots[2];
    int reading;  /* the slot the thread fills next */
    int giving;   /* the slot the caller gets next, or has where `lent` */
    bool lent;    /* the caller computes with slots[giving] */
    bool busy;    /* the thread is filling slots[reading] */
    bool leaving; /* the thread must end */
};

/* ---- The reading thread ---- */

static int reserve_clips(struct slot *slot, int64_t n, struct valence_error *error)
{
    if (n <= slot->clip_capacity)
        return VALENCE_OK;
    free(slot->keys);
    free(slot->labels);
    slot->clip_capacity = 0;
    slot->keys = allocate(n, sizeof *slot->keys);
    slot->labels = allocate(n, sizeof *slot->labels);
    bool complete = slot->keys && slot->labels;
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        free(slot->offsets[s]);
        slot->offsets[s] = allocate(n + 1, sizeof *slot->offsets[s]);
        complete = complete && slot->offsets[s];
    }
    if (!complete)
        return fail_memory(error, (size_t)n * 64, "a batch's clips");
    slot->clip_capacity = n;
    return VALENCE_OK;
}

/* The old rows are not needed, so a larger buffer need not copy them. */
static int reserve_rows(struct slot *slot, int stream, int64_t n_rows, int64_t row_bytes,
                        struct valence_error *error)
{
    size_t bytes;
    if (!size_multiply(n_rows, row_bytes, &bytes))
        return fail(error, VALENCE_ERROR_LIMIT, "a batch of %lld rows of %s is too large",
                    (long long)n_rows, valence_stream_names[stream]);
    if ((int64_t)bytes <= slot->row_capacity[stream])
        return VALENCE_OK;
    block_free(slot->rows[stream], slot->row_capacity[stream], 1);
    slot->row_capacity[stream] = 0;
    slot->rows[stream] = block_take((int64_t)bytes, 1);
    if (!slot->rows[stream])
        return fail_memory(error, bytes, "a batch's rows (a smaller batch_size or max_rows helps)");
    slot->row_capacity[stream] = (int64_t)bytes;
    return VALENCE_OK;
}

/* Reads one clip's rows to `rows`, and gives how many of them stay in *kept. */
static int read_clip(const struct batch_loader *loader, int64_t clip, int stream, int64_t n_rows,
                     void *rows, int64_t *kept, struct valence_error *error)
{
    int index = loader->map->index[stream];
    *kept = n_rows;
    if (n_rows == 0)
        return VALENCE_OK;
    int status = valence_store_read_rows(loader->store, clip, index, 0, n_rows, rows, error);
    if (!status && loader->filter) {
        const struct valence_store_stream *stored = valence_store_get_stream(loader->store, index);
        *kept = loader->filter->apply(loader->filter->user, clip, (enum valence_stream)stream,
                                      stored->type, stored->width, n_rows, rows);
    }
    return status;
}

static int fill_stream(const struct batch_loader *loader, const int64_t *clips, int64_t n,
                       int stream, struct slot *slot)
{
    struct valence_rows *rows = &slot->batch.streams[stream];
    *rows = (struct valence_rows){0};
    int index = loader->map->index[stream];
    if (index < 0)
        return VALENCE_OK;
    const struct valence_store_stream *stored = valence_store_get_stream(loader->store, index);
    int64_t row_bytes = stored->width * (int64_t)valence_dtype_size(stored->type);
    int64_t *offsets = slot->offsets[stream], first = 0;
    offsets[0] = 0;
    for (int64_t i = 0; i < n; i++)
        offsets[i + 1] = offsets[i] + clip_rows(loader->store, loader->map, clips[i],
                                                (enum valence_stream)stream);
    int status = reserve_rows(slot, stream, offsets[n], row_bytes, &slot->error);
    int64_t filled = 0; /* rows; a filter leaves fewer than there was room for */
    for (int64_t i = 0; i < n && !status; i++) {
        int64_t n_rows = offsets[i + 1] - first, kept;
        first = offsets[i + 1];
        status = read_clip(loader, clips[i], stream, n_rows,
                           slot->rows[stream] + filled * row_bytes, &kept, &slot->error);
        filled += kept;
        offsets[i + 1] = filled;
    }
    *rows = (struct valence_rows){.data = slot->rows[stream],
                                  .type = stored->type,
                                  .width = stored->width,
                                  .offsets = offsets};
    return status;
}

static int fill(const struct batch_loader *loader, const int64_t *clips, int64_t n,
                struct slot *slot)
{
    slot->batch = (struct valence_batch){.n_clips = 0};
    int status = n ? reserve_clips(slot, n, &slot->error) : VALENCE_OK;
    if (status || n == 0)
        return status;
    store_fetch_records(loader->store, clips, n);
    slot->batch = (struct valence_batch){.n_clips = n, .keys = slot->keys, .labels = slot->labels};
    for (int64_t i = 0; i < n; i++) {
        const struct valence_clip *clip = valence_store_clip(loader->store, clips[i]);
        slot->keys[i] = valence_clip_key(clip->id);
        slot->labels[i] = clip->label;
    }
    for (int s = 0; s < VALENCE_N_STREAMS && !status; s++)
        status = fill_stream(loader, clips, n, s, slot);
    return status;
}

static bool can_read(const struct batch_loader *loader)
{
    return loader->n_begun < loader->n_batches && !loader->slots[loader->reading].full;
}

/* Of the batch that the thread reads next. */
static int64_t next_size(const struct batch_loader *loader)
{
    int64_t left = loader->n_clips - loader->n_read;
    if (loader->sizes)
        return loader->sizes[loader->n_begun];
    return left < loader->batch_size ? left : loader->batch_size;
}

static void *read_batches(void *argument)
{
    struct batch_loader *loader = argument;
    pthread_mutex_lock(&loader->mutex);
    for (;;) {
        while (!loader->leaving && !can_read(loader))
            pthread_cond_wait(&loader->changed, &loader->mutex);
        if (loader->leaving)
            break;
        struct slot *slot = &loader->slots[loader->reading];
        const int64_t *clips = loader->clips + loader->n_read;
        int64_t n = next_size(loader);
        loader->n_read += n;
        loader->n_begun++;
        loader->busy = true;
        int64_t end = loader->n_read;
        pthread_mutex_unlock(&loader->mutex);

        if (loader->prefetch)
            prefetch_reach(loader->prefetch, end);
        slot->status = fill(loader, clips, n, slot);

        pthread_mutex_lock(&loader->mutex);
        loader->busy = false;
        slot->full = true;
        loader->reading ^= 1;
        if (slot->status)
            loader->n_batches = loader->n_begun; /* nothing after a failure */
        pthread_cond_broadcast(&loader->changed);
    }
    pthread_mutex_unlock(&loader->mutex);
    return NULL;
}

/* ---- The caller's side ---- */

int batch_loader_create(const struct valence_store *store, const struct stream_map *map,
                        struct batch_loader **loader, struct valence_error *error)
{
    *loader = NULL;
    struct batch_loader *made = allocate(1, sizeof *made);
    if (!made)
        return fail_memory(error, sizeof *made, "a batch loader");
    made->store = store;
    made->map = map;
    pthread_mutex_init(&made->mutex, NULL);
    pthread_cond_init(&made->changed, NULL);
    int number = pthread_create(&made->thread, NULL, read_batches, made);
    if (number) {
        pthread_cond_destroy(&made->changed);
        pthread_mutex_destroy(&made->mutex);
        free(made);
        return fail_errno(error, number, "cannot start the thread that reads batches");
    }
    *loader = made;
    return VALENCE_OK;
}

int batch_loader_read_ahead(struct batch_loader *loader, int64_t window,
                            struct valence_error *error)
{
    return prefetch_create(loader->store, window, &loader->prefetch, error);
}

static void free_slot(struct slot *slot)
{
    free(slot->keys);
    free(slot->labels);
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        free(slot->offsets[s]);
        block_free(slot->rows[s], slot->row_capacity[s], 1);
    }
}

void batch_loader_free(struct batch_loader *loader)
{
    if (!loader)
        return;
    pthread_mutex_lock(&loader->mutex);
    loader->leaving = true;
    if (loader->prefetch)
        prefetch_stop(loader->prefetch); /* the reading thread may wait for it */
    pthread_cond_broadcast(&loader->changed);
    pthread_mutex_unlock(&loader->mutex);
    pthread_join(loader->thread, NULL);
    prefetch_free(loader->prefetch);
    free_slot(&loader->slots[0]);
    free_slot(&loader->slots[1]);
    pthread_cond_destroy(&loader->changed);
    pthread_mutex_destroy(&loader->mutex);
    free(loader);
}

/* With the mutex held: the thread starts no further batch of the pass, and has ended the last. */
static void end_pass(struct batch_loader *loader)
{
    loader->n_batches = loader->n_begun = 0;
    if (loader->prefetch)
        prefetch_stop(loader->prefetch);
    while (loader->busy)
        pthread_cond_wait(&loader->changed, &loader->mutex);
}

void batch_loader_set_filter(struct batch_loader *loader, const struct row_filter *filter)
{
    pthread_mutex_lock(&loader->mutex);
    end_pass(loader);
    loader->n_given = 0;
    loader->filter = filter;
    pthread_mutex_unlock(&loader->mutex);
}

static void start(struct batch_loader *loader, const int64_t *clips, int64_t n, int64_t batch_size,
                  const int64_t *sizes, int64_t n_batches)
{
    pthread_mutex_lock(&loader->mutex);
    end_pass(loader);
    loader->slots[0].full = loader->slots[1].full = false;
    loader->reading = loader->giving = 0;
    loader->lent = false;
    loader->clips = clips;
    loader->batch_size = batch_size;
    loader->sizes = sizes;
    loader->n_read = loader->n_given = 0;
    loader->n_clips = n;
    loader->n_batches = n_batches;
    if (loader->prefetch)
        prefetch_start(loader->prefetch, clips, n);
    pthread_cond_broadcast(&loader->changed);
    pthread_mutex_unlock(&loader->mutex);
}

void batch_loader_start(struct batch_loader *loader, const int64_t *clips, int64_t n,
                        int64_t batch_size)
{
    int64_t size = batch_size < 1 ? 1 : batch_size;
    start(loader, clips, n, size, NULL, n / size + (n % size > 0));
}

void batch_loader_start_sizes(struct batch_loader *loader, const int64_t *clips,
                              const int64_t *sizes, int64_t n_batches)
{
    int64_t n = 0;
    for (int64_t i = 0; i < n_batches; i++)
        n += sizes[i];
    start(loader, clips, n, 1, sizes, n_batches);
}

int batch_loader_next(struct batch_loader *loader, const struct valence_batch **batch,
                      struct valence_error *error)
{
    *batch = NULL;
    int status = VALENCE_OK;
    pthread_mutex_lock(&loader->mutex);
    if (loader->lent) {
        loader->lent = false;
        loader->slots[loader->giving].full = false;
        loader->giving ^= 1;
        pthread_cond_broadcast(&loader->changed);
    }
    if (loader->n_given < loader->n_batches) {
        struct slot *slot = &loader->slots[loader->giving];
        while (!slot->full)
            pthread_cond_wait(&loader->changed, &loader->mutex);
        loader->lent = true;
        status = slot->status;
        if (!status) {
            loader->n_given++;
            *batch = &slot->batch;
        } else {
            loader->n_given = loader->n_batches; /* the pass is over */
            if (error)
                *error = slot->error;
        }
    }
    pthread_mutex_unlock(&loader->mutex);
    return status;
}
