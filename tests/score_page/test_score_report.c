/* The page of scores as a file: complete or not there, with the results as they are. */
#include "report_fixture.h"

#include <jansson.h>

#include "base/file.h"

static char sound[128];

static int set_up(void **state)
{
    if (scored_set_up(state))
        return -1;
    report_make_sound(scored_folder, sound);
    return 0;
}

static const char *in_scored(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", scored_folder, name);
    return path;
}

static struct valence_score_report_options options_of(bool embed)
{
    struct valence_score_report_options options;
    valence_score_report_options_default(&options);
    options.embed = embed;
    options.overwrite = true;
    return options;
}

/* The page of one recording; free() it. */
static char *write_report(const char *id, const char *media,
                          const struct valence_recording_score *score,
                          const struct valence_score_report_options *options)
{
    struct valence_scorer *scorer = scored_open_scorer();
    struct valence_score_report *report;
    struct valence_error error;
    char *page;
    const char *path = in_scored("page.html");
    if (valence_score_report_open(path, scorer, HOSTILE, options, &report, &error))
        fail_msg("%s", error.text);
    if (valence_score_report_add(report, id, media, score, NULL, &error))
        fail_msg("%s", error.text);
    assert_int_equal(valence_score_report_add_failure(report, id, "it is \"broken\"", &error),
                     VALENCE_OK);
    assert_int_equal(valence_score_report_commit(report, &error), VALENCE_OK);
    valence_scorer_close(scorer);
    assert_int_equal(file_read_text(in_scored("page.html"), 1 << 26, &page, NULL, &error),
                     VALENCE_OK);
    return page;
}

/* The JSON in the page's element `id`. */
static json_t *data_of(const char *page, const char *id)
{
    char open[96];
    json_error_t error;
    snprintf(open, sizeof open, "<script type=\"application/json\" id=\"%s\">", id);
    const char *begin = strstr(page, open);
    assert_non_null(begin);
    begin += strlen(open);
    const char *end = strstr(begin, "</script>");
    assert_non_null(end);
    json_t *root = json_loadb(begin, (size_t)(end - begin), JSON_REJECT_DUPLICATES, &error);
    if (!root)
        fail_msg("%s: %s", id, error.text);
    return root;
}

static const char *text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static int count(const char *text, const char *part)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, part)); at++)
        n++;
    return n;
}

/* ---- Content ---- */

static void test_hostile_texts_are_texts(void **state)
{
    (void)state;
    static const char repaired[] =
        "</script><script>document.title='broken'</script><!--<img src=x onerror=alert(1)> "
        "\"'`${}\\u003c &lt; \u202e\u2066\u05d0\u202d \xef\xbf\xbd\xef\xbf\xbd(";
    const struct valence_score_report_options options = options_of(false);
    char *page = write_report(HOSTILE, NULL, scored_recording(HOSTILE), &options);
    json_t *scores = data_of(page, "scores");
    const json_t *entry = json_array_get(json_object_get(scores, "recordings"), 0);
    const json_t *segment = json_array_get(json_object_get(entry, "segments"), 0);
    assert_string_equal(text_at(entry, "id"), repaired);
    assert_string_equal(text_at(segment, "text"), repaired);
    assert_string_equal(text_at(scores, "run"), repaired);
    assert_int_equal(count(page, "<script"), 3);
    assert_int_equal(count(page, "</script"), 3);
    assert_null(strstr(page, "<img"));
    assert_null(strstr(page, "<!--"));
    json_decref(scores);
    free(page);
}

static void test_a_text_of_ten_kilobytes_is_whole(void **state)
{
    (void)state;
    static char text[10241];
    for (int i = 0; i < 10240; i++)
        text[i] = "<\"\\ a"[i % 5];
    const struct valence_score_report_options options = options_of(false);
    char *page = write_report(text, NULL, scored_recording(text), &options);
    json_t *scores = data_of(page, "scores");
    const json_t *entry = json_array_get(json_object_get(scores, "recordings"), 0);
    assert_string_equal(text_at(entry, "id"), text);
    json_decref(scores);
    free(page);
}

static void test_a_recording_is_played_from_its_place(void **state)
{
    (void)state;
    const struct valence_score_report_options options = options_of(false);
    char *page = write_report("tone", sound, report_recording(), &options);
    json_t *data = data_of(page, "page");
    const json_t *media = json_object_get(data, "media");
    assert_int_equal(json_array_size(media), 2);
    assert_string_equal(text_at(json_array_get(media, 0), "kind"), "audio");
    assert_string_equal(text_at(json_array_get(media, 0), "address"), "./tone.wav");
    assert_true(json_is_null(json_array_get(media, 1)));
    assert_non_null(strstr(page, "media-src 'self' file:;"));
    json_decref(data);
    free(page);
}

static void test_a_page_carries_its_recording(void **state)
{
    (void)state;
    const struct valence_score_report_options options = options_of(true);
    char *page = write_report("tone", sound, report_recording(), &options);
    json_t *data = data_of(page, "page");
    const json_t *media = json_array_get(json_object_get(data, "media"), 0);
    assert_string_equal(text_at(media, "carried"), "file-0");
    assert_string_equal(text_at(media, "type"), "audio/wav");
    assert_null(text_at(media, "address"));
    assert_non_null(strstr(page, "media-src blob:;"));
    const char *carried = strstr(page, "id=\"file-0\">UklGR"); /* "RIFF" */
    assert_non_null(carried);
    const char *bytes = strchr(carried, '>') + 1;
    size_t n_bytes = 44 + 2 * 16000 * SOUND_SECONDS;
    assert_int_equal(strcspn(bytes, "<"), (n_bytes + 2) / 3 * 4);
    json_decref(data);
    free(page);
}

