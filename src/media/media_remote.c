#include "media/media_remote.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/memory.h"
#include "base/socket.h"
#include "base/threads.h"
#include "media/media_workers.h"
#include "media/worker_message.h"

#define TICK_MILLISECONDS 100

/* For a worker to stop decoding. */
#define STOP_SECONDS 5

/* What is waited for. */
struct waiting {
    struct valence_media *media;
    const struct valence_progress *progress; /* or NULL; asked at each tick */
    struct valence_progress_event event;     /* the last one */
    double stopped;                          /* when it was told to stop; 0: it was not */
};

/* ---- The worker's beginning and end ---- */

struct media_remote *media_remote_create(const struct valence_media_worker_options *limits)
{
    struct media_remote *remote = allocate(1, sizeof *remote);
    if (remote) {
        remote->limits = *limits;
        remote->socket = remote->process = -1;
    }
    return remote;
}

void media_remote_close(struct media_remote *remote)
{
    if (!remote)
        return;
    if (remote->process >= 0) {
        pidfd_send_signal(remote->process, SIGKILL, NULL, 0);
        close(remote->process);
    }
    if (remote->socket >= 0)
        close(remote->socket); /* which ends a worker that waits for requests */
    free(remote->payload);
    free(remote);
}

/* The file is not decoded further. */
static int lose(struct valence_media *media, struct valence_error *error, const char *why)
{
    struct media_remote *remote = media->remote;
    remote->is_lost = true;
    if (remote->process >= 0)
        pidfd_send_signal(remote->process, SIGKILL, NULL, 0);
    return fail(error, VALENCE_ERROR_FORMAT, "%s: cannot be decoded: %s", media->name, why);
}

static int lose_dead(struct valence_media *media, struct valence_error *error)
{
    return lose(media, error,
                "the process that decoded it broke down, or was ended at its limit of time or "
                "memory");
}

static int lose_liar(struct valence_media *media, struct valence_error *error)
{
    return lose(media, error, "the process that decoded it gave back what cannot be");
}

/* ---- Hearing the worker ---- */

static int tick(struct waiting *waiting, double waited, double since_last,
                struct valence_error *error)
{
    struct valence_media *media = waiting->media;
    struct media_remote *remote = media->remote;
    const struct valence_media_worker_options *limits = &remote->limits;
    remote->waited += since_last;
    if (waited > limits->max_wait_seconds || remote->waited > 2 * limits->max_cpu_seconds)
        return lose(media, error, "its decoder came to no end");
    if (waiting->progress && waiting->progress->report(waiting->progress->user, &waiting->event)) {
        lose(media, NULL, "cancelled");
        return fail(error, VALENCE_ERROR_CANCELLED, "%s: cancelled", media->name);
    }
    return VALENCE_OK;
}

/* All of `n` bytes. The clock runs while bytes come, so that a worker that sends one now and then
 * does not outlive its time. */
static int hear(struct waiting *waiting, void *to, size_t n, struct valence_error *error)
{
    struct valence_media *media = waiting->media;
    int status = VALENCE_OK;
    double begin = seconds_now(), ticked = begin;
    for (size_t done = 0; done < n && !status;) {
        struct pollfd ready = {.fd = media->remote->socket, .events = POLLIN};
        int code = poll(&ready, 1, TICK_MILLISECONDS);
        if (code < 0 && errno != EINTR)
            return lose_dead(media, error);
        double now = seconds_now();
        if (now - ticked >= TICK_MILLISECONDS / 1e3) {
            status = tick(waiting, now - begin, now - ticked, error);
            ticked = now;
        }
        if (code <= 0 || status)
            continue;
        ssize_t got = recv(media->remote->socket, (char *)to + done, n - done, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN))
            status = lose_dead(media, error);
        else if (got > 0)
            done += (size_t)got;
    }
    return status;
}

/* What follows the head, into the remote's payload, which has one zero byte behind it. */
static int hear_payload(struct waiting *waiting, const struct worker_head *head, int64_t n_bytes,
                        struct valence_error *error)
{
    struct media_remote *remote = waiting->media->remote;
    if (head->n_bytes != n_bytes)
        return lose_liar(waiting->media, error);
    int status = grow_array(&remote->payload, &remote->capacity, n_bytes + 1, 1, INT32_MAX,
                            "decoded media", error);
    if (!status)
        status = hear(waiting, remote->payload, (size_t)n_bytes, error);
    if (!status)
        ((char *)remote->payload)[n_bytes] = '\0';
    return status;
}

