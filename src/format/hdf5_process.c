#include "format/hdf5_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/socket.h"
#include "base/text.h"
#include "format/hdf5_reader.h"

#define MORE_MEMORY ((rlim_t)3 << 30)
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#define CPU_SECONDS 2
#else
#define CPU_SECONDS 30
#endif
#define MAX_NAME_BYTES (1 << 20)
/* In the child, behind the three standard streams. */
#define OWN_SOCKET 3
#define OWN_FILE   4

/* ---- The child ---- */

static bool send_error(const struct valence_error *error)
{
    size_t bytes = strlen(error->text) + 1;
    struct hdf5_answer answer = {.status = error->status, .bytes = bytes};
    return socket_send(OWN_SOCKET, &answer, sizeof answer) &&
           socket_send(OWN_SOCKET, error->text, bytes);
}

static bool send_texts(struct hdf5_answer *answer, char *const *texts, int64_t n)
{
    answer->n = n;
    for (int64_t i = 0; i < n; i++)
        answer->bytes += strlen(texts[i]) + 1;
    bool sent = socket_send(OWN_SOCKET, answer, sizeof *answer);
    for (int64_t i = 0; i < n && sent; i++)
        sent = socket_send(OWN_SOCKET, texts[i], strlen(texts[i]) + 1);
    return sent;
}

static bool answer_list(const struct hdf5_reader *reader, const struct hdf5_path *path)
{
    struct valence_error error;
    struct hdf5_names names;
    struct hdf5_answer answer = {.is_text = 1};
    bool sent = hdf5_reader_list(reader, path, &names, &error)
                    ? send_error(&error)
                    : send_texts(&answer, names.names, names.n);
    hdf5_names_free(&names);
    return sent;
}

static bool answer_read(const struct hdf5_reader *reader, const struct hdf5_path *path,
                        uint64_t maximum)
{
    struct valence_error error;
    struct hdf5_dataset dataset;
    bool sent;
    if (hdf5_reader_read(reader, path, (size_t)maximum, &dataset, &error))
        sent = send_error(&error);
    else {
        struct hdf5_answer answer = {.is_text = dataset.is_text,
                                     .type = (int32_t)dataset.type,
                                     .n_dims = dataset.n_dims,
                                     .n = dataset.count};
        memcpy(answer.shape, dataset.shape, sizeof answer.shape);
        if (!dataset.is_text)
            answer.bytes = (uint64_t)dataset.count * element_type_size(dataset.type);
        sent = dataset.is_text ? send_texts(&answer, dataset.texts, dataset.count)
                               : socket_send(OWN_SOCKET, &answer, sizeof answer) &&
                                     socket_send(OWN_SOCKET, dataset.data, (size_t)answer.bytes);
    }
    hdf5_dataset_free(&dataset);
    return sent;
}

/* So much processor time from now on. */
static void limit_time(void)
{
    struct rlimit limit;
    struct rusage used;
    if (getrlimit(RLIMIT_CPU, &limit) != 0 || getrusage(RUSAGE_SELF, &used) != 0)
        return;
    rlim_t end = (rlim_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec + 1) + CPU_SECONDS;
    limit.rlim_cur = end < limit.rlim_max ? end : limit.rlim_max;
    (void)setrlimit(RLIMIT_CPU, &limit);
}

static bool serve_request(const struct hdf5_reader *reader)
{
    struct hdf5_request request;
    struct hdf5_path path = {0};
    if (!socket_receive(OWN_SOCKET, &request, sizeof request) || request.depth > HDF5_MAX_DEPTH ||
        request.name_bytes > MAX_NAME_BYTES)
        return false;
    char *names = malloc((size_t)request.name_bytes + 1), *at = names;
    if (!names || !socket_receive(OWN_SOCKET, names, (size_t)request.name_bytes))
        return false;
    for (; path.depth < request.depth; at += strlen(at) + 1)
        path.names[path.depth++] = at;
    limit_time();
    bool served = request.operation == HDF5_LIST ? answer_list(reader, &path)
                                                 : answer_read(reader, &path, request.maximum);
    free(names);
    return served;
}

/* The memory that the process has, and some more; no cores, no output, no signals of a terminal, no
 * files and handlers of the parent. */
static void confine(int socket, int file)
{
    static const int deadly[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGXCPU};
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
    for (size_t i = 0; i < sizeof deadly / sizeof *deadly; i++)
        (void)signal(deadly[i], SIG_DFL);
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        (void)signal(ignored[i], SIG_IGN);
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    int away = open("/dev/null", O_RDWR);
    for (int i = 0; i < OWN_SOCKET; i++)
        (void)dup2(away, i);
    int moved = fcntl(file, F_DUPFD, OWN_FILE + 1); /* it may stand where the socket is to be */
    (void)dup2(socket, OWN_SOCKET);
    if (moved >= 0)
        (void)dup2(moved, OWN_FILE);
    (void)close_range((moved >= 0 ? OWN_FILE : OWN_SOCKET) + 1, ~0u, 0);
    struct rlimit limit = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &limit);
    unsigned long long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "re");
    bool known = statm && fscanf(statm, "%llu", &pages) == 1;
    if (statm)
        fclose(statm);
    if (known && getrlimit(RLIMIT_AS, &limit) == 0) {
        rlim_t most = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + MORE_MEMORY;
        limit.rlim_cur = most < limit.rlim_max ? most : limit.rlim_max;
        (void)setrlimit(RLIMIT_AS, &limit);
    }
}

static void run_child(const struct byte_source *source, int socket)
{
    struct hdf5_reader *reader;
    struct valence_error error;
    struct hdf5_answer fine = {0};
    confine(socket, source->file);
    limit_time();
    bool serving = hdf5_reader_open(source, "/proc/self/fd/" STRING_OF(OWN_FILE), &reader, &error)
                       ? send_error(&error)
                       : socket_send(OWN_SOCKET, &fine, sizeof fine);
    while (serving)
        serving = serve_request(reader);
}

/* ---- The parent ---- */

int hdf5_process_begin(const struct byte_source *source, long *process, int *socket,
                       struct valence_error *error)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return fail_errno(error, errno, "%s: no connection to the process that reads it",
                          source->name);
    pid_t child = fork();
    if (child == 0) {
        run_child(source, pair[1]);
        kill(getpid(), SIGKILL); /* none of the parent's handlers run at its end */
    }
    int number = errno;
    close(pair[1]);
    if (child < 0) {
        close(pair[0]);
        return fail_errno(error, number, "%s: no process to read it in", source->name);
    }
    *process = child;
    *socket = pair[0];
    return VALENCE_OK;
}

void hdf5_process_end(long process, int socket)
{
    close(socket);
    (void)kill((pid_t)process, SIGKILL);
    while (waitpid((pid_t)process, NULL, 0) < 0 && errno == EINTR)
        ;
}
