/* Scores over HTTP: they are the library's, and what cannot be scored says why. */
#include "serve_fixture.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "processes.h"
#include "valence/transcript_formats.h"

static struct valence_server *shared;

static struct valence_server *start(const struct valence_scorer_options *scorer)
{
    const struct valence_server_options options = server_options();
    return start_server(scorer, &options);
}

/* The one that most tests share. */
static void use_server(void)
{
    static bool is_begun;
    if (!is_begun)
        shared = start(NULL);
    is_begun = true;
    http_port = valence_server_port(shared);
}

static int tear_down(void **state)
{
    valence_server_free(shared);
    return remove_folder(state);
}

static const char *score_json_text(const char *json)
{
    return ask("POST", "/v1/score", JSON_TYPE, json);
}

static void test_a_text_has_the_library_s_score(void **state)
{
    (void)state;
    use_server();
    assert_same(
        score_json_text("{\"text\": \"good \\u00e9 day\"}"),
        library_score((struct valence_recording){.name = "text", .text = "good \xc3\xa9 day"},
                      false));
    assert_same(
        score_json_text("{\"text\": \"not at all\", \"response_format\": \"verbose_json\"}"),
        library_score((struct valence_recording){.name = "text", .text = "not at all"}, true));
    /* what one request asked for does not stay */
    assert_same(
        score_json_text("{\"text\": \"not at all\"}"),
        library_score((struct valence_recording){.name = "text", .text = "not at all"}, false));
}

static void test_a_film_has_the_library_s_scores(void **state)
{
    const struct valence_media_segment range = {0.5, 1.5};
    (void)state;
    use_server();
    assert_same(
        send_film("/v1/score", ""),
        library_score((struct valence_recording){.name = "../a film.mkv", .path = short_path},
                      false));
    assert_same(
        send_film("/v1/score",
                  FIELD("text") "good day\r\n" FIELD("start") "0.5\r\n" FIELD("end") "1.5\r\n"),
        library_score(
            (struct valence_recording){
                .name = "../a film.mkv", .path = short_path, .range = &range, .text = "good day"},
            false));
}

static void test_a_transcript_s_sentences_are_segments(void **state)
{
    (void)state;
    use_server();
    const char *answer = send_film(
        "/v1/score", FIELD("transcript_format") "srt\r\n" FIELD(
                         "transcript") "1\n00:00:00,500 --> 00:00:01,000\nGood day.\n\n"
                                       "2\n00:00:02,000 --> 00:00:02,500\nBad.\n\n\r\n" FIELD(
                                           "response_format") "srt\r\n");
    assert_int_equal(code_of(answer), 200);
    assert_non_null(strstr(answer, "Content-Type: application/x-subrip"));
    const char *body = body_of(answer);
    assert_true(strncmp(body, "1\n00:00:00,500 --> 00:00:01,000\n", 32) == 0);
    assert_non_null(strstr(body, "2\n00:00:02,000 --> 00:00:02,500\n"));
    assert_non_null(strstr(body, " Good day.\n"));
    answer = send_film("/v1/score", FIELD("transcript") "nothing with times\r\n" FIELD(
                                        "transcript_format") "srt\r\n");
    refused(answer, 422, "damaged");
}

static void test_results_have_the_form_that_is_asked_for(void **state)
{
    (void)state;
    use_server();
    const char *answer =
        score_json_text("{\"text\": \"fine \\\"day\\\"\", \"response_format\": \"csv\"}");
    assert_true(strncmp(body_of(answer), "id,score,low,high,", 18) == 0);
    assert_non_null(strstr(body_of(answer), "\ntext,"));
    assert_non_null(strstr(body_of(answer), ",\"fine \"\"day\"\"\","));
    answer = score_json_text("{\"text\": \"fine day\", \"response_format\": \"text\"}");
    assert_non_null(strstr(answer, "Content-Type: text/plain"));
    assert_true(strchr("+-", body_of(answer)[0]) && strstr(body_of(answer), "\tfine day\n"));
    answer = send_film("/v1/score", FIELD("response_format") "vtt\r\n" FIELD("window") "1.5\r\n");
    assert_true(strncmp(body_of(answer), "WEBVTT\n\n00:00:00.000 --> 00:00:0", 32) == 0);
}

