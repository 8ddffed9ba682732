/* Emoji as English words. */
#ifndef VALENCE_ENCODE_LLM_EMOJI_H
#define VALENCE_ENCODE_LLM_EMOJI_H

#include "base/text.h"

/* Appends `transcript` with its emoji as words: commas separate them from words before them, blanks
 * from what follows ("late 😡😡 again" becomes "late, angry, angry again"). Skin tones and other
 * variants do not count. Emoji that the table lacks stay as they are. */
void emoji_to_words(struct text *text, const char *transcript);

#endif
