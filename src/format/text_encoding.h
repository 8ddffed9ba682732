/* What a text that is not UTF-8 is likely to be written in. */
#ifndef VALENCE_FORMAT_TEXT_ENCODING_H
#define VALENCE_FORMAT_TEXT_ENCODING_H

#include <stddef.h>

struct text_encoding {
    const char *name;       /* for people: "GBK (Chinese)" */
    const char *iconv_name; /* "gbk" */
};

/* The likeliest of GBK, Big5, Shift-JIS, EUC-KR and Latin-1, by which pairs of bytes are common in
 * texts of these languages; a guess, for an error's text. Never NULL. */
const struct text_encoding *guess_encoding(const char *text, size_t length);

#endif
