/* valence encode wavlm, whisper, manet: sound and pictures into feature rows. */
#include <string.h>

#include "encode_clips.h"
#include "encode_kinds.h"
#include "encode_request.h"
#include "model_cache.h"
#include "valence/text.h"

struct media_request {
    struct encode_request common;
    const char *kind, *model;
    struct valence_encoder_options encoder;
    struct clip_faces faces; /* MANet: with `align` */
    bool align;
};

static int load(struct media_request *request, struct valence_encoder **encoder,
                struct valence_error *error)
{
    char *path, *memory = model_memory();
    *encoder = NULL;
    request->encoder.memory = memory;
    int status =
        model_path(request->model, request->common.offline, request->common.quiet, &path, error);
    if (!status)
        status = valence_encoder_load(path, &request->encoder, encoder, error);
    request->encoder.memory = NULL;
    valence_text_free(path);
    valence_text_free(memory);
    return status;
}

static int encode_by_encoder(void *user, const struct encode_request *common,
                             struct valence_encode_report **report, struct valence_error *error)
{
    struct media_request *request = user;
    struct valence_encoder *encoder;
    int status = load(request, &encoder, error);
    if (status)
        return status;
    const char *kind = valence_encoder_describe(encoder)->kind;
    if (strcmp(kind, request->kind) != 0)
        status = valence_fail(error, VALENCE_ERROR_ARGUMENT, NULL,
                              "%s: holds the encoder '%s', not '%s'", request->model, kind,
                              request->kind);
    else
        status = valence_encode_files(encoder, common->inputs, common->n_inputs, common->output,
                                      &common->files, report, error);
    valence_encoder_free(encoder);
    return status;
}

/* MANet on the faces that are found in films, cut as it was trained. */
static int encode_aligned(struct media_request *request, struct valence_encode_report **report,
                          struct valence_error *error)
{
    struct valence_extractor_options options;
    char *path;
    valence_extractor_options_default(&options);
    options.audio = 0;
    options.video = VALENCE_PICTURES_MANET;
    options.manet_layers = request->encoder.layers;
    options.device = request->encoder.device;
    int status =
        model_path(request->model, request->common.offline, request->common.quiet, &path, error);
    options.manet_model = path;
    if (!status)
        status = encode_clips(&request->common, &options, &request->faces, VALENCE_STREAM_VIDEO,
                              report, error);
    valence_text_free(path);
    return status;
}

static int encode_by_manet(void *user, const struct encode_request *common,
                           struct valence_encode_report **report, struct valence_error *error)
{
    struct media_request *request = user;
    return request->align ? encode_aligned(request, report, error)
                          : encode_by_encoder(user, common, report, error);
}

static int check(void *user, const struct command *command)
{
    const struct media_request *request = user;
    if (!request->model)
        return report_usage(command,
                            "--model MODEL is missing: the GGUF file that 'valence convert' wrote");
    struct clip_faces usual;
    clip_faces_default(&usual);
    if (!request->align && memcmp(&usual, &request->faces, sizeof usual) != 0)
        return report_usage(command, "--faces, --fps, --person, --face-size and --face-threshold "
                                     "are for --align");
    return clip_faces_check(&request->faces, command);
}

static void begin(struct media_request *request, const char *kind, const char *model)
{
    *request = (struct media_request){.kind = kind, .model = model};
    encode_request_default(&request->common);
    valence_encoder_options_default(&request->encoder);
    clip_faces_default(&request->faces);
}

#define ENCODER_OPTIONS(request, default_model)                                                    \
    option_model(&(request).model,                                                                 \
                 "The encoder, a GGUF file or a name from 'valence models'" default_model "."),    \
        option_offline(&(request).common.offline), option_device(&(request).encoder.device),       \
        ENCODE_REQUEST_OPTIONS((request).common)

static int run_wavlm(const struct command *command, int argc, char **argv)
{
    struct media_request request;
    begin(&request, "wavlm", NULL);
    const struct option options[] = {
        {OPTION_TEXT, 0, "layers", &request.encoder.layers, "LIST",
         "Hidden states, -1 the last; final, conv; 20,24 side by side, 20+24 summed (default: -5).",
         0, 0},
        {OPTION_NUMBER, 0, "window-seconds", &request.encoder.window_seconds, "S",
         "Compute longer sounds in overlapping windows of S seconds (default: 120).", 1, 3600},
        ENCODER_OPTIONS(request, ""),
        {.type = OPTION_END}};
    return encode_request_run(&request.common, command, options, argc, argv, check,
                              encode_by_encoder, &request);
}

static int run_whisper(const struct command *command, int argc, char **argv)
{
    struct media_request request;
    begin(&request, "whisper", "whisper-base");
    const struct option options[] = {{OPTION_TEXT, 0, "layers", &request.encoder.layers, "LIST",
                                      "Hidden states, -1 the last, or final; 2,4 side by side, 2+4 "
                                      "summed (default: the middle).",
                                      0, 0},
                                     ENCODER_OPTIONS(request, " (default: whisper-base)"),
                                     {.type = OPTION_END}};
    return encode_request_run(&request.common, command, options, argc, argv, check,
                              encode_by_encoder, &request);
}

static int run_manet(const struct command *command, int argc, char **argv)
{
    struct media_request request;
    begin(&request, "manet", NULL);
    const struct option options[] = {
        {OPTION_TEXT, 0, "layers", &request.encoder.layers, "LIST",
         "embedding or logits (default: embedding).", 0, 0},
        {OPTION_FLAG, 0, "align", &request.align, NULL,
         "Find a person's faces in films or pictures, turn and cut them as MANet was trained, and "
         "encode these (default: the pictures are cut already).",
         0, 0},
        {OPTION_TEXT, 0, "faces", &request.faces.model, "MODEL",
         "The face networks for --align, a GGUF file or a name (default: faces).", 0, 0},
        CLIP_FACES_OPTIONS(request.faces),
        ENCODER_OPTIONS(request, ""),
        {.type = OPTION_END}};
    return encode_request_run(&request.common, command, options, argc, argv, check, encode_by_manet,
                              &request);
}

/* ---- Commands ---- */

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
    .run = run_wavlm};

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
    .run = run_whisper};

const struct command encode_manet = {
    .name = "encode manet",
    .arguments = "FILE|FOLDER...",
    .summary = "Turn pictures of faces into video rows.",
    .description =
        "PNG, JPEG, BMP and any other picture that FFmpeg reads; one row for each. The encoder is "
        "a GGUF file made by 'valence convert manet'. Pictures are resized to the encoder's square "
        "as Pillow does. They must be cut to the face already.\n\n"
        "With --align the inputs are films, or pictures that are not cut: faces are found, and the "
        "chosen person's are turned upright and cut to the 112 x 112 pixels of RetinaFace's "
        "template, as MANet's authors did. A row for each picture, --fps a second, that shows the "
        "person.\n\n"
        "The rows are f32. A safetensors file also records the encoder.",
    .example = "valence convert manet manet.pth -o manet.gguf\n"
               "valence encode manet -m manet.gguf faces/*.png -o clip.npy\n"
               "valence encode manet -m manet.gguf --align clips/*.mp4 -o video/",
    .run = run_manet};
