#include "import_text.h"

#include "valence/error.h"

#ifdef VALENCE_WITH_ENCODERS
#include "encode_text.h"

/* The two names as settings; gives EXIT_FINE or, having said which there are, EXIT_USAGE. */
static int choose_settings(const struct command *command, const struct text_request *request,
                           struct valence_transcript_options *settings)
{
    return choose_text_settings(
        command,
        request->spelling ? request->spelling : valence_spelling_names[VALENCE_SPELLING_AS_IS],
        request->rows ? request->rows : valence_transcript_rows_names[VALENCE_ROWS_TOKENS],
        settings);
}

int import_text_choose(const struct command *command, const struct text_request *request,
                       struct valence_import_options *options)
{
    struct valence_transcript_options settings;
    if (!request->model)
        return request->layers || request->prefix || request->suffix || request->spelling ||
                       request->rows
                   ? report_usage(command, "--model MODEL is missing: the language model that "
                                           "encodes the transcripts")
                   : EXIT_FINE;
    for (int i = 0; i < VALENCE_N_STREAMS; i++)
        if (options->streams[i].source || options->streams[i].folder)
            return report_usage(
                command,
                "--model encodes transcripts alone, without the stream '%s' (import "
                "without --model, then use 'valence encode text STORE')",
                valence_stream_names[i]);
    options->labels_only = true;
    valence_transcript_options_default(&settings);
    return choose_settings(command, request, &settings);
}

int import_text_encode(const struct command *command, const struct text_request *request,
                       const char *from, const char *to, struct valence_error *error)
{
    struct text_encoding encoding = {.model = request->model,
                                     .offline = request->offline,
                                     .quiet = request->quiet,
                                     .no_summary = request->no_summary};
    text_encoding_default(&encoding);
    encoding.settings.layers = request->layers;
    encoding.store.overwrite = request->overwrite;
    if (request->prefix)
        encoding.settings.prefix = request->prefix;
    encoding.settings.suffix = request->suffix;
    choose_settings(command, request, &encoding.settings); /* checked by import_text_choose() */
    return encode_text_of_store(&encoding, from, to, error);
}

#else

int import_text_choose(const struct command *command, const struct text_request *request,
                       struct valence_import_options *options)
{
    (void)command;
    options->labels_only = options->labels_only || request->model;
    return EXIT_FINE;
}

int import_text_encode(const struct command *command, const struct text_request *request,
                       const char *from, const char *to, struct valence_error *error)
{
    (void)command, (void)request, (void)from, (void)to;
    return valence_fail(
        error, VALENCE_ERROR_UNSUPPORTED, NULL,
        "--model: this build has no encoders (configure with -DVALENCE_ENCODERS=ON)");
}

#endif
