/* valence encode wavlm, whisper, manet: sound and pictures into feature rows. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/threads.h"
#include "encode_kinds.h"
#include "feature_output.h"
#include "media_files.h"
#include "model_cache.h"
#include "terminal.h"
#include "valence/encoder.h"

struct request {
    const char *kind, *model, *output, *layers, *device;
    double window_seconds;
    int64_t threads;
    bool force, quiet;
    struct media_limits limits;
    const char *const *files;
    int64_t n_files;
};

#define PICTURES 32 /* encoded together */

/* What is being done, for the progress of several files as one. */
struct work {
    const struct request *request;
    struct valence_encoder *encoder;
    struct valence_encoder_state *state;
    struct feature_output output;
    const struct valence_progress *progress;
    int64_t done; /* files */
};

/* ---- One batch of files ---- */

/* Pictures are kept until they are encoded: no further one is read beyond so many bytes. */
#define PICTURE_BYTES ((int64_t)256 << 20)

struct files {
    struct valence_sound *sound;
    struct valence_picture *pictures[PICTURES];
};

static int read_sound(const struct work *work, struct files *files,
                      struct valence_encoder_input *input, struct valence_error *error)
{
    const struct request *request = work->request;
    int status =
        media_file_sound(request->files[work->done], &request->limits,
                         valence_encoder_describe(work->encoder)->rate_hz, &files->sound, error);
    if (!status)
        *input = (struct valence_encoder_input){.samples = files->sound->samples,
                                                .n_samples = files->sound->n_samples};
    return status;
}

static int read_pictures(const struct work *work, struct files *files,
                         struct valence_encoder_input *inputs, int64_t *n,
                         struct valence_error *error)
{
    const struct request *request = work->request;
    int64_t bytes = 0;
    int status = VALENCE_OK;
    for (*n = 0;
         !status && *n < PICTURES && work->done + *n < request->n_files && bytes < PICTURE_BYTES;) {
        struct valence_picture **picture = &files->pictures[*n];
        status =
            media_file_picture(request->files[work->done + *n], &request->limits, picture, error);
        if (status)
            break;
        inputs[(*n)++] = (struct valence_encoder_input){
            .pixels = (*picture)->pixels, .width = (*picture)->width, .height = (*picture)->height};
        bytes += (*picture)->width * (*picture)->height * 3;
    }
    return status;
}

static void free_files(struct files *files)
{
    valence_sound_free(files->sound);
    for (int i = 0; i < PICTURES; i++)
        valence_picture_free(files->pictures[i]);
}

/* Files, not frames, are what the user counts, unless there is one alone. */
static int report_files(void *user, const struct valence_progress_event *event)
{
    const struct work *work = user;
    struct valence_progress_event files = {event->stage, work->done, work->request->n_files,
                                           "files", path_name(work->request->files[work->done])};
    return work->progress->report(work->progress->user,
                                  work->request->n_files > 1 ? &files : event);
}

/* One sound, or some pictures. */
static int encode_batch(struct work *work, struct valence_error *error)
{
    int64_t n = 1;
    struct files files = {0};
    struct valence_encoder_input inputs[PICTURES];
    struct valence_features features = {0};
    struct valence_progress progress = {report_files, work};
    int status = valence_encoder_describe(work->encoder)->rate_hz
                     ? read_sound(work, &files, inputs, error)
                     : read_pictures(work, &files, inputs, &n, error);
    if (!status) {
        status = valence_encoder_encode(work->state, inputs, n, &progress, &features, error);
        if (status && status != VALENCE_ERROR_CANCELLED)
            fail_within(status, error, "%s", work->request->files[work->done]);
    }
    for (int64_t i = 0; !status && i < n; i++)
        status = feature_output_add(&work->output, work->request->files[work->done + i],
                                    features.offsets[i + 1] - features.offsets[i],
                                    features.rows + features.offsets[i] * features.width, error);
    valence_features_free(&features);
    free_files(&files);
    work->done += status ? 0 : n;
    return status;
}

/* ---- All of them ---- */

static int encode_files(struct work *work, struct valence_error *error)
{
    const struct request *request = work->request;
    const struct valence_encoder_description *description = valence_encoder_describe(work->encoder);
    if (strcmp(description->kind, request->kind) != 0)
        return fail(error, VALENCE_ERROR_ARGUMENT, "%s: holds the encoder '%s', not '%s'",
                    request->model, description->kind, request->kind);
    int status = feature_output_begin(&work->output, request->output, description->width,
                                      request->force, error);
    if (status)
        return status;
    feature_output_describe(&work->output, "encoder", description->kind);
    feature_output_describe(&work->output, "encoder_layers", description->layers);
    feature_output_describe(&work->output, "encoder_type", description->type);
    feature_output_describe(&work->output, "encoder_source", description->source);
    feature_output_describe(&work->output, "encoder_source_sha256", description->fingerprint);
    feature_output_describe(&work->output, "encoder_license", description->license);
    while (!status && work->done < request->n_files)
        status = encode_batch(work, error);
    return status;
}

