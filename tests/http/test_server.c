/* The HTTP service: its answers, its limits, and clients that misbehave. */
#include "http_fixture.h"

/* ---- Answers ---- */

static void test_a_form_is_worked_on(void **state)
{
    (void)state;
    start();
    const char *answer = ask("POST", "/work", FORM_TYPE,
                             "--line\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\n"
                             "gut\r\n--line\r\nContent-Disposition: form-data; name=\"file\"; "
                             "filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\nRIFF\r\n"
                             "--lin\r\n--line--\r\n");
    assert_int_equal(code_of(answer), 200);
    assert_string_equal(body_of(answer), "[gut] a.wav of 11 bytes, 11 read: RIFF\r\n--lin");
    assert_non_null(strstr(answer, "X-Content-Type-Options: nosniff"));
    assert_null(strstr(answer, "Access-Control-Allow-Origin"));
    assert_true(log_has("\"route\":\"/work\",\"status\":200", "\"media_seconds\":1.5"));
    assert_false(strstr(log_lines, "gut") || strstr(log_lines, "a.wav"));
}

static void test_json_is_a_form(void **state)
{
    (void)state;
    start();
    assert_string_equal(body_of(ask("POST", "/work", JSON_TYPE, "{\"text\": \"a \\u00e9\"}")),
                        "[a \xc3\xa9]");
    assert_string_equal(
        body_of(ask("POST", "/work", JSON_TYPE, "{\"text\": true, \"x\": null, \"ms\": 1}")),
        "[true]");
    refused(ask("POST", "/work", JSON_TYPE, "{\"text\": [1]}"), 400, "malformed");
    refused(ask("POST", "/work", JSON_TYPE, "{\"text\": \"a\", \"text\": \"b\"}"), 400,
            "malformed");
    refused(ask("POST", "/work", JSON_TYPE, "{\"text\": \"\\u0000\"}"), 400, "malformed");
    refused(ask("POST", "/work", JSON_TYPE, "[]"), 400, "malformed");
    refused(ask("POST", "/work", JSON_TYPE, ""), 400, "malformed");
    refused(ask("POST", "/work", JSON_TYPE, "{}"), 400, "no_text");
}

static void test_refusals_have_their_codes(void **state)
{
    (void)state;
    options.max_text_bytes = 64;
    start();
    refused(ask("GET", "/nowhere", "", ""), 404, "not_found");
    const char *answer = ask("GET", "/work", "", "");
    refused(answer, 405, "method_not_allowed");
    assert_non_null(strstr(answer, "Allow: POST\r\n"));
    refused(ask("POST", "/work", "Content-Type: text/plain\r\n", "text"), 415, "content_type");
    refused(ask("POST", "/work", "", "text"), 415, "content_type");
    refused(ask("POST", "/work", "Content-Type: multipart/form-data\r\n", "text"), 400,
            "malformed");
    refused(ask("POST", "/work", FORM_TYPE, "--line\r\n"), 400, "malformed");
    refused(ask("POST", "/work", FORM_TYPE, ""), 400, "malformed");
    char body[256] = "{\"text\": \"";
    memset(body + 10, 'a', 100);
    strcpy(body + 110, "\"}");
    refused(ask("POST", "/work", JSON_TYPE, body), 413, "too_large");
    refused(ask("POST", "/work", JSON_TYPE, "{\"text\": \"fail\"}"), 422, "no_words");
}

