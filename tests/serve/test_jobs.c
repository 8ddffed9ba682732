/* Jobs: long recordings are accepted, scored like any other, and nothing of them stays longer than
 * said; they outlive the server. */
#include "serve_fixture.h"

#include <dirent.h>
#include <sys/resource.h>
#include <time.h>

static char jobs_folder[128];

/* ---- Servers ---- */

/* Everything of more than a second is a job. What is sent is sound alone, which is scored fast. */
static struct valence_server_options job_options(void)
{
    struct valence_server_options options = server_options();
    snprintf(short_path, sizeof short_path, "%s/short.flac", fixture_folder);
    if (access(short_path, R_OK) != 0)
        ffmpeg("-i film.mkv -t 3 -vn short.flac");
    snprintf(jobs_folder, sizeof jobs_folder, "%s/jobs", fixture_folder);
    options.job_folder = jobs_folder;
    options.job_seconds = 1;
    return options;
}

static struct valence_server *start(void)
{
    const struct valence_server_options options = job_options();
    return start_server(NULL, &options);
}

/* Jobs that the folder holds, counting what is half written. */
static int n_kept(void)
{
    DIR *folder = opendir(jobs_folder);
    int n = 0;
    assert_non_null(folder);
    for (const struct dirent *entry; (entry = readdir(folder));)
        n += entry->d_name[0] != '.' && strcmp(entry->d_name, "lock") != 0;
    closedir(folder);
    return n;
}

static const char *file_of(const char *id, const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s/%s", jobs_folder, id, name);
    return path;
}

/* ---- Requests ---- */

static void take_id(const char *answer, char id[33])
{
    if (code_of(answer) != 202)
        fail_msg("%s", answer);
    json_t *json = json_loads(body_of(answer), 0, NULL);
    assert_non_null(json);
    snprintf(id, 33, "%s", json_string_value(json_object_get(json, "id")));
    json_decref(json);
}

/* Sends the film, which becomes a job. */
static void send_job(const char *fields, char id[33])
{
    char location[96];
    const char *answer = send_film("/v1/score", fields);
    take_id(answer, id);
    snprintf(location, sizeof location, "\r\nLocation: /v1/jobs/%s\r\n", id);
    assert_non_null(strstr(answer, location));
}

static const char *ask_for(const char *method, const char *id, const char *what)
{
    char path[128];
    snprintf(path, sizeof path, "/v1/jobs/%s%s", id, what);
    return ask(method, path, "", "");
}

/* Polls until the job has ended. */
static void await_end(const char *id, const char *wanted)
{
    for (;;) {
        const struct timespec pause = {0, 20000000};
        const char *answer = ask_for("GET", id, "");
        assert_int_equal(code_of(answer), 200);
        json_t *json = json_loads(body_of(answer), 0, NULL);
        const char *status = json_string_value(json_object_get(json, "status"));
        bool has_ended = strcmp(status, "done") == 0 || strcmp(status, "failed") == 0;
        if (has_ended && strcmp(status, wanted) != 0)
            fail_msg("%s", ask_for("GET", id, "/result"));
        json_decref(json);
        if (has_ended)
            return;
        nanosleep(&pause, NULL);
    }
}

/* ---- Tests ---- */

