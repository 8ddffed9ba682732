#include "encode/convert.h"

#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/file_writer.h"
#include "base/options.h"
#include "base/text.h"
#include "encode/compute/backend.h"

static int convert_published(const char *from, const char *path,
                             const struct valence_convert_options *options,
                             const struct valence_progress *progress, struct valence_error *error)
{
    (void)progress;
    struct valence_published_options known;
    valence_published_options_default(&known);
    known.imagination = options->imagination;
    known.overwrite = options->overwrite;
    known.left_out = options->left_out;
    known.left_out_bytes = options->left_out_bytes;
    return valence_model_convert_published(from, path, &known, options->model, error);
}

static const struct converter converter_published = {.convert = convert_published};

/* ---- Kinds ---- */

#define N_KINDS                     ((int)(sizeof names / sizeof *names))
#define KIND_NAME(name, word, text) word,
#define KIND_TEXT(name, word, text) text,
static const char *const names[] = {VALENCE_CONVERT_KIND_MAP(KIND_NAME)};
static const char *const texts[] = {VALENCE_CONVERT_KIND_MAP(KIND_TEXT)};

static const struct converter *const converters[] = {
    [VALENCE_CONVERT_PUBLISHED] = &converter_published, [VALENCE_CONVERT_WAVLM] = &converter_wavlm,
    [VALENCE_CONVERT_WHISPER] = &converter_whisper,     [VALENCE_CONVERT_MANET] = &converter_manet,
    [VALENCE_CONVERT_PROJECTOR] = &converter_projector, [VALENCE_CONVERT_FACES] = &converter_faces,
};
_Static_assert(sizeof converters / sizeof *converters == sizeof names / sizeof *names,
               "every kind has a converter");

int valence_n_convert_kinds(void)
{
    return N_KINDS;
}

const char *valence_convert_kind_name(int kind)
{
    return kind >= 0 && kind < N_KINDS ? names[kind] : NULL;
}

const char *valence_convert_kind_text(int kind)
{
    return kind >= 0 && kind < N_KINDS ? texts[kind] : NULL;
}

/* ---- Converting ---- */

void valence_convert_options_default(struct valence_convert_options *options)
{
    *options = (struct valence_convert_options){.size = sizeof *options,
                                                .imagination = VALENCE_IMAGINATION_TRANSITION};
}

static int fail_setting(const char *kind, const char *setting, struct valence_error *error)
{
    return fail_key(error, VALENCE_ERROR_ARGUMENT, setting, "kind '%s' does not take '%s'", kind,
                    setting);
}

static int check_options(enum valence_convert_kind kind,
                         const struct valence_convert_options *options, struct valence_error *error)
{
    const struct converter *converter = converters[kind];
    if (options->type && !converter->type)
        return fail_setting(names[kind], "type", error);
    if (options->license && !converter->license)
        return fail_setting(names[kind], "license", error);
    if (options->wavlm && !converter->has_neighbours)
        return fail_setting(names[kind], "wavlm", error);
    if (options->llm && !converter->has_neighbours)
        return fail_setting(names[kind], "llm", error);
    if (kind != VALENCE_CONVERT_PUBLISHED && options->imagination != VALENCE_IMAGINATION_TRANSITION)
        return fail_setting(names[kind], "imagination", error);
    if (kind != VALENCE_CONVERT_PUBLISHED && options->model)
        return fail_setting(names[kind], "model", error);
    if (converter->has_neighbours && (!options->wavlm || !options->llm))
        return fail_key(error, VALENCE_ERROR_ARGUMENT, options->wavlm ? "llm" : "wavlm",
                        "a projector belongs to one WavLM and one language model: name the GGUF "
                        "files of both");
    return VALENCE_OK;
}

int valence_convert(enum valence_convert_kind kind, const char *input, const char *output,
                    const struct valence_convert_options *options,
                    const struct valence_progress *progress, struct valence_error *error)
{
    struct valence_convert_options known;
    valence_convert_options_default(&known);
    int status = options_read(&known, sizeof known, options, error);
    if (!status && known.model)
        *known.model = NULL;
    if (!status && !valence_convert_kind_name((int)kind))
        status = fail(error, VALENCE_ERROR_ARGUMENT, "unknown kind of checkpoint %d", (int)kind);
    if (!status && (!input || !output))
        status = fail(error, VALENCE_ERROR_ARGUMENT, "the input or the output is NULL");
    if (!status)
        status = check_options(kind, &known, error);
    if (!status)
        status = backends_load(error); /* before anything of ggml, for its log */
    if (!status && !path_exists(input))
        status = fail(error, VALENCE_ERROR_NOT_FOUND, "%s: no such file or folder", input);
    if (!status)
        status = file_write_check(output, known.overwrite ? FILE_OVERWRITE : 0, error);
    if (status)
        return status;
    if (known.left_out && known.left_out_bytes)
        known.left_out[0] = '\0';
    if (!known.license)
        known.license = converters[kind]->license;
    return converters[kind]->convert(input, output, &known, progress, error);
}

/* The files have pinned hashes: what is set here, and what the conversions write, decides them. */
int valence_convert_known_model(const char *kind, const char *folder, const char *to,
                                const struct valence_progress *progress,
                                struct valence_error *error)
{
    struct valence_convert_options options;
    int found = 0;
    while (found < N_KINDS && strcmp(names[found], kind) != 0)
        found++;
    if (found == N_KINDS)
        return fail(error, VALENCE_ERROR_ARGUMENT, "unknown kind of checkpoint '%s'", kind);
    valence_convert_options_default(&options);
    options.overwrite = true;
    options.type = converters[found]->type;
    return valence_convert((enum valence_convert_kind)found, folder, to, &options, progress, error);
}
