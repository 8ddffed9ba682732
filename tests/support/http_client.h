/* Clients that speak HTTP byte by byte. */
#ifndef VALENCE_TESTS_HTTP_CLIENT_H
#define VALENCE_TESTS_HTTP_CLIENT_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

static int http_port; /* that they call */

static inline int dial(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)http_port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval patience = {300, 0};
    int s = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(s >= 0);
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(s, (struct sockaddr *)&address, sizeof address), 0);
    return s;
}

static inline void say(int s, const char *text)
{
    size_t n = strlen(text);
    assert_int_equal(send(s, text, n, MSG_NOSIGNAL), (ssize_t)n);
}

/* Reads until the server closes; the answer, which lives until the next call. */
static inline const char *hear(int s)
{
    static char answer[1 << 20];
    size_t n = 0;
    ssize_t got;
    while (n < sizeof answer - 1 && (got = recv(s, answer + n, sizeof answer - 1 - n, 0)) > 0)
        n += (size_t)got;
    answer[n] = '\0';
    close(s);
    return answer;
}

static inline int code_of(const char *answer)
{
    return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? atoi(answer + 9) : 0;
}

static inline const char *body_of(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n");
    return end ? end + 4 : "";
}

/* One request on a connection of its own; `head` holds further lines, each with its end. */
static inline int send_request(const char *method, const char *path, const char *head,
                               const char *body)
{
    int s = dial();
    char text[1 << 15];
    snprintf(text, sizeof text,
             "%s %s HTTP/1.1\r\nHost: here\r\nConnection: close\r\n%sContent-Length: %zu\r\n\r\n%s",
             method, path, head, strlen(body), body);
    say(s, text);
    return s;
}

static inline const char *ask(const char *method, const char *path, const char *head,
                              const char *body)
{
    return hear(send_request(method, path, head, body));
}

#define JSON_TYPE "Content-Type: application/json\r\n"
#define FORM_TYPE "Content-Type: multipart/form-data; boundary=line\r\n"

/* The request must get this code, and an error with this code in its JSON. */
static inline void refused(const char *answer, int status, const char *code)
{
    char wanted[96];
    snprintf(wanted, sizeof wanted, "\"code\":\"%s\"", code);
    if (code_of(answer) != status || !strstr(body_of(answer), wanted))
        fail_msg("not %d %s: %s", status, code, answer);
}

#endif
