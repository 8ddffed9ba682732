/* Classes of labels, and bins that errors are counted in. */
#ifndef VALENCE_REPORT_SCORE_BINS_H
#define VALENCE_REPORT_SCORE_BINS_H

#include "report/scored.h"

#define MAX_SCORE_CLASSES 11

/* Whole numbers from the lowest to the highest label: 7 of -3 ... 3, as Acc-7 counts. */
struct score_classes {
    int n, lowest;
    const char *names[MAX_SCORE_CLASSES];
    char texts[MAX_SCORE_CLASSES][16];
};

/* False where the labels' range gives no sensible number of classes. */
bool score_classes_fit(const struct scored_set *set);
void score_classes_of(const struct scored_set *set, struct score_classes *classes);
int score_class(const struct score_classes *classes, double value);

/* Names the axes of a heat map whose rows are true classes, whose columns are predicted ones, and
 * whose cells are shares of the row in per cent. */
void score_confusion_axes(struct report_builder *builder, struct report_chart *chart,
                          const char *const *names, int n);

/* Clips by some quantity, in bins. */
#define MAX_SCORE_BINS 64
struct score_bins {
    int n;
    const char *names[MAX_SCORE_BINS]; /* the builder's */
    const int *bin;                    /* of each clip of the set; -1: none */
};

/* By label, one bin a class; by the rows of a modality, in about five bins with equally many clips;
 * by recording, the `MAX_SCORE_BINS` with the most clips. False where that makes no two bins. */
bool score_bins_by_label(struct report_builder *builder, const struct scored_set *set,
                         struct score_bins *bins);
bool score_bins_by_rows(struct report_builder *builder, const struct scored_set *set, int modality,
                        struct score_bins *bins);
bool score_bins_by_group(struct report_builder *builder, const struct scored_set *set,
                         struct score_bins *bins);

#endif
