/* valence convert: foreign checkpoints into ours. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "valence/error.h"
#include "commands.h"
#include "terminal.h"
#include "valence/model.h"
#ifdef VALENCE_WITH_ENCODERS
#include "valence/encoder.h"
#endif

struct encoder_request {
    const char *kind, *type, *license, *wavlm, *llm;
};

static int find_imagination(const struct command *command, const char *name,
                            enum valence_imagination *imagination)
{
    for (int i = 0; i < VALENCE_N_IMAGINATIONS; i++)
        if (strcmp(name, valence_imagination_names[i]) == 0) {
            *imagination = (enum valence_imagination)i;
            return EXIT_FINE;
        }
    return report_usage(command, "--imagination takes transition, text or off, not '%s'", name);
}

static int convert(const char *input, const char *output, bool overwrite,
                   enum valence_imagination imagination, struct valence_error *error)
{
    char left_out[2000] = "";
    struct valence_model *model;
    struct valence_published_options options;
    valence_published_options_default(&options);
    options.imagination = imagination;
    options.overwrite = overwrite;
    options.left_out = left_out;
    options.left_out_bytes = sizeof left_out;
    int status = valence_convert_published(input, output, &options, &model, error);
    if (status)
        return status;
    const struct valence_model_config *config = valence_model_get_config(model);
    FILE *stream = summary_stream(output);
    fprintf(stream,
            "%s: %" PRId64 " parameters, widths %" PRId64 "/%" PRId64 "/%" PRId64 ", d %" PRId64
            ", o %" PRId64 ", imagination %s\n",
            output, valence_model_n_parameters(model), config->widths[VALENCE_AUDIO],
            config->widths[VALENCE_TEXT], config->widths[VALENCE_VIDEO], config->d, config->o,
            valence_imagination_names[imagination]);
    if (left_out[0])
        fprintf(stream, "not used by the network, left out: %s%s\n", left_out,
                strlen(left_out) + 1 == sizeof left_out ? "..." : "");
    valence_model_free(model);
    return VALENCE_OK;
}

#ifdef VALENCE_WITH_ENCODERS
static int convert_encoder(const struct encoder_request *request, const char *input,
                           const char *output, bool overwrite, struct valence_error *error)
{
    char left_out[2000] = "";
    const struct valence_convert_options options = {.type = request->type,
                                                    .license = request->license,
                                                    .progress = terminal_progress(false),
                                                    .overwrite = overwrite,
                                                    .wavlm = request->wavlm,
                                                    .llm = request->llm,
                                                    .left_out = left_out,
                                                    .left_out_bytes = sizeof left_out};
    int status = valence_encoder_convert(request->kind, input, output, &options, error);
    terminal_progress_finish();
    if (!status && left_out[0])
        fprintf(summary_stream(output), "not part of the encoder, left out: %s%s\n", left_out,
                strlen(left_out) + 1 == sizeof left_out ? "..." : "");
    return status;
}
#else
static int convert_encoder(const struct encoder_request *request, const char *input,
                           const char *output, bool overwrite, struct valence_error *error)
{
    (void)input, (void)output, (void)overwrite;
    return valence_fail(
        error, VALENCE_ERROR_UNSUPPORTED, NULL,
        "this build has no encoder '%s' (configure with -DVALENCE_ENCODERS=ON, which "
        "brings llama.cpp)",
        request->kind);
}
#endif

static bool is_encoder(const char *kind)
{
    return strcmp(kind, "wavlm") == 0 || strcmp(kind, "whisper") == 0 ||
           strcmp(kind, "manet") == 0 || strcmp(kind, "projector") == 0;
}

static int run_convert(const struct command *command, int argc, char **argv)
{
    const char *output = NULL, *imagination_name = "transition", *positional[2];
    struct encoder_request encoder = {0};
    bool force = false;
    const struct option options[] = {
        {OPTION_TEXT, 'o', "output", &output, "FILE", "The file to write.", 0, 0},
        {OPTION_TEXT, 0, "imagination", &imagination_name, "VARIANT",
         "published: the input that the imagination's residual is added to: transition, text, or "
         "off for a model trained without it (default: transition). The file does not record it.",
         0, 0},
        {OPTION_TEXT, 0, "type", &encoder.type, "TYPE",
         "Encoders: element type of the matrices: f32, f16, bf16, q8_0, q6_k, q5_0, q5_1, q5_k, "
         "q4_0, q4_1 or q4_k (default: f32).",
         0, 0},
        {OPTION_TEXT, 0, "license", &encoder.license, "TEXT",
         "Encoders: the weights' licence to record in the file (default: the one their authors "
         "state).",
         0, 0},
        {OPTION_TEXT, 0, "wavlm", &encoder.wavlm, "FILE", "projector: the GGUF file of its WavLM.",
         0, 0},
        {OPTION_TEXT, 0, "llm", &encoder.llm, "FILE",
         "projector: the GGUF file of its language model, in any quantisation.", 0, 0},
        {OPTION_FLAG, 0, "force", &force, NULL, "Replace an existing file.", 0, 0},
        {.type = OPTION_END}};
    int n, code;
    if (!options_parse(command, options, argc, argv, positional, 2, 2, &n, &code))
        return code;
    bool published = strcmp(positional[0], "published") == 0;
    if (!published && !is_encoder(positional[0]))
        return report_usage(
            command,
            "unknown kind '%s'; choose one of: published, wavlm, whisper, manet, projector",
            positional[0]);
    if (!output)
        return report_usage(command, "-o FILE is missing: where to write");
    enum valence_imagination imagination = VALENCE_IMAGINATION_TRANSITION;
    if ((code = find_imagination(command, imagination_name, &imagination)))
        return code;
    struct valence_error error;
    encoder.kind = positional[0];
    int status = published ? convert(positional[1], output, force, imagination, &error)
                           : convert_encoder(&encoder, positional[1], output, force, &error);
    return status ? report_error(&error) : EXIT_FINE;
}

const struct command command_convert = {
    .name = "convert",
    .arguments = "KIND FILE|FOLDER -o FILE",
    .summary = "Convert a published checkpoint for valence, or an encoder to GGUF.",
    .description =
        "KIND 'published' is the PyTorch checkpoint of the paper's authors, a .pt file or "
        "safetensors with the same names. A .pt file is read without executing anything in it. "
        "Layers that the published model never uses are listed and left out; any other tensor that "
        "is missing, unknown or of another shape is an error.\n\n"
        "The file holds no standardisation: features are used unscaled.\n\n"
        "KIND 'wavlm' is a Hugging Face folder (config.json, preprocessor_config.json, and "
        "model.safetensors or pytorch_model.bin) or the authors' WavLM-*.pt; 'manet' the authors' "
        ".pth, or safetensors with the same names. Every expected tensor must be present with its "
        "shape, and no others; batch norms are folded in. The GGUF file records the weights' "
        "licence and the source's SHA-256 ('valence inspect' shows them).\n\n"
        "KIND 'whisper' is a Whisper model of CTranslate2 (model.bin, or its parts "
        "model.bin.part1, ... in a folder, with vocabulary.txt), a Hugging Face folder, or "
        "OpenAI's .pt file.\n\n"
        "KIND 'projector' is SLAM-LLM's model.pt, or safetensors with the same names "
        "(encoder_projector.linear1 and linear2), for simulated text. It works with one WavLM and "
        "one language model, whose fingerprints the file records. Other tensors of the checkpoint "
        "are listed and left out.",
    .example = "valence convert published checkpoint.pt -o model.safetensors\n"
               "valence predict model.safetensors corpus\n"
               "valence convert wavlm wavlm-large/ -o wavlm.gguf --type q8_0\n"
               "valence convert projector model.pt -o projector.gguf --wavlm wavlm.gguf --llm "
               "vicuna.gguf",
    .run = run_convert,
};