static void test_segments_come_as_events(void **state)
{
    int n = 0;
    (void)state;
    use_server();
    const char *answer = send_film("/v1/score/stream", FIELD("window") "1.5\r\n");
    assert_int_equal(code_of(answer), 200);
    for (const char *at = answer; (at = strstr(at, "event: segment\ndata: {\"score\":")); at++)
        n++;
    assert_int_equal(n, 2);
    assert_non_null(strstr(answer, "event: done\ndata: {\"score\":"));
    assert_non_null(strstr(answer, "\"segments\":2"));
}

/* ---- Transcripts ---- */

static json_t *library_transcript(void)
{
    struct valence_transcriber *transcriber;
    struct valence_transcribe_options options;
    struct valence_transcript *transcript;
    struct valence_media *media;
    struct valence_error error;
    char *text = NULL;
    size_t n = 0;
    valence_transcribe_options_default(&options);
    options.language = "en";
    options.words = true;
    valence_set_threads(1);
    must(valence_transcriber_load(whisper_path, &transcriber, &error), &error);
    must(valence_media_open(short_path, NULL, &media, &error), &error);
    must(valence_transcribe(transcriber, media, NULL, &options, NULL, &transcript, &error), &error);
    FILE *stream = open_memstream(&text, &n);
    must(valence_transcript_write_json(stream, "../a film.mkv", false, transcript, &error), &error);
    fclose(stream);
    json_t *root = json_loadb(text, n, 0, NULL);
    assert_non_null(root);
    free(text);
    valence_transcript_free(transcript);
    valence_media_close(media);
    valence_transcriber_free(transcriber);
    return root;
}

#define TRANSCRIPTIONS "/v1/audio/transcriptions"

static void test_transcripts_are_the_library_s(void **state)
{
    (void)state;
    use_server();
    char fields[1024];
    snprintf(fields, sizeof fields, "%s%s%s%s%s", FIELD("model") "whisper-1\r\n",
             FIELD("language") "en\r\n", FIELD("response_format") "verbose_json\r\n",
             FIELD("timestamp_granularities[]") "word\r\n",
             FIELD("timestamp_granularities[]") "segment\r\n");
    assert_same(send_film(TRANSCRIPTIONS, fields), library_transcript());
    const char *answer =
        send_film(TRANSCRIPTIONS, FIELD("language") "en\r\n" FIELD("temperature") "0.2\r\n");
    assert_int_equal(code_of(answer), 200);
    json_t *short_form = json_loads(body_of(answer), 0, NULL), *whole = library_transcript();
    const char *text = json_string_value(json_object_get(short_form, "text"));
    const char *wanted = json_string_value(json_object_get(whole, "text"));
    assert_int_equal(json_object_size(short_form), 1);
    assert_string_equal(text, wanted + strspn(wanted, " "));
    json_decref(short_form);
    json_decref(whole);
    answer =
        send_film(TRANSCRIPTIONS, FIELD("language") "en\r\n" FIELD("response_format") "srt\r\n");
    assert_true(strncmp(body_of(answer), "1\n00:00:0", 9) == 0);
}

static void assert_language(const char *fields, const char *wanted)
{
    char all[512];
    snprintf(all, sizeof all, "%s%s", fields, FIELD("response_format") "verbose_json\r\n");
    const char *answer = send_film(TRANSCRIPTIONS, all);
    assert_int_equal(code_of(answer), 200);
    json_t *json = json_loads(body_of(answer), 0, NULL);
    assert_string_equal(json_string_value(json_object_get(json, "language")), wanted);
    json_decref(json);
}

static void test_transcripts_have_the_language_that_is_asked_for(void **state)
{
    struct valence_scorer_options scorer = own_options();
    (void)state;
    scorer.language = "de";
    struct valence_server *server = start(&scorer);
    assert_language("", "de"); /* the server's */
    assert_language(FIELD("language") "fr\r\n", "fr");
    valence_server_free(server);
}

