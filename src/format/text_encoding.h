/* What a text that is not UTF-8 is likely to be written in. */
#ifndef VALENCE_FORMAT_TEXT_ENCODING_H
#define VALENCE_FORMAT_TEXT_ENCODING_H

#include <stddef.h>

struct text_encoding {
    const char *name;       /* for people: "GBK (Chinese)" */
    const char *iconv_name; /* "gbk" */
};

/* Guesses between GBK, Big5, Shift-JIS, EUC-KR and Latin-1 from the pairs of bytes that are common
 * in texts of these languages. For error messages. Never NULL. */
const struct text_encoding *guess_encoding(const char *text, size_t length);

#endif
