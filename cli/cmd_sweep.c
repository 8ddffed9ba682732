/* valence sweep: settings of keys, chosen by the validation part. */
#include <string.h>

#include "choices.h"
#include "commands.h"
#include "experiment_command.h"
#include "shared_options.h"

struct request {
    struct experiment_request common;
    struct option_list ranges;
    const char *method;
    int64_t draws, draw_seed, rungs, factor;
    struct valence_sweep_options options;
};

static int sweep(struct request *request, struct valence_error *error)
{
    struct valence_train_config *config;
    struct valence_plan_options options;
    const struct valence_variant *variants = NULL;
    int n = 0, status = valence_train_config_create(&config, error);
    valence_plan_options_default(&options);
    options.kind = "sweep";
    options.n_rungs = request->rungs;
    options.factor = request->factor ? request->factor : options.factor;
    options.allow_equal = true; /* a curve has a point where the base lies */
    if (!status)
        status = experiment_request_config(&request->common, "sweep", config, error);
    if (!status)
        status = valence_sweep_create(config, request->ranges.values, request->ranges.n,
                                      &request->options, &variants, &n, error);
    if (!status)
        status = experiment_execute(&request->common, config, variants, n, &options, error);
    valence_variants_free(variants, n);
    valence_train_config_free(config);
    return status;
}

static int check(const struct command *command, struct request *request)
{
    int method = 0;
    if (request->ranges.n == 0)
        return report_usage(command, "--vary KEY=LOW:HIGH:STEP names what is varied");
    if (!train_request_complete(&request->common.train))
        return report_usage(command, "a store or a configuration is missing");
    int code = choose_name(command, "--method", request->method, valence_sweep_method_names,
                           VALENCE_N_SWEEP_METHODS, &method);
    valence_sweep_options_default(&request->options);
    request->options.method = (enum valence_sweep_method)method;
    if (code)
        return code;
    if (request->options.method != VALENCE_SWEEP_RANDOM &&
        (request->draws || request->draw_seed >= 0))
        return report_usage(command, "--draws and --draw-seed need --method random");
    if (request->rungs == 1 && request->factor)
        return report_usage(command, "--factor needs --rungs with more than 1 rung");
    if (request->draws)
        request->options.n_draws = request->draws;
    if (request->draw_seed >= 0)
        request->options.seed = (uint64_t)request->draw_seed;
    return experiment_request_check(command, &request->common);
}

static int run_sweep(const struct command *command, int argc, char **argv)
{
    struct request request = {
        .common = EXPERIMENT_REQUEST, .method = "one", .draw_seed = -1, .rungs = 1};
    struct experiment_request *common = &request.common;
    const struct option options[] = {
        {OPTION_LIST, 0, "vary", &request.ranges, "KEY=RANGE",
         "Vary a key of the configuration: LOW:HIGH:STEP, LOW:HIGH:*FACTOR, or VALUE,VALUE,... You "
         "can repeat it.",
         0, 0},
        {OPTION_TEXT, 0, "method", &request.method, "NAME",
         "one (one key at a time, the others as they are), grid (all combinations), or random "
         "(default: one).",
         0, 0},
        {OPTION_INT, 0, "draws", &request.draws, "N",
         "How many random settings to try, all of them different (default: 20).", 1, 999},
        {OPTION_INT, 0, "draw-seed", &request.draw_seed, "N",
         "Seed of the random settings (default: 1).", 0, 9e15},
        {OPTION_INT, 0, "rungs", &request.rungs, "N",
         "Successive halving in N rungs: all settings are trained for a part of the epochs, the "
         "best go on (default: 1, which trains all in full).",
         1, 10},
        {OPTION_INT, 0, "factor", &request.factor, "N",
         "Each rung keeps one in N settings and trains it N times as long (default: 3).", 2, 100},
        {OPTION_GROUP, 0, NULL, NULL, NULL, "Training", 0, 0},
        option_store(&common->train.store),
        EXPERIMENT_OPTIONS(common, "The folder of the experiment (default: 'sweep').",
                           "Print the settings, without training.")};
    struct valence_error error;
    int n, code;
    if (!options_parse(command, options, argc, argv, &common->train.subject, 0, 1, &n, &code))
        return code;
    code = check(command, &request);
    if (code)
        return code;
    return sweep(&request, &error) ? report_error(&error) : EXIT_FINE;
}

const struct command command_sweep = {
    .name = "sweep",
    .computes = true,
    .arguments = "[STORE | CONFIG.yaml]",
    .summary = "Train many settings of some keys, and choose by the validation part.",
    .description =
        "Trains the configuration, as 'base', and every setting of the keys that --vary names. The "
        "table shows the validation error of both flows with its spread over the seeds: the curve "
        "of each key. The best setting is chosen by the validation error that the key 'select' "
        "names; only this one and 'base' are then measured on the test part.\n\n"
        "With --rungs, settings that begin badly are not trained to the end (successive "
        "halving).\n\n"
        "The experiment is a folder: you can interrupt it at any time, and the same command "
        "continues.",
    .example = "valence sweep corpus --vary losses.cross=0:1:0.1 --vary losses.rnc=0:1:0.1\n"
               "valence sweep corpus --vary optimizer.learning_rate=1e-4:1e-2:*2 --seeds 5\n"
               "valence sweep corpus --method random --draws 30 --rungs 3 \\\n"
               "    --vary model.d=32,64,128 --vary model.dropout=0:0.5:0.1",
    .run = run_sweep,
};
