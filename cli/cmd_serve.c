/* valence serve: scores over HTTP. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "choices.h"
#include "commands.h"
#include "model_cache.h"
#include "score_request.h"
#include "shared_options.h"
#include "terminal.h"
#include "valence/error.h"

struct serve_request {
    struct score_request score; /* the model, its encoders and their settings */
    const char *host, *api_key, *key_file, *origin, *folder, *jobs;
    int64_t port, max_jobs, max_body_mib, queue, connections, per_minute;
    double job_seconds, keep_jobs, job_wait, receive_seconds, request_seconds, grace;
    bool insecure, metrics, no_log;
};

#ifdef VALENCE_WITH_ENCODERS
#include "valence/media.h"
#include "valence/models.h"
#include "valence/runtime.h"
#include "valence/scorer.h"
#include "valence/serve.h"
#include "valence/text.h"

/* ---- What it is told ---- */

static void print_line(void *user, const char *line)
{
    (void)user;
    flockfile(stdout); /* a line is written in one piece */
    puts(line);
    fflush(stdout);
    funlockfile(stdout);
}

static void print_warning(void *user, enum valence_log_level level, const char *text)
{
    (void)user;
    if (level != VALENCE_LOG_WARNING)
        return;
    flockfile(stderr);
    fputs("valence serve: ", stderr);
    print_clean(stderr, text);
    fputc('\n', stderr);
    funlockfile(stderr);
}

/* The first line of the file, without blanks at its end. */
static int read_key(const char *path, char key[256], struct valence_error *error)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return valence_fail(error, VALENCE_ERROR_IO, NULL, "%s: %s", path, strerror(errno));
    size_t n = fgets(key, 256, file) ? strlen(key) : 0;
    const bool is_whole = n < 255 || key[n - 1] == '\n';
    fclose(file);
    while (n > 0 && strchr(" \t\r\n", key[n - 1]))
        n--;
    key[n] = '\0';
    if (!is_whole)
        return valence_fail(error, VALENCE_ERROR_DATA, NULL,
                            "%s: the key has more than 254 characters", path);
    return *key ? VALENCE_OK
                : valence_fail(error, VALENCE_ERROR_DATA, NULL, "%s: the file holds no key", path);
}

static int read_options(const struct serve_request *request, char key[256],
                        struct valence_server_options *options, struct valence_error *error)
{
    /* This program, as main() knows it, even if another version replaces it meanwhile. */
    static const char *const decoder[] = {"/proc/self/exe", "decode-media", NULL};
    valence_server_options_default(options);
    options->decoder = decoder;
    options->address = request->host ? request->host : options->address;
    options->port = (int)request->port;
    options->api_key = request->api_key;
    options->insecure = request->insecure;
    options->origin = request->origin;
    options->metrics = request->metrics;
    options->model = request->score.run ? NULL : "valence-text-en";
    options->folder = request->folder ? request->folder : options->folder;
    options->job_folder = request->jobs;
    options->job_seconds = request->job_seconds;
    options->job_keep_seconds = request->keep_jobs;
    options->job_wait_seconds = request->job_wait;
    options->max_jobs = (int)request->max_jobs;
    options->max_body_bytes = request->max_body_mib << 20;
    options->max_connections = (int)request->connections;
    options->max_queue = (int)request->queue;
    options->requests_per_minute = (int)request->per_minute;
    options->receive_seconds = request->receive_seconds;
    options->request_seconds = request->request_seconds;
    options->threads = (int)request->score.threads;
    options->log = request->no_log ? NULL : print_line;
    if (!request->key_file)
        return VALENCE_OK;
    options->api_key = key;
    return read_key(request->key_file, key, error);
}

/* ---- Running ---- */

