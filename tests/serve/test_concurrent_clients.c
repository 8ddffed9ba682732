/* Clients of every kind at once, while the model is loaded again and at last the server stops.
 * Built with the preset `thread`, this is where the server's threads meet under ThreadSanitizer. */
#include "serve_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define N_ROUNDS 2 /* that each client needs before the server stops */

static char jobs_folder[128];
static atomic_bool is_over; /* the server may be gone: any code is right */

/* ---- Requests: these threads assert nothing, and share no buffer ---- */

struct client {
    void *(*run)(void *client);
    const char *route;
    bool streams;
    pthread_t thread;
    char *request;
    size_t n_bytes;
    atomic_int n_rounds;
    atomic_bool has_problem;
    char problem[512]; /* which */
};

static void make_request(struct client *client, const char *head, const void *body, size_t n_body)
{
    client->request = malloc(n_body + 1024);
    assert_non_null(client->request);
    client->n_bytes = (size_t)snprintf(client->request, 1024,
                                       "POST %s HTTP/1.1\r\nHost: here\r\nConnection: close\r\n%s"
                                       "Content-Length: %zu\r\n\r\n",
                                       client->route, head, n_body);
    memcpy(client->request + client->n_bytes, body, n_body);
    client->n_bytes += n_body;
}

/* The request with the short recording, behind `fields`. */
static void make_upload(struct client *client, const char *fields)
{
    static const char file[] = FILE_PART("short.flac"), end[] = "\r\n--line--\r\n";
    size_t n_sound;
    char *sound = read_whole(short_path, &n_sound), *body = NULL;
    size_t n_body = 0;
    FILE *stream = open_memstream(&body, &n_body);
    assert_non_null(stream);
    fprintf(stream, "%s%s", fields, file);
    fwrite(sound, 1, n_sound, stream);
    fputs(end, stream);
    fclose(stream);
    make_request(client, FORM_TYPE, body, n_body);
    free(body);
    free(sound);
}

/* Sends the bytes on a connection of its own; -1: there is no server. */
static int send_bytes(const void *bytes, size_t n_bytes)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)http_port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval patience = {3600, 0};
    int s = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    bool is_sent = connect(s, (const struct sockaddr *)&address, sizeof address) == 0;
    for (size_t sent = 0; sent < n_bytes && is_sent;) {
        ssize_t n = send(s, (const char *)bytes + sent, n_bytes - sent, MSG_NOSIGNAL);
        is_sent = n > 0;
        sent += is_sent ? (size_t)n : 0;
    }
    if (is_sent)
        return s;
    close(s);
    return -1;
}

/* The answer's code; 0: there was none. */
static int exchange(const void *bytes, size_t n_bytes, char *answer, size_t room)
{
    int s = send_bytes(bytes, n_bytes);
    size_t n = 0;
    ssize_t got;
    answer[0] = '\0';
    if (s < 0)
        return 0;
    while (n < room - 1 && (got = recv(s, answer + n, room - 1 - n, 0)) > 0)
        n += (size_t)got;
    answer[n] = '\0';
    close(s);
    return code_of(answer);
}

static int get(const char *method, const char *path, char *answer, size_t room)
{
    char request[256];
    int n = snprintf(request, sizeof request,
                     "%s %s HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n", method, path);
    return exchange(request, (size_t)n, answer, room);
}

/* Whether the client goes on; an answer that is not as wanted is its problem. */
static bool expect_answer(struct client *client, bool is_right, const char *answer)
{
    if (atomic_load(&is_over))
        return false;
    if (is_right) {
        atomic_fetch_add(&client->n_rounds, 1);
    } else {
        snprintf(client->problem, sizeof client->problem, "%s: '%.400s'", client->route, answer);
        atomic_store(&client->has_problem, true);
    }
    return is_right;
}

/* ---- Clients ---- */

/* The same answer each time. */
static void *ask_again(void *user)
{
    struct client *client = user;
    char *first = calloc(2, 1 << 16), *answer = first + (1 << 16);
    bool goes_on = first != NULL;
    while (goes_on) {
        const int code = exchange(client->request, client->n_bytes, answer, 1 << 16);
        if (!*first)
            snprintf(first, 1 << 16, "%s", body_of(answer));
        goes_on =
            expect_answer(client,
                          code == 200 && (client->streams ? strstr(answer, "event: done") != NULL
                                                          : strcmp(body_of(answer), first) == 0),
                          answer);
    }
    free(first);
    return NULL;
}