/* A text of fixed size that may lack its end, or hold anything. */
static void take_text(char *to, const char *from, size_t n)
{
    memcpy(to, from, n);
    to[n - 1] = '\0';
    for (char *at = to; *at; at++)
        *at = (unsigned char)*at < ' ' && *at != '\n' ? ' ' : *at;
}

/* What became of what was asked for. */
static int hear_end(struct waiting *waiting, const struct worker_head *head,
                    struct valence_error *error)
{
    struct valence_media *media = waiting->media;
    struct worker_end end;
    int status = hear_payload(waiting, head, sizeof end, error);
    if (status)
        return status;
    memcpy(&end, media->remote->payload, sizeof end);
    take_text(media->warning, end.warning, sizeof media->warning);
    if (end.error.status == VALENCE_OK)
        return VALENCE_OK;
    if (end.error.status > VALENCE_ERROR_MEMORY || end.error.status < VALENCE_ERROR_DISK_FULL)
        return lose_liar(media, error);
    if (end.error.status == VALENCE_ERROR_MEMORY)
        return fail_key(error, VALENCE_ERROR_LIMIT, "max_memory_bytes",
                        "%s: decoding it takes more than %.0f MiB of memory", media->name,
                        (double)media->remote->limits.max_memory_bytes / (1 << 20));
    if (error) {
        error->status = end.error.status;
        take_text(error->key, end.error.key, sizeof error->key);
        take_text(error->text, end.error.text, sizeof error->text);
    }
    return end.error.status;
}

/* ---- Opening ---- */

static bool ask(const struct media_remote *remote, enum worker_message_kind kind,
                const int64_t integers[2], const void *bytes, size_t n_bytes)
{
    const struct worker_head head = {
        .kind = kind,
        .n_bytes = (uint32_t)n_bytes,
        .integers = {integers ? integers[0] : 0, integers ? integers[1] : 0}};
    return socket_send(remote->socket, &head, sizeof head) &&
           socket_send(remote->socket, bytes, n_bytes);
}

/* Options and name, as one payload. */
static bool ask_to_open(const struct valence_media *media)
{
    struct valence_media_options options = media->options;
    const size_t n = strlen(media->name) + 1;
    const int socket = media->remote->socket;
    const struct worker_head head = {.kind = WORKER_OPEN,
                                     .n_bytes = (uint32_t)(sizeof options + n)};
    options.workers = NULL;
    if (!options.threads)
        options.threads = threads_count() < 4 ? threads_count() : 4;
    return socket_send(socket, &head, sizeof head) &&
           socket_send(socket, &options, sizeof options) && socket_send(socket, media->name, n);
}

static bool is_possible(const struct valence_media_info *info)
{
    const int64_t most = VALENCE_MEDIA_MAX_SIDE;
    return (isnan(info->duration) || (info->duration > -1e9 && info->duration < 1e12)) &&
           info->n_audio_streams >= 0 && info->n_audio_streams <= 256 &&
           info->n_video_streams >= 0 && info->n_video_streams <= 256 &&
           info->original_rate_hz >= 0 && info->original_rate_hz <= 1000000 &&
           info->n_channels >= 0 && info->n_channels <= 64 && info->width >= 0 &&
           info->width <= most && info->height >= 0 && info->height <= most &&
           info->frame_rate >= 0 && info->frame_rate < 1e9 && info->rotation % 90 == 0 &&
           info->rotation >= 0 && info->rotation < 360;
}

static int hear_opened(struct waiting *waiting, const struct worker_head *head,
                       struct valence_error *error)
{
    struct valence_media *media = waiting->media;
    struct media_remote *remote = media->remote;
    struct worker_opened opened;
    int status = hear_payload(waiting, head, sizeof opened, error);
    if (status)
        return status;
    memcpy(&opened, remote->payload, sizeof opened);
    if (!is_possible(&opened.info))
        return lose_liar(media, error);
    take_text(remote->format, opened.format, sizeof remote->format);
    take_text(remote->audio_codec, opened.audio_codec, sizeof remote->audio_codec);
    take_text(remote->video_codec, opened.video_codec, sizeof remote->video_codec);
    take_text(media->warning, opened.warning, sizeof media->warning);
    media->info = opened.info;
    media->info.format = remote->format;
    media->info.audio_codec = *remote->audio_codec ? remote->audio_codec : NULL;
    media->info.video_codec = *remote->video_codec ? remote->video_codec : NULL;
    media->info.n_bytes = media->input.n_bytes;
    return VALENCE_OK;
}

