#include "data/published_splits.h"

#include <stdlib.h>
#include <string.h>

/* The counts are those of the label files themselves, as their publishers ship them. */
static const struct valence_published_split splits[] = {
    {"mosi",
     "CMU-MOSI, standard split",
     "CMU-MultimodalSDK, MMSA and MERBench; 52, 10 and 31 videos",
     {1284, 229, 686}},
    {"mosi-bclstm",
     "CMU-MOSI, split of bc-LSTM",
     "the code of Poria et al. 2017, with training and test part only",
     {1447, 0, 752}},
    {"mosei",
     "CMU-MOSEI, standard split",
     "CMU-MultimodalSDK, MMSA and MERBench",
     {16326, 1871, 4659}},
    {"sims", "CH-SIMS", "Yu et al. 2020 and MMSA", {1368, 456, 457}},
    {"simsv2", "CH-SIMS v2, supervised part", "Liu et al. 2022", {2722, 647, 1034}},
    {"meld", "MELD", "Poria et al. 2019", {9989, 1109, 2610}},
};
static const int n_splits = sizeof splits / sizeof splits[0];

int valence_n_published_splits(void)
{
    return n_splits;
}

const struct valence_published_split *valence_published_split_at(int index)
{
    return index >= 0 && index < n_splits ? &splits[index] : NULL;
}

const struct valence_published_split *valence_published_split_find(const char *name)
{
    for (int i = 0; i < n_splits; i++)
        if (strcmp(splits[i].name, name) == 0)
            return &splits[i];
    return NULL;
}

const struct valence_published_split *published_split_nearest(const int64_t n_clips[3])
{
    const struct valence_published_split *nearest = NULL;
    double nearest_distance = 0.1;
    for (int i = 0; i < n_splits; i++) {
        int64_t different = 0, total = 0;
        for (int s = 0; s < VALENCE_N_SPLITS; s++) {
            different += llabs(splits[i].n_clips[s] - n_clips[s]);
            total += splits[i].n_clips[s];
        }
        double distance = (double)different / (double)total;
        if (distance <= nearest_distance) {
            nearest_distance = distance;
            nearest = &splits[i];
        }
    }
    return nearest;
}