static void test_wrong_requests_for_transcripts(void **state)
{
    (void)state;
    use_server();
    refused(send_film(TRANSCRIPTIONS, FIELD("model") "gpt\r\n"), 404, "model_not_found");
    refused(send_film(TRANSCRIPTIONS, FIELD("temperature") "2\r\n"), 400, "invalid_field");
    refused(send_film(TRANSCRIPTIONS, FIELD("stream") "true\r\n"), 400, "invalid_field");
    refused(send_film(TRANSCRIPTIONS, FIELD("window") "2\r\n"), 400, "unknown_field");
    refused(send_film(TRANSCRIPTIONS, FIELD("response_format") "csv\r\n"), 400, "invalid_field");
    refused(ask("POST", TRANSCRIPTIONS, JSON_TYPE, "{\"file\": \"a.wav\"}"), 400, "invalid_field");
    refused(ask("POST", TRANSCRIPTIONS, JSON_TYPE, "{}"), 400, "invalid_request");
    refused(send_film(TRANSCRIPTIONS, FIELD("language") "xx\r\n"), 400, "invalid_request");
    refused(send_file(TRANSCRIPTIONS, "", "no media", 8), 415, "unsupported_media");
}

/* ---- What cannot be scored ---- */

static void test_wrong_fields_are_named(void **state)
{
    (void)state;
    use_server();
    refused(score_json_text("{\"text\": \"a\", \"windw\": 3}"), 400, "unknown_field");
    assert_non_null(
        strstr(score_json_text("{\"text\": \"a\", \"windw\": 3}"), "did you mean 'window'?"));
    refused(score_json_text("{}"), 400, "invalid_request");
    refused(score_json_text("{\"text\": \"a\", \"level\": 1.5}"), 400, "invalid_field");
    refused(score_json_text("{\"text\": \"a\", \"level\": \"nan\"}"), 400, "invalid_field");
    refused(score_json_text("{\"text\": \"a\", \"level\": 0.009}"), 400, "invalid_field");
    assert_int_equal(code_of(score_json_text("{\"text\": \"a\", \"level\": 0.01}")), 200);
    assert_int_equal(code_of(score_json_text("{\"text\": \"a\", \"level\": 0.999}")), 200);
    refused(score_json_text("{\"text\": \"a\", \"explain\": \"maybe\"}"), 400, "invalid_field");
    refused(score_json_text("{\"text\": \"a\", \"response_format\": \"xml\"}"), 400,
            "invalid_field");
    refused(score_json_text("{\"text\": \"a\", \"response_format\": \"srt\"}"), 400,
            "invalid_request");
    refused(score_json_text("{\"text\": \"a\", \"start\": 3}"), 400, "invalid_request");
    refused(score_json_text("{\"text\": \"a\", \"transcript\": \"b\"}"), 400, "invalid_request");
    refused(score_json_text("{\"text\": \"a\", \"file\": \"/etc/passwd\"}"), 400, "invalid_field");
    refused(score_json_text("{\"text\": \"a\", \"model\": \"other\"}"), 404, "model_not_found");
    assert_int_equal(code_of(score_json_text("{\"text\": \"a\", \"model\": \"run\"}")), 200);
    refused(ask("POST", "/v1/score/stream", JSON_TYPE,
                "{\"text\": \"a\", \"response_format\": \"csv\"}"),
            400, "invalid_request");
}

static void test_what_holds_nothing_to_score(void **state)
{
    (void)state;
    use_server();
    refused(score_json_text("{\"text\": \"  \"}"), 422, "nothing_to_score");
    const char *answer = send_file("/v1/score", "", "no media at all", 15);
    refused(answer, 415, "unsupported_media");
    assert_null(strstr(answer, "/proc"));
    refused(send_file("/v1/score", "", "", 0), 422, "damaged");
    size_t n;
    char *film = read_whole(short_path, &n);
    answer = send_file("/v1/score", "", film, n / 2);
    free(film);
    refused(answer, 422, "damaged");
    assert_null(strstr(answer, "/proc"));
    assert_non_null(strstr(answer, "../a film.mkv: "));
    refused(send_film("/v1/score", FIELD("start") "100\r\n"), 422, "nothing_to_score");
}

