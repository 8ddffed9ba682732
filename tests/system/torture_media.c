/* Torture: media, prosody, known models and texts; needs libvalence-media. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "media_fixture.h"
#include "torture.h"
#include "valence/media.h"
#include "valence/media_worker.h"
#include "valence/models.h"
#include "valence/preview.h"
#include "valence/prosody.h"
#include "valence/transcripts.h"
#include "valence/text.h"

enum { N_SAMPLES = 3200, RATE = 16000 };

static const unsigned char *wav(size_t *size)
{
    static unsigned char *bytes;
    static size_t n_bytes;
    if (!bytes) /* in the first call of a case, in which no allocation fails */
        bytes = make_wav(RATE, 1, N_SAMPLES, 220, &n_bytes);
    *size = n_bytes;
    return bytes;
}

static int add_samples(void *user, const struct valence_media_samples *samples,
                       struct valence_error *error)
{
    (void)error;
    double *result = user;
    for (int64_t i = 0; i < samples->n_samples; i++)
        *result = *result * 1.0001 + (double)samples->samples[i];
    return VALENCE_OK;
}

static int add_media(int status, struct valence_media *media, double *result,
                     struct valence_error *error)
{
    struct valence_media_sink sink = {.samples = add_samples, .user = result};
    struct valence_sound *sound = NULL;
    if (status)
        return media ? 1 : status;
    *result += (double)valence_media_get_info(media)->original_rate_hz;
    status = valence_media_read_sound(media, NULL, &sound, error);
    if (status && sound)
        status = 1;
    if (!status)
        *result += (double)sound->n_samples + (double)sound->samples[100];
    valence_sound_free(sound);
    if (!status)
        status = valence_media_decode(media, NULL, 0, &sink, NULL, error);
    valence_media_close(media);
    return status;
}

static int read_media(double *result, struct valence_error *error)
{
    size_t size;
    const unsigned char *bytes = wav(&size);
    struct valence_media *media;
    struct valence_media_options options;
    valence_media_options_default(&options);
    options.threads = 1;
    int status = valence_media_open_memory(bytes, size, "sound", &options, &media, error);
    status = add_media(status, media, result, error);
    int file = open(made, O_RDWR | O_CREAT, 0600);
    if (write(file, bytes, size) != (ssize_t)size)
        return 1;
    if (!status) {
        status = valence_media_open(made, &options, &media, error);
        status = add_media(status, media, result, error);
    }
    lseek(file, 0, SEEK_SET);
    if (!status) {
        status = valence_media_open_descriptor(file, "sound", &options, &media, error);
        status = add_media(status, media, result, error);
    }
    close(file);
    clear_untried(made);
    return status;
}

static int read_by_worker(double *result, struct valence_error *error)
{
    static const char *const command[] = {VALENCE_COMMAND, "decode-media", NULL};
    struct valence_media_worker_options options;
    struct valence_media_options media_options;
    struct valence_media_workers *workers;
    struct valence_media *media = NULL;
    size_t size;
    const unsigned char *bytes = wav(&size);
    valence_media_worker_options_default(&options);
    valence_media_options_default(&media_options);
    options.command = command;
    int status = valence_media_workers_create(&options, &workers, error);
    if (status)
        return workers ? 1 : status;
    media_options.workers = workers;
    status = valence_media_open_memory(bytes, size, "sound", &media_options, &media, error);
    status = add_media(status, media, result, error);
    valence_media_workers_free(workers);
    return status;
}

static int read_picture(double *result, struct valence_error *error)
{
    static const unsigned char bytes[] = "P6\n2 2\n255\nabcdefghijkl";
    struct valence_media *media;
    struct valence_picture *picture = NULL;
    struct valence_media_options options;
    valence_media_options_default(&options);
    options.threads = 1;
    int status =
        valence_media_open_memory(bytes, sizeof bytes - 1, "picture", &options, &media, error);
    if (status)
        return media ? 1 : status;
    status = valence_media_read_picture(media, &picture, error);
    if (status && picture)
        status = 1;
    for (int i = 0; !status && i < 12; i++)
        *result = *result * 2 + picture->pixels[i];
    valence_picture_free(picture);
    valence_media_close(media);
    return status;
}

static int preview(double *result, struct valence_error *error)
{
    static char sound[80];
    size_t size;
    const unsigned char *bytes = wav(&size);
    struct valence_media_options media;
    struct valence_preview_options options;
    valence_media_options_default(&media);
    valence_preview_options_default(&options);
    media.threads = 1;
    options.media = &media;
    snprintf(sound, sizeof sound, "%s.wav", made);
    int file = open(sound, O_RDWR | O_CREAT, 0600);
    if (write(file, bytes, size) != (ssize_t)size)
        return 1;
    close(file);
    int status = valence_preview_write(sound, NULL, NULL, NULL, &options, NULL, made, error);
    *result = 1;
    clear_untried(sound);
    clear_untried(made);
    return status;
}

static int prosody(double *result, struct valence_error *error)
{
    static float samples[N_SAMPLES], rows[100 * 83];
    for (int i = 0; i < N_SAMPLES; i++)
        samples[i] = (float)sin(0.05 * i);
    int64_t n = valence_prosody_n_rows(N_SAMPLES);
    int status = valence_prosody_rows(samples, N_SAMPLES, rows, error);
    for (int64_t i = 0; !status && i < n * 83; i++)
        *result = *result * 1.0001 + (double)rows[i];
    return status;
}

static int find_models(double *result, struct valence_error *error)
{
    const struct valence_known_model *model = valence_known_model_get(0);
    enum valence_model_state state = VALENCE_MODEL_DAMAGED;
    char *path = NULL;
    int status = valence_model_path(made, model, &path, error);
    add_text(result, path);
    valence_text_free(path);
    path = NULL;
    if (!status)
        status = valence_model_memory(made, &path, error);
    add_text(result, path);
    valence_text_free(path);
    path = NULL;
    if (!status)
        status = valence_model_check(made, model, false, &state, error);
    *result += state;
    if (!status)
        status = valence_model_resolve(made, "some/file.gguf", NULL, &path, error);
    add_text(result, path);
    valence_text_free(path);
    path = NULL;
    if (!status)
        status = valence_default_model_path(&path, error);
    add_text(result, path);
    valence_text_free(path);
    return status;
}

static int spell(double *result, struct valence_error *error)
{
    char *text = valence_spell("HELLO 😡. WELL", VALENCE_SPELLING_WORDS);
    add_text(result, text);
    if (!text)
        strcpy(error->text, valence_status_text(VALENCE_ERROR_MEMORY));
    valence_text_free(text);
    return text ? VALENCE_OK : VALENCE_ERROR_MEMORY;
}

const struct torture_case media_cases[] = {
    {"valence_media_open_memory valence_media_open valence_media_open_descriptor "
     "valence_media_read_sound valence_media_decode",
     read_media, 10},
    {"valence_media_workers_create", read_by_worker, 10},
    {"valence_media_read_picture", read_picture, 0},
    {"valence_prosody_rows", prosody, 0},
    {"valence_preview_write", preview, 10},
    {"valence_model_path valence_model_memory valence_model_check valence_model_resolve "
     "valence_default_model_path",
     find_models, 0},
    {"valence_spell", spell, 0},
};
const int n_media_cases = sizeof media_cases / sizeof media_cases[0];