static void test_a_job_has_the_library_s_scores(void **state)
{
    struct valence_server_options options = job_options();
    char id[33], other[33];
    (void)state;
    options.metrics = true;
    struct valence_server *server = start_server(NULL, &options);
    send_job(FIELD("window") "1.5\r\n" FIELD("response_format") "csv\r\n", id);
    send_job("", other);
    await_end(id, "done");
    await_end(other, "done");
    assert_true(metric("valence_media_seconds_total") > 5); /* of both */
    assert_true(metric("valence_compute_seconds_total{stage=\"encode\"}") > 0);
    assert_same(
        ask_for("GET", other, "/result"),
        library_score((struct valence_recording){.name = "../a film.mkv", .path = short_path},
                      false));
    const char *answer = ask_for("GET", id, "/result");
    assert_int_equal(code_of(answer), 200);
    assert_non_null(strstr(answer, "Content-Type: text/csv"));
    assert_true(strncmp(body_of(answer), "id,score,low,high,", 18) == 0);
    assert_int_not_equal(access(file_of(id, "0"), F_OK), 0); /* the uploads are gone */
    assert_int_not_equal(access(file_of(other, "0"), F_OK), 0);
    assert_int_not_equal(access(file_of(id, "journal"), F_OK), 0);
    valence_server_free(server);
    server = start(); /* results outlive the server, too */
    answer = ask_for("GET", id, "/result");
    assert_int_equal(code_of(answer), 200);
    assert_int_equal(code_of(ask_for("DELETE", id, "")), 200);
    assert_int_equal(code_of(ask_for("DELETE", other, "")), 200);
    refused(ask_for("DELETE", other, ""), 404, "job_not_found");
    refused(ask_for("GET", id, ""), 404, "job_not_found");
    refused(ask_for("GET", id, "/result"), 404, "job_not_found");
    assert_int_equal(n_kept(), 0);
    valence_server_free(server);
}

static void test_short_recordings_and_texts_are_no_jobs(void **state)
{
    struct valence_server_options options = job_options();
    (void)state;
    options.job_seconds = 30;
    struct valence_server *server = start_server(NULL, &options);
    assert_int_equal(code_of(send_film("/v1/score", "")), 200);
    assert_int_equal(code_of(ask("POST", "/v1/score", JSON_TYPE, "{\"text\": \"good\"}")), 200);
    assert_int_equal(code_of(send_film("/v1/score/stream", "")), 200);
    refused(send_file("/v1/score", "", "no media", 8), 415, "unsupported_media");
    valence_server_free(server);
    server = start();
    assert_int_equal(code_of(send_film("/v1/score", FIELD("start") "0.5\r\n" FIELD("end") "1\r\n")),
                     200);
    assert_int_equal(n_kept(), 0);
    valence_server_free(server);
}

static void test_what_cannot_be_scored_is_said_by_the_job(void **state)
{
    struct valence_server *server = start();
    size_t n;
    char id[33], *film = read_whole(short_path, &n);
    (void)state;
    memset(film + n / 2, 0x55, n / 4); /* the header is whole, and what follows is not */
    take_id(send_file("/v1/score", "", film, n), id);
    free(film);
    await_end(id, "failed");
    const char *answer = ask_for("GET", id, "/result");
    refused(answer, 422, "damaged");
    assert_null(strstr(answer, "/proc"));
    assert_null(strstr(answer, fixture_folder));
    assert_int_equal(code_of(ask_for("DELETE", id, "")), 200);
    valence_server_free(server);
}

static void test_jobs_outlive_their_server(void **state)
{
    char ids[3][33];
    (void)state;
    struct valence_server *server = start();
    for (int i = 0; i < 3; i++)
        send_job(FIELD("text") "Good day.\r\n", ids[i]);
    valence_server_stop(server, 0); /* whatever it has done until now */
    valence_server_free(server);
    server = start();
    const struct valence_recording recording = {
        .name = "../a film.mkv", .path = short_path, .text = "Good day."};
    for (int i = 0; i < 3; i++) {
        await_end(ids[i], "done");
        assert_same(ask_for("GET", ids[i], "/result"), library_score(recording, false));
        assert_int_equal(code_of(ask_for("DELETE", ids[i], "")), 200);
    }
    valence_server_free(server);
}

/* A job as a killed server leaves it: accepted, and not done. */
static void leave_job(char id[33])
{
    char command[512];
    struct valence_server *server = start();
    send_job("", id);
    snprintf(command, sizeof command, "cp -r %s/%s %s/copy", jobs_folder, id, fixture_folder);
    assert_int_equal(system(command), 0);
    assert_int_equal(code_of(ask_for("DELETE", id, "")), 200);
    valence_server_free(server);
    assert_int_equal(n_kept(), 0);
    snprintf(command, sizeof command, "mv %s/copy %s/%s", fixture_folder, jobs_folder, id);
    assert_int_equal(system(command), 0);
}

