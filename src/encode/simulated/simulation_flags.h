/* What looks wrong with what a language model heard; see enum valence_simulation_flag. */
#ifndef VALENCE_ENCODE_SIMULATED_SIMULATION_FLAGS_H
#define VALENCE_ENCODE_SIMULATED_SIMULATION_FLAGS_H

#include <stdbool.h>
#include <stdint.h>

/* A piece of 1 ... n / 4 tokens stands at least REPEATS_COPIES times in a row, over at least
 * REPEATS_TOKENS. */
#define REPEATS_COPIES 4
#define REPEATS_TOKENS 12
bool tokens_repeat(int64_t n, const int32_t *tokens);

/* Whether the text has no letter and no digit; every character beyond ASCII but U+FFFD counts as a
 * letter. */
bool text_is_empty(const char *text);

/* Whether the text begins, after blanks and quotes and whatever its case, with a phrase of
 * declining ("I'm sorry", "I cannot", "as an AI", ...) and its first 200 bytes also speak of the
 * task ("transcribe", "audio", "assist", "language model", ...): a speaker who says "I can't
 * believe it" is not taken for a refusal. */
bool text_is_refusal(const char *text);

#endif
