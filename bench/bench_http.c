/* A bounded load on an HTTP server of this machine: N clients, each with one connection and one
 * request at a time, for some seconds or for so many requests each.
 *
 *     bench-http PORT PATH TYPE BODY CLIENTS SECONDS [REQUESTS]
 *
 * TYPE is the Content-Type, BODY a file. With REQUESTS, each client sends so many, however long
 * that takes; SECONDS is then when it gives up. Prints one line of JSON: requests and answers by
 * code, the times of those with 200, and how many got no answer at all ("lost"). */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_ANSWERS (1 << 22)
#define HEAD_BYTES  4096

struct client {
    int socket; /* -1: not connected */
    size_t n_sent;
    char head[HEAD_BYTES]; /* of the answer */
    size_t n_head;
    long long n_left; /* of its body; -1: the head is not whole */
    double began;
    long n_requests;
    bool is_over;
};

static struct {
    int port;
    char *request;
    size_t n_bytes;
    double until;
    long n_each; /* 0: until the time is over */
    double *times;
    long n_times, n_lost, n_requests, codes[600];
} load;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fail(const char *what)
{
    fprintf(stderr, "bench-http: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- A request ---- */

static void make_request(const char *path, const char *type, const char *body_path)
{
    FILE *body = fopen(body_path, "rb");
    if (!body || fseek(body, 0, SEEK_END) != 0)
        fail(body_path);
    const long n = ftell(body);
    rewind(body);
    load.request = malloc((size_t)n + 1024);
    if (!load.request)
        fail("memory");
    const int n_head = snprintf(load.request, 1024,
                                "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\n"
                                "Content-Length: %ld\r\n\r\n",
                                path, type, n);
    if (n_head >= 1024 || fread(load.request + n_head, 1, (size_t)n, body) != (size_t)n)
        fail(body_path);
    fclose(body);
    load.n_bytes = (size_t)n_head + (size_t)n;
}

static void leave(struct client *client)
{
    if (client->socket >= 0)
        close(client->socket);
    client->socket = -1;
}

static void dial(struct client *client)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)load.port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int on = 1;
    client->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (client->socket < 0)
        fail("socket");
    setsockopt(client->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(client->socket, (const struct sockaddr *)&address, sizeof address) != 0 &&
        errno != EINPROGRESS)
        leave(client);
}

static void begin(struct client *client)
{
    client->is_over = load.n_each ? client->n_requests >= load.n_each : now() >= load.until;
    if (client->is_over) {
        leave(client);
        return;
    }
    client->n_requests++;
    load.n_requests++;
    client->n_sent = client->n_head = 0;
    client->n_left = -1;
    client->began = now();
    if (client->socket < 0)
        dial(client);
}

/* ---- An answer ---- */

static void lose(struct client *client)
{
    load.n_lost++;
    leave(client);
    begin(client);
}

static void finish(struct client *client)
{
    const int code = strncmp(client->head, "HTTP/1.1 ", 9) == 0 ? atoi(client->head + 9) : 0;
    load.codes[code > 0 && code < 600 ? code : 0]++;
    if (code == 200 && load.n_times < MAX_ANSWERS)
        load.times[load.n_times++] = now() - client->began;
    if (strcasestr(client->head, "\r\nConnection: close"))
        leave(client);
    begin(client);
}

/* Bytes of the answer. False: they are none. */
static bool take(struct client *client, const char *bytes, size_t n)
{
    if (client->n_left >= 0) {
        client->n_left -= (long long)n;
        return client->n_left >= 0;
    }
    memcpy(client->head + client->n_head, bytes, n);
    client->n_head += n;
    client->head[client->n_head] = '\0';
    char *end = strstr(client->head, "\r\n\r\n");
    if (!end)
        return client->n_head < HEAD_BYTES - 1;
    const char *length = strcasestr(client->head, "\r\nContent-Length:");
    if (!length || length > end)
        return false;
    client->n_left = atoll(length + 17) - (long long)(client->head + client->n_head - end - 4);
    end[2] = '\0';
    return true;
}

