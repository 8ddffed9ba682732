#include "encode/simulated/simulation_flags.h"

#include <ctype.h>
#include <string.h>

bool tokens_repeat(int64_t n, const int32_t *tokens)
{
    for (int64_t period = 1; period <= n / REPEATS_COPIES; period++) {
        int64_t least = period * REPEATS_COPIES;
        int64_t same = period; /* tokens of the run so far, its first copy among them */
        if (least < REPEATS_TOKENS)
            least = REPEATS_TOKENS;
        for (int64_t i = period; i < n; i++) {
            same = tokens[i] == tokens[i - period] ? same + 1 : period;
            if (same >= least)
                return true;
        }
    }
    return false;
}

bool text_is_empty(const char *text)
{
    static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */
    while (*text) {
        if (strncmp(text, replacement, 3) == 0)
            text += 3;
        else if (isalnum((unsigned char)*text) || (unsigned char)*text >= 0x80)
            return false;
        else
            text++;
    }
    return true;
}

bool text_is_refusal(const char *text)
{
    static const char *const phrases[] = {
        "i'm sorry",     "i am sorry", "sorry, ",       "i apologize",     "i can't",
        "i cannot",      "i can not",  "i'm unable",    "i am unable",     "i'm not able",
        "i am not able", "as an ai",   "i'm an ai",     "i am an ai",      "i don't have",
        "i do not have", "as a large", "as a language", "unfortunately, i"};
    static const char *const topics[] = {"transcri", "audio",     "assist", "language model",
                                         "provide",  "recording", " ai ",   "an ai",
                                         "request",  "speech"};
    char start[201] = "";
    size_t length = 0;
    text += strspn(text, " \t\r\n\"'`*");
    while (length + 1 < sizeof start && *text) {
        if (strncmp(text, "\xE2\x80\x99", 3) == 0) { /* a typographic apostrophe */
            start[length++] = '\'';
            text += 3;
        } else {
            start[length++] = (char)tolower((unsigned char)*text++);
        }
    }
    bool declines = false, speaks = false;
    for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
        declines = declines || strncmp(start, phrases[i], strlen(phrases[i])) == 0;
    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++)
        speaks = speaks || strstr(start, topics[i]);
    return declines && speaks;
}
