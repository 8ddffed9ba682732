/* What ggml, llama.cpp and whisper.cpp have to say reaches the host's log, and never stderr. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tiny_whisper.h"
#include "base/file.h"
#include "valence/encoder.h"
#include "valence/runtime.h"
#include "valence/transcribe.h"

#define LLAMA VALENCE_TEST_DATA "/golden/llm/tiny-llama-f32.gguf"

static char folder[] = "/tmp/test-backend-log-XXXXXX";
static char path[64];
static struct valence_error error;

static struct {
    int n_lines;
    char text[16384];
} heard;

static void hear(void *user, enum valence_log_level level, const char *text)
{
    (void)user;
    assert_int_equal(level, VALENCE_LOG_WARNING);
    assert_null(strchr(text, '\n'));
    assert_true(strlen(text) > 0);
    size_t used = strlen(heard.text);
    heard.n_lines++;
    snprintf(heard.text + used, sizeof heard.text - used, "%s\n", text);
}

/* ---- What is written to stderr meanwhile ---- */

static int stderr_before;
static char captured[64];

static void begin_capture(void)
{
    snprintf(captured, sizeof captured, "%s/stderr", folder);
    FILE *file = fopen(captured, "w");
    assert_non_null(file);
    fflush(stderr);
    stderr_before = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    fclose(file);
    heard.n_lines = 0;
    heard.text[0] = '\0';
    valence_set_log(hear, NULL);
}

/* Fails where something was written. */
static void end_capture(void)
{
    struct stat status;
    fflush(stderr);
    dup2(stderr_before, STDERR_FILENO);
    close(stderr_before);
    valence_set_log(NULL, NULL);
    assert_int_equal(stat(captured, &status), 0);
    if (status.st_size != 0)
        fail_msg("%lld bytes were written to stderr", (long long)status.st_size);
}

/* The first `part` of a file's bytes at `path`, with `from` in them made `to`. */
static void write_changed(const char *of, double part, const char *from, const char *to)
{
    char *bytes;
    size_t size;
    assert_int_equal(file_read_text(of, 1 << 28, &bytes, &size, &error), 0);
    for (char *at = bytes;
         from && (at = memmem(at, size - (size_t)(at - bytes), from, strlen(from)));)
        memcpy(at, to, strlen(to));
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fwrite(bytes, 1, (size_t)((double)size * part), file) > 0);
    assert_int_equal(fclose(file), 0);
    free(bytes);
}

/* ---- The three libraries ---- */

static void test_ggml(void **state)
{
    struct valence_encoder *encoder;
    (void)state;
    write_changed(LLAMA, 0.01, NULL, NULL); /* within the header */
    begin_capture();
    int status = valence_encoder_load(path, NULL, &encoder, &error);
    end_capture();
    assert_int_equal(status, VALENCE_ERROR_FORMAT);
    assert_true(heard.n_lines > 0);
    assert_non_null(strstr(heard.text, "gguf"));
}

static void test_llama(void **state)
{
    struct valence_encoder *encoder;
    struct valence_encoder_options options;
    (void)state;
    write_changed(LLAMA, 1, "output_norm.weight", "output_norx.weight");
    valence_encoder_options_default(&options);
    options.unverified = true; /* in this process, not in a child */
    begin_capture();
    int status = valence_encoder_load(path, &options, &encoder, &error);
    end_capture();
    assert_int_equal(status, VALENCE_ERROR_FORMAT);
    assert_non_null(strstr(heard.text, "output_norm.weight"));
}

/* LeakSanitizer's, where the test is built with it. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

/* whisper.cpp does not free what it read of a model that it refuses then. */
static int load_refused(struct valence_transcriber **transcriber)
{
    if (__lsan_disable)
        __lsan_disable();
    int status = valence_transcriber_load(path, transcriber, &error);
    if (__lsan_enable)
        __lsan_enable();
    return status;
}

static void test_whisper(void **state)
{
    struct valence_transcriber *transcriber;
    (void)state;
    tiny_whisper_make(folder, path);
    write_changed(path, 1, "decoder.ln.bias", "decoder.ln.bixs");
    begin_capture();
    int status = load_refused(&transcriber);
    end_capture();
    assert_int_equal(status, VALENCE_ERROR_FORMAT);
    assert_non_null(strstr(heard.text, "decoder.ln.bixs"));
    assert_non_null(strstr(error.text, "decoder.ln.bixs"));
}

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/model.gguf", folder);
    return 0;
}

static int remove_folder(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ggml),
        cmocka_unit_test(test_llama),
        cmocka_unit_test(test_whisper),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
