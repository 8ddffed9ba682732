/* Decoding in processes of their own: the same sound and pictures, the same errors; and a process
 * that dies, hangs or takes too much is an error and no more. */
#include "media_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#include "media/confine.h"
#include "processes.h"
#include "valence/media_worker.h"

static struct decoded decoded, other; /* too large for a stack */
static struct valence_media_workers *shared;

/* ---- Workers ---- */

static struct valence_media_workers *start(const struct valence_media_worker_options *given)
{
    static const char *const command[] = {VALENCE_COMMAND, "decode-media", NULL};
    struct valence_media_worker_options options;
    struct valence_media_workers *workers;
    struct valence_error error;
    valence_media_worker_options_default(&options);
    if (given)
        options = *given;
    options.command = command;
    if (valence_media_workers_create(&options, &workers, &error))
        fail_msg("%s", error.text);
    return workers;
}

static struct valence_media_options with(struct valence_media_workers *workers)
{
    struct valence_media_options options;
    valence_media_options_default(&options);
    options.workers = workers;
    return options;
}

static int set_up(void **state)
{
    size_t n;
    if (make_folder(state))
        return -1;
    unsigned char *wav = make_wav(44100, 2, 44100 * 3, 330, &n);
    FILE *file = fopen(in_folder("tone.wav"), "wb");
    if (!file || fwrite(wav, 1, n, file) != n || fclose(file) != 0)
        return -1;
    free(wav);
    write_cut("tone.wav", "cut.wav", 0.6);
    shared = start(NULL);
    return 0;
}

static int tear_down(void **state)
{
    valence_media_workers_free(shared);
    return remove_folder(state);
}

/* ---- The same as in this process ---- */

static void assert_same(const char *name, const struct valence_media_options *options, double start,
                        double end)
{
    struct valence_media_options by_worker;
    struct valence_error error = {0}, other_error = {0};
    valence_media_options_default(&by_worker);
    if (options)
        by_worker = *options;
    by_worker.workers = shared;
    int status = decode(name, options, start, end, &decoded, &error);
    int other_status = decode(name, &by_worker, start, end, &other, &other_error);
    assert_int_equal(other_status, status);
    assert_string_equal(other_error.text, error.text);
    assert_string_equal(other_error.key, error.key);
    assert_int_equal(other.n_samples, decoded.n_samples);
    assert_int_equal(other.n_pictures, decoded.n_pictures);
    if (decoded.n_samples)
        assert_memory_equal(other.samples, decoded.samples,
                            (size_t)decoded.n_samples * sizeof(float));
    free(decoded.samples);
    free(other.samples);
    decoded.samples = other.samples = NULL;
    assert_memory_equal(&other, &decoded, sizeof decoded);
}

