/* The formats of given transcripts: each reader puts the segments of a decoded text into a list.
 * `lines` stands at the beginning of the text. Errors are FORMAT with the line, LIMIT and MEMORY
 * where nothing else is said. */
#ifndef VALENCE_FORMAT_TRANSCRIPT_FORMATS_H
#define VALENCE_FORMAT_TRANSCRIPT_FORMATS_H

#include "format/transcripts/text_lines.h"
#include "format/transcripts/transcript_list.h"

/* SubRip, or WebVTT. */
int subtitles_read(struct text_lines *lines, bool is_vtt, struct transcript_list *list,
                   struct valence_error *error);

/* `tier` may be NULL; see struct valence_transcript_read_options. *duration: of the tier. */
int textgrid_read(struct text_lines *lines, const char *tier, struct transcript_list *list,
                  double *duration, struct valence_error *error);

/* *language is that of the first row that has one, in fresh memory; NULL where none has. */
int timed_table_read(const struct text_lines *lines, struct transcript_list *list, char **language,
                     struct valence_error *error);

#endif