/* Leaves before the answer. */
static void *leave_early(void *user)
{
    const struct linger at_once = {1, 0};
    const struct timespec pause = {0, 30000000};
    struct client *client = user;
    bool goes_on = true;
    for (int i = 0; goes_on; i++) {
        int s = send_bytes(client->request, client->n_bytes / (i % 2 ? 1 : 2));
        nanosleep(&pause, NULL);
        if (s >= 0 && i % 4 > 1)
            setsockopt(s, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        if (s >= 0)
            close(s);
        goes_on = expect_answer(client, s >= 0, "no connection");
    }
    return NULL;
}

static void *look_around(void *user)
{
    static const char *const paths[] = {"/health", "/metrics", "/v1/models", "/", "/openapi.yaml"};
    struct client *client = user;
    char *answer = malloc(1 << 20);
    bool goes_on = answer != NULL;
    for (size_t i = 0; goes_on; i++) {
        client->route = paths[i % (sizeof paths / sizeof *paths)];
        const int code = get("GET", client->route, answer, 1 << 20);
        goes_on = expect_answer(client, code == 200, answer);
    }
    free(answer);
    return NULL;
}

/* A job from its upload to its end, every third one deleted before that. */
static void *have_a_job(void *user)
{
    const struct timespec pause = {0, 20000000};
    struct client *client = user;
    char answer[4096], path[128], id[33];
    bool goes_on = true;
    for (int i = 0; goes_on; i++) {
        int code = exchange(client->request, client->n_bytes, answer, sizeof answer);
        const char *found = strstr(answer, "\"id\":\"");
        goes_on = expect_answer(client, code == 202 && found, answer);
        if (!goes_on)
            break;
        snprintf(id, sizeof id, "%.32s", found + 6);
        snprintf(path, sizeof path, "/v1/jobs/%s", id);
        while (i % 3 != 2 && (code = get("GET", path, answer, sizeof answer)) == 200 &&
               !strstr(answer, "\"result\""))
            nanosleep(&pause, NULL);
        snprintf(path, sizeof path, "/v1/jobs/%s/result", id);
        if (i % 3 != 2)
            code = get("GET", path, answer, sizeof answer);
        goes_on = expect_answer(client, i % 3 == 2 || code == 200, answer);
        snprintf(path, sizeof path, "/v1/jobs/%s", id);
        code = get("DELETE", path, answer, sizeof answer);
        goes_on = goes_on && expect_answer(client, code == 200, answer);
    }
    return NULL;
}

/* ---- The test ---- */

static struct valence_server *start(void)
{
    struct valence_server_options options = server_options();
    snprintf(short_path, sizeof short_path, "%s/short.flac", fixture_folder);
    if (access(short_path, R_OK) != 0)
        ffmpeg("-i film.mkv -t 2 -vn short.flac");
    snprintf(jobs_folder, sizeof jobs_folder, "%s/jobs", fixture_folder);
    options.job_folder = jobs_folder;
    options.job_seconds = 1;
    options.metrics = true;
    options.request_seconds = 86400; /* however slow the machine is */
    options.receive_seconds = 86400;
    return start_server(NULL, &options);
}

static void test_clients_of_every_kind_at_once(void **state)
{
    static const char text[] = "{\"text\": \"not at all well\", \"response_format\": \"csv\"}";
    static struct client clients[] = {
        {.run = ask_again, .route = "/v1/score"},
        {.run = ask_again, .route = "/v1/score"},
        {.run = ask_again, .route = "/v1/score/stream", .streams = true},
        {.run = ask_again, .route = "/v1/audio/transcriptions"},
        {.run = leave_early, .route = "/v1/score/stream"},
        {.run = have_a_job, .route = "/v1/score"},
        {.run = look_around, .route = "/"},
    };
    enum { N = sizeof clients / sizeof *clients };
    const struct timespec pause = {0, 100000000};
    (void)state;
    struct valence_server *server = start();
    make_request(&clients[0], JSON_TYPE, text, sizeof text - 1);
    make_upload(&clients[1], FIELD("end") "0.8\r\n" FIELD("response_format") "csv\r\n");
    make_upload(&clients[2], FIELD("window") "1\r\n");
    make_upload(&clients[3], FIELD("language") "en\r\n");
    make_upload(&clients[4], "");
    make_upload(&clients[5], "");
    for (int i = 0; i < N; i++)
        assert_int_equal(pthread_create(&clients[i].thread, NULL, clients[i].run, &clients[i]), 0);
    for (int i = 0; i < N; i++) {
        valence_server_reload(server);
        while (atomic_load(&clients[i].n_rounds) < N_ROUNDS &&
               !atomic_load(&clients[i].has_problem))
            nanosleep(&pause, NULL);
    }
    atomic_store(&is_over, true);
    valence_server_stop(server, 3600);
    for (int i = 0; i < N; i++)
        pthread_join(clients[i].thread, NULL);
    valence_server_free(server);
    for (int i = 0; i < N; i++) {
        free(clients[i].request);
        if (atomic_load(&clients[i].has_problem))
            fail_msg("%s", clients[i].problem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_clients_of_every_kind_at_once)};
    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
