/* What a subtitle says, without its markup. */
#ifndef VALENCE_FORMAT_CUE_TEXT_H
#define VALENCE_FORMAT_CUE_TEXT_H

#include "format/transcripts/text_lines.h"
#include "format/transcripts/transcript_list.h"

struct cue {
    int64_t line; /* of its text's first line */
    double start, end;
    const char *text; /* its lines, with line feeds between */
    size_t length;
    bool is_vtt;
};

/* Appends the text of the cue to `plain`, with single blanks and none around it, and, where a
 * WebVTT cue has times within, its pieces to `words`. `lines` is for errors. */
int cue_text_read(const struct cue *cue, const struct text_lines *lines, struct text *plain,
                  struct word_list *words, struct valence_error *error);

#endif
