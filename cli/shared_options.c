#include "shared_options.h"

#include <stdio.h>
#include <string.h>

/* ---- What a command reads and writes ---- */

static struct option argument(char letter, const char *name, const char **place,
                              const char *value_name, const char *help)
{
    return (struct option){.type = OPTION_ARGUMENT,
                           .letter = letter,
                           .name = name,
                           .target = (void *)place,
                           .value_name = value_name,
                           .help = help};
}

static struct option text(char letter, const char *name, const char **target,
                          const char *value_name, const char *help)
{
    return (struct option){.type = OPTION_TEXT,
                           .letter = letter,
                           .name = name,
                           .target = (void *)target,
                           .value_name = value_name,
                           .help = help};
}

static struct option flag(char letter, const char *name, bool *target, const char *help)
{
    return (struct option){
        .type = OPTION_FLAG, .letter = letter, .name = name, .target = target, .help = help};
}

struct option option_store(const char **place)
{
    return argument(0, "store", place, "STORE", "Another way to give the store.");
}

struct option option_run(const char **place)
{
    return argument(0, "run", place, "RUN", "Another way to give the run or checkpoint.");
}

struct option option_output_argument(const char **place, const char *value_name, const char *help)
{
    return argument('o', "output", place, value_name, help);
}

struct option option_output(const char **target, const char *value_name, const char *help)
{
    return text('o', "output", target, value_name, help);
}

struct option option_model(const char **target, const char *help)
{
    return text('m', "model", target, "MODEL", help);
}

struct option option_offline(bool *target)
{
    return flag(0, "offline", target, "Never fetch a model.");
}

struct option option_force(bool *target, const char *help)
{
    return flag(0, "force", target, help);
}

/* ---- How transcripts become rows ---- */

struct option option_text_layers(const char **target)
{
    return text(0, "layers", target, "LIST",
                "Hidden states of the language model, -1 the last; 12,16 side by side, 12+16 "
                "summed (default: -4+-3+-2+-1).");
}

struct option option_text_spelling(const char **target)
{
    return text(0, "spelling", target, "HOW",
                "Spelling of the transcript that the model reads: as-is, lower, sentence "
                "(lower-case, a capital at the beginning, a period at the end), plain (as "
                "sentence, with '!' as a period), or words (as sentence, with emoji as English "
                "words) (default: as-is).");
}

struct option option_text_prefix(const char **target)
{
    return text(0, "prefix", target, "TEXT",
                "Text that the model reads before each transcript, so that the first word is not "
                "lost; it gives no rows. A text, <bos> for the model's own beginning, or both; '' "
                "for nothing (default: <bos> and a new line).");
}

struct option option_text_suffix(const char **target)
{
    return text(0, "suffix", target, "TEXT",
                "Text that the model reads after each transcript. Its rows are kept: they have "
                "read the whole transcript. Begin it with a blank, as in ' Overall, the feeling "
                "here is' (default: none).");
}

struct option option_text_rows(const char **target)
{
    return text(0, "rows", target, "WHICH",
                "tokens (a row for each), mean, or last (the last token's row) (default: tokens).");
}

/* ---- What an encoder writes, and where it runs ---- */

struct option option_rows_output(const char **target)
{
    return option_output(target, "PATH",
                         "Where to write the rows. For a store: a new store. For files: FILE.npy "
                         "(the rows of all inputs in one array), FILE.safetensors (a tensor for "
                         "each input), or a folder (an .npy for each input).");
}

struct option option_stream(const char **target, const char *help)
{
    return text(0, "stream", target, "NAME", help);
}

struct option option_hidden_dtype(const char **target)
{
    return text(0, "dtype", target, "TYPE",
                "Element type of the stored values: f32 or f16 (default: f32; hidden states may "
                "exceed f16).");
}

struct option option_device(const char **target)
{
    return text(0, "device", target, "NAME", "cpu, gpu, cuda, vulkan, ... (default: cpu).");
}

/* ---- Whose faces are found, and how ---- */

struct option option_fps(double *target)
{
    return (struct option){.type = OPTION_NUMBER,
                           .name = "fps",
                           .target = target,
                           .value_name = "N",
                           .help =
                               "Pictures a second; 0: every one that the file has (default: 5).",
                           .minimum = 0,
                           .maximum = 1000};
}

struct option option_person(const char **target)
{
    return text(0, "person", target, "WHICH",
                "Of several people: largest, central, or speaking (whose mouth moves with the "
                "sound) (default: largest).");
}

struct option option_face_size(int64_t *target)
{
    return (struct option){.type = OPTION_INT,
                           .name = "face-size",
                           .target = target,
                           .value_name = "N",
                           .help = "Side of the face detector's input, a multiple of 32: larger "
                                   "ones find smaller faces and take longer (default: 224).",
                           .minimum = 96,
                           .maximum = 1024};
}

struct option option_face_threshold(double *target)
{
    return (struct option){.type = OPTION_NUMBER,
                           .name = "face-threshold",
                           .target = target,
                           .value_name = "P",
                           .help = "Least score of a face (default: 0.5).",
                           .minimum = 0.01,
                           .maximum = 1};
}

/* ---- How it works and what it prints ---- */

struct option option_json(bool *target)
{
    return flag(0, "json", target, "Print JSON instead of text.");
}

struct option option_format(const char **target)
{
    return text(0, "format", target, "FORMAT", "text, markdown, csv or latex (default: text).");
}

struct option option_tables(const char **target)
{
    return text(0, "tables", target, "FOLDER",
                "Also write the tables to this folder in every form: text, Markdown, CSV, LaTeX "
                "and JSON.");
}

struct option option_quiet(bool *target)
{
    return flag('q', "quiet", target, "Show no progress.");
}

struct option option_batch(int64_t *target)
{
    return (struct option){.type = OPTION_INT,
                           .name = "batch",
                           .target = target,
                           .value_name = "N",
                           .help = "Clips computed together (default: 64).",
                           .minimum = 1,
                           .maximum = 65536};
}

struct option option_threads(int64_t *target)
{
    return (struct option){.type = OPTION_INT,
                           .letter = 'j',
                           .name = "threads",
                           .target = target,
                           .value_name = "N",
                           .help = "Threads (default: one for each CPU that the process has).",
                           .minimum = 1,
                           .maximum = MAX_THREADS};
}

/* ---- Other names ---- */

struct option option_old_name(const char *name, struct option option)
{
    option.name = name;
    option.letter = 0;
    option.help = NULL;
    return option;
}

bool output_for_store(const char *name, char *hint, size_t room)
{
    if (strcmp(name, "store") != 0)
        return false;
    snprintf(hint, room, "--output ");
    return true;
}
