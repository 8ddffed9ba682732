/* valence encode: the kinds of encoders; encode_NAME.c does the work. */
#include <stdio.h>
#include <string.h>

#include "choices.h"
#include "commands.h"
#include "encode_kinds.h"
#include "valence/error.h"

#ifdef VALENCE_WITH_ENCODERS
static const struct {
    const char *word;
    const struct command *command;
} kinds[] = {
#define KIND_ENTRY(name, word) {word, &encode_##name},
    ENCODE_KINDS(KIND_ENTRY)
#undef KIND_ENTRY
};

static const struct command *find_kind(const char *word)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].word, word) == 0)
            return kinds[i].command;
    return NULL;
}
#endif

static int refuse(const struct command *command, const char *kind)
{
#ifdef VALENCE_WITH_ENCODERS
#define KIND_WORD(name, word) word,
    static const char *const words[] = {ENCODE_KINDS(KIND_WORD)};
#undef KIND_WORD
    int index;
    return choose_name(command, "KIND", kind, words, sizeof words / sizeof words[0], &index);
#else
    struct valence_error error;
    (void)command;
    valence_fail(
        &error, VALENCE_ERROR_UNSUPPORTED, NULL,
        "this build has no encoder '%s' (configure with -DVALENCE_ENCODERS=ON, which brings "
        "llama.cpp)",
        kind);
    return report_error(&error);
#endif
}

static int run_encode(const struct command *command, int argc, char **argv)
{
    const struct option options[] = {{.type = OPTION_END}};
    const char *kind = argc > 1 && argv[1][0] != '-' ? argv[1] : NULL;
    int n, code;
#ifdef VALENCE_WITH_ENCODERS
    const struct command *found = kind ? find_kind(kind) : NULL;
    if (found)
        return found->run(found, argc - 1, argv + 1);
#endif
    if (kind)
        return refuse(command, kind);
    return options_parse(command, options, argc, argv, &kind, 1, 1, &n, &code)
               ? refuse(command, kind)
               : code;
}

const struct command command_encode = {
    .name = "encode",
    .computes = true,
    .arguments = "KIND ...",
    .summary = "Turn sound, pictures or transcripts into feature rows.",
    .description =
        "KIND is one of:\n\n"
        "wavlm: sound to audio rows, with WavLM.\n\n"
        "whisper: sound to audio rows, with Whisper's encoder.\n\n"
        "prosody: sound to audio rows, mel bands, energy and pitch, without a model.\n\n"
        "manet: pictures of faces, or films, to video rows, with MANet.\n\n"
        "faces: films to video rows, faces with landmarks and expressions.\n\n"
        "text: transcripts, in files or a store, to text rows, with a language model.\n\n"
        "simulated-text: speech, in files or of a store's clips, to rows that replace text, with "
        "WavLM, a projector and a language model.\n\n"
        "'valence encode KIND --help' lists the options of each.",
    .example = "valence encode wavlm -m wavlm.gguf clips/*.wav -o audio/\n"
               "valence encode text transcripts -o store",
    .run = run_encode};