static void test_pictures_of_a_film_are_shown(void **state)
{
    (void)state;
    char film[160];
    struct valence_recording_score score = *report_recording();
    struct valence_score_report_options options = options_of(false);
    snprintf(film, sizeof film, "%s/film.mkv", scored_folder);
    char command[512];
    snprintf(command, sizeof command,
             "ffmpeg -v error -f lavfi -i testsrc2=size=160x120:rate=8:duration=6 -c:v mpeg4 %s",
             film);
    if (system("ffmpeg -version >/dev/null 2>&1") != 0)
        skip();
    assert_int_equal(system(command), 0);
    score.has_pictures = true;
    options.n_pictures = 5;
    char *page = write_report("film", film, &score, &options);
    json_t *data = data_of(page, "page");
    const json_t *pictures =
        json_object_get(json_array_get(json_object_get(data, "media"), 0), "pictures");
    assert_int_equal(json_array_size(pictures), 5);
    for (size_t i = 0; i < 5; i++) {
        const json_t *picture = json_array_get(pictures, i);
        double part = 6.0 / 5, time = json_number_value(json_object_get(picture, "time"));
        assert_true(time >= (double)i * part && time <= (double)(i + 1) * part);
        assert_memory_equal(text_at(picture, "jpeg"), "/9j/", 4); /* the beginning of a JPEG */
    }
    json_decref(data);
    free(page);

    /* A file whose pictures cannot be read keeps its scores, and the page says so. */
    page = write_report("tone", sound, &score, &options);
    data = data_of(page, "page");
    assert_non_null(text_at(json_array_get(json_object_get(data, "media"), 0), "problem"));
    json_decref(data);
    free(page);
}

/* ---- What is refused ---- */

static void test_what_is_too_large_for_the_page(void **state)
{
    (void)state;
    struct valence_score_report_options options = options_of(true);
    struct valence_scorer *scorer = scored_open_scorer();
    struct valence_score_report *report;
    struct valence_error error;
    const char *const twice[] = {sound, sound};
    const char *path = in_scored("large.html");
    options.max_embedded_bytes = 16000 * 2 * SOUND_SECONDS + 100;
    assert_int_equal(valence_score_report_check(path, twice, 1, &options, &error), VALENCE_OK);
    assert_int_equal(valence_score_report_check(path, twice, 2, &options, &error),
                     VALENCE_ERROR_LIMIT);
    assert_string_equal(error.key, "embed");
    assert_non_null(strstr(error.text, "tone.wav"));
    assert_non_null(strstr(error.text, "0.2 MiB"));
    assert_int_equal(valence_score_report_open(path, scorer, "run", &options, &report, &error),
                     VALENCE_OK);
    assert_int_equal(valence_score_report_add(report, "a", sound, report_recording(), NULL, &error),
                     VALENCE_OK);
    assert_int_equal(valence_score_report_add(report, "b", sound, report_recording(), NULL, &error),
                     VALENCE_ERROR_LIMIT);
    valence_score_report_abort(report);
    assert_false(path_exists(in_scored("large.html")));
    valence_scorer_close(scorer);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    struct valence_score_report_options options = options_of(false);
    struct valence_scorer *scorer = scored_open_scorer();
    struct valence_score_report *report;
    struct valence_error error;
    FILE *file = fopen(in_scored("old.html"), "w");
    assert_non_null(file);
    fclose(file);
    options.overwrite = false;
    const char *old = in_scored("old.html");
    assert_int_equal(valence_score_report_check(old, NULL, 0, &options, &error),
                     VALENCE_ERROR_EXISTS);
    assert_int_equal(valence_score_report_open(old, scorer, "run", &options, &report, &error),
                     VALENCE_ERROR_EXISTS);
    assert_null(report);
    options = options_of(false);
    options.n_pictures = 49;
    assert_int_equal(valence_score_report_open(old, scorer, "run", &options, &report, &error),
                     VALENCE_ERROR_ARGUMENT);
    assert_string_equal(error.key, "n_pictures");
    options = options_of(false);
    options.max_embedded_bytes = -1;
    assert_int_equal(valence_score_report_check(old, NULL, 0, &options, &error),
                     VALENCE_ERROR_ARGUMENT);
    options = options_of(false);
    assert_int_equal(valence_score_report_open("/nonexistent/page.html", scorer, "run", &options,
                                               &report, &error),
                     VALENCE_ERROR_IO);
    valence_score_report_abort(NULL);
    valence_scorer_close(scorer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_texts_are_texts),
        cmocka_unit_test(test_a_text_of_ten_kilobytes_is_whole),
        cmocka_unit_test(test_a_recording_is_played_from_its_place),
        cmocka_unit_test(test_a_page_carries_its_recording),
        cmocka_unit_test(test_pictures_of_a_film_are_shown),
        cmocka_unit_test(test_what_is_too_large_for_the_page),
        cmocka_unit_test(test_what_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, scored_tear_down);
}
