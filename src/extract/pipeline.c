#include "extract/pipeline.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/threads.h"

/* A lane may be so many clips ahead of what was taken. One that had to wait goes on when the other
 * has caught up, so that in between the other has all threads. */
#define AHEAD 4

#define POLL_NANOSECONDS 100000000

enum lane { SOUND, PICTURES, N_LANES };

struct slot {
    struct heard heard;
    struct seen_clip seen;
    int status[N_LANES];
    struct valence_error error[N_LANES];
};

struct pipeline {
    struct valence_extractor *extractor;
    const struct plan *plan;
    const int64_t *todo;
    int64_t n, n_taken;
    int n_threads;
    struct slot slots[AHEAD];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int64_t n_done[N_LANES];  /* clips that the lane is through with */
    bool is_waiting[N_LANES]; /* for the other lane */
    bool has_lane[N_LANES], is_running[N_LANES];
    pthread_t threads[N_LANES];
    atomic_bool is_cancelled;
};

static struct valence_clip_input input_of(const struct planned_clip *clip,
                                          struct valence_media_segment *range)
{
    *range = (struct valence_media_segment){clip->start, clip->end};
    return (struct valence_clip_input){.path = clip->path,
                                       .range = clip->has_range ? range : NULL,
                                       .transcript = clip->transcript};
}

static int is_cancelled(void *user, const struct valence_progress_event *event)
{
    (void)event;
    return atomic_load(&((struct pipeline *)user)->is_cancelled);
}

/* ---- Lanes ---- */

/* Waits until there is room for the lane's next clip, and says how many threads it has. Sound
 * always has all of them: its rows depend on their number in the last bits, and must not depend on
 * how far the other lane has come. Pictures, whose rows do not, have half, at a lower priority, and
 * all while the sound waits. False where the lane is to end. */
static bool may_begin(struct pipeline *p, enum lane lane)
{
    enum lane other = lane == SOUND ? PICTURES : SOUND;
    pthread_mutex_lock(&p->lock);
    if (p->n_done[lane] - p->n_taken >= AHEAD) {
        p->is_waiting[lane] = true;
        while (!atomic_load(&p->is_cancelled) && p->n_done[lane] > p->n_taken)
            pthread_cond_wait(&p->changed, &p->lock);
        p->is_waiting[lane] = false;
    }
    bool goes_on = !atomic_load(&p->is_cancelled) && p->n_done[lane] < p->n;
    bool is_alone = !p->has_lane[other] || p->is_waiting[other] || p->n_done[other] == p->n;
    pthread_mutex_unlock(&p->lock);
    threads_set(lane == SOUND || is_alone ? p->n_threads : picture_threads(p->n_threads));
    return goes_on;
}

static void run_clip(struct pipeline *p, enum lane lane, int64_t index)
{
    const struct planned_clip *clip = &p->plan->clips[p->todo[index]];
    struct slot *slot = &p->slots[index % AHEAD];
    struct valence_media_segment range;
    struct valence_clip_input input = input_of(clip, &range);
    struct valence_progress progress = {is_cancelled, p};
    if (clip->problem)
        slot->status[lane] = fail(&slot->error[lane], clip->problem_status, "%s", clip->problem);
    else if (lane == SOUND)
        slot->status[lane] = sound_lane_run(&p->extractor->sound, &input, &progress, &slot->heard,
                                            &slot->error[lane]);
    else
        slot->status[lane] = picture_lane_run(&p->extractor->pictures, &input, &progress,
                                              &slot->seen, &slot->error[lane]);
}

static void run_lane(struct pipeline *p, enum lane lane)
{
    while (may_begin(p, lane)) {
        run_clip(p, lane, p->n_done[lane]);
        pthread_mutex_lock(&p->lock);
        p->n_done[lane]++;
        pthread_cond_broadcast(&p->changed);
        pthread_mutex_unlock(&p->lock);
    }
}

static void *run_sound(void *user)
{
    run_lane(user, SOUND);
    return NULL;
}

static void *run_pictures(void *user)
{
    picture_thread_begin();
    run_lane(user, PICTURES);
    return NULL;
}