/* A descriptor of what is in memory: of a file in memory. */
static int copy_memory(const struct media_input *input, int *file, struct valence_error *error)
{
    *file = memfd_create("media", MFD_CLOEXEC);
    for (int64_t done = 0; *file >= 0 && done < input->n_bytes;) {
        ssize_t n = pwrite(*file, input->data + done, (size_t)(input->n_bytes - done), done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            close(*file);
            *file = -1;
            break;
        }
        done += n;
    }
    return *file >= 0 ? VALENCE_OK
                      : fail_errno(error, errno, "%s: cannot be handed to a process", input->name);
}

int media_remote_open(struct valence_media *media, struct valence_error *error)
{
    struct waiting waiting = {.media = media};
    struct worker_head head;
    int file = media->input.descriptor, copy = -1;
    struct media_remote *remote =
        media_remote_create(media_workers_options(media->options.workers));
    if (!remote)
        return fail_memory(error, sizeof *remote, "a media file");
    media->remote = remote;
    int status = file < 0 ? copy_memory(&media->input, &copy, error) : VALENCE_OK;
    if (!status)
        status = media_workers_hire(media->options.workers, file < 0 ? copy : file, &remote->socket,
                                    &remote->process, error);
    if (copy >= 0)
        close(copy);
    if (!status && !ask_to_open(media))
        status = lose_dead(media, error);
    if (!status)
        status = hear(&waiting, &head, sizeof head, error);
    if (status)
        return status;
    if (head.kind == WORKER_OPENED)
        return hear_opened(&waiting, &head, error);
    status = head.kind == WORKER_END ? hear_end(&waiting, &head, error) : VALENCE_OK;
    return status ? status : lose_liar(media, error);
}

/* ---- Decoding ---- */

/* What came of a segment so far. */
struct seen {
    int64_t n_samples, n_pictures;
};

struct receiving {
    struct waiting waiting;
    const struct valence_media_sink *sink;
    struct seen *seen;
    int64_t n_segments;
};

/* Samples follow each other, and are no more than the limits let through. */
static int take_samples(struct receiving *receiving, const struct worker_head *head,
                        struct valence_error *error)
{
    struct valence_media *media = receiving->waiting.media;
    const struct valence_media_options *options = &media->options;
    const int64_t segment = head->integers[0], first = head->integers[1];
    const int64_t n = head->n_bytes / (int64_t)sizeof(float);
    const double most = (options->max_seconds + 3) * (double)options->rate_hz;
    if (!receiving->sink->samples || segment < 0 || segment >= receiving->n_segments || n < 1 ||
        head->n_bytes > WORKER_MAX_SAMPLE_BYTES || head->n_bytes % sizeof(float) ||
        first != receiving->seen[segment].n_samples || (double)(first + n) > most ||
        !(fabs(head->reals[0]) < 1e12))
        return lose_liar(media, error);
    int status = hear_payload(&receiving->waiting, head, head->n_bytes, error);
    const float *samples = media->remote->payload;
    for (int64_t i = 0; i < n && !status; i++)
        if (!isfinite(samples[i]))
            status = lose_liar(media, error);
    if (status || receiving->waiting.stopped > 0)
        return status;
    receiving->seen[segment].n_samples += n;
    const struct valence_media_samples piece = {segment, samples, n, first, head->reals[0]};
    return receiving->sink->samples(receiving->sink->user, &piece, error);
}

/* Pictures are counted, and have as many bytes as their size says. */
static int take_picture(struct receiving *receiving, const struct worker_head *head,
                        struct valence_error *error)
{
    struct valence_media *media = receiving->waiting.media;
    const int64_t *numbers = head->integers, segment = numbers[0];
    const int64_t width = numbers[2], height = numbers[3], side = VALENCE_MEDIA_MAX_SIDE;
    if (!receiving->sink->picture || segment < 0 || segment >= receiving->n_segments ||
        numbers[1] != receiving->seen[segment].n_pictures || width < 1 || height < 1 ||
        width > side || height > side || width * height > media->options.max_pixels ||
        !(fabs(head->reals[0]) < 1e12 && fabs(head->reals[1]) < 1e12))
        return lose_liar(media, error);
    int status = hear_payload(&receiving->waiting, head, width * height * 3, error);
    if (status || receiving->waiting.stopped > 0)
        return status;
    receiving->seen[segment].n_pictures++;
    const struct valence_media_picture picture = {
        segment, media->remote->payload, width, height, numbers[1], head->reals[0], head->reals[1]};
    return receiving->sink->picture(receiving->sink->user, &picture, error);
}