static void write_into(const char *id, const char *name, const char *text)
{
    FILE *file = fopen(file_of(id, name), "wb");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void test_a_job_that_ends_its_server_again_and_again_is_given_up(void **state)
{
    char id[33];
    (void)state;
    leave_job(id);
    write_into(id, "started", "xxxxx");
    struct valence_server *server = start();
    await_end(id, "failed");
    refused(ask_for("GET", id, "/result"), 500, "internal");
    assert_int_equal(code_of(ask_for("DELETE", id, "")), 200);
    valence_server_free(server);
}

/* As if the job had been accepted so many seconds ago. */
static void make_older(const char *id, double seconds)
{
    json_t *form = json_load_file(file_of(id, "form.json"), 0, NULL);
    assert_non_null(form);
    json_int_t created = json_integer_value(json_object_get(form, "created"));
    json_object_set_new(form, "created", json_integer(created - (json_int_t)(seconds * 1e3)));
    assert_int_equal(json_dump_file(form, file_of(id, "form.json"), 0), 0);
    json_decref(form);
}

static void test_a_job_may_wait_longer_than_results_are_kept(void **state)
{
    struct valence_server_options options = job_options();
    char id[33];
    (void)state;
    leave_job(id);
    make_older(id, 2 * options.job_keep_seconds);
    struct valence_server *server = start_server(NULL, &options);
    await_end(id, "done");
    assert_int_equal(code_of(ask_for("GET", id, "/result")), 200); /* from now on it is kept */
    assert_int_equal(code_of(ask_for("DELETE", id, "")), 200);
    valence_server_free(server);
}

static void test_a_job_that_waited_too_long_has_failed(void **state)
{
    struct valence_server_options options = job_options();
    char id[33];
    (void)state;
    leave_job(id);
    make_older(id, options.job_wait_seconds);
    struct valence_server *server = start_server(NULL, &options);
    await_end(id, "failed");
    refused(ask_for("GET", id, "/result"), 503, "waited_too_long");
    assert_int_not_equal(access(file_of(id, "0"), F_OK), 0); /* the upload is gone */
    assert_int_equal(code_of(ask_for("DELETE", id, "")), 200);
    valence_server_free(server);
}

static void test_damaged_jobs_are_removed(void **state)
{
    static const char *const forms[] = {"", "{", "[]", "{\"created\": \"x\"}", NULL};
    char id[33], other[33];
    (void)state;
    leave_job(id);
    for (int i = 0; forms[i]; i++) {
        char command[512];
        snprintf(other, sizeof other, "%032d", i);
        snprintf(command, sizeof command, "cp -r %s/%s %s/%s", jobs_folder, id, jobs_folder, other);
        assert_int_equal(system(command), 0);
        write_into(other, "form.json", forms[i]);
    }
    remove(file_of(id, "0")); /* of this one, the form is right, but the upload is gone */
    struct valence_server *server = start();
    assert_int_equal(n_kept(), 1);
    refused(ask_for("GET", other, ""), 404, "job_not_found");
    await_end(id, "failed");
    assert_int_equal(code_of(ask_for("DELETE", id, "")), 200);
    valence_server_free(server);
}

static void test_jobs_expire(void **state)
{
    struct valence_server_options options = job_options();
    const struct timespec pause = {0, 100000000};
    char id[33];
    (void)state;
    options.job_keep_seconds = 1;
    struct valence_server *server = start_server(NULL, &options);
    send_job("", id);
    while (n_kept() > 0) {
        nanosleep(&pause, NULL);
        assert_int_equal(code_of(ask("GET", "/health", "", "")), 200);
    }
    refused(ask_for("GET", id, "/result"), 404, "job_not_found");
    valence_server_free(server);
}

static long peak_kib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

/* The server neither reads it into memory nor lets others wait until it is read. */
static void test_a_large_result_is_sent_from_its_file(void **state)
{
    static char bytes[1 << 16];
    const off_t n_bytes = (off_t)256 << 20;
    struct valence_server *server = start();
    char id[33], path[128];
    off_t n_read = 0;
    ssize_t got;
    (void)state;
    send_job("", id);
    await_end(id, "done");
    assert_int_equal(truncate(file_of(id, "result"), n_bytes), 0);
    snprintf(path, sizeof path, "/v1/jobs/%s/result", id);
    const long before = peak_kib();
    int s = send_request("GET", path, "", "");
    assert_true((got = recv(s, bytes, sizeof bytes, 0)) > 0); /* it does not read on yet */
    assert_int_equal(code_of(bytes), 200);
    assert_int_equal(code_of(ask_for("GET", id, "")), 200);
    for (; got > 0; got = recv(s, bytes, sizeof bytes, 0))
        n_read += got;
    close(s);
    assert_true(n_read > n_bytes);
    assert_true(peak_kib() - before < 64 * 1024);
    assert_int_equal(code_of(ask_for("DELETE", id, "")), 200);
    valence_server_free(server);
}

static void test_there_is_a_limit(void **state)
{
    struct valence_server_options options = job_options();
    struct valence_server *other;
    struct valence_error error;
    char id[33];
    (void)state;
    options.max_jobs = 1;
    struct valence_server *server = start_server(NULL, &options);
    send_job("", id);
    refused(send_film("/v1/score", ""), 429, "too_many_jobs");
    assert_int_equal(valence_server_create(run_path, NULL, &options, &other, &error),
                     VALENCE_ERROR_BUSY);
    assert_string_equal(error.key, "job_folder");
    assert_null(other);
    assert_int_equal(code_of(ask_for("DELETE", id, "")), 200);
    valence_server_free(server);
}

static void test_jobs_that_are_not_there(void **state)
{
    struct valence_server *server = start();
    (void)state;
    refused(ask("GET", "/v1/jobs/", "", ""), 404, "not_found");
    refused(ask("GET", "/v1/jobs/..%2f..%2fetc", "", ""), 404, "job_not_found");
    refused(ask("GET", "/v1/jobs/0123456789abcdef0123456789abcdef", "", ""), 404, "job_not_found");
    refused(ask("POST", "/v1/jobs/0123456789abcdef0123456789abcdef", "", ""), 405,
            "method_not_allowed");
    valence_server_free(server);
    struct valence_server_options options = server_options();
    server = start_server(NULL, &options);
    refused(ask("GET", "/v1/jobs/0123456789abcdef0123456789abcdef", "", ""), 404, "not_found");
    refused(ask("DELETE", "/v1/jobs/0123456789abcdef0123456789abcdef", "", ""), 404,
            "job_not_found");
    valence_server_free(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_job_has_the_library_s_scores),
        cmocka_unit_test(test_short_recordings_and_texts_are_no_jobs),
        cmocka_unit_test(test_what_cannot_be_scored_is_said_by_the_job),
        cmocka_unit_test(test_jobs_outlive_their_server),
        cmocka_unit_test(test_a_job_that_ends_its_server_again_and_again_is_given_up),
        cmocka_unit_test(test_a_job_may_wait_longer_than_results_are_kept),
        cmocka_unit_test(test_a_job_that_waited_too_long_has_failed),
        cmocka_unit_test(test_damaged_jobs_are_removed),
        cmocka_unit_test(test_jobs_expire),
        cmocka_unit_test(test_a_large_result_is_sent_from_its_file),
        cmocka_unit_test(test_there_is_a_limit),
        cmocka_unit_test(test_jobs_that_are_not_there),
    };
    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
