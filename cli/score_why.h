/* What `valence score` prints below its tables: signals, and what a score rests on. */
#ifndef VALENCE_CLI_SCORE_WHY_H
#define VALENCE_CLI_SCORE_WHY_H

#include "table.h"
#include "valence/scorer.h"

/* "1:02.5", with hours where there are any. */
void score_format_time(char text[32], double seconds);

/* `format` takes a double; NaN is "-". */
void score_number_cell(struct table *table, const char *format, double value);

void score_print_signals(const struct valence_recording_score *score);

/* The line above explanations. */
void score_print_meaning(bool has_modalities);

/* What each word adds, and the score without each modality. */
void score_print_explanation(const struct valence_scored_segment *segment);
void score_print_explanations(const struct valence_recording_score *score, bool has_modalities);

#endif
