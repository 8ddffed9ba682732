/* Files that end before they should: FFmpeg's demuxers take what is there and say nothing. */
#ifndef VALENCE_MEDIA_CUT_OFF_H
#define VALENCE_MEDIA_CUT_OFF_H

#include "media/media_input.h"

/* Compares the sizes that a file's own structure declares (RIFF, RF64, AIFF, AU, MP4, Matroska,
 * Ogg's last page) with the file's. Returns the bytes that are lacking; 0 if nothing is, where
 * the format declares no size, or where it is one of those that programs write into a pipe before
 * they know it. */
int64_t cut_off_bytes(const struct media_input *input);

#endif
