/* The helper, which forks, and the workers, which decode. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/socket.h"
#include "media/confine.h"
#include "media/media_private.h"
#include "media/worker_message.h"
#include "valence/media_worker.h"
#include "valence/version.h"

/* Of a request to a worker. */
#define MAX_REQUEST_BYTES (WORKER_MAX_SEGMENTS * (int64_t)sizeof(struct valence_media_segment))

/* What stops the decoding when it is asked to. */
#define STOPPED 1

/* ---- A worker ---- */

struct worker {
    int socket, file;
    struct worker_request limits;
    struct valence_media *media;
    void *payload; /* of a request */
    int64_t capacity;
};

static bool say(const struct worker *worker, const struct worker_head *head, const void *bytes)
{
    return socket_send(worker->socket, head, sizeof *head) &&
           socket_send(worker->socket, bytes, head->n_bytes);
}

static bool hear(struct worker *worker, struct worker_head *head)
{
    struct valence_error error;
    if (!socket_receive(worker->socket, head, sizeof *head) || head->n_bytes > MAX_REQUEST_BYTES ||
        grow_array(&worker->payload, &worker->capacity, (int64_t)head->n_bytes + 1, 1,
                   MAX_REQUEST_BYTES + 1, "a request", &error) ||
        !socket_receive(worker->socket, worker->payload, head->n_bytes))
        return false;
    ((char *)worker->payload)[head->n_bytes] = '\0';
    return true;
}

static bool say_end(const struct worker *worker, int status, const struct valence_error *error)
{
    struct worker_end end = {0};
    const struct worker_head head = {.kind = WORKER_END, .n_bytes = sizeof end};
    if (status < 0)
        end.error = *error;
    if (worker->media)
        snprintf(end.warning, sizeof end.warning, "%s", worker->media->warning);
    return say(worker, &head, &end);
}

/* Whether the other side wants no more of this; it may also be gone. */
static bool is_to_stop(const struct worker *worker)
{
    struct worker_head head;
    ssize_t n = recv(worker->socket, &head, sizeof head, MSG_DONTWAIT);
    if (n < 0)
        return errno != EAGAIN && errno != EINTR;
    return true; /* nothing but WORKER_STOP comes while it decodes, and that is a head alone */
}

static int give_samples(void *user, const struct valence_media_samples *samples,
                        struct valence_error *error)
{
    const struct worker *worker = user;
    const struct worker_head head = {.kind = WORKER_SAMPLES,
                                     .n_bytes =
                                         (uint32_t)((size_t)samples->n_samples * sizeof(float)),
                                     .integers = {samples->segment, samples->first},
                                     .reals = {samples->time}};
    (void)error;
    return is_to_stop(worker) || !say(worker, &head, samples->samples) ? STOPPED : VALENCE_OK;
}

static int give_picture(void *user, const struct valence_media_picture *picture,
                        struct valence_error *error)
{
    const struct worker *worker = user;
    const struct worker_head head = {
        .kind = WORKER_PICTURE,
        .n_bytes = (uint32_t)(picture->width * picture->height * 3),
        .integers = {picture->segment, picture->index, picture->width, picture->height},
        .reals = {picture->time, picture->source_time}};
    (void)error;
    return is_to_stop(worker) || !say(worker, &head, picture->pixels) ? STOPPED : VALENCE_OK;
}

static int give_progress(void *user, const struct valence_progress_event *event)
{
    const struct worker *worker = user;
    const struct worker_head head = {.kind = WORKER_PROGRESS,
                                     .integers = {event->done, event->total}};
    return is_to_stop(worker) || !say(worker, &head, NULL);
}

static bool decode(struct worker *worker, const struct worker_head *request)
{
    const struct valence_media_sink sink = {request->integers[0] ? give_samples : NULL,
                                            request->integers[1] ? give_picture : NULL, worker};
    const struct valence_progress progress = {give_progress, worker};
    struct valence_error error = {0};
    int64_t n = request->n_bytes / (int64_t)sizeof(struct valence_media_segment);
    int status = valence_media_decode(worker->media, n ? worker->payload : NULL, n, &sink,
                                      &progress, &error);
    return say_end(worker, status, &error);
}

static bool say_opened(const struct worker *worker)
{
    const struct valence_media_info *info = &worker->media->info;
    struct worker_opened opened = {.info = *info};
    const struct worker_head head = {.kind = WORKER_OPENED, .n_bytes = sizeof opened};
    opened.info.format = opened.info.audio_codec = opened.info.video_codec = NULL;
    snprintf(opened.format, sizeof opened.format, "%s", info->format);
    snprintf(opened.audio_codec, sizeof opened.audio_codec, "%s",
             info->audio_codec ? info->audio_codec : "");
    snprintf(opened.video_codec, sizeof opened.video_codec, "%s",
             info->video_codec ? info->video_codec : "");
    snprintf(opened.warning, sizeof opened.warning, "%s", worker->media->warning);
    return say(worker, &head, &opened);
}

