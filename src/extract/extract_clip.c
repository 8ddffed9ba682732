/* One clip: its sound and its pictures at the same time. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/threads.h"
#include "extract/extractor.h"

#define POLL_NANOSECONDS 50000000

/* The pictures of a clip on a thread of their own. */
struct picture_job {
    struct picture_lane *lane;
    const struct valence_clip_input *input;
    struct seen_clip seen;
    struct valence_error error;
    int status, n_threads;
    atomic_bool is_cancelled, is_done;
};

static int is_cancelled(void *user, const struct valence_progress_event *event)
{
    (void)event;
    return atomic_load(&((struct picture_job *)user)->is_cancelled);
}

static void *see(void *user)
{
    struct picture_job *job = user;
    struct valence_progress progress = {is_cancelled, job};
    threads_set(picture_threads(job->n_threads));
    picture_thread_begin();
    job->status = picture_lane_run(job->lane, job->input, &progress, &job->seen, &job->error);
    atomic_store(&job->is_done, true);
    return NULL;
}

/* Waits for the pictures, and asks the caller now and then whether to go on. */
static int wait_for(struct picture_job *job, pthread_t thread, int status,
                    const struct valence_progress *progress, struct valence_error *error)
{
    const struct timespec pause = {0, POLL_NANOSECONDS};
    const struct valence_progress_event event = {"faces", 0, 0, "pictures", NULL};
    atomic_store(&job->is_cancelled, status != VALENCE_OK);
    while (!status && progress && !atomic_load(&job->is_done)) {
        if (progress->report(progress->user, &event)) {
            atomic_store(&job->is_cancelled, true);
            status = fail(error, VALENCE_ERROR_CANCELLED, "cancelled");
        }
        nanosleep(&pause, NULL);
    }
    pthread_join(thread, NULL);
    if (!status && job->status && error)
        *error = job->error;
    return status ? status : job->status;
}

static int run_both(struct valence_extractor *extractor, const struct valence_clip_input *input,
                    const struct valence_progress *progress, struct heard *heard,
                    struct seen_clip *seen, struct valence_error *error)
{
    struct picture_job job = {.lane = &extractor->pictures, .input = input};
    int n_threads = threads_count();
    pthread_t thread;
    job.n_threads = n_threads;
    if (n_threads < 2 || pthread_create(&thread, NULL, see, &job) != 0) {
        int status = sound_lane_run(&extractor->sound, input, progress, heard, error);
        return status ? status
                      : picture_lane_run(&extractor->pictures, input, progress, seen, error);
    }
    int status = sound_lane_run(&extractor->sound, input, progress, heard, error);
    status = wait_for(&job, thread, status, progress, error);
    *seen = job.seen;
    return status;
}

/* ---- What can be decoded once only ---- */

struct sinks {
    struct sound_buffer *sound;
    struct picture_buffer *pictures;
};

static int add_samples(void *user, const struct valence_media_samples *piece,
                       struct valence_error *error)
{
    return sound_buffer_add(((struct sinks *)user)->sound, piece, error);
}

static int take_picture(void *user, const struct valence_media_picture *picture,
                        struct valence_error *error)
{
    return picture_buffer_take(((struct sinks *)user)->pictures, picture, error);
}

/* Decodes what the file has of what is wanted: its sound is kept, while its pictures go to the
 * detector. */
static int decode(struct valence_extractor *extractor, const struct valence_clip_input *input,
                  const struct valence_progress *progress, struct sound_buffer *sound,
                  struct seen_clip *seen, struct valence_error *error)
{
    const struct valence_media_info *info = valence_media_get_info(input->media);
    struct picture_buffer pictures = {0};
    bool hears = info->n_audio_streams > 0 && sound_lane_listens(&extractor->sound);
    bool sees = info->n_video_streams > 0 && extractor->pictures.encoder != VALENCE_PICTURES_NONE;
    struct sinks both = {sound, &pictures};
    const struct valence_media_sink sink = {hears ? add_samples : NULL, sees ? take_picture : NULL,
                                            &both};
    int status = check_duration(info, input, extractor->sound.max_seconds, error);
    if (!status && sees)
        status = picture_buffer_begin(&pictures, &extractor->pictures, input, seen, error);
    if (!status && (hears || sees))
        status = valence_media_decode(input->media, input->range, input->range ? 1 : 0, &sink,
                                      progress, error);
    return sees && pictures.seen ? picture_buffer_end(&pictures, status, error) : status;
}

static int run_media(struct valence_extractor *extractor, const struct valence_clip_input *input,
                     const struct valence_progress *progress, struct heard *heard,
                     struct seen_clip *seen, struct valence_error *error)
{
    struct sound_buffer sound = {.max_seconds = extractor->sound.max_seconds,
                                 .max_bytes = extractor->sound.media.max_bytes,
                                 .name = input_name(input)};
    struct valence_media_segment range = {0};
    struct valence_clip_input kept = {
        .range = &range, .transcript = input->transcript, .is_silent = input->is_silent};
    int status = decode(extractor, input, progress, &sound, seen, error);
    kept.samples = sound.samples;
    kept.n_samples = sound.n;
    range.start = sound.begin;
    if (!status)
        status = sound_lane_run(&extractor->sound, &kept, progress, heard, error);
    const char *warning = status ? "" : valence_media_warning(input->media);
    if (*warning && !(heard->warning = strdup(warning)))
        status = fail_memory(error, strlen(warning), "a warning");
    free(sound.samples);
    return status;
}

/* ---- A clip ---- */

static int check_input(const struct valence_clip_input *input, struct valence_error *error)
{
    int n = (input->path != NULL) + (input->media != NULL) + (input->samples || input->pixels);
    if (n > 1 || (input->samples && input->n_samples < 0) ||
        (input->pixels && (input->n_pictures < 0 || !input->times)))
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "a clip comes from a file, from opened media or from memory");
    return VALENCE_OK;
}

int valence_extract_clip(struct valence_extractor *extractor,
                         const struct valence_clip_input *input,
                         const struct valence_progress *progress,
                         struct valence_extracted **extracted, struct valence_error *error)
{
    struct heard heard = {0};
    struct seen_clip seen = {0};
    *extracted = NULL;
    int status = check_input(input, error);
    bool is_seen =
        extractor->pictures.encoder != VALENCE_PICTURES_NONE && (input->path || input->pixels);
    if (status)
        return status;
    if (input->media)
        status = run_media(extractor, input, progress, &heard, &seen, error);
    else if (is_seen)
        status = run_both(extractor, input, progress, &heard, &seen, error);
    else
        status = sound_lane_run(&extractor->sound, input, progress, &heard, error);
    if (!status)
        return extracted_make(extractor, input, &heard, &seen, extracted, error);
    heard_free(&heard);
    seen_clip_free(&seen);
    return status;
}
