#include "data/prefetch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/memory.h"
#include "store/store_shards.h"

#define PIECE_BYTES ((size_t)1 << 20)

/* A file that the pass needs, from its place `first` on. */
struct need {
    int file;
    int64_t first;
};

struct prefetch {
    const struct valence_store *store;
    int64_t window;
    unsigned char *piece; /* what is read goes nowhere: the page cache has it then */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* any of what follows */

    struct need *needs; /* of the pass, by place; room for all files */
    int n_needs;
    bool *is_listed;  /* (files) */
    int n_read;       /* files that were read */
    int n_wanted;     /* files that the places up to the pass's need */
    int64_t place;    /* of the pass */
    atomic_uint pass; /* its number; a change ends the reading of a file */
    bool is_leaving;
};

/* ---- The reading thread ---- */

static void read_file(struct prefetch *p, int number, unsigned pass)
{
    struct store_file file = store_get_file(p->store, number);
    for (int64_t at = 0; at < file.n_bytes && atomic_load(&p->pass) == pass;) {
        ssize_t n = pread(file.descriptor, p->piece, PIECE_BYTES, (off_t)at);
        if (n <= 0)
            return;
        at += n;
    }
}

/* The next file may be read when the pass is in the group before it. */
static bool may_read(const struct prefetch *p)
{
    int64_t group = p->n_read / p->window, before = group > 0 ? group - 1 : 0;
    return p->n_read < p->n_needs && p->place >= p->needs[before * p->window].first;
}

static void *read_files(void *argument)
{
    struct prefetch *p = argument;
    pthread_mutex_lock(&p->mutex);
    for (;;) {
        while (!p->is_leaving && !may_read(p))
            pthread_cond_wait(&p->changed, &p->mutex);
        if (p->is_leaving)
            break;
        int file = p->needs[p->n_read].file;
        unsigned pass = atomic_load(&p->pass);
        pthread_mutex_unlock(&p->mutex);

        read_file(p, file, pass);

        pthread_mutex_lock(&p->mutex);
        if (pass == atomic_load(&p->pass)) {
            p->n_read++;
            pthread_cond_broadcast(&p->changed);
        }
    }
    pthread_mutex_unlock(&p->mutex);
    return NULL;
}

/* ---- The pass's side ---- */

static void release(struct prefetch *p)
{
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->mutex);
    free(p->piece);
    free(p->needs);
    free(p->is_listed);
    free(p);
}

int prefetch_create(const struct valence_store *store, int64_t window, struct prefetch **prefetch,
                    struct valence_error *error)
{
    *prefetch = NULL;
    struct prefetch *made = allocate(1, sizeof *made);
    if (!made)
        return fail_memory(error, sizeof *made, "reading ahead");
    made->store = store;
    made->window = window;
    pthread_mutex_init(&made->mutex, NULL);
    pthread_cond_init(&made->changed, NULL);
    made->piece = malloc(PIECE_BYTES);
    made->needs = allocate(store_n_files(store), sizeof *made->needs);
    made->is_listed = allocate(store_n_files(store), sizeof *made->is_listed);
    bool complete = made->piece && made->needs && made->is_listed;
    int number = complete ? pthread_create(&made->thread, NULL, read_files, made) : 0;
    if (!complete || number) {
        release(made);
        return complete ? fail_errno(error, number, "cannot start the thread that reads ahead")
                        : fail_memory(error, PIECE_BYTES, "reading ahead");
    }
    *prefetch = made;
    return VALENCE_OK;
}

void prefetch_free(struct prefetch *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->mutex);
    p->is_leaving = true;
    atomic_fetch_add(&p->pass, 1);
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->mutex);
    pthread_join(p->thread, NULL);
    release(p);
}

/* With the mutex held. */
static void give_up(struct prefetch *p)
{
    atomic_fetch_add(&p->pass, 1);
    p->n_needs = p->n_read = p->n_wanted = 0;
    p->place = 0;
    pthread_cond_broadcast(&p->changed);
}

void prefetch_stop(struct prefetch *p)
{
    pthread_mutex_lock(&p->mutex);
    give_up(p);
    pthread_mutex_unlock(&p->mutex);
}

void prefetch_start(struct prefetch *p, const int64_t *clips, int64_t n)
{
    pthread_mutex_lock(&p->mutex);
    give_up(p);
    int n_files = store_n_files(p->store);
    for (int f = 0; f < n_files; f++)
        p->is_listed[f] = false;
    for (int64_t i = 0; i < n && p->n_needs < n_files; i++) {
        int file = store_file_of_clip(p->store, clips[i]);
        if (p->is_listed[file])
            continue;
        p->is_listed[file] = true;
        p->needs[p->n_needs++] = (struct need){file, i};
    }
    pthread_mutex_unlock(&p->mutex);
}

void prefetch_reach(struct prefetch *p, int64_t end)
{
    pthread_mutex_lock(&p->mutex);
    unsigned pass = atomic_load(&p->pass);
    p->place = end - 1;
    while (p->n_wanted < p->n_needs && p->needs[p->n_wanted].first < end)
        p->n_wanted++;
    pthread_cond_broadcast(&p->changed);
    while (pass == atomic_load(&p->pass) && p->n_read < p->n_wanted)
        pthread_cond_wait(&p->changed, &p->mutex);
    pthread_mutex_unlock(&p->mutex);
}
