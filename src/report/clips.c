/* The clips one by one: what the explorer of the page shows. */
#include "report/collect.h"

void collect_clips(struct report_builder *builder, const struct scored_sets *sets)
{
    report_section(builder, "clips");
    for (int s = 0; s < sets->n; s++) {
        const struct scored_set *set = sets->sets[s];
        if (set->scale == VALENCE_SCALE_CLASSES) {
            collect_class_clips(builder, set);
            continue;
        }
        struct report_scores *scores = report_take(builder, set->n_lists + 1, sizeof *scores);
        struct report_clips *clips =
            report_clips(builder, "clips-of", report_format(builder, "Clips of %s", set->name));
        if (!scores || !clips)
            return;
        for (int i = 0; i < set->n_lists; i++)
            scores[i] = set->lists[i]->shown;
        const char *id = clips->id, *title = clips->title;
        *clips = set->clips;
        clips->id = id;
        clips->title = title;
        clips->n_scores = set->n_lists;
        clips->scores = scores;
    }
}