static void test_a_connection_takes_one_request_after_the_other(void **state)
{
    (void)state;
    start();
    int s = dial();
    for (int i = 0; i < 3; i++)
        say(s, "POST /work HTTP/1.1\r\nHost: a\r\n" JSON_TYPE
               "Content-Length: 14\r\n\r\n{\"text\": \"abc\"");
    say(s, "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    const char *answer = hear(s);
    int n = 0;
    for (const char *at = answer; (at = strstr(at, "HTTP/1.1 400")); at++)
        n++;
    assert_int_equal(n, 3);
    assert_non_null(strstr(answer, "{\"status\":\"ok\"}"));
}

/* Else a proxy could take the end of one request for the beginning of another client's. */
static void test_an_unclear_length_ends_the_connection(void **state)
{
    static const char *const fields[] = {
        "Content-Length: 13\r\nContent-Length: 3\r\n",
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
    };
    (void)state;
    start();
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        char text[512];
        snprintf(text, sizeof text,
                 "POST /work HTTP/1.1\r\nHost: a\r\n" JSON_TYPE "%s\r\n"
                 "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
                 fields[i]);
        int s = dial();
        say(s, text);
        const char *answer = hear(s);
        refused(answer, 400, "malformed");
        assert_null(strstr(answer, "{\"status\":\"ok\"}"));
    }
}

/* ---- Who may ask ---- */

static void test_a_key_is_asked_for(void **state)
{
    (void)state;
    options.api_key = "secret";
    start();
    refused(ask("GET", "/models", "", ""), 401, "no_key");
    refused(ask("GET", "/metrics", "", ""), 401, "no_key");
    refused(ask("GET", "/models", "Authorization: Bearer secre\r\n", ""), 401, "no_key");
    refused(ask("GET", "/models", "Authorization: Bearer secret \t2\r\n", ""), 401, "no_key");
    refused(ask("GET", "/models", "Authorization: Basic secret\r\n", ""), 401, "no_key");
    refused(ask("POST", "/work", JSON_TYPE, "{\"text\": \"a\"}"), 401, "no_key");
    assert_int_equal(code_of(ask("GET", "/models", "Authorization: Bearer secret\r\n", "")), 200);
    assert_int_equal(code_of(ask("GET", "/models", "Authorization: bearer secret\r\n", "")), 200);
    assert_int_equal(code_of(ask("GET", "/health", "", "")), 200);
    assert_int_equal(code_of(ask("GET", "/", "", "")), 200);
    assert_int_equal(atomic_load(&n_works), 0);
}

static void test_other_machines_are_not_served_without_a_key(void **state)
{
    struct valence_error error;
    (void)state;
    options.address = "0.0.0.0";
    assert_int_equal(http_server_create(&service, &options, &server, &error),
                     VALENCE_ERROR_ARGUMENT);
    assert_null(server);
    assert_string_equal(error.key, "api_key");
    options.api_key = "key";
    start();
    http_server_free(server);
    options.api_key = NULL;
    options.insecure = true;
    start();
}

static void test_a_port_in_use_is_an_error(void **state)
{
    struct http_server *second;
    struct valence_error error;
    (void)state;
    start();
    struct valence_server_options same = options;
    same.port = http_server_port(server);
    assert_int_equal(http_server_create(&service, &same, &second, &error), VALENCE_ERROR_BUSY);
    assert_null(second);
    same.address = "192.0.2.1"; /* for documentation: nobody's */
    same.insecure = true;
    assert_int_equal(http_server_create(&service, &same, &second, &error), VALENCE_ERROR_NOT_FOUND);
}

static void test_requests_of_a_client_are_counted(void **state)
{
    (void)state;
    options.requests_per_minute = 3;
    start();
    for (int i = 0; i < 3; i++)
        assert_int_equal(code_of(ask("GET", "/models", "", "")), 200);
    const char *answer = ask("GET", "/models", "", "");
    refused(answer, 429, "too_many_requests");
    assert_non_null(strstr(answer, "Retry-After: "));
    assert_int_equal(code_of(ask("GET", "/health", "", "")), 200);
}

static void test_other_origins_are_named(void **state)
{
    (void)state;
    options.origin = "https://example.org";
    start();
    const char *answer = ask("OPTIONS", "/work", "Origin: https://example.org\r\n", "");
    assert_int_equal(code_of(answer), 204);
    assert_non_null(strstr(answer, "Access-Control-Allow-Origin: https://example.org\r\n"));
    assert_non_null(strstr(answer, "Access-Control-Allow-Headers: Authorization"));
}