static void test_limits_of_media_hold(void **state)
{
    struct valence_media_options media;
    struct valence_scorer_options scorer = own_options();
    (void)state;
    valence_media_options_default(&media);
    media.max_seconds = 2;
    scorer.media = &media;
    struct valence_server *server = start(&scorer);
    refused(send_film("/v1/score", ""), 413, "too_large");
    valence_server_free(server);
}

static void test_hostile_media_end_no_server(void **state)
{
    const char *folder = VALENCE_TEST_DATA "/../fuzz/media/corpus/media";
    int n_sent = 0;
    (void)state;
    use_server();
    DIR *files = opendir(folder);
    assert_non_null(files);
    for (struct dirent *entry; (entry = readdir(files)) && n_sent < 40;) {
        char path[1024];
        size_t n;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] == '.')
            continue;
        void *bytes = read_whole(path, &n);
        const char *answer = send_file("/v1/score", "", bytes, n);
        int code = code_of(answer);
        free(bytes);
        if (code != 200 && code != 413 && code != 415 && code != 422)
            fail_msg("%s: %d", entry->d_name, code);
        if (strstr(answer, "the process that decoded it")) /* it crashed where it should refuse */
            fail_msg("%s: %s", entry->d_name, answer);
        n_sent++;
    }
    closedir(files);
    assert_true(n_sent > 3);
    assert_int_equal(code_of(ask("GET", "/health", "", "")), 200);
}

/* Kills every process that decodes, until the test has seen enough. */
static void *kill_decoders(void *user)
{
    const atomic_bool *is_over = user;
    while (!atomic_load(is_over)) {
        pid_t helper = child_of(getpid()), worker = helper ? child_of(helper) : 0;
        if (worker)
            kill(worker, SIGKILL);
    }
    return NULL;
}

static void test_killed_decoders_end_no_server(void **state)
{
    atomic_bool is_over = false;
    pthread_t killer;
    int n_killed = 0;
    (void)state;
    use_server();
    assert_int_equal(pthread_create(&killer, NULL, kill_decoders, &is_over), 0);
    for (int i = 0; i < 50 && n_killed < 3; i++) { /* some may be faster than the killer */
        const char *answer = send_film("/v1/score", "");
        if (code_of(answer) != 200)
            refused(answer, 422, "damaged");
        n_killed += code_of(answer) == 422;
    }
    atomic_store(&is_over, true);
    pthread_join(killer, NULL);
    assert_int_equal(n_killed, 3);
    assert_int_equal(code_of(send_film("/v1/score", "")), 200);
}

static void test_nothing_is_left_of_uploads(void **state)
{
    int n = 0;
    (void)state;
    use_server();
    assert_int_equal(code_of(send_film("/v1/score", "")), 200);
    DIR *folder = opendir(uploads);
    for (struct dirent *entry; (entry = readdir(folder));)
        n += entry->d_name[0] != '.';
    closedir(folder);
    assert_int_equal(n, 0);
}

/* ---- The server ---- */

static void test_it_describes_itself(void **state)
{
    size_t n;
    (void)state;
    use_server();
    char *wanted = read_whole(VALENCE_TEST_DATA "/../docs/openapi.yaml", &n);
    wanted[n] = '\0';
    assert_string_equal(body_of(ask("GET", "/openapi.yaml", "", "")), wanted);
    free(wanted);
    json_t *models = json_loads(body_of(ask("GET", "/v1/models", "", "")), 0, NULL);
    const json_t *model = json_array_get(json_object_get(models, "data"), 0);
    assert_string_equal(json_string_value(json_object_get(model, "id")), "run");
    assert_int_equal(json_array_size(json_object_get(model, "flows")), 7);
    assert_int_equal(json_array_size(json_object_get(model, "modalities")), 3);
    json_decref(models);
}