/* Where there is one thread, it goes through one lane after the other. */
static void *run_alone(void *user)
{
    struct pipeline *p = user;
    while (may_begin(p, SOUND)) {
        for (int lane = 0; lane < N_LANES; lane++)
            if (p->n_done[lane] < p->n)
                run_clip(p, (enum lane)lane, p->n_done[SOUND]);
        pthread_mutex_lock(&p->lock);
        p->n_done[SOUND]++;
        if (p->n_done[PICTURES] < p->n)
            p->n_done[PICTURES]++;
        pthread_cond_broadcast(&p->changed);
        pthread_mutex_unlock(&p->lock);
    }
    return NULL;
}

/* ---- Its life ---- */

int pipeline_start(struct valence_extractor *extractor, const struct plan *plan,
                   const int64_t *todo, int64_t n, struct pipeline **pipeline,
                   struct valence_error *error)
{
    struct pipeline *p = allocate(1, sizeof *p);
    *pipeline = NULL;
    if (!p)
        return fail_memory(error, sizeof *p, "the work on clips");
    p->extractor = extractor;
    p->plan = plan;
    p->todo = todo;
    p->n = n;
    p->n_threads = threads_count();
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    p->has_lane[PICTURES] = extractor->pictures.encoder != VALENCE_PICTURES_NONE;
    p->n_done[PICTURES] = p->has_lane[PICTURES] ? 0 : n;
    p->has_lane[SOUND] = true;
    bool is_single = p->n_threads < 2;
    int code = pthread_create(&p->threads[SOUND], NULL, is_single ? run_alone : run_sound, p);
    p->is_running[SOUND] = !code;
    if (!code && p->has_lane[PICTURES] && !is_single) {
        code = pthread_create(&p->threads[PICTURES], NULL, run_pictures, p);
        p->is_running[PICTURES] = !code;
    }
    if (code) {
        pipeline_stop(p);
        return fail_errno(error, code, "cannot start a thread");
    }
    *pipeline = p;
    return VALENCE_OK;
}

void pipeline_stop(struct pipeline *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    atomic_store(&p->is_cancelled, true);
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    for (int lane = 0; lane < N_LANES; lane++)
        if (p->is_running[lane])
            pthread_join(p->threads[lane], NULL);
    for (int i = 0; i < AHEAD; i++) {
        heard_free(&p->slots[i].heard);
        seen_clip_free(&p->slots[i].seen);
    }
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->changed);
    free(p);
}

/* ---- Taking ---- */

static int wait_for_clip(struct pipeline *p, const struct valence_progress *progress,
                         const struct valence_progress_event *event, struct valence_error *error)
{
    int status = VALENCE_OK;
    for (;;) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += POLL_NANOSECONDS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_mutex_lock(&p->lock);
        int code = 0;
        while (!code && (p->n_done[SOUND] <= p->n_taken || p->n_done[PICTURES] <= p->n_taken))
            code = pthread_cond_timedwait(&p->changed, &p->lock, &until);
        bool is_there = p->n_done[SOUND] > p->n_taken && p->n_done[PICTURES] > p->n_taken;
        pthread_mutex_unlock(&p->lock);
        if (progress && progress->report(progress->user, event))
            status = fail(error, VALENCE_ERROR_CANCELLED, "cancelled");
        if (status || is_there)
            return status;
    }
}

int pipeline_take(struct pipeline *p, const struct valence_progress *progress,
                  const struct valence_progress_event *event, struct pipeline_result *result,
                  struct valence_error *error)
{
    *result = (struct pipeline_result){0};
    int status = wait_for_clip(p, progress, event, error);
    if (status)
        return status;
    const struct planned_clip *clip = &p->plan->clips[p->todo[p->n_taken]];
    struct slot *slot = &p->slots[p->n_taken % AHEAD];
    struct valence_media_segment range;
    struct valence_clip_input input = input_of(clip, &range);
    int failed = slot->status[SOUND] ? SOUND : PICTURES;
    result->status = slot->status[failed];
    result->error = slot->error[failed];
    if (!result->status) {
        result->status = extracted_make(p->extractor, &input, &slot->heard, &slot->seen,
                                        &result->extracted, &result->error);
    } else {
        heard_free(&slot->heard);
        seen_clip_free(&slot->seen);
    }
    pthread_mutex_lock(&p->lock);
    *slot = (struct slot){0};
    p->n_taken++;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
    return VALENCE_OK;
}
