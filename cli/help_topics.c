#include "help_topics.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "terminal.h"

static const struct {
    const char *name, *text;
} topics[] = {
    {"configuration",
     "A training is described by a YAML file. 'valence train --print-config' prints one with every "
     "key, its default and what it means; keys that you leave out keep their defaults.\n\n"
     "--set KEY=VALUE overrides a key for one run, any number of times, with a dot between a "
     "section and its key:\n"
     "  valence train config.yaml --set epochs=50 --set model.d=128 --set optimizer.clip_norm=1\n\n"
     "The file is read first, then --set in the order given, then options that stand for keys "
     "(--output, --seed, --seeds, --threads). The run's folder keeps the result as config.yaml, "
     "which 'valence train --resume' reads."},
    {"flows",
     "A flow is one pass through the network with a set of missing modalities. 'complete' sees "
     "audio, text and video; 'text_missing' has no text; 'text_video_missing' has audio alone; and "
     "so on for all seven sets that leave at least one modality.\n\n"
     "The configuration's key 'flows' says which of them a training covers. 'valence evaluate "
     "--flow NAMES' measures flows separated by commas, and --flow all measures all seven. A flow "
     "that was not trained is marked in the tables.\n\n"
     "What a flow misses is imagined from what it has. text_missing reads the store's simulated "
     "text in place of text, if the store has it ('valence encode simulated-text')."},
    {"stores",
     "A store is a folder that holds a data set: for each clip its id, split, label, group and "
     "transcript, and for each stream (audio, text, video, simulated_text) its feature rows, as "
     "many as the clip has.\n\n"
     "You make one with 'valence import' from features that exist, with 'valence encode' from "
     "sound, pictures and transcripts, or with 'valence synthesize' for trying things out. "
     "'valence inspect STORE' shows what is in it, 'valence doctor STORE' looks for what spoils "
     "figures, and 'valence export' writes it in forms that other programs read.\n\n"
     "A store is portable between machines of the same byte order. While it is being written it "
     "is locked; readers do not disturb each other."},
    {"missing-data",
     "A clip need not have every modality. A stream without rows in a clip counts as missing "
     "there, and 'valence predict' picks the flow for each clip by what it has.\n\n"
     "At import, --skip names kinds of clips that may be left out (or, for 'missing', imported "
     "without the modality); without it the first such clip stops the import, so that nothing is "
     "lost silently. The result counts what was left out and why.\n\n"
     "Labels may be missing, too: such clips are scored, but neither trained on nor measured.\n\n"
     "A transcript that does not exist can be replaced by simulated text, made from the sound: see "
     "'valence encode simulated-text --help' and 'valence help flows'."},
};

bool print_topic(const char *name)
{
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++)
        if (strcmp(topics[i].name, name) == 0) {
            int columns = terminal_columns(stdout);
            print_wrapped(stdout, topics[i].text, 0, 0, columns > 100 ? 100 : columns);
            return true;
        }
    return false;
}

const char *topic_name(int i)
{
    return i >= 0 && (size_t)i < sizeof topics / sizeof topics[0] ? topics[i].name : NULL;
}