static void test_metrics_tell_what_takes_time(void **state)
{
    struct valence_server_options options = server_options();
    (void)state;
    options.metrics = true;
    struct valence_server *server = start_server(NULL, &options);
    assert_int_equal(code_of(score_json_text("{\"text\": \"fine\"}")), 200);
    assert_true(metric("valence_compute_seconds_total{stage=\"encode\"}") > 0);
    assert_true(metric("valence_compute_seconds_total{stage=\"predict\"}") > 0);
    assert_true(metric("valence_compute_seconds_total{stage=\"segment\"}") <= 0);
    assert_int_equal(code_of(send_film("/v1/score", FIELD("window") "1.5\r\n")), 200);
    assert_true(metric("valence_compute_seconds_total{stage=\"segment\"}") > 0);
    assert_int_equal(code_of(send_film(TRANSCRIPTIONS, FIELD("language") "en\r\n")), 200);
    assert_true(metric("valence_compute_seconds_total{stage=\"transcribe\"}") > 0);
    while (!(metric("valence_media_seconds_total") > 5)) /* of both, once the log has them */
        usleep(10000);
    valence_server_free(server);
}

static void test_a_model_can_be_loaded_again(void **state)
{
    (void)state;
    use_server();
    char before[4096];
    snprintf(before, sizeof before, "%s",
             body_of(score_json_text("{\"text\": \"fine\", \"response_format\": \"csv\"}")));
    valence_server_reload(shared);
    assert_string_equal(
        body_of(score_json_text("{\"text\": \"fine\", \"response_format\": \"csv\"}")), before);
}

static void test_options_out_of_range_are_named(void **state)
{
    struct valence_server_options options;
    struct valence_server *server;
    struct valence_error error;
    (void)state;
    valence_server_options_default(&options);
    options.max_queue = 0;
    assert_int_equal(valence_server_create("run", NULL, &options, &server, &error),
                     VALENCE_ERROR_ARGUMENT);
    assert_null(server);
    assert_string_equal(error.key, "max_queue");
    valence_server_options_default(&options);
    options.api_key = "two words";
    assert_int_equal(valence_server_create("run", NULL, &options, &server, &error),
                     VALENCE_ERROR_ARGUMENT);
    assert_string_equal(error.key, "api_key");
    options.size = sizeof options + 8;
    assert_int_equal(valence_server_create("run", NULL, &options, &server, &error),
                     VALENCE_ERROR_ARGUMENT);
}

static void test_a_run_that_is_not_there(void **state)
{
    struct valence_server_options options;
    struct valence_server *server;
    struct valence_error error;
    (void)state;
    valence_server_options_default(&options);
    options.port = 0;
    must(valence_server_create("/nowhere/run", NULL, &options, &server, &error), &error);
    assert_int_equal(valence_server_wait(server, -1, &error), VALENCE_ERROR_NOT_FOUND);
    http_port = valence_server_port(server);
    refused(ask("GET", "/v1/models", "", ""), 503, "loading");
    valence_server_stop(server, 1);
    valence_server_stop(server, 1);
    valence_server_free(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_text_has_the_library_s_score),
        cmocka_unit_test(test_a_film_has_the_library_s_scores),
        cmocka_unit_test(test_a_transcript_s_sentences_are_segments),
        cmocka_unit_test(test_results_have_the_form_that_is_asked_for),
        cmocka_unit_test(test_segments_come_as_events),
        cmocka_unit_test(test_transcripts_are_the_library_s),
        cmocka_unit_test(test_transcripts_have_the_language_that_is_asked_for),
        cmocka_unit_test(test_wrong_requests_for_transcripts),
        cmocka_unit_test(test_wrong_fields_are_named),
        cmocka_unit_test(test_what_holds_nothing_to_score),
        cmocka_unit_test(test_limits_of_media_hold),
        cmocka_unit_test(test_hostile_media_end_no_server),
        cmocka_unit_test(test_killed_decoders_end_no_server),
        cmocka_unit_test(test_nothing_is_left_of_uploads),
        cmocka_unit_test(test_it_describes_itself),
        cmocka_unit_test(test_metrics_tell_what_takes_time),
        cmocka_unit_test(test_a_model_can_be_loaded_again),
        cmocka_unit_test(test_options_out_of_range_are_named),
        cmocka_unit_test(test_a_run_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
