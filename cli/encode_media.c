/* valence encode wavlm, whisper, manet: sound and pictures into feature rows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "valence/text.h"
#include "valence/runtime.h"
#include "encode_kinds.h"
#include "encode_summary.h"
#include "media_files.h"
#include "model_cache.h"
#include "shared_options.h"
#include "valence/encode.h"
#include "valence/media.h"

struct request {
    const char *kind, *model, *output;
    int64_t threads;
    bool quiet, json, offline;
    struct valence_encoder_options encoder;
    struct valence_encode_options files;
    struct media_limits limits;
    const char *const *inputs;
    int64_t n_inputs;
};

static int load(struct request *request, struct valence_encoder **encoder,
                struct valence_error *error)
{
    char *path, *memory = model_memory();
    *encoder = NULL;
    request->encoder.memory = memory;
    int status = model_path(request->model, request->offline, request->quiet, &path, error);
    if (!status)
        status = valence_encoder_load(path, &request->encoder, encoder, error);
    request->encoder.memory = NULL;
    valence_text_free(path);
    valence_text_free(memory);
    return status;
}

static int encode(const struct command *command, struct request *request)
{
    struct valence_error error;
    struct valence_encoder *encoder;
    struct valence_encode_report *report = NULL;
    struct valence_media_options media = media_options_of(&request->limits);
    request->files.media = &media;
    request->files.progress = terminal_progress(request->quiet);
    if (load(request, &encoder, &error))
        return report_error(&error);
    const char *kind = valence_encoder_describe(encoder)->kind;
    int status = 0, code = EXIT_FINE;
    if (strcmp(kind, request->kind) != 0)
        code = report_usage(command, "%s: holds the encoder '%s', not '%s'", request->model, kind,
                            request->kind);
    else
        status = valence_encode_files(encoder, request->inputs, request->n_inputs, request->output,
                                      &request->files, &report, &error);
    terminal_progress_finish();
    if (report && request->json)
        status = print_report_json(request->output, report, &error);
    else if (report)
        print_files_summary(request->output, report);
    if (report)
        print_skipped(report);
    valence_encode_report_free(report);
    valence_encoder_free(encoder);
    return status ? report_error(&error) : code;
}

static int run_request(const struct command *command, struct request *request)
{
    if (!request->model)
        return report_usage(command,
                            "--model MODEL is missing: the GGUF file that 'valence convert' wrote");
    if (!request->output)
        return report_usage(command, "--output PATH is missing: where to write the features");
    if (request->threads)
        valence_set_threads((int)request->threads);
    return encode(command, request);
}

static int run_media(const struct command *command, int argc, char **argv)
{
    struct request request = {.kind = argv[0], .limits = media_limits_default()};
    int n, code = EXIT_FAILED;
    if (strcmp(request.kind, "whisper") == 0)
        request.model = "whisper-base";
    valence_encoder_options_default(&request.encoder);
    valence_encode_options_default(&request.files);
    const struct option options[] = {
        option_model(&request.model, "The encoder, a GGUF file or a name from 'valence models' "
                                     "(default: Whisper: whisper-base)."),
        option_offline(&request.offline),
        option_output(
            &request.output, "PATH",
            "Where to write the features: FILE.npy (the rows of all inputs in one array), "
            "FILE.safetensors (a tensor for each input), or a folder (an .npy for each input)."),
        {OPTION_TEXT, 0, "layers", &request.encoder.layers, "LIST",
         "WavLM, Whisper: hidden states, -1 the last; 'final', 'conv' (WavLM); 20,24 side by side, "
         "20+24 summed (default: -5, Whisper: the middle). MANet: embedding or logits (default: "
         "embedding).",
         0, 0},
        {OPTION_NUMBER, 0, "window-seconds", &request.encoder.window_seconds, "S",
         "WavLM: compute longer sounds in overlapping windows of S seconds (default: 120).", 1,
         3600},
        FILES_OPTIONS(request.files),
        MEDIA_OPTIONS(request.limits),
        {OPTION_TEXT, 0, "device", &request.encoder.device, "NAME",
         "cpu, gpu, cuda, vulkan, ... (default: cpu).", 0, 0},
        option_threads(&request.threads),
        option_json(&request.json),
        option_quiet(&request.quiet),
        {.type = OPTION_END}};
    const char **positional = calloc((size_t)argc + 1, sizeof *positional);
    if (!positional)
        return report_no_memory();
    if (options_parse(command, options, argc, argv, positional, 1, argc, &n, &code)) {
        request.inputs = positional;
        request.n_inputs = n;
        code = run_request(command, &request);
    }
    free(positional);
    return code;
}

const struct command encode_wavlm = {
    .name = "encode wavlm",
    .arguments = "FILE|FOLDER...",
    .summary = "Turn sound into audio rows.",
    .description = "The sound of any audio or video file that FFmpeg reads ('-' is standard "
                   "input); one row per 20 ms. The encoder is a GGUF file made by 'valence convert "
                   "wavlm'. The sound is converted to 16 kHz mono as ffmpeg does it.\n\n"
                   "The rows are f32. A safetensors file also records the encoder and the licence "
                   "of its weights.",
    .example = "valence convert wavlm WavLM-Large.pt -o wavlm.gguf --type q8_0\n"
               "valence encode wavlm -m wavlm.gguf clips/*.wav -o audio/",
    .run = run_media};

const struct command encode_whisper = {
    .name = "encode whisper",
    .arguments = "FILE|FOLDER...",
    .summary = "Turn sound into audio rows by Whisper's encoder.",
    .description =
        "The sound of any audio or video file that FFmpeg reads ('-' is standard input); one row "
        "per 20 ms. The encoder is whisper-base, whisper-tiny.en (both are fetched at first use), "
        "or a "
        "GGUF file made by 'valence convert whisper'. Sound is "
        "computed in windows of 30 s, the last one padded with silence, as Whisper was trained.\n\n"
        "The rows are f32. A safetensors file also records the encoder and the licence of its "
        "weights.",
    .example = "valence encode whisper clips/*.mp4 -o audio/\n"
               "valence encode whisper -m whisper-large.gguf clips/*.mp4 -o audio/",
    .run = run_media};

const struct command encode_manet = {
    .name = "encode manet",
    .arguments = "FILE|FOLDER...",
    .summary = "Turn pictures of faces into video rows.",
    .description = "PNG, JPEG, BMP and any other picture that FFmpeg reads; one row for each. The "
                   "encoder is a GGUF file made by 'valence convert manet'. Pictures are resized "
                   "to the encoder's square as Pillow does; crop the face beforehand.\n\n"
                   "The rows are f32. A safetensors file also records the encoder and the licence "
                   "of its weights.",
    .example = "valence convert manet manet.pth -o manet.gguf\n"
               "valence encode manet -m manet.gguf faces/*.png -o clip.npy",
    .run = run_media};