/* ---- Too much ---- */

static void test_a_large_body_is_refused_before_it_comes(void **state)
{
    (void)state;
    start();
    int s = dial();
    say(s, "POST /work HTTP/1.1\r\nHost: a\r\n" FORM_TYPE
           "Content-Length: 10000000000\r\n\r\n--line\r\n");
    refused(hear(s), 413, "too_large");
    assert_true(log_has("\"status\":413", "\"route\":\"/work\""));
}

static void test_a_body_without_a_length_is_cut(void **state)
{
    (void)state;
    options.max_body_bytes = 10000;
    start();
    int s = dial();
    char chunk[1024 + 8];
    memset(chunk, 'x', sizeof chunk);
    memcpy(chunk, "400\r\n", 5);
    memcpy(chunk + 5 + 1024, "\r\n", 3);
    say(s, "POST /work HTTP/1.1\r\nHost: a\r\n" JSON_TYPE "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 20; i++)
        say(s, chunk);
    say(s, "0\r\n\r\n"); /* it ends: the answer comes in order */
    char answer[4096] = "";
    assert_true(recv(s, answer, sizeof answer - 1, 0) > 0);
    refused(answer, 413, "too_large");
    close(s);
    s = dial();
    say(s, "POST /work HTTP/1.1\r\nHost: a\r\n" JSON_TYPE "Transfer-Encoding: chunked\r\n\r\n");
    bool is_open = true;
    for (int i = 0; i < 20000 && is_open; i++) /* it does not end: the connection does */
        is_open = send(s, chunk, 1031, MSG_NOSIGNAL) > 0;
    assert_false(is_open);
    close(s);
    assert_int_equal(code_of(ask("GET", "/health", "", "")), 200);
}

static void test_a_full_queue_refuses(void **state)
{
    int waiting[3];
    (void)state;
    options.max_queue = 3;
    atomic_store(&is_held, true);
    start();
    for (int i = 0; i < 3; i++)
        waiting[i] = send_request("POST", "/work", JSON_TYPE, "{\"text\": \"a\"}");
    await_metric("valence_jobs 3\n");
    refused(ask("POST", "/work", JSON_TYPE, "{\"text\": \"a\"}"), 429, "queue_full");
    atomic_store(&is_held, false);
    for (int i = 0; i < 3; i++)
        assert_string_equal(body_of(hear(waiting[i])), "[a]");
    assert_string_equal(body_of(ask("POST", "/work", JSON_TYPE, "{\"text\": \"b\"}")), "[b]");
}

static void test_many_clients_are_answered_or_refused(void **state)
{
    enum { N = 300 };
    static int sockets[N];
    int n_answered = 0, n_refused = 0;
    (void)state;
    options.max_queue = 20;
    atomic_store(&is_held, true);
    start();
    for (int i = 0; i < N; i++)
        sockets[i] = send_request("POST", "/work", JSON_TYPE, "{\"text\": \"a\"}");
    await_metric("valence_requests_total{route=\"/work\",code=\"429\"} 280\n");
    atomic_store(&is_held, false);
    for (int i = 0; i < N; i++) {
        int code = code_of(hear(sockets[i]));
        n_answered += code == 200;
        n_refused += code == 429;
    }
    assert_int_equal(n_answered, 20);
    assert_int_equal(n_refused, N - 20);
}

/* ---- Clients that misbehave ---- */

static void test_slow_clients_are_cut(void **state)
{
    (void)state;
    options.receive_seconds = 0.4;
    start();
    int silent = dial(), dripping = dial(), half = dial();
    say(half, "POST /work HTTP/1.1\r\nHost: a\r\n" JSON_TYPE "Content-Length: 100\r\n\r\n{");
    say(dripping, "GET /health HTTP/1.1\r\nHost: a\r\nX-Slow: ");
    while (send(dripping, "a", 1, MSG_NOSIGNAL) == 1)
        pause_ms(20);
    close(dripping);
    refused(hear(half), 408, "slow_request");
    assert_string_equal(hear(silent), "");
    assert_int_equal(code_of(ask("GET", "/health", "", "")), 200);
}

static void test_a_client_that_leaves_frees_its_place(void **state)
{
    (void)state;
    options.max_queue = 2;
    start();
    int first = send_request("POST", "/work", JSON_TYPE, "{\"text\": \"a\", \"ms\": 60000}");
    int second = send_request("POST", "/work", JSON_TYPE, "{\"text\": \"b\", \"ms\": 60000}");
    while (atomic_load(&n_works) == 0)
        pause_ms(2);
    await_metric("valence_jobs 2\n");
    close(second);
    close(first);
    assert_string_equal(body_of(ask("GET", "/", "", "")), "a page");
    while (atomic_load(&n_cancelled) == 0)
        pause_ms(2);
    assert_true(log_has("\"status\":499", "\"route\":\"/work\""));
    await_metric("valence_jobs 0\n");
    assert_string_equal(body_of(ask("POST", "/work", JSON_TYPE, "{\"text\": \"c\"}")), "[c]");
    assert_int_equal(atomic_load(&n_works), 2);
}

static void test_a_client_that_leaves_in_the_middle_of_its_body(void **state)
{
    (void)state;
    start();
    for (int i = 0; i < 20; i++) {
        int s = dial();
        say(s, "POST /work HTTP/1.1\r\nHost: a\r\n" FORM_TYPE
               "Content-Length: 100000\r\n\r\n--line\r\nContent-Disposition: form-data; "
               "name=file; filename=a\r\n\r\nthe first bytes");
        if (i % 2) /* with a reset, which leaves nothing to read */
            setsockopt(s, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
        close(s);
    }
    assert_true(log_has("\"status\":499", "\"route\":\"/work\""));
    assert_string_equal(body_of(ask("POST", "/work", JSON_TYPE, "{\"text\": \"b\"}")), "[b]");
    assert_int_equal(atomic_load(&n_works), 1);
}

static void test_what_takes_too_long_ends(void **state)
{
    (void)state;
    options.request_seconds = 0.3;
    start();
    refused(ask("POST", "/work", JSON_TYPE, "{\"text\": \"a\", \"ms\": 60000}"), 503, "too_slow");
    while (atomic_load(&n_cancelled) == 0)
        pause_ms(2);
    assert_string_equal(body_of(ask("POST", "/work", JSON_TYPE, "{\"text\": \"b\"}")), "[b]");
}

static void test_uploads_that_find_no_room(void **state)
{
    (void)state;
    options.folder = "/tmp/valence-no-such-folder/at-all";
    start();
    refused(ask("POST", "/work", FORM_TYPE,
                "--line\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\nb\r\n"
                "--line--"),
            503, "no_room");
}

/* ---- Streams ---- */

static int count(const char *text, const char *what)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, what)); at++)
        n++;
    return n;
}

