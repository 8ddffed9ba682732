/* The parts of a report. Each collector adds its charts, tables and texts to the builder, in
 * sections of its own, and adds nothing where there is no data for it. Shortage of memory stays
 * with the builder. */
#ifndef VALENCE_REPORT_COLLECT_H
#define VALENCE_REPORT_COLLECT_H

#include "report/document.h"
#include "report/measured.h"
#include "report/scored.h"
#include "report/sources.h"

/* What the models reach: sentences, and all figures. */
void collect_summary(struct report_builder *builder, const struct measured_groups *groups);

/* Warns where what is shown together was trained or measured on different data. */
void collect_data_used(struct report_builder *builder, const struct sources *sources);

/* Losses and validation errors by epoch. */
void collect_learning(struct report_builder *builder, const struct sources *sources);

/* Predictions against labels, scores or classes; where errors lie; whether intervals hold. */
void collect_predictions(struct report_builder *builder, const struct scored_sets *sets);
void collect_classes(struct report_builder *builder, const struct measured_groups *groups);
void collect_errors(struct report_builder *builder, const struct scored_sets *sets);
void collect_intervals(struct report_builder *builder, const struct scored_sets *sets,
                       const struct measured_groups *groups);

/* Protocols with something missing; ablations, comparisons and sweeps. */
void collect_protocols(struct report_builder *builder, const struct sources *sources);
void collect_experiments(struct report_builder *builder, const struct sources *sources);
void collect_unfinished(struct report_builder *builder, const struct sources *sources);

/* Imagined representations against real ones. */
void collect_representations(struct report_builder *builder, const struct sources *sources);

/* What models cost. */
void collect_costs(struct report_builder *builder, const struct sources *sources);

/* What a store holds, and what is odd about it; what the doctor said before. Errors: those of
 * valence_store_summarise(). */
int collect_data(struct report_builder *builder, const struct valence_store *store,
                 const struct valence_progress *progress, struct valence_error *error);
void collect_findings(struct report_builder *builder, const struct sources *sources);

/* The clips one by one; of classes those that some model gets wrong, or without labels all. */
void collect_clips(struct report_builder *builder, const struct scored_sets *sets);
void collect_class_clips(struct report_builder *builder, const struct scored_set *set);

/* The commands that make everything again. */
void say_commands(struct report_builder *builder, const struct sources *sources,
                  const struct valence_report_options *options);

/* How everything was made: commands, provenance, configurations. */
void collect_configuration(struct report_builder *builder, const struct sources *sources,
                           const struct valence_report_options *options);

#endif
