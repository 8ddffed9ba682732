#include "import_text.h"

#include "valence/error.h"

#ifdef VALENCE_WITH_ENCODERS

void text_request_default(struct text_request *request)
{
    text_encoding_default(&request->encoding);
}

int import_text_choose(const struct command *command, struct text_request *request,
                       struct valence_import_options *options)
{
    struct text_encoding *encoding = &request->encoding;
    if (!encoding->model)
        return encoding->settings.layers || request->spelling || request->rows
                   ? report_usage(command, "--encode-text MODEL is missing")
                   : EXIT_FINE;
    for (int i = 0; i < VALENCE_N_STREAMS; i++)
        if (options->streams[i].source || options->streams[i].folder)
            return report_usage(command,
                                "--encode-text takes transcripts alone, and no stream '%s' (import "
                                "it without, then 'valence encode text STORE')",
                                valence_stream_names[i]);
    options->labels_only = true;
    return choose_text_settings(
        command,
        request->spelling ? request->spelling : valence_spelling_names[VALENCE_SPELLING_AS_IS],
        request->rows ? request->rows : valence_transcript_rows_names[VALENCE_ROWS_TOKENS],
        &encoding->settings);
}

int import_text_encode(struct text_request *request, const char *from, const char *to,
                       struct valence_error *error)
{
    return encode_text_of_store(&request->encoding, from, to, error);
}

#else

void text_request_default(struct text_request *request)
{
    (void)request;
}

int import_text_choose(const struct command *command, struct text_request *request,
                       struct valence_import_options *options)
{
    (void)command;
    options->labels_only = options->labels_only || request->encoding.model;
    return EXIT_FINE;
}

int import_text_encode(struct text_request *request, const char *from, const char *to,
                       struct valence_error *error)
{
    (void)request, (void)from, (void)to;
    return valence_fail(
        error, VALENCE_ERROR_UNSUPPORTED, NULL,
        "--encode-text: this build has no encoders (configure with -DVALENCE_ENCODERS=ON)");
}

#endif