static void test_events_come_one_by_one(void **state)
{
    (void)state;
    options.ping_seconds = 0.1;
    start();
    const char *answer =
        ask("POST", "/stream", JSON_TYPE, "{\"text\": \"end\", \"events\": 3, \"ms\": 300}");
    assert_int_equal(code_of(answer), 200);
    assert_non_null(strstr(answer, "text/event-stream"));
    assert_int_equal(count(answer, "event: segment\ndata: {\"i\":1}\n\n"), 3);
    assert_int_equal(count(answer, "event: done\ndata: [end]\n\n"), 1);
    assert_true(count(answer, ": ping\n\n") >= 3);
    answer = ask("POST", "/stream", JSON_TYPE, "{\"text\": \"fail\", \"events\": 2}");
    assert_int_equal(count(answer, "event: error\ndata: {\"error\":"), 1);
    refused(ask("POST", "/stream", JSON_TYPE, "{\"text\": \"fail\"}"), 422, "no_words");
}

static void test_a_stream_ends_with_its_client(void **state)
{
    char some[256];
    (void)state;
    start();
    int s = send_request("POST", "/stream", JSON_TYPE,
                         "{\"text\": \"end\", \"events\": 100000, \"ms\": 20}");
    assert_true(recv(s, some, sizeof some, 0) > 0);
    close(s);
    while (atomic_load(&n_cancelled) == 0)
        pause_ms(2);
    assert_string_equal(body_of(ask("POST", "/work", JSON_TYPE, "{\"text\": \"b\"}")), "[b]");
}