static void write_text(const char *name, const char *text)
{
    FILE *file = fopen(in_folder(name), "wb");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void test_sound_and_errors_are_the_same(void **state)
{
    struct valence_media_options options;
    (void)state;
    assert_same("tone.wav", NULL, 0, INFINITY);
    assert_same("tone.wav", NULL, 0.777, 1.999);
    assert_same("tone.wav", NULL, 2, 1);
    assert_same("cut.wav", NULL, 0, INFINITY);
    valence_media_options_default(&options);
    options.accept_damaged = true;
    assert_same("cut.wav", &options, 0, INFINITY);
    options.max_seconds = 1;
    assert_same("tone.wav", &options, 0, INFINITY);
    write_text("list.m3u8", "#EXTM3U\n#EXTINF:1,\n/etc/passwd\n");
    assert_same("list.m3u8", NULL, 0, INFINITY);
    write_text("text", "neither sound nor film, and longer than nothing");
    assert_same("text", NULL, 0, INFINITY);
    write_text("empty", "");
    assert_same("empty", NULL, 0, INFINITY);
    assert_same("nowhere.wav", NULL, 0, INFINITY);
}

static void test_films_are_the_same(void **state)
{
    struct valence_media_options options;
    static const char *const films[] = {"a.mp4", "a.mkv", "a.avi", "a.jpg"};
    (void)state;
    ffmpeg("-f lavfi -i testsrc2=size=160x120:rate=10:duration=3 -f lavfi -i sine=d=3 -c:v libx264 "
           "-c:a aac a.mp4");
    ffmpeg("-i a.mp4 -c:v libvpx-vp9 -deadline realtime -c:a libopus a.mkv");
    ffmpeg("-i a.mp4 -c:v mpeg4 -c:a libmp3lame a.avi");
    ffmpeg("-i a.mp4 -frames:v 1 a.jpg");
    for (size_t i = 0; i < sizeof films / sizeof *films; i++) {
        char cut[16];
        valence_media_options_default(&options);
        assert_same(films[i], &options, 0, INFINITY);
        options.fps = 4;
        assert_same(films[i], &options, 0.3, 2.2);
        options.max_pixels = 100;
        assert_same(films[i], &options, 0, INFINITY);
        snprintf(cut, sizeof cut, "cut%zu", i);
        write_cut(films[i], cut, 0.7);
        assert_same(cut, NULL, 0, INFINITY);
    }
}

static void test_memory_and_descriptors_are_decoded(void **state)
{
    const struct valence_media_options options = with(shared);
    struct valence_media *media;
    struct valence_sound *sound, *again;
    struct valence_error error;
    size_t n;
    (void)state;
    void *bytes = read_file("tone.wav", &n);
    assert_int_equal(valence_media_open_memory(bytes, n, "tone", &options, &media, &error), 0);
    free(bytes); /* the worker has its own */
    assert_string_equal(valence_media_get_info(media)->audio_codec, "pcm_s16le");
    assert_null(valence_media_get_info(media)->video_codec);
    assert_int_equal(valence_media_read_sound(media, NULL, &sound, &error), 0);
    assert_int_equal(valence_media_read_sound(media, NULL, &again, &error), 0);
    assert_int_equal(sound->n_samples, 48000);
    assert_int_equal(again->n_samples, 48000);
    valence_sound_free(again);
    valence_media_close(media);
    int file = open(in_folder("tone.wav"), O_RDONLY);
    assert_int_equal(valence_media_open_descriptor(file, "tone", &options, &media, &error), 0);
    assert_int_equal(valence_media_read_sound(media, NULL, &again, &error), 0);
    assert_memory_equal(again->samples, sound->samples, 48000 * sizeof(float));
    valence_sound_free(again);
    valence_sound_free(sound);
    valence_media_close(media);
    close(file);
}

/* ---- What goes wrong ---- */

enum { KILL_IT = 1, STOP_IT, KILL_HELPER, SAY_NO };

struct harm {
    int what;
    pid_t helper;
    int n_pieces;
};

static int do_harm(void *user, const struct valence_media_samples *samples,
                   struct valence_error *error)
{
    struct harm *harm = user;
    (void)samples;
    if (harm->n_pieces++ > 0)
        return 0;
    if (harm->what == SAY_NO)
        return valence_fail(error, VALENCE_ERROR_DATA, NULL, "no more");
    pid_t worker = child_of(harm->helper);
    assert_true(worker > 0);
    kill(harm->what == KILL_HELPER ? harm->helper : worker,
         harm->what == STOP_IT ? SIGSTOP : SIGKILL);
    return 0;
}

/* Decodes a sound of a minute, which is more than the socket holds, and does harm on the way. */
static int harmed(struct valence_media_workers *workers, int what,
                  const struct valence_progress *progress, struct valence_error *error)
{
    const struct valence_media_options options = with(workers);
    struct harm harm = {.what = what, .helper = child_of(getpid())};
    const struct valence_media_sink sink = {do_harm, NULL, &harm};
    struct valence_media *media;
    size_t n;
    unsigned char *wav = make_wav(16000, 1, 16000 * 60, 330, &n);
    assert_int_equal(valence_media_open_memory(wav, n, "long", &options, &media, error), 0);
    free(wav);
    int status = valence_media_decode(media, NULL, 0, &sink, progress, error);
    if (what == SAY_NO) { /* the file can be decoded again */
        struct valence_sound *sound;
        assert_int_equal(valence_media_read_sound(media, NULL, &sound, error), 0);
        assert_int_equal(sound->n_samples, 16000 * 60);
        valence_sound_free(sound);
    } else if (what != KILL_HELPER) { /* whose workers end with it, but not at once */
        struct valence_error later;
        assert_int_equal(valence_media_decode(media, NULL, 0, &sink, NULL, &later),
                         VALENCE_ERROR_FORMAT);
    }
    valence_media_close(media);
    return status;
}

static int stop_workers(void **state)
{
    (void)state;
    valence_media_workers_free(shared); /* a test that looks for a helper starts its own */
    shared = NULL;
    return 0;
}

static int start_workers(void **state)
{
    (void)state;
    shared = start(NULL);
    return 0;
}

static void test_a_worker_that_dies_is_an_error_of_its_file(void **state)
{
    struct valence_error error;
    (void)state;
    shared = start(NULL);
    assert_int_equal(harmed(shared, KILL_IT, NULL, &error), VALENCE_ERROR_FORMAT);
    assert_non_null(strstr(error.text, "long: cannot be decoded: the process"));
    assert_same("tone.wav", NULL, 0, INFINITY); /* the next one has another */
    stop_workers(state);
}

static void test_a_helper_that_dies_is_started_again(void **state)
{
    struct valence_error error;
    (void)state;
    shared = start(NULL);
    int status = harmed(shared, KILL_HELPER, NULL, &error);
    if (status != VALENCE_OK)
        assert_int_equal(status, VALENCE_ERROR_FORMAT);
    for (int i = 0; i < 3; i++)
        assert_same("tone.wav", NULL, 0, INFINITY);
    kill(child_of(getpid()), SIGKILL);
    assert_same("tone.wav", NULL, 0, INFINITY);
    stop_workers(state);
}

static void test_a_sink_may_stop_and_go_on(void **state)
{
    struct valence_error error;
    (void)state;
    shared = start(NULL);
    assert_int_equal(harmed(shared, SAY_NO, NULL, &error), VALENCE_ERROR_DATA);
    stop_workers(state);
}

static int cancel(void *user, const struct valence_progress_event *event)
{
    (void)event;
    return ++*(int *)user > 3;
}

static void test_a_worker_that_hangs_is_ended(void **state)
{
    struct valence_media_worker_options options;
    struct valence_error error;
    int n = 0;
    const struct valence_progress progress = {cancel, &n};
    (void)state;
    valence_media_worker_options_default(&options);
    options.max_wait_seconds = 0.5;
    shared = start(&options);
    assert_int_equal(harmed(shared, STOP_IT, NULL, &error), VALENCE_ERROR_FORMAT);
    assert_non_null(strstr(error.text, "came to no end"));
    stop_workers(state);
    shared = start(NULL);
    assert_int_equal(harmed(shared, STOP_IT, &progress, &error), VALENCE_ERROR_CANCELLED);
    stop_workers(state);
}

static void test_a_file_that_takes_too_much_memory_is_refused(void **state)
{
    struct valence_media_worker_options options;
    struct valence_media_options media_options;
    struct valence_picture *picture;
    struct valence_media *media;
    struct valence_error error;
    (void)state;
    ffmpeg("-f lavfi -i color=size=6000x6000:duration=1:rate=1 -frames:v 1 large.png");
    valence_media_worker_options_default(&options);
    options.max_memory_bytes = 64 << 20;
    struct valence_media_workers *small = start(&options);
    media_options = with(small);
    int status = valence_media_open(in_folder("large.png"), &media_options, &media, &error);
    if (!status)
        status = valence_media_read_picture(media, &picture, &error);
#ifdef __SANITIZE_ADDRESS__ /* whose allocator ends the process */
    assert_int_equal(status, VALENCE_ERROR_FORMAT);
#else
    assert_int_equal(status, VALENCE_ERROR_LIMIT);
    assert_string_equal(error.key, "max_memory_bytes");
#endif
    valence_media_close(media);
    valence_media_workers_free(small);
}

static void test_wrong_programs_are_refused(void **state)
{
    static const char *const nowhere[] = {"/nowhere/at/all", NULL};
    static const char *const silent[] = {"/bin/true", NULL};
    struct valence_media_worker_options options;
    struct valence_media_workers *workers;
    struct valence_error error;
    (void)state;
    valence_media_worker_options_default(&options);
    options.command = nowhere;
    assert_int_equal(valence_media_workers_create(&options, &workers, &error), VALENCE_ERROR_IO);
    assert_null(workers);
    options.command = silent;
    assert_int_equal(valence_media_workers_create(&options, &workers, &error),
                     VALENCE_ERROR_UNSUPPORTED);
    assert_null(workers);
    valence_media_worker_options_default(&options);
    assert_int_equal(valence_media_workers_create(&options, &workers, &error),
                     VALENCE_ERROR_ARGUMENT);
    assert_string_equal(error.key, "command");
}

/* ---- Giving up rights ---- */

static void *add_one(void *number)
{
    ++*(int *)number;
    return NULL;
}

/* In a child: 0 where all is forbidden that should be; else which was not. */
static int try_everything(void)
{
    int number = 0;
    pthread_t thread;
    const bool is_closed = confine_has_seccomp();
    if (!confine_process(64 << 20, 10))
        return 1;
    if (open("/etc/passwd", O_RDONLY) >= 0 || open("/tmp/x", O_CREAT | O_WRONLY, 0600) >= 0)
        return 2;
    if (malloc((size_t)1 << 30))
        return 3;
    free(malloc(1 << 20));
    if (!is_closed)
        return 0;
    if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || errno != EPERM)
        return 4;
    if (fork() >= 0 || errno != EPERM)
        return 5;
    if (kill(getppid(), 0) == 0 || errno != EPERM)
        return 6;
    if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
        return 7;
    if (syscall(SYS_execve, "/bin/true", NULL, NULL) == 0 || errno != EPERM)
        return 8;
    if (syscall(SYS_ptrace, 0, 0, 0, 0) >= 0 || errno != EPERM)
        return 9;
    if (pthread_create(&thread, NULL, add_one, &number) || pthread_join(thread, NULL) ||
        number != 1)
        return 10;
    return 0;
}

