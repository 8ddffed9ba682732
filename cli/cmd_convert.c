/* valence convert: foreign checkpoints into ours. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "choices.h"
#include "commands.h"
#include "json_output.h"
#include "shared_options.h"
#include "terminal.h"
#include "valence/error.h"
#include "valence/model.h"
#ifdef VALENCE_WITH_ENCODERS
#include "valence/convert.h"
#endif

struct request {
    const char *kind, *input, *output, *imagination, *type, *license, *wavlm, *llm;
    bool force, json, quiet;
};

/* What a conversion says beside the file that it writes. */
struct outcome {
    struct valence_model *model; /* of kind published, else NULL */
    char left_out[2000];
};

static int choose_imagination(const struct command *command, const struct request *request,
                              enum valence_imagination *imagination)
{
    int found = VALENCE_IMAGINATION_TRANSITION;
    int code = EXIT_FINE;
    if (request->imagination)
        code = choose_name(command, "--imagination", request->imagination,
                           valence_imagination_names, VALENCE_N_IMAGINATIONS, &found);
    *imagination = (enum valence_imagination)found;
    return code;
}

#ifdef VALENCE_WITH_ENCODERS
static int choose_kind(const struct command *command, const char *text, int *kind)
{
    const char *names[16];
    int n = valence_n_convert_kinds();
    for (int i = 0; i < n && i < 16; i++)
        names[i] = valence_convert_kind_name(i);
    return choose_name(command, "KIND", text, names, n < 16 ? n : 16, kind);
}

static int convert(const struct request *request, int kind, enum valence_imagination imagination,
                   struct outcome *outcome, struct valence_error *error)
{
    struct valence_convert_options options;
    valence_convert_options_default(&options);
    options.overwrite = request->force;
    options.imagination = imagination;
    options.type = request->type;
    options.license = request->license;
    options.wavlm = request->wavlm;
    options.llm = request->llm;
    options.left_out = outcome->left_out;
    options.left_out_bytes = sizeof outcome->left_out;
    if (kind == VALENCE_CONVERT_PUBLISHED)
        options.model = &outcome->model;
    int status = valence_convert((enum valence_convert_kind)kind, request->input, request->output,
                                 &options, terminal_progress(request->quiet), error);
    terminal_progress_finish();
    return status;
}
#else
/* libvalence alone converts the network. */
static int choose_kind(const struct command *command, const char *text, int *kind)
{
    *kind = 0;
    if (strcmp(text, "published") == 0)
        return EXIT_FINE;
    return report_usage(command,
                        "KIND: unknown value '%s'; this build has no encoders and converts only "
                        "'published' (configure with -DVALENCE_ENCODERS=ON, which brings "
                        "llama.cpp)",
                        text);
}

static int convert(const struct request *request, int kind, enum valence_imagination imagination,
                   struct outcome *outcome, struct valence_error *error)
{
    (void)kind;
    struct valence_published_options options;
    valence_published_options_default(&options);
    options.overwrite = request->force;
    options.imagination = imagination;
    options.left_out = outcome->left_out;
    options.left_out_bytes = sizeof outcome->left_out;
    return valence_model_convert_published(request->input, request->output, &options,
                                           &outcome->model, error);
}
#endif

static void print_outcome(const struct request *request, enum valence_imagination imagination,
                          const struct outcome *outcome)
{
    FILE *stream = summary_stream(request->output);
    if (outcome->model) {
        const struct valence_model_config *config = valence_model_get_config(outcome->model);
        fprintf(stream,
                "%s: %" PRId64 " parameters, widths %" PRId64 "/%" PRId64 "/%" PRId64 ", d %" PRId64
                ", o %" PRId64 ", imagination %s\n",
                request->output, valence_model_n_parameters(outcome->model),
                config->widths[VALENCE_AUDIO], config->widths[VALENCE_TEXT],
                config->widths[VALENCE_VIDEO], config->d, config->o,
                valence_imagination_names[imagination]);
    }
    if (outcome->left_out[0])
        fprintf(stream, "not part of the model, left out: %s%s\n", outcome->left_out,
                strlen(outcome->left_out) + 1 == sizeof outcome->left_out ? "..." : "");
}

/* The names of the tensors that were left out. */
static json_t *left_out_to_json(const char *names)
{
    json_t *list = json_array();
    for (size_t length; *names; names += length + strspn(names + length, ", ")) {
        length = strcspn(names, ",");
        json_array_append_new(list, json_stringn(names, length));
    }
    return list;
}

