/* How jobs and requests share the worker's thread. */
#include "serve_fixture.h"

#include "serve/job_list.h"
#include "serve/job_turns.h"
#include "serve/serve.h"

/* ---- The turns, by a clock of the test's own ---- */

static void test_turns_become_longer(void **state)
{
    static const double wanted[] = {10, 15, 20, 25, 30, 30, 30};
    struct job_turns turns;
    (void)state;
    job_turns_begin(&turns, 0);
    double length = turns.shortest;
    assert_float_equal(length, 5, 0);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        length = job_turns_next(&turns, length, true);
        assert_float_equal(length, wanted[i], 0);
    }
}

/* A job that needs 100 s until the first piece of it is finished gets there. */
static void test_a_turn_in_which_nothing_was_finished_is_followed_by_a_longer_one(void **state)
{
    struct job_turns turns;
    int n = 0;
    (void)state;
    job_turns_begin(&turns, 0);
    double length = turns.shortest;
    for (; length < 100; n++)
        length = job_turns_next(&turns, length, false);
    assert_int_equal(n, 5);
    assert_float_equal(job_turns_next(&turns, length, true), 30, 0);
}

static void test_requests_have_their_time_before_a_turn(void **state)
{
    struct job_turns turns;
    (void)state;
    job_turns_begin(&turns, 1000);
    assert_false(job_turns_are_due(&turns, 5, 1000));
    assert_false(job_turns_are_due(&turns, 5, 1044));
    assert_true(job_turns_are_due(&turns, 5, 1046));
    assert_false(job_turns_are_due(&turns, 30, 1046)); /* a longer turn waits longer */
    turns.last_end = 1050;
    assert_false(job_turns_are_due(&turns, 5, 1090));
    assert_true(job_turns_are_due(&turns, 5, 1096));
}

/* The share of ten hours, in which requests never cease, that jobs of this length get. */
static double share_of_jobs(double job_seconds)
{
    const double end = 36000;
    struct job_turns turns;
    job_turns_begin(&turns, 0);
    double worked = 0, length = turns.shortest, left = job_seconds;
    for (double now = 0; now < end;) {
        const double turn = fmin(length, left);
        if (!job_turns_are_due(&turns, length, now)) {
            now += 0.1;
            continue;
        }
        now += turn;
        turns.last_end = now;
        worked += turn;
        left -= turn;
        length = job_turns_next(&turns, length, true);
        if (left <= 0) { /* the next job */
            left = job_seconds;
            length = turns.shortest;
        }
    }
    return worked / end;
}

static void test_jobs_get_a_tenth_of_the_time(void **state)
{
    const double share_of_one = share_of_jobs(1e6), share_of_short = share_of_jobs(5);
    (void)state;
    assert_true(share_of_one > 0.095 && share_of_one <= 0.1);
    assert_true(share_of_short > 0.095 && share_of_short <= 0.1);
}

/* ---- A server whose queue is never empty ---- */

#define N_WAITING 24

static int post_text(void)
{
    return send_request("POST", "/v1/score", JSON_TYPE, "{\"text\": \"not at all well\"}");
}

/* Everything of more than a second is a job, with turns that suit a test. */
static struct valence_server *start(void)
{
    struct valence_server_options options = server_options();
    static char folder[sizeof fixture_folder + 8];
    snprintf(short_path, sizeof short_path, "%s/short.flac", fixture_folder);
    if (access(short_path, R_OK) != 0)
        ffmpeg("-i film.mkv -t 3 -vn short.flac");
    snprintf(folder, sizeof folder, "%s/jobs", fixture_folder);
    options.job_folder = folder;
    options.job_seconds = 1;
    options.max_queue = 4 * N_WAITING;
    struct valence_server *server = start_server(NULL, &options);
    pthread_mutex_lock(&server->jobs->lock);
    server->jobs->turns.shortest = 0.3;
    server->jobs->turns.longest = 1;
    pthread_mutex_unlock(&server->jobs->lock);
    return server;
}

static bool is_done(const char *path)
{
    const char *answer = ask("GET", path, "", "");
    assert_int_equal(code_of(answer), 200);
    assert_null(strstr(answer, "\"status\":\"failed\""));
    return strstr(answer, "\"status\":\"done\"") != NULL;
}

/* Each answer makes room for one more request, so that two dozen wait all the time. Jobs that had
 * to wait for an empty queue would never be done. */
static void test_a_job_is_done_while_requests_never_cease(void **state)
{
    struct valence_server *server = start();
    int waiting[N_WAITING], n_answered = 0;
    char path[64];
    (void)state;
    for (int i = 0; i < N_WAITING / 2; i++)
        waiting[i] = post_text();
    int upload = post_film("/v1/score", "");
    for (int i = N_WAITING / 2; i < N_WAITING; i++)
        waiting[i] = post_text();
    const char *accepted = hear(upload), *id = strstr(accepted, "\"id\":\"");
    assert_int_equal(code_of(accepted), 202);
    assert_non_null(id);
    snprintf(path, sizeof path, "/v1/jobs/%.32s", id + strlen("\"id\":\""));
    do {
        const int i = n_answered++ % N_WAITING;
        assert_int_equal(code_of(hear(waiting[i])), 200);
        waiting[i] = post_text();
        assert_true(n_answered < 50000);
    } while (!is_done(path));
    for (int i = 0; i < N_WAITING; i++)
        assert_int_equal(code_of(hear(waiting[i])), 200);
    assert_int_equal(code_of(ask("DELETE", path, "", "")), 200);
    valence_server_free(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns_become_longer),
        cmocka_unit_test(test_a_turn_in_which_nothing_was_finished_is_followed_by_a_longer_one),
        cmocka_unit_test(test_requests_have_their_time_before_a_turn),
        cmocka_unit_test(test_jobs_get_a_tenth_of_the_time),
        cmocka_unit_test(test_a_job_is_done_while_requests_never_cease),
    };
    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