static int in_a_child(int (*what)(void))
{
    int state = 0;
    pid_t child = fork();
    if (child == 0)
        _exit(what());
    waitpid(child, &state, 0);
    return WIFEXITED(state) ? WEXITSTATUS(state) : -WTERMSIG(state);
}

static void test_a_confined_process_can_do_nothing_else(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* the sanitizer needs more than decoding does */
#endif
    assert_int_equal(in_a_child(try_everything), 0);
}

static int compute_for_ever(void)
{
    volatile unsigned n = 0;
    if (!confine_process(64 << 20, 1))
        return 1;
    for (;;)
        n++;
}

static void test_a_confined_process_computes_no_longer_than_its_limit(void **state)
{
    (void)state;
    int end = in_a_child(compute_for_ever);
    assert_true(end == -SIGKILL || end == -SIGXCPU);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound_and_errors_are_the_same),
        cmocka_unit_test(test_films_are_the_same),
        cmocka_unit_test(test_memory_and_descriptors_are_decoded),
        cmocka_unit_test_setup_teardown(test_a_worker_that_dies_is_an_error_of_its_file,
                                        stop_workers, start_workers),
        cmocka_unit_test_setup_teardown(test_a_helper_that_dies_is_started_again, stop_workers,
                                        start_workers),
        cmocka_unit_test_setup_teardown(test_a_sink_may_stop_and_go_on, stop_workers,
                                        start_workers),
        cmocka_unit_test_setup_teardown(test_a_worker_that_hangs_is_ended, stop_workers,
                                        start_workers),
        cmocka_unit_test(test_a_file_that_takes_too_much_memory_is_refused),
        cmocka_unit_test(test_wrong_programs_are_refused),
        cmocka_unit_test(test_a_confined_process_can_do_nothing_else),
        cmocka_unit_test(test_a_confined_process_computes_no_longer_than_its_limit),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