static json_t *outcome_to_json(const struct request *request, enum valence_imagination imagination,
                               const struct outcome *outcome)
{
    json_t *model = json_null();
    if (outcome->model) {
        const struct valence_model_config *config = valence_model_get_config(outcome->model);
        model =
            json_pack("{s:I, s:{s:I, s:I, s:I}, s:I, s:I, s:s}", "parameters",
                      (json_int_t)valence_model_n_parameters(outcome->model), "widths", "audio",
                      (json_int_t)config->widths[VALENCE_AUDIO], "text",
                      (json_int_t)config->widths[VALENCE_TEXT], "video",
                      (json_int_t)config->widths[VALENCE_VIDEO], "d", (json_int_t)config->d, "o",
                      (json_int_t)config->o, "imagination", valence_imagination_names[imagination]);
    }
    return json_pack("{s:s, s:s, s:s, s:o, s:o}", "kind", request->kind, "source", request->input,
                     "output", request->output, "model", model, "left_out",
                     left_out_to_json(outcome->left_out));
}

static int run_convert(const struct command *command, int argc, char **argv)
{
    struct request request = {0};
    struct outcome outcome = {0};
    const struct option options[] = {
        option_output(&request.output, "FILE", "The file to write."),
        {OPTION_TEXT, 0, "imagination", &request.imagination, "VARIANT",
         "published: the input that the imagination's residual is added to: transition, text, or "
         "off for a model trained without it (default: transition). The file does not record it.",
         0, 0},
        {OPTION_TEXT, 0, "type", &request.type, "TYPE",
         "Encoders: element type of the matrices: f32, f16, bf16, q8_0, q6_k, q5_0, q5_1, q5_k, "
         "q4_0, q4_1 or q4_k (default: f32).",
         0, 0},
        {OPTION_TEXT, 0, "license", &request.license, "TEXT",
         "Encoders: the weights' licence to record in the file (default: the one their authors "
         "state).",
         0, 0},
        {OPTION_TEXT, 0, "wavlm", &request.wavlm, "FILE", "projector: the GGUF file of its WavLM.",
         0, 0},
        {OPTION_TEXT, 0, "llm", &request.llm, "FILE",
         "projector: the GGUF file of its language model, in any quantisation.", 0, 0},
        option_force(&request.force, "Replace an existing file."),
        option_json(&request.json),
        option_quiet(&request.quiet),
        {.type = OPTION_END}};
    const char *positional[2];
    enum valence_imagination imagination;
    int n, kind, code;
    if (!options_parse(command, options, argc, argv, positional, 2, 2, &n, &code))
        return code;
    request.kind = positional[0];
    request.input = positional[1];
    if ((code = choose_kind(command, request.kind, &kind)))
        return code;
    if (!request.output)
        return report_usage(command, "--output FILE is missing: where to write");
    if ((code = choose_imagination(command, &request, &imagination)))
        return code;
    struct valence_error error;
    int status = convert(&request, kind, imagination, &outcome, &error);
    if (!status && request.json)
        status = print_json(outcome_to_json(&request, imagination, &outcome), &error);
    else if (!status)
        print_outcome(&request, imagination, &outcome);
    valence_model_free(outcome.model);
    return status ? report_error(&error) : EXIT_FINE;
}

#ifdef VALENCE_WITH_ENCODERS
#define KIND_HELP(name, word, text) word ": " text ".\n\n"
#define KINDS_HELP                  VALENCE_CONVERT_KIND_MAP(KIND_HELP)
#else
#define KINDS_HELP                                                                                 \
    "published: the network of the paper's authors, a .pt file or safetensors with the same "      \
    "names.\n\n"
#endif

const struct command command_convert = {
    .name = "convert",
    .arguments = "KIND FILE|FOLDER -o FILE",
    .summary = "Convert a published checkpoint for valence, or an encoder to GGUF.",
    .description =
        "KIND says what FILE or FOLDER is:\n\n" KINDS_HELP
        "Nothing in a checkpoint is executed. Every expected tensor must be present with its "
        "shape. Layers that the published network never uses, and other tensors of a wavlm or "
        "projector checkpoint (heads of other tasks), are listed and left out; any other unknown "
        "tensor is an error.\n\n"
        "The published network has no standardisation: features are used unscaled. Encoders become "
        "GGUF files that record the weights' licence and the source's SHA-256 ('valence inspect' "
        "shows them). A projector works with one WavLM and one language model, whose fingerprints "
        "its file records.",
    .example = "valence convert published checkpoint.pt -o model.safetensors\n"
               "valence predict model.safetensors corpus\n"
               "valence convert wavlm wavlm-large/ -o wavlm.gguf --type q8_0\n"
               "valence convert projector model.pt -o projector.gguf --wavlm wavlm.gguf --llm "
               "vicuna.gguf",
    .run = run_convert,
};