static int encode(const struct request *request, struct valence_error *error)
{
    struct valence_encoder_options options = {.size = sizeof options,
                                              .device = request->device,
                                              .layers = request->layers,
                                              .window_seconds = request->window_seconds};
    struct work work = {.request = request, .progress = terminal_progress(request->quiet)};
    if (request->threads)
        threads_set((int)request->threads);
    char *path;
    int status = model_path(request->model, true, request->quiet, &path, error);
    if (!status)
        status = valence_encoder_load(path, &options, &work.encoder, error);
    free(path);
    if (!status)
        status = valence_encoder_state_create(work.encoder, &work.state, error);
    if (!status)
        status = encode_files(&work, error);
    terminal_progress_finish();
    if (!status)
        status = feature_output_commit(&work.output, error);
    if (!status && !request->quiet)
        fprintf(summary_stream(request->output),
                "%s: %" PRId64 " files, %" PRId64 " rows of %" PRId64 "\n", request->output,
                request->n_files, work.output.n_rows, work.output.width);
    feature_output_free(&work.output);
    valence_encoder_state_free(work.state);
    valence_encoder_free(work.encoder);
    return status;
}

/* ---- The commands ---- */

static int run_request(const struct command *command, const struct request *request)
{
    struct valence_error error;
    if (!request->model)
        return report_usage(command,
                            "--model FILE is missing: the GGUF file that 'valence convert' wrote");
    if (!request->output)
        return report_usage(command, "-o PATH is missing: where to write the features");
    return encode(request, &error) ? report_error(&error) : EXIT_FINE;
}

static int run_media(const struct command *command, int argc, char **argv)
{
    struct request request = {.kind = argv[0], .limits = media_limits_default()};
    int n, code = EXIT_FAILED;
    const struct option options[] = {
        {OPTION_TEXT, 'm', "model", &request.model, "FILE",
         "The encoder, a GGUF file or a name of 'valence models'.", 0, 0},
        {OPTION_TEXT, 'o', "output", &request.output, "PATH",
         "Where the features go: FILE.npy (all rows, one file's below the other's), "
         "FILE.safetensors (a tensor a file), or a folder (one .npy a file).",
         0, 0},
        {OPTION_TEXT, 0, "layers", &request.layers, "LIST",
         "WavLM, Whisper: hidden states, -1 the last; 'final', 'conv' (WavLM); 20,24 side by side, "
         "20+24 summed (default: -5, Whisper: the middle). MANet: embedding or logits (default: "
         "embedding).",
         0, 0},
        {OPTION_NUMBER, 0, "window-seconds", &request.window_seconds, "S",
         "WavLM: longer sounds are computed in overlapping windows of S seconds (default: 120).", 1,
         3600},
        {OPTION_TEXT, 0, "device", &request.device, "NAME",
         "cpu, gpu, cuda, vulkan, ... (default: cpu).", 0, 0},
        {OPTION_INT, 'j', "threads", &request.threads, "N",
         "Threads (default: one for each CPU that the process has).", 1, 1024},
        MEDIA_OPTIONS(request.limits),
        {OPTION_FLAG, 0, "force", &request.force, NULL, "Replace existing files.", 0, 0},
        {OPTION_FLAG, 'q', "quiet", &request.quiet, NULL, "No progress, no summary.", 0, 0},
        {.type = OPTION_END}};
    const char **positional = allocate(argc, sizeof *positional);
    if (!positional)
        return EXIT_FAILED;
    if (options_parse(command, options, argc, argv, positional, 1, argc, &n, &code)) {
        request.files = positional;
        request.n_files = n;
        code = run_request(command, &request);
    }
    free(positional);
    return code;
}

const struct command encode_wavlm = {
    .name = "encode wavlm",
    .arguments = "FILE...",
    .summary = "Turn sound into audio rows.",
    .description =
        "The sound of any audio or video file that FFmpeg reads ('-' is standard input); one row "
        "per 20 ms. The encoder is a GGUF file made by 'valence convert wavlm'. The sound is "
        "converted to the encoder's 16 kHz mono as ffmpeg does it.\n\n"
        "The rows are f32. A safetensors file also says which encoder made them, and under which "
        "licence its "
        "weights are.",
    .example = "valence convert wavlm WavLM-Large.pt -o wavlm.gguf --type q8_0\n"
               "valence encode wavlm -m wavlm.gguf clips/*.wav -o audio/",
    .run = run_media};

const struct command encode_whisper = {
    .name = "encode whisper",
    .arguments = "FILE...",
    .summary = "Turn sound into audio rows by Whisper's encoder.",
    .description =
        "The sound of any audio or video file that FFmpeg reads ('-' is standard input); one row "
        "per 20 ms. The encoder is a GGUF file made by 'valence convert whisper'. Sound is "
        "computed "
        "in windows of 30 s, the last one filled up with silence: shorter windows would give other "
        "rows.\n\n"
        "The rows are f32. A safetensors file also says which encoder made them, and under which "
        "licence its weights are.",
    .example = "valence convert whisper whisper-base/ -o whisper.gguf --type f16\n"
               "valence encode whisper -m whisper.gguf clips/*.mp4 -o audio/",
    .run = run_media};

const struct command encode_manet = {
    .name = "encode manet",
    .arguments = "FILE...",
    .summary = "Turn pictures of faces into video rows.",
    .description = "PNG, JPEG, BMP and whatever else FFmpeg reads as a picture; one row each. "
                   "The encoder is a GGUF file made by 'valence convert "
                   "manet'. Pictures are resized "
                   "to the encoder's square as Pillow does; crop the face beforehand.\n\n"
                   "The rows are f32. A safetensors file also says which encoder made them, and "
                   "under which licence its "
                   "weights are.",
    .example = "valence convert manet manet.pth -o manet.gguf\n"
               "valence encode manet -m manet.gguf faces/*.png -o clip.npy",
    .run = run_media};
