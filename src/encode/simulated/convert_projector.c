#include <inttypes.h>
#include <string.h>

#include "base/fail.h"
#include "encode/convert.h"
#include "encode/recipes.h"
#include "encode/llm/language_model.h"
#include "encode/simulated/projector.h"

#define LICENSE "that of its author (trained with SLAM-LLM, MIT)"

/* What the projector stands between. */
struct neighbours {
    struct weights wavlm; /* open, for its texts */
    int64_t wavlm_width;
    struct language_model llm; /* identified alone */
};

static int open_wavlm(struct neighbours *neighbours, const char *path, struct valence_error *error)
{
    struct weights *wavlm = &neighbours->wavlm;
    int status = weights_open(wavlm, path, error);
    if (status)
        return status;
    if (strcmp(weights_text(wavlm, "general.architecture"), "wavlm") != 0)
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "%s: not a WavLM encoder ('valence convert wavlm' makes one)", path);
    neighbours->wavlm_width = weights_int(wavlm, "wavlm.width", 1, PROJECTOR_MAX_WIDTH);
    weights_text(wavlm, "valence.source_sha256");
    return weights_check(wavlm, error);
}

static int open_llm(struct neighbours *neighbours, const char *path, struct valence_error *error)
{
    struct weights weights;
    int status = weights_open(&weights, path, error);
    if (status)
        return status;
    status = language_model_identify(&neighbours->llm, &weights, error);
    weights_close(&weights);
    return status;
}

static int find_sizes(const struct source *source, const struct neighbours *neighbours,
                      struct projector *sizes, struct valence_error *error)
{
    int64_t in = source_size(source, "linear1.weight", 1);
    *sizes = (struct projector){.frame_width = neighbours->wavlm_width,
                                .hidden_width = source_size(source, "linear1.weight", 0),
                                .width = source_size(source, "linear2.weight", 0)};
    if (in < 1 || sizes->width < 1 || sizes->hidden_width > PROJECTOR_MAX_WIDTH ||
        sizes->width > PROJECTOR_MAX_WIDTH)
        return fail(error, VALENCE_ERROR_SHAPE,
                    "%s: holds no projector (encoder_projector.linear1.weight and linear2.weight "
                    "are missing or of no usable size)",
                    source->path);
    sizes->joined = in / sizes->frame_width;
    if (in % sizes->frame_width != 0 || sizes->joined > PROJECTOR_MAX_JOINED)
        return fail(
            error, VALENCE_ERROR_SHAPE,
            "%s: takes %" PRId64 " values, which are not 1 ... %d frames of the %" PRId64
            " that '%s' gives",
            source->path, in, PROJECTOR_MAX_JOINED, sizes->frame_width,
            weights_text((struct weights *)(uintptr_t)&neighbours->wavlm, "valence.source"));
    if (sizes->width != neighbours->llm.width)
        return fail(error, VALENCE_ERROR_SHAPE,
                    "%s: gives embeddings of width %" PRId64
                    ", the language model '%s' takes %" PRId64,
                    source->path, sizes->width, neighbours->llm.source, neighbours->llm.width);
    return VALENCE_OK;
}

static void fill_header(struct gguf_context *header, struct neighbours *neighbours,
                        const struct projector *sizes)
{
    gguf_set_val_str(header, "general.architecture", "projector");
    gguf_set_val_u32(header, "projector.frames_joined", (uint32_t)sizes->joined);
    gguf_set_val_u32(header, "projector.frame_width", (uint32_t)sizes->frame_width);
    gguf_set_val_u32(header, "projector.hidden_width", (uint32_t)sizes->hidden_width);
    gguf_set_val_u32(header, "projector.width", (uint32_t)sizes->width);
    gguf_set_val_str(header, "projector.wavlm",
                     weights_text(&neighbours->wavlm, "valence.source_sha256"));
    gguf_set_val_str(header, "projector.wavlm_source",
                     weights_text(&neighbours->wavlm, "valence.source"));
    gguf_set_val_str(header, "projector.llm", neighbours->llm.fingerprint);
    gguf_set_val_str(header, "projector.llm_source", neighbours->llm.source);
}

static int write_projector(const char *path, struct source *source, struct neighbours *neighbours,
                           const struct projector *sizes,
                           const struct valence_convert_options *options,
                           const struct valence_progress *progress, struct valence_error *error)
{
    struct recipes recipes = {0};
    struct gguf_context *header = gguf_init_empty();
    fill_header(header, neighbours, sizes);
    recipes_add_copy(&recipes, "linear1", "linear1", ".weight", true, sizes->hidden_width,
                     sizes->joined * sizes->frame_width, 0);
    recipes_add_copy(&recipes, "linear1", "linear1", ".bias", false, sizes->hidden_width, 0, 0);
    recipes_add_copy(&recipes, "linear2", "linear2", ".weight", true, sizes->width,
                     sizes->hidden_width, 0);
    recipes_add_copy(&recipes, "linear2", "linear2", ".bias", false, sizes->width, 0, 0);
    int status = convert_write(path, header, &recipes, source, options, progress, error);
    gguf_free(header);
    recipes_free(&recipes);
    return status;
}

static int convert(const char *from, const char *path,
                   const struct valence_convert_options *options,
                   const struct valence_progress *progress, struct valence_error *error)
{
    static const char *const prefixes[] = {"encoder_projector.", "module.encoder_projector.",
                                           "model.encoder_projector.",
                                           "state_dict.encoder_projector.", ""};
    struct source source;
    struct neighbours neighbours = {0};
    struct projector sizes;
    int status = source_open(&source, from, prefixes, 5, error);
    if (status)
        return status;
    status = open_wavlm(&neighbours, options->wavlm, error);
    if (!status)
        status = open_llm(&neighbours, options->llm, error);
    if (!status)
        status = find_sizes(&source, &neighbours, &sizes, error);
    if (!status)
        status = write_projector(path, &source, &neighbours, &sizes, options, progress, error);
    if (!status && options->left_out)
        source_left_aside(&source, options->left_out, options->left_out_bytes);
    weights_close(&neighbours.wavlm);
    source_close(&source);
    return status;
}

const struct converter converter_projector = {
    .license = LICENSE, .type = "f16", .has_neighbours = true, .convert = convert};