/* The first request: options and name. The rights end before the first byte of the file is read. */
static bool open_file(struct worker *worker)
{
    struct worker_head request;
    struct valence_media_options options;
    struct valence_error error = {0};
    if (!hear(worker, &request) || request.kind != WORKER_OPEN || request.n_bytes < sizeof options)
        return false;
    memcpy(&options, worker->payload, sizeof options);
    const char *name = (const char *)worker->payload + sizeof options;
    int status = media_prepare(name, &options, &worker->media, &error);
    if (!status)
        status = media_input_open_descriptor(&worker->media->input, worker->file,
                                             worker->media->name, &error);
    if (!status &&
        !confine_process(worker->limits.max_memory_bytes, worker->limits.max_cpu_seconds))
        status = fail(&error, VALENCE_ERROR_UNSUPPORTED,
                      "%s: the process that should decode it could not be confined", name);
    if (!status)
        status = media_open_prepared(worker->media, &error);
    return status ? say_end(worker, status, &error) && false : say_opened(worker);
}

/* Ends when the other side's socket does. */
static void work(struct worker *worker)
{
    struct worker_head request;
    bool goes_on = open_file(worker);
    while (goes_on && hear(worker, &request))
        goes_on = request.kind != WORKER_DECODE || decode(worker, &request);
}

/* ---- The helper ---- */

/* Ends the workers that have ended. */
static void reap(void)
{
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
}

/* A pidfd of the new worker goes to the other side, so that it can end it; where the kernel has
 * none, the worker's own limits do. The worker is not waited for before, so that its number is its
 * own. */
static bool answer(int32_t number, pid_t process)
{
    int handle = process > 0 ? pidfd_open(process, 0) : -1;
    bool is_sent =
        worker_send_descriptors(STDIN_FILENO, &number, sizeof number, &handle, handle >= 0 ? 1 : 0);
    if (handle >= 0)
        close(handle);
    return is_sent;
}

/* In the new process: only the file and the socket are left, and it ends with the helper. */
static void be_worker(const struct worker_request *limits, pid_t helper, const int descriptors[2])
{
    enum { OWN_SOCKET = STDIN_FILENO, OWN_FILE = STDERR_FILENO + 1 };
    struct worker worker = {.socket = OWN_SOCKET, .file = OWN_FILE, .limits = *limits};
    /* received descriptors are behind the standard streams; the file may stand at the socket's */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() == helper &&
        dup2(descriptors[0], OWN_SOCKET) >= 0 &&
        (descriptors[1] == OWN_FILE || dup2(descriptors[1], OWN_FILE) >= 0) &&
        close_range(OWN_FILE + 1, ~0u, 0) == 0)
        work(&worker);
    _exit(0);
}

static bool hire(const struct worker_request *limits, const int descriptors[2])
{
    pid_t helper = getpid(), process = fork();
    int number = process < 0 ? errno : 0;
    if (process == 0)
        be_worker(limits, helper, descriptors);
    close(descriptors[0]);
    close(descriptors[1]);
    return answer(number, process);
}

static bool say_hello(void)
{
    struct worker_hello hello = {.head_bytes = sizeof(struct worker_head),
                                 .options_bytes = sizeof(struct valence_media_options),
                                 .has_seccomp = confine_has_seccomp(),
                                 .has_landlock = confine_has_landlock()};
    snprintf(hello.version, sizeof hello.version, "%s", valence_version());
    return socket_send(STDIN_FILENO, &hello, sizeof hello);
}

/* It ends with its caller, and by nothing that is sent to a whole group or unit: the caller still
 * finishes its requests then. */
static void ignore_signals(void)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        (void)signal(ignored[i], SIG_IGN);
}

int valence_media_worker_run(void)
{
    struct stat status;
    if (fstat(STDIN_FILENO, &status) != 0 || !S_ISSOCK(status.st_mode))
        return 1;
    ignore_signals();
    bool goes_on = say_hello();
    while (goes_on) {
        struct pollfd ready = {.fd = STDIN_FILENO, .events = POLLIN};
        struct worker_request limits;
        int descriptors[2];
        int n = poll(&ready, 1, 1000); /* and then looks who has ended */
        reap();
        if (n > 0)
            goes_on =
                worker_receive_descriptors(STDIN_FILENO, &limits, sizeof limits, descriptors) &&
                descriptors[0] >= 0 && descriptors[1] >= 0 && hire(&limits, descriptors);
    }
    return 0;
}
