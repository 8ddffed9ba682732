/* valence convert: foreign checkpoints into ours. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "commands.h"
#include "model/published.h"

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
    struct checkpoint checkpoint;
    struct text unused = {.maximum = 1 << 20};
    if (!overwrite && path_exists(output))
        return fail(error, VALENCE_ERROR_EXISTS, "%s: exists already (--force replaces it)",
                    output);
    int status = published_load(input, imagination, &checkpoint, &unused, error);
    if (!status) {
        status = checkpoint_save(output, &checkpoint, error);
        if (!status)
            printf("%s: %" PRId64 " parameters, widths %" PRId64 "/%" PRId64 "/%" PRId64
                   ", d %" PRId64 ", o %" PRId64 ", imagination %s\n",
                   output, checkpoint.n_parameters, checkpoint.config.widths[VALENCE_AUDIO],
                   checkpoint.config.widths[VALENCE_TEXT], checkpoint.config.widths[VALENCE_VIDEO],
                   checkpoint.config.d, checkpoint.config.o,
                   valence_imagination_names[imagination]);
        checkpoint_free(&checkpoint);
    }
    if (!status && unused.length)
        printf("not used by the network, left out: %s\n", unused.data);
    text_free(&unused);
    return status;
}

static int run_convert(const struct command *command, int argc, char **argv)
{
    const char *output = NULL, *imagination_name = "transition", *positional[2];
    bool force = false;
    const struct option options[] = {
        {OPTION_TEXT, 'o', "output", &output, "FILE", "The checkpoint to write.", 0, 0},
        {OPTION_TEXT, 0, "imagination", &imagination_name, "VARIANT",
         "What the imagination's residual is added to: transition, text, or off for a model "
         "trained "
         "without it (default: transition). The file does not tell.",
         0, 0},
        {OPTION_FLAG, 0, "force", &force, NULL, "Replace an existing file.", 0, 0},
        {.type = OPTION_END}};
    int n, code;
    if (!options_parse(command, options, argc, argv, positional, 2, 2, &n, &code))
        return code;
    if (strcmp(positional[0], "published") != 0)
        return report_usage(command, "there is no kind '%s'; there is: published", positional[0]);
    if (!output)
        return report_usage(command, "-o FILE is missing: where to write the checkpoint");
    enum valence_imagination imagination = VALENCE_IMAGINATION_TRANSITION;
    if ((code = find_imagination(command, imagination_name, &imagination)))
        return code;
    struct valence_error error;
    return convert(positional[1], output, force, imagination, &error) ? report_error(&error)
                                                                      : EXIT_FINE;
}

const struct command command_convert = {
    .name = "convert",
    .arguments = "KIND FILE -o FILE",
    .summary = "Turn a checkpoint of another program into one of valence.",
    .description =
        "KIND is 'published': the PyTorch checkpoint of the paper's authors, a .pt file or "
        "safetensors with the same names. A .pt file is read without executing anything in it. "
        "Layers that the published model never uses are named and left out; any other tensor that "
        "is missing, unknown or of another shape is an error that lists them.\n\n"
        "The file holds no standardisation: features go in as they are.",
    .example = "valence convert published checkpoint.pt -o model.safetensors\n"
               "valence predict model.safetensors corpus",
    .run = run_convert,
};