/* ---- Its life ---- */

static void test_it_answers_while_it_loads(void **state)
{
    struct valence_error error;
    (void)state;
    atomic_store(&may_load, false);
    begin();
    assert_int_equal(http_server_wait(server, 0.01, &error), VALENCE_ERROR_BUSY);
    const char *answer = ask("GET", "/health", "", "");
    assert_int_equal(code_of(answer), 503);
    assert_string_equal(body_of(answer), "{\"status\":\"loading\"}\n");
    refused(ask("POST", "/work", JSON_TYPE, "{\"text\": \"a\"}"), 503, "loading");
    atomic_store(&may_load, true);
    assert_int_equal(http_server_wait(server, 10, &error), VALENCE_OK);
    assert_int_equal(code_of(ask("GET", "/health", "", "")), 200);
}

static void test_a_model_that_does_not_load(void **state)
{
    struct valence_error error;
    (void)state;
    atomic_store(&load_fails, true);
    begin();
    assert_int_equal(http_server_wait(server, -1, &error), VALENCE_ERROR_NOT_FOUND);
    assert_string_equal(error.text, "no such model");
    refused(ask("POST", "/work", JSON_TYPE, "{\"text\": \"a\"}"), 503, "no_model");
}

static void test_a_reload_that_fails_keeps_the_model(void **state)
{
    (void)state;
    start();
    http_server_reload(server);
    while (atomic_load(&n_loads) < 2)
        pause_ms(2);
    atomic_store(&load_fails, true);
    http_server_reload(server);
    while (atomic_load(&n_loads) < 3)
        pause_ms(2);
    assert_string_equal(body_of(ask("POST", "/work", JSON_TYPE, "{\"text\": \"b\"}")), "[b]");
}

static void test_stopping_finishes_what_is_at_hand(void **state)
{
    (void)state;
    start();
    int s = send_request("POST", "/work", JSON_TYPE, "{\"text\": \"a\", \"ms\": 200}");
    while (atomic_load(&n_works) == 0)
        pause_ms(2);
    http_server_stop(server, 10);
    assert_string_equal(body_of(hear(s)), "[a]");
}

static void test_stopping_at_once_says_so(void **state)
{
    (void)state;
    start();
    int s = send_request("POST", "/work", JSON_TYPE, "{\"text\": \"a\", \"ms\": 60000}");
    /* The long one takes the only worker first: connections may be accepted in another order. */
    while (atomic_load(&n_works) == 0)
        pause_ms(2);
    int waiting = send_request("POST", "/work", JSON_TYPE, "{\"text\": \"a\"}");
    int stream = send_request("POST", "/stream", JSON_TYPE, "{\"events\": 1, \"ms\": 60000}");
    await_metric("valence_jobs 3\n");
    http_server_stop(server, 0);
    refused(hear(s), 503, "stopping");
    refused(hear(waiting), 503, "stopping");
    refused(hear(stream), 503, "stopping");
}

static void test_metrics_count(void **state)
{
    (void)state;
    start();
    for (int i = 0; i < 2; i++)
        ask("POST", "/work", JSON_TYPE, "{\"text\": \"a\"}");
    ask("GET", "/secret/path", "", "");
    const char *text = body_of(ask("GET", "/metrics", "", ""));
    assert_non_null(strstr(text, "valence_requests_total{route=\"/work\",code=\"200\"} 2\n"));
    assert_non_null(strstr(text, "valence_requests_total{route=\"-\",code=\"404\"} 1\n"));
    assert_non_null(strstr(text, "valence_media_seconds_total 3\n"));
    assert_non_null(strstr(text, "valence_compute_seconds_total{stage=\"thinking\"} 0.5\n"));
    assert_non_null(strstr(text, "valence_request_seconds_count 3\n"));
    assert_null(strstr(text, "secret"));
}

