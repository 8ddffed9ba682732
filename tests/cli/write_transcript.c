/* write-transcript: prints a made-up transcript as `valence transcribe` writes it to a JSON file,
 * for a build whose tests have no model that hears. */
#include <stdio.h>
#include <stdlib.h>

#include "commands.h"
#include "json_output.h"
#include "valence/error.h"
#include "valence/transcript_formats.h"

static void ignore(void *user, const struct command *command, const struct option *options)
{
    (void)user, (void)command, (void)options;
}

int main(void)
{
    const struct valence_word words[] = {
        {.text = "So", .start = 0, .end = 0.4, .confidence = 0.9},
        {.text = "good.", .start = 0.4, .end = 1, .confidence = 0.7}};
    const int32_t tokens[] = {407, 665, 13};
    const struct valence_speech_segment segments[] = {
        {.start = 0,
         .end = 1,
         .text = " So good.",
         .confidence = 0.8,
         .avg_logprob = -0.2,
         .no_speech_prob = 0.01,
         .n_tokens = 3,
         .tokens = tokens,
         .n_words = 2,
         .words = words},
        {.start = 1, .end = 2, .text = " \"Yes\"", .confidence = 0.5, .avg_logprob = -0.7}};
    const struct valence_transcript transcript = {
        .language = "en", .duration = 2, .n_segments = 2, .segments = segments};
    struct valence_error error;
    char *text = NULL;
    size_t n_bytes = 0;
    FILE *stream = open_memstream(&text, &n_bytes);
    options_visit(&command_transcribe, ignore, NULL); /* whose schema the document names */
    if (!stream || valence_transcript_write_json(stream, "a.wav", false, &transcript, &error) ||
        fclose(stream) != 0)
        return 1;
    int status = write_json(stdout, json_loadb(text, n_bytes, 0, NULL), &error);
    free(text);
    return status != 0;
}
