/* write-transcript: prints a made-up transcript as `valence transcribe` writes it to a JSON file,
 * for a build whose tests have no model that hears. */
#include <string.h>

#include "commands.h"
#include "transcript_output.h"
#include "valence/error.h"
#include "valence/transcribe.h"

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
    int format = 0;
    while (strcmp(transcript_formats[format], "json") != 0)
        format++;
    options_visit(&command_transcribe, ignore, NULL); /* whose schema the document names */
    return transcript_write(stdout, format, "a.wav", true, false, &transcript, &error) != 0;
}
