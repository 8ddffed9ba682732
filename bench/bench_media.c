/* bench-media FILE SILERO-VAD.bin [REPEATS]: times what extraction does before any encoder runs:
 * decoding sound, decoding pictures as its grid takes them, and finding speech. Prints a line for
 * each: NAME|seconds on the clock|of the processors|0|peak of resident memory, KiB|seconds of
 * sound, which is what scripts/bench_extract.sh keeps of a stage. */
#include <stdio.h>
#include <stdlib.h>

#include "encode/compute/backend.h"
#include "encode/whisper/speech.h"
#include "measure.h"
#include "valence/media.h"

static int count_picture(void *user, const struct valence_media_picture *picture,
                         struct valence_error *error)
{
    (void)picture, (void)error;
    ++*(int64_t *)user;
    return 0;
}

static int decode_pictures(const char *path, double fps, struct valence_error *error)
{
    struct valence_media_options options;
    struct valence_media *media = NULL;
    int64_t n = 0;
    valence_media_options_default(&options);
    options.fps = fps;
    options.threads = 2;
    int status = valence_media_open(path, &options, &media, error);
    if (!status)
        status = valence_media_decode(
            media, NULL, 0, &(struct valence_media_sink){.picture = count_picture, .user = &n},
            NULL, error);
    valence_media_close(media);
    return status;
}

static int decode_sound(const char *path, struct valence_sound **sound, struct valence_error *error)
{
    struct valence_media_options options;
    struct valence_media *media = NULL;
    valence_media_options_default(&options);
    options.threads = 2;
    int status = valence_media_open(path, &options, &media, error);
    if (!status)
        status = valence_media_read_sound(media, NULL, sound, error);
    valence_media_close(media);
    return status;
}

static double start_wall, start_cpu;

static void begin(void)
{
    start_wall = seconds_now();
    start_cpu = cpu_seconds();
}

static void end(const char *name, double media_seconds)
{
    double wall = seconds_now() - start_wall, cpu = cpu_seconds() - start_cpu;
    printf("%s|%.6f|%.6f|0|%.0f|%.3f\n", name, wall, cpu, peak_mib() * 1024, media_seconds);
}

/* Everything once; the file must have both sound and pictures. */
static int measure(const char *path, struct whisper_vad_context *detector,
                   struct valence_error *error)
{
    struct valence_sound *sound = NULL;
    struct speech speech = {0};
    begin();
    int status = decode_sound(path, &sound, error);
    if (status)
        return status;
    double seconds = (double)sound->n_samples / (double)sound->rate_hz;
    end("decoding sound", seconds);
    begin();
    status = speech_find(detector, sound->samples, sound->n_samples, &speech, error);
    if (!status)
        end("voice activity detection", seconds);
    const double rates[] = {5, 25};
    for (int i = 0; !status && i < 2; i++) {
        begin();
        status = decode_pictures(path, rates[i], error);
        if (!status)
            end(i == 0 ? "decoding pictures, 5 a second" : "decoding pictures, 25 a second",
                seconds);
    }
    speech_free(&speech);
    valence_sound_free(sound);
    return status;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: bench-media FILE SILERO-VAD.bin [REPEATS]\n");
        return 2;
    }
    struct valence_error error;
    struct whisper_vad_context *detector = NULL;
    int status = backends_load(&error);
    if (!status)
        status = speech_detector_open(argv[2], &detector, &error);
    for (int i = 0, n = argc > 3 ? atoi(argv[3]) : 3; !status && i < n; i++)
        status = measure(argv[1], detector, &error);
    if (status)
        fprintf(stderr, "%s\n", error.text);
    if (detector)
        whisper_vad_free(detector);
    return status != 0;
}
