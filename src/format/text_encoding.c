#include "format/text_encoding.h"

#include <stdbool.h>

/* Pairs of a lead and a trail byte that hold the common characters of a language, and any that the
 * encoding allows at all. */
struct pairs {
    unsigned char first_lead, last_lead, first_trail, last_trail;
};

struct candidate {
    struct text_encoding encoding;
    struct pairs common[3]; /* of an absent one all bytes are 0 */
    struct pairs possible[2];
};

/* Sources: GB 2312 levels 1 and punctuation; JIS X 0208 kana, level 1 and punctuation as Shift-JIS
 * has them; Big5 level 1; KS X 1001 Hangul. */
static const struct candidate candidates[] = {
    {{"GBK (Chinese)", "gbk"},
     {{0xB0, 0xD7, 0xA1, 0xFE}, {0xA1, 0xA3, 0xA1, 0xFE}},
     {{0x81, 0xFE, 0x40, 0xFE}}},
    {{"Shift-JIS (Japanese)", "cp932"},
     {{0x82, 0x83, 0x40, 0xF1}, {0x88, 0x97, 0x40, 0xFC}, {0x81, 0x81, 0x40, 0xAC}},
     {{0x81, 0x9F, 0x40, 0xFC}, {0xE0, 0xFC, 0x40, 0xFC}}},
    {{"Big5 (Chinese)", "big5"},
     {{0xA4, 0xC6, 0x40, 0x7E}, {0xA1, 0xA1, 0x40, 0xFE}},
     {{0xA1, 0xF9, 0x40, 0xFE}}},
    {{"EUC-KR (Korean)", "cp949"},
     {{0xB0, 0xC8, 0xA1, 0xFE}, {0xA1, 0xA1, 0xA1, 0xFE}},
     {{0x81, 0xFD, 0x41, 0xFE}}},
};
#define N_CANDIDATES ((int)(sizeof candidates / sizeof *candidates))

static const struct text_encoding latin1 = {"Latin-1 or Windows-1252 (Western European)", "cp1252"};

static bool is_one_of(const struct pairs *pairs, int n, unsigned char lead, unsigned char trail)
{
    for (int i = 0; i < n; i++)
        if (pairs[i].last_lead && lead >= pairs[i].first_lead && lead <= pairs[i].last_lead &&
            trail >= pairs[i].first_trail && trail <= pairs[i].last_trail)
            return true;
    return false;
}

/* How many of its pairs are common; -1 if the text cannot be in that encoding. Shift-JIS has
 * single bytes beyond ASCII (half-width katakana), which are rare. */
static long score(const struct candidate *candidate, const unsigned char *text, size_t length)
{
    bool has_singles =
        candidate->encoding.iconv_name[2] == '9' && candidate->encoding.iconv_name[3] == '3';
    long n_common = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < 0x80)
            continue;
        if (i + 1 < length && is_one_of(candidate->possible, 2, text[i], text[i + 1])) {
            n_common += is_one_of(candidate->common, 3, text[i], text[i + 1]) ? 2 : -1;
            i++;
        } else if (!has_singles || text[i] < 0xA1 || text[i] > 0xDF) {
            return -1;
        }
    }
    return n_common;
}

const struct text_encoding *guess_encoding(const char *text, size_t length)
{
    const struct text_encoding *best = &latin1;
    long highest = 0;
    for (int i = 0; i < N_CANDIDATES; i++) {
        long found = score(&candidates[i], (const unsigned char *)text, length);
        if (found > highest) {
            highest = found;
            best = &candidates[i].encoding;
        }
    }
    return best;
}