/* A socket for each connection, a file for each upload. */
static void raise_file_limit(int64_t connections)
{
    struct rlimit limit;
    const rlim_t wanted = (rlim_t)(2 * connections + 256);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static int wait_for_signal(const sigset_t *signals, double seconds)
{
    const struct timespec time = {(time_t)seconds,
                                  (long)((seconds - (double)(time_t)seconds) * 1e9)};
    return sigtimedwait(signals, NULL, &time);
}

/* Until the model is there, or a signal ends the waiting. */
static int wait_for_model(struct valence_server *server, const sigset_t *signals, int *signal,
                          struct valence_error *error)
{
    int status;
    while ((status = valence_server_wait(server, 0.1, error)) == VALENCE_ERROR_BUSY) {
        *signal = wait_for_signal(signals, 0);
        if (*signal == SIGINT || *signal == SIGTERM)
            return VALENCE_OK;
    }
    return status;
}

static int run_server(struct valence_server *server, const struct serve_request *request,
                      const sigset_t *signals, struct valence_error *error)
{
    int signal = 0;
    int status = wait_for_model(server, signals, &signal, error);
    if (!status && signal != SIGINT && signal != SIGTERM && !request->score.quiet)
        fprintf(stderr, "valence serve: ready\n");
    while (!status && signal != SIGINT && signal != SIGTERM) {
        signal = wait_for_signal(signals, 3600);
        if (signal == SIGHUP)
            valence_server_reload(server);
    }
    if (!status && !request->score.quiet)
        fprintf(stderr, "valence serve: stopping\n");
    valence_server_stop(server, status ? 0 : request->grace);
    return status;
}

static void announce(const struct serve_request *request, const struct valence_server *server)
{
    const char *host = request->host ? request->host : "127.0.0.1";
    const bool is_v6 = strchr(host, ':') != NULL;
    if (!request->score.quiet)
        fprintf(stderr, "valence serve: http://%s%s%s:%d\n", is_v6 ? "[" : "", host,
                is_v6 ? "]" : "", valence_server_port(server));
}

static int serve(struct serve_request *request)
{
    struct valence_media_options media = media_options_of(&request->score.limits);
    struct valence_server_options options;
    struct valence_server *server = NULL;
    struct valence_error error;
    char key[256];
    sigset_t signals;
    /* The server's threads inherit the mask: signals come to this one alone. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    raise_file_limit(request->connections);
    int status = read_options(request, key, &options, &error);
    if (!status)
        status = score_serve(&request->score, &media, &options, &server, &error);
    if (!status) {
        announce(request, server);
        status = run_server(server, request, &signals, &error);
    }
    valence_server_free(server);
    return status ? report_error(&error) : EXIT_FINE;
}
#else
static int serve(struct serve_request *request)
{
    struct valence_error error;
    (void)request;
    valence_fail(&error, VALENCE_ERROR_UNSUPPORTED, NULL,
                 "this build cannot serve (configure with -DVALENCE_ENCODERS=ON)");
    return report_error(&error);
}
#endif

/* ---- Options ---- */

static int run_serve(const struct command *command, int argc, char **argv)
{
    struct serve_request request = {.score = {.level = CHOICE_LEVEL, .no_journal = true},
                                    .port = 8080,
                                    .max_jobs = 100,
                                    .job_seconds = 60,
                                    .keep_jobs = 3600,
                                    .job_wait = 86400,
                                    .max_body_mib = 64,
                                    .queue = 64,
                                    .connections = 1000,
                                    .receive_seconds = 30,
                                    .request_seconds = 300,
                                    .grace = 30};
    struct score_request *score = &request.score;
    int n, code = EXIT_FAILED;
#ifdef VALENCE_WITH_ENCODERS
    score->limits = media_limits_default();
    score->limits.max_seconds = 600;
    valence_set_log(print_warning, NULL); /* before --verbose, which shows more */
#endif
    const struct option options[] = {
        SCORING_MODEL_OPTION(score),
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Who is served", 0, 0},
        {OPTION_TEXT, 0, "host", &request.host, "ADDRESS",
         "Where to listen (default: 127.0.0.1, this machine alone). Elsewhere a key is needed.", 0,
         0},
        {OPTION_INT, 'p', "port", &request.port, "N",
         "The port; 0 takes a free one (default: 8080).", 0, 65535},
        {OPTION_TEXT, 0, "api-key", &request.api_key, "KEY",
         "Serve only clients that send 'Authorization: Bearer KEY'. Other users of this machine "
         "can "
         "read KEY in the list of processes.",
         0, 0},
        {OPTION_TEXT, 0, "api-key-file", &request.key_file, "FILE",
         "The same, with the key in the file's first line.", 0, 0},
        {OPTION_FLAG, 0, "insecure", &request.insecure, NULL, "Serve other machines without a key.",
         0, 0},
        {OPTION_TEXT, 0, "allow-origin", &request.origin, "ORIGIN",
         "Let pages of this origin (https://example.org, or * for all) call the API from a "
         "browser.",
         0, 0},
        {OPTION_FLAG, 0, "metrics", &request.metrics, NULL,
         "Serve counters for Prometheus at /metrics.", 0, 0},
        {OPTION_GROUP, 0, NULL, NULL, NULL, "How it scores", 0, 0},
        SCORING_LANGUAGE_OPTION(score),
        {OPTION_FLAG, 0, "no-transcript", &score->no_transcript, NULL,
         "Recognise no speech: words come from the requests alone.", 0, 0},
        LEVEL_OPTION(&score->level),
        SCORING_ENCODER_OPTIONS(score),
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Jobs", 0, 0},
        {OPTION_TEXT, 0, "jobs", &request.jobs, "FOLDER",
         "Accept long recordings as jobs, and score them when no request waits; clients ask for "
         "the result later. Jobs are kept in FOLDER and survive a restart (default: no jobs).",
         0, 0},
        {OPTION_NUMBER, 0, "job-seconds", &request.job_seconds, "S",
         "Recordings longer than this become jobs (default: 60).", 0, 1e7},
        {OPTION_NUMBER, 0, "keep-jobs", &request.keep_jobs, "S",
         "How long a result is kept after its job has ended (default: 3600).", 1, 1e9},
        {OPTION_NUMBER, 0, "job-wait", &request.job_wait, "S",
         "How long a job may wait to be scored, with its recording kept; then it fails (default: "
         "86400).",
         1, 1e9},
        {OPTION_INT, 0, "max-jobs", &request.max_jobs, "N",
         "Jobs that are kept at once; others get 429 (default: 100).", 1, 1000000},
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Limits", 0, 0},
        {OPTION_INT, 0, "max-body", &request.max_body_mib, "MIB",
         "The largest request in MiB (default: 64).", 1, 1 << 20},
        {OPTION_INT, 0, "queue", &request.queue, "N",
         "Requests that may wait for the model; others get 429 (default: 64).", 1, 100000},
        {OPTION_INT, 0, "connections", &request.connections, "N",
         "Connections at once (default: 1000).", 2, 100000},
        {OPTION_INT, 0, "requests-per-minute", &request.per_minute, "N",
         "Requests a minute from one address; more get 429 (default: no limit).", 1, 1000000},
        {OPTION_NUMBER, 0, "receive-seconds", &request.receive_seconds, "S",
         "Time for a request to arrive, plus one second for each 8 KiB; slower clients are cut off "
         "(default: 30).",
         0.1, 86400},
        {OPTION_NUMBER, 0, "request-seconds", &request.request_seconds, "S",
         "Give up on requests that take longer, waiting included (default: 300).", 0.1, 86400},
        {OPTION_NUMBER, 0, "grace", &request.grace, "S",
         "Time for unfinished requests after SIGTERM or Ctrl-C (default: 30).", 0, 86400},
        {OPTION_TEXT, 0, "upload-folder", &request.folder, "FOLDER",
         "Where uploads are stored while they are scored, as unnamed files (default: /tmp).", 0, 0},
        option_threads(&score->threads),
        {OPTION_NUMBER, 0, "max-seconds", &score->limits.max_seconds, "S",
         "Refuse recordings that are longer (default: 600).", 1, 1e7},
        {OPTION_INT, 0, "max-pixels", &score->limits.max_pixels, "N",
         "Refuse pictures with more pixels (default: 67108864, 8192 x 8192).", 1, 268435456},
        {OPTION_INT, 0, "max-mib", &score->limits.max_mib, "N",
         "Memory limit in MiB for the pictures or sound of a file (default: 1024).", 1, 1 << 20},
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Output", 0, 0},
        {OPTION_FLAG, 0, "no-log", &request.no_log, NULL, "Print no line for each request.", 0, 0},
        option_quiet(&score->quiet),
        {.type = OPTION_END}};
    if (!options_parse(command, options, argc, argv, NULL, 0, 0, &n, &code))
        return code;
    if (request.api_key && request.key_file)
        return report_usage(command, "--api-key and --api-key-file cannot be combined");
    if (score->language && strcmp(score->language, "auto") == 0)
        score->language = NULL;
    model_fetch_options(NULL, score->offline, score->quiet, &score->fetch);
    return serve(&request);
}

const struct command command_serve = {
    .name = "serve",
    .arguments = "",
    .summary = "Serve scores over HTTP: recordings and texts, for programs in any language.",
    .description =
        "The model and its encoders are loaded once and kept. POST /v1/score takes a recording, a "
        "text or both and answers with JSON, CSV or subtitles; POST /v1/score/stream sends each "
        "segment as soon as it is scored. GET /v1/models and GET /health say what is served and "
        "whether it is ready; GET /openapi.yaml describes everything. docs/serve.md has "
        "examples.\n\n"
        "Requests are scored one after the other with all threads; others wait, up to a limit. "
        "Only this machine is served unless you name another address, which needs a key.\n\n"
        "Each request that ends prints a line of JSON to standard output, without anything that "
        "was sent. On SIGTERM or Ctrl-C the server finishes open requests and stops; SIGHUP loads "
        "the model again.",
    .example = "valence serve\n"
               "curl http://127.0.0.1:8080/v1/score -F file=@clip.mp4\n"
               "curl http://127.0.0.1:8080/v1/score -H 'Content-Type: application/json' -d "
               "'{\"text\": \"I loved every minute\"}'",
    .computes = true,
    .run = run_serve,
};
