/* Clients and time: who is connected, who is too slow, who is gone, what takes too long. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "http/server.h"

#define TICK_SECONDS 0.1

/* What a body must come with, on average. */
#define BODY_BYTES_PER_SECOND 8192

/* ---- Clients ---- */

static int descriptor_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

static void read_address(struct MHD_Connection *connection, char address[INET6_ADDRSTRLEN])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *from = info ? info->client_addr : NULL;
    const void *bytes =
        from && from->sa_family == AF_INET6
            ? (const void *)&((const struct sockaddr_in6 *)(const void *)from)->sin6_addr
        : from && from->sa_family == AF_INET
            ? (const void *)&((const struct sockaddr_in *)(const void *)from)->sin_addr
            : NULL;
    if (!bytes || !inet_ntop(from->sa_family, bytes, address, INET6_ADDRSTRLEN))
        strcpy(address, "-");
}

void client_changes(void *user, struct MHD_Connection *connection, void **context,
                    enum MHD_ConnectionNotificationCode code)
{
    struct http_server *server = user;
    struct http_client *client = *context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = client = calloc(1, sizeof *client);
        if (!client)
            return;
        client->descriptor = descriptor_of(connection);
        client->is_sending = true;
        client->since = seconds_now();
        read_address(connection, client->address);
        pthread_mutex_lock(&server->clients_lock);
        client->next = server->clients;
        if (client->next)
            client->next->previous = client;
        server->clients = client;
        pthread_mutex_unlock(&server->clients_lock);
    } else if (client) {
        pthread_mutex_lock(&server->clients_lock);
        if (client->previous)
            client->previous->next = client->next;
        else
            server->clients = client->next;
        if (client->next)
            client->next->previous = client->previous;
        pthread_mutex_unlock(&server->clients_lock);
        free(client);
        *context = NULL;
    }
}

struct http_client *client_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

/* Called when the first line of a request is there. */
void *client_request_begins(void *user, const char *uri, struct MHD_Connection *connection)
{
    struct http_server *server = user;
    struct http_client *client = client_of(connection);
    (void)uri;
    if (client) {
        pthread_mutex_lock(&server->clients_lock);
        client->has_begun = true;
        pthread_mutex_unlock(&server->clients_lock);
    }
    return NULL;
}

void client_set(struct http_server *server, struct http_client *client, bool is_sending)
{
    pthread_mutex_lock(&server->clients_lock);
    client->is_sending = is_sending;
    client->has_begun = false;
    client->n_bytes = 0;
    client->since = seconds_now();
    pthread_mutex_unlock(&server->clients_lock);
}

void client_received(struct http_server *server, struct http_client *client, size_t n_bytes)
{
    pthread_mutex_lock(&server->clients_lock);
    client->n_bytes += (int64_t)n_bytes;
    pthread_mutex_unlock(&server->clients_lock);
}

void client_cut(const struct http_client *client, int status, const char *code, const char *message)
{
    struct http_reply reply = {0};
    char head[256];
    http_reply_error(&reply, status, code, "%s", message);
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: "
                     "%zu\r\nConnection: close\r\n\r\n",
                     status, MHD_get_reason_phrase_for((unsigned)status), reply.n_bytes);
    const int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    if (send(client->descriptor, head, (size_t)n, flags | MSG_MORE) == n)
        (void)!send(client->descriptor, reply.body, reply.n_bytes, flags);
    shutdown(client->descriptor, SHUT_RDWR);
    http_reply_free(&reply);
}

/* ---- Looking after them ---- */

/* Whether it has closed its side, or is gone, and nothing that it sent is unread. */
static bool has_left(const struct http_client *client)
{
    char byte;
    ssize_t n = recv(client->descriptor, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

static void look_at_client(const struct http_server *server, struct http_client *client, double now)
{
    const double limit =
        server->options->receive_seconds + (double)client->n_bytes / BODY_BYTES_PER_SECOND;
    if (client->is_sending && now - client->since > limit) {
        if (client->has_begun)
            client_cut(client, 408, "slow_request", "the request did not arrive in time");
        else
            shutdown(client->descriptor, SHUT_RDWR);
    } else if (has_left(client)) {
        if (client->is_sending) /* libmicrohttpd may not notice one that left before it was accepted
                                 */
            shutdown(client->descriptor, SHUT_RDWR);
        else
            atomic_store(&client->gone, true);
    }
}

static void look_at_clients(struct http_server *server, double now)
{
    pthread_mutex_lock(&server->clients_lock);
    for (struct http_client *client = server->clients; client; client = client->next)
        look_at_client(server, client, now);
    pthread_mutex_unlock(&server->clients_lock);
}

static void look_at_job(const struct http_server *server, struct http_job *job, double now)
{
    if (job->client && atomic_load(&job->client->gone) && !job->is_cancelled) {
        job_cancel(job);
        job_wake(job);
    } else if (!job->is_done && now - job->created > server->options->request_seconds) {
        struct http_reply reply = {0};
        http_reply_error(&reply, 503, "too_slow", "the request was not done within %g seconds",
                         server->options->request_seconds);
        job_cancel(job);
        job_finish(job, &reply);
    } else if (!job->is_done && job->route->streams && job->client &&
               now - job->last_event > server->options->ping_seconds) {
        text_format(&job->events, ": ping\n\n");
        job->has_events = true;
        job->last_event = now;
        job_wake(job);
    }
}

static void look_at_jobs(struct http_server *server, double now)
{
    pthread_mutex_lock(&server->jobs_lock);
    for (struct http_job *job = server->all_jobs, *next; job; job = next) {
        next = job->next;
        look_at_job(server, job, now);
    }
    pthread_mutex_unlock(&server->jobs_lock);
}

void *watch_run(void *user)
{
    struct http_server *server = user;
    bool ends = false;
    while (!ends) {
        const struct timespec tick = {0, (long)(TICK_SECONDS * 1e9)};
        nanosleep(&tick, NULL);
        const double now = seconds_now();
        look_at_clients(server, now);
        look_at_jobs(server, now);
        pthread_mutex_lock(&server->jobs_lock);
        ends = server->ends;
        pthread_mutex_unlock(&server->jobs_lock);
    }
    return NULL;
}