static void test_a_route_may_take_the_rest_of_a_path(void **state)
{
    (void)state;
    start();
    const char *answer = ask("GET", "/things/a/b", "", "");
    assert_int_equal(code_of(answer), 202);
    assert_string_equal(body_of(answer), "a/b");
    assert_non_null(strstr(answer, "\r\nLocation: /things/a/b\r\n"));
    assert_string_equal(body_of(ask("DELETE", "/things/c", "", "")), "c");
    refused(ask("GET", "/things/", "", ""), 404, "not_found");
    answer = ask("POST", "/things/a", "", "");
    refused(answer, 405, "method_not_allowed");
    assert_non_null(strstr(answer, "\r\nAllow: GET, DELETE\r\n"));
    assert_true(log_has("\"route\":\"/things/\"", "\"status\":202"));
}

static void test_other_work_makes_room_for_requests(void **state)
{
    (void)state;
    atomic_store(&idles_long, true);
    start();
    while (atomic_load(&n_idles) == 0)
        pause_ms(2);
    for (int i = 0; i < 3; i++) /* it would go on for ever */
        assert_int_equal(code_of(ask("POST", "/work", JSON_TYPE, "{\"text\": \"a\"}")), 200);
    assert_true(atomic_load(&n_idles) >= 3);
    http_server_stop(server, 1);
}

static void test_requests_that_never_cease_leave_other_work_its_time(void **state)
{
    enum { N = 8 };
    int sockets[N];
    (void)state;
    start();
    for (int i = 0; i < N; i++)
        sockets[i] = send_request("POST", "/work", JSON_TYPE, "{\"text\": \"a\", \"ms\": 400}");
    while (atomic_load(&n_works) < 2)
        pause_ms(2);
    const int before = atomic_load(&n_idles); /* from here to the last request, others wait */
    while (atomic_load(&n_works) < N)
        pause_ms(2);
    assert_true(atomic_load(&n_idles) > before);
    for (int i = 0; i < N; i++)
        assert_int_equal(code_of(hear(sockets[i])), 200);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, reset, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_form_is_worked_on),
        TEST(test_json_is_a_form),
        TEST(test_refusals_have_their_codes),
        TEST(test_an_unclear_length_ends_the_connection),
        TEST(test_a_connection_takes_one_request_after_the_other),
        TEST(test_a_key_is_asked_for),
        TEST(test_other_machines_are_not_served_without_a_key),
        TEST(test_a_port_in_use_is_an_error),
        TEST(test_requests_of_a_client_are_counted),
        TEST(test_other_origins_are_named),
        TEST(test_a_large_body_is_refused_before_it_comes),
        TEST(test_a_body_without_a_length_is_cut),
        TEST(test_a_full_queue_refuses),
        TEST(test_a_route_may_take_the_rest_of_a_path),
        TEST(test_other_work_makes_room_for_requests),
        TEST(test_requests_that_never_cease_leave_other_work_its_time),
        TEST(test_many_clients_are_answered_or_refused),
        TEST(test_slow_clients_are_cut),
        TEST(test_a_client_that_leaves_frees_its_place),
        TEST(test_a_client_that_leaves_in_the_middle_of_its_body),
        TEST(test_what_takes_too_long_ends),
        TEST(test_uploads_that_find_no_room),
        TEST(test_events_come_one_by_one),
        TEST(test_a_stream_ends_with_its_client),
        TEST(test_it_answers_while_it_loads),
        TEST(test_a_model_that_does_not_load),
        TEST(test_a_reload_that_fails_keeps_the_model),
        TEST(test_stopping_finishes_what_is_at_hand),
        TEST(test_stopping_at_once_says_so),
        TEST(test_metrics_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
