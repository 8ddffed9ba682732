/* valence synthesize: a synthetic corpus to try things with. */
#include <stdio.h>

#include "choices.h"
#include "commands.h"
#include "json_output.h"
#include "shared_options.h"
#include "valence/store.h"
#include "valence/synthesize.h"

struct request {
    const char *store, *dtype;
    int64_t seed, threads;
    bool force, json, quiet;
    struct valence_synthesize_options options;
};

static bool parse(const struct command *command, int argc, char **argv, struct request *request,
                  int *code)
{
    struct valence_synthesize_options *synthesis = &request->options;
    const struct option options[] = {
        option_output_argument(&request->store, "STORE", "Another way to give STORE."),
        {OPTION_INT, 0, "train", &synthesis->n_train, "N", "Training clips (default: 1000).", 0,
         1e8},
        {OPTION_INT, 0, "validation", &synthesis->n_validation, "N",
         "Validation clips (default: 200).", 0, 1e8},
        {OPTION_INT, 0, "test", &synthesis->n_test, "N", "Test clips (default: 300).", 0, 1e8},
        {OPTION_TEXT, 0, "lengths", &synthesis->lengths_path, "FILE.csv",
         "Instead, one training clip for each row of a CSV with columns audio, text, video, "
         "simulated (rows of each stream) and label: to benchmark with the lengths of a real data "
         "set.",
         0, 0},
        {OPTION_INT, 0, "audio-width", &synthesis->audio_width, "N",
         "Columns of the audio stream (default: 64).", 1, 65536},
        {OPTION_INT, 0, "text-width", &synthesis->text_width, "N",
         "Columns of the text and simulated_text streams (default: 96).", 1, 65536},
        {OPTION_INT, 0, "video-width", &synthesis->video_width, "N",
         "Columns of the video stream (default: 48).", 1, 65536},
        {OPTION_TEXT, 0, "dtype", &request->dtype, "TYPE",
         "Element type of the stored values: f16 or f32 (default: f16).", 0, 0},
        {OPTION_INT, 0, "seed", &request->seed, "N",
         "The same seed makes the same corpus (default: 0).", 0, 9e15},
        option_threads(&request->threads),
        option_force(&request->force, "Replace another store."),
        option_json(&request->json),
        option_quiet(&request->quiet),
        {.type = OPTION_END}};
    int n;
    return options_parse(command, options, argc, argv, &request->store, 1, 1, &n, code);
}

static json_t *store_to_json(const struct valence_store *store)
{
    json_t *streams = json_array();
    for (int i = 0; i < valence_store_n_streams(store); i++) {
        const struct valence_store_stream *stream = valence_store_get_stream(store, i);
        json_array_append_new(streams, json_pack("{s:s, s:I, s:s}", "name", stream->name, "width",
                                                 (json_int_t)stream->width, "dtype",
                                                 valence_dtype_names[stream->type]));
    }
    return json_pack("{s:s, s:I, s:o}", "store", valence_store_path(store), "clips",
                     (json_int_t)valence_store_n_clips(store), "streams", streams);
}

static int print_made(const char *path, struct valence_error *error)
{
    struct valence_store *store;
    int status = valence_store_open(path, NULL, &store, error);
    if (!status)
        status = print_json(store_to_json(store), error);
    valence_store_close(store);
    return status;
}

static int run_synthesize(const struct command *command, int argc, char **argv)
{
    struct request request = {.dtype = NULL};
    struct valence_synthesize_options *options = &request.options;
    valence_synthesize_options_default(options);
    int code = EXIT_FINE;
    if (!parse(command, argc, argv, &request, &code))
        return code;
    if (request.dtype && (code = choose_dtype(command, request.dtype, &options->type)))
        return code;
    options->seed = (uint64_t)request.seed;
    options->threads = (int)request.threads;
    options->overwrite = request.force;
    struct valence_error error;
    int status =
        valence_synthesize(request.store, options, terminal_progress(request.quiet), &error);
    terminal_progress_finish();
    if (status)
        return report_error(&error);
    if (request.json)
        return print_made(request.store, &error) ? report_error(&error) : EXIT_FINE;
    printf("%s: a synthetic corpus; 'valence inspect %s' shows it\n", request.store, request.store);
    return EXIT_FINE;
}

const struct command command_synthesize = {
    .name = "synthesize",
    .arguments = "STORE",
    .summary = "Make a synthetic corpus to try things with.",
    .description =
        "Makes a store in the shape of CMU-MOSEI: three modalities and simulated text, similar "
        "lengths and labels, and no speaker in two splits. Sentiment shows in a few words and "
        "short bursts of frames among noise; text carries most of it, audio less, video least, and "
        "simulated text is a noisy version of text. Results on it show that the system works and "
        "nothing about people: they are always labelled synthetic.\n\n"
        "Run the same command again to resume an interrupted one.",
    .example = "valence synthesize corpus\n"
               "valence synthesize large --train 16000 --audio-width 1024 --text-width 4096 "
               "--video-width 1024",
    .run = run_synthesize,
    .other_way = output_for_store,
};
