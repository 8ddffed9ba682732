/* valence ablate: what each part of the framework is worth. */
#include <string.h>

#include "commands.h"
#include "experiment_command.h"
#include "shared_options.h"

static int ablate(struct experiment_request *request, struct valence_error *error)
{
    struct valence_train_config *config;
    struct valence_plan_options options;
    const struct valence_variant *variants = NULL;
    int n = 0, status = valence_train_config_create(&config, error);
    valence_plan_options_default(&options);
    options.kind = "ablation";
    if (!status)
        status = experiment_request_config(request, "ablation", config, error);
    if (!status)
        status = valence_ablation_create(config, &variants, &n, error);
    if (!status)
        status = experiment_execute(request, config, variants, n, &options, error);
    valence_variants_free(variants, n);
    valence_train_config_free(config);
    return status;
}

static int run_ablate(const struct command *command, int argc, char **argv)
{
    struct experiment_request request = EXPERIMENT_REQUEST;
    const struct option options[] = {
        option_store(&request.train.store),
        EXPERIMENT_OPTIONS(&request, "The folder of the experiment (default: 'ablation').",
                           "Print what would be removed, without training.")};
    struct valence_error error;
    int n, code;
    if (!options_parse(command, options, argc, argv, &request.train.subject, 0, 1, &n, &code))
        return code;
    if (!train_request_complete(&request.train))
        return report_usage(command, "a store or a configuration is missing");
    code = experiment_request_check(command, &request);
    if (code)
        return code;
    return ablate(&request, &error) ? report_error(&error) : EXIT_FINE;
}

const struct command command_ablate = {
    .name = "ablate",
    .computes = true,
    .arguments = "[STORE | CONFIG.yaml]",
    .summary = "Train without each part of the framework in turn, and compare.",
    .description =
        "Trains the configuration, and variants of it without one part each: imagination, "
        "distillation (of representations, of cross-attention, both), similarity of "
        "representations, contrast, the second flow, cross-attention, the query views, the learned "
        "weights, simulated text, and each modality. All see the same clips in the same order, "
        "with the same seeds.\n\n"
        "The tables show both flows on the test part: mean and standard deviation over the seeds, "
        "and the difference to the full model with an interval over recordings and seeds. The "
        "tests are corrected for their number (Holm). The last row is the smallest difference "
        "that this test part could show.\n\n"
        "The experiment is a folder. You can interrupt it at any time, also by kill -9: the same "
        "command continues, and repeats nothing. 'valence runs FOLDER' shows its state.",
    .example = "valence ablate corpus --seeds 3\n"
               "valence ablate config.yaml -o ablation --seeds 5 --jobs 4\n"
               "valence ablate corpus --format latex > ablation.tex\n"
               "valence ablate corpus --dry-run",
    .run = run_ablate,
};