static int take_progress(struct receiving *receiving, const struct worker_head *head,
                         struct valence_error *error)
{
    struct waiting *waiting = &receiving->waiting;
    if (head->n_bytes || head->integers[0] < 0 || head->integers[1] < 0)
        return lose_liar(waiting->media, error);
    waiting->event.done = head->integers[0];
    waiting->event.total = head->integers[1];
    if (!waiting->progress || waiting->stopped > 0 ||
        !waiting->progress->report(waiting->progress->user, &waiting->event))
        return VALENCE_OK;
    return fail(error, VALENCE_ERROR_CANCELLED, "%s: cancelled", waiting->media->name);
}

static int drop(struct waiting *waiting, size_t n_bytes)
{
    char bytes[65536];
    int status = VALENCE_OK;
    while (n_bytes > 0 && !status) {
        size_t n = n_bytes < sizeof bytes ? n_bytes : sizeof bytes;
        status = hear(waiting, bytes, n, NULL);
        n_bytes -= n;
    }
    return status;
}

/* Tells the worker to stop, and drops what is still on its way. */
static void stop(struct receiving *receiving)
{
    struct waiting *waiting = &receiving->waiting;
    struct valence_media *media = waiting->media;
    struct worker_head head = {0};
    int status = VALENCE_OK;
    waiting->stopped = seconds_now();
    waiting->progress = NULL;
    if (media->remote->is_lost || !ask(media->remote, WORKER_STOP, NULL, NULL, 0))
        return;
    while (!status && head.kind != WORKER_END) {
        status = hear(waiting, &head, sizeof head, NULL);
        if (!status && seconds_now() - waiting->stopped > STOP_SECONDS)
            status = lose_dead(media, NULL);
        if (!status)
            status = drop(waiting, head.n_bytes);
    }
}

static int receive(struct receiving *receiving, struct valence_error *error)
{
    struct valence_media *media = receiving->waiting.media;
    for (;;) {
        struct worker_head head;
        int status = hear(&receiving->waiting, &head, sizeof head, error);
        if (status)
            return status;
        switch (head.kind) {
        case WORKER_SAMPLES:
            status = take_samples(receiving, &head, error);
            break;
        case WORKER_PICTURE:
            status = take_picture(receiving, &head, error);
            break;
        case WORKER_PROGRESS:
            status = take_progress(receiving, &head, error);
            break;
        case WORKER_END:
            return hear_end(&receiving->waiting, &head, error);
        default:
            status = lose_liar(media, error);
        }
        if (status) {
            stop(receiving);
            return status;
        }
    }
}

int media_remote_decode(struct valence_media *media, const struct valence_media_segment *segments,
                        int64_t n_segments, const struct valence_media_sink *sink,
                        const struct valence_progress *progress, struct valence_error *error)
{
    const int64_t n = segments && n_segments > 0 ? n_segments : 0;
    const int64_t wants[2] = {sink->samples != NULL, sink->picture != NULL};
    struct receiving receiving = {
        .waiting = {media, progress, {"decoding", 0, 0, "seconds", NULL}, 0},
        .sink = sink,
        .n_segments = n ? n : 1};
    if (n > WORKER_MAX_SEGMENTS)
        return fail(error, VALENCE_ERROR_LIMIT, "%s: more than %d segments are to be decoded",
                    media->name, WORKER_MAX_SEGMENTS);
    if (media->remote->is_lost)
        return lose_dead(media, error);
    receiving.seen = allocate(receiving.n_segments, sizeof *receiving.seen);
    if (!receiving.seen)
        return fail_memory(error, (size_t)receiving.n_segments * sizeof *receiving.seen,
                           "segments");
    media->remote->waited = 0;
    int status = ask(media->remote, WORKER_DECODE, wants, segments, (size_t)n * sizeof *segments)
                     ? receive(&receiving, error)
                     : lose_dead(media, error);
    free(receiving.seen);
    return status;
}