static void hear(struct client *client)
{
    char bytes[65536];
    /* no more than the head's room at first, so that none is lost */
    const size_t room = client->n_left < 0 ? HEAD_BYTES - 1 - client->n_head : sizeof bytes;
    const ssize_t n = recv(client->socket, bytes, room, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || !take(client, bytes, (size_t)n))
        lose(client);
    else if (client->n_left == 0)
        finish(client);
}

static void say(struct client *client)
{
    const ssize_t n = send(client->socket, load.request + client->n_sent,
                           load.n_bytes - client->n_sent, MSG_NOSIGNAL);
    if (n > 0)
        client->n_sent += (size_t)n;
    else if (errno != EAGAIN && errno != EINTR && errno != EPIPE && errno != ECONNRESET)
        lose(client);
    else if (errno == EPIPE || errno == ECONNRESET)
        client->n_sent = load.n_bytes; /* an answer may have come before the whole was sent */
}

/* ---- All of them ---- */

/* One round of waiting; false: all are over. */
static bool step(struct client *clients, struct pollfd *ready, int n)
{
    int n_open = 0;
    for (int i = 0; i < n; i++) {
        struct client *client = &clients[i];
        ready[i] = (struct pollfd){.fd = client->is_over ? -1 : client->socket};
        ready[i].events = (short)(POLLIN | (client->n_sent < load.n_bytes ? POLLOUT : 0));
        n_open += !client->is_over;
    }
    if (!n_open || poll(ready, (nfds_t)n, 1000) < 0)
        return n_open > 0;
    for (int i = 0; i < n; i++) {
        struct client *client = &clients[i];
        if (!client->is_over && client->socket < 0)
            lose(client);
        else if (ready[i].revents & (POLLIN | POLLHUP | POLLERR))
            hear(client);
        else if (ready[i].revents & POLLOUT)
            say(client);
    }
    return true;
}

static int compare(const void *a, const void *b)
{
    const double one = *(const double *)a, other = *(const double *)b;
    return (one > other) - (one < other);
}

static double quantile(double share)
{
    return load.n_times ? load.times[(long)(share * (double)(load.n_times - 1))] * 1e3 : 0;
}

static void print(int n_clients, double seconds)
{
    const char *comma = "";
    qsort(load.times, (size_t)load.n_times, sizeof *load.times, compare);
    printf("{\"clients\": %d, \"seconds\": %.2f, \"requests\": %ld, \"per_second\": %.2f, "
           "\"p50_ms\": %.1f, \"p95_ms\": %.1f, \"lost\": %ld, \"codes\": {",
           n_clients, seconds, load.n_requests, (double)load.n_times / seconds, quantile(0.5),
           quantile(0.95), load.n_lost);
    for (int code = 0; code < 600; code++)
        if (load.codes[code]) {
            printf("%s\"%d\": %ld", comma, code, load.codes[code]);
            comma = ", ";
        }
    printf("}}\n");
}

static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
    const int n = argc > 5 ? atoi(argv[5]) : 0;
    if (argc < 7 || n < 1 || n > 100000) {
        fprintf(stderr, "usage: bench-http PORT PATH TYPE BODY CLIENTS SECONDS [REQUESTS]\n");
        return 2;
    }
    load.port = atoi(argv[1]);
    make_request(argv[2], argv[3], argv[4]);
    load.n_each = argc > 7 ? atol(argv[7]) : 0;
    load.times = malloc(MAX_ANSWERS * sizeof *load.times);
    struct client *clients = calloc((size_t)n, sizeof *clients);
    struct pollfd *ready = calloc((size_t)n, sizeof *ready);
    if (!load.times || !clients || !ready)
        fail("memory");
    raise_file_limit();
    const double began = now(), limit = began + atof(argv[6]);
    load.until = limit;
    for (int i = 0; i < n; i++) {
        clients[i].socket = -1;
        begin(&clients[i]);
    }
    /* a request that was sent is waited for, for a while */
    while (step(clients, ready, n) && now() < limit + (load.n_each ? 0 : 300))
        ;
    for (int i = 0; i < n; i++)
        load.n_lost += !clients[i].is_over;
    print(n, now() - began);
    return 0;
}
