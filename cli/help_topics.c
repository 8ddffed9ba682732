#include "help_topics.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "terminal.h"

static const struct {
    const char *name, *text;
} topics[] = {
    {"configuration",
     "You configure training with a YAML file. 'valence train --print-config' prints one with "
     "every key, its default and an explanation; keys that you leave out keep their defaults.\n\n"
     "--set KEY=VALUE overrides a key for one run, any number of times, with a dot between a "
     "section and its key:\n"
     "  valence train config.yaml --set epochs=50 --set model.d=128 --set optimizer.clip_norm=1\n\n"
     "The file is read first, then --set in the order given, then options that set keys (--output, "
     "--seed, --seeds, --threads). The run's folder keeps the result as config.yaml, which "
     "'valence train --resume' reads."},
    {"flows", "A flow is one pass through the network with a set of missing modalities. 'complete' "
              "sees audio, text and video; 'text_missing' has no text; 'text_video_missing' has "
              "audio alone; and so on for all seven sets that leave at least one modality.\n\n"
              "The configuration key 'flows' lists the flows to train. 'valence evaluate --flow "
              "NAMES' measures flows separated by commas, and --flow all measures all seven. "
              "Tables mark flows that were not trained.\n\n"
              "The network imagines the missing modalities from those that are there. text_missing "
              "reads the store's simulated text in place of text, if the store has it ('valence "
              "encode simulated-text')."},
    {"stores", "A store is a folder that holds a data set: for each clip its id, split, label, "
               "group and transcript, and for each stream (audio, text, video, simulated_text) its "
               "feature rows, any number of them.\n\n"
               "You make one with 'valence import' from existing features, add streams with "
               "'valence encode', or make synthetic data with 'valence synthesize'. 'valence "
               "inspect STORE' shows its contents, 'valence doctor STORE' finds problems, and "
               "'valence export' writes it in formats that other programs read.\n\n"
               "You can copy a store between machines of the same byte order. A store is locked "
               "while it is being written; any number of processes can read it."},
    {"missing-data", "A clip need not have every modality. A stream without rows in a clip counts "
                     "as missing there, and 'valence predict' chooses the flow for each clip by "
                     "the modalities that it has.\n\n"
                     "At import, --skip names the kinds of unusable clips to leave out (or, for "
                     "'missing', to import without the modality); without it the first such clip "
                     "stops the import. The output counts the clips left out, by reason.\n\n"
                     "Labels may be missing, too: valence scores such clips, but does not train or "
                     "evaluate on them.\n\n"
                     "You can replace a missing transcript by simulated text, made from the sound: "
                     "see 'valence encode simulated-text --help' and 'valence help flows'."},
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
