/* A clip's faces one by one, for what needs more of them than their rows. */
#ifndef VALENCE_ENCODE_FACES_FACE_CLIP_H
#define VALENCE_ENCODE_FACES_FACE_CLIP_H

#include "valence/faces.h"

/* How many faces all frames have so far, and one of them, in the order of the frames; *frame may be
 * NULL. They live until the clip is added to. */
int64_t face_clip_n_seen(const struct valence_face_clip *clip);
const struct valence_face *face_clip_seen(const struct valence_face_clip *clip, int64_t index,
                                          int64_t *frame);

/* Which face of each frame is the chosen person's, to `chosen` (n_frames): its index, or -1. */
void face_clip_choose(const struct valence_face_clip *clip, enum valence_face_person person,
                      const float *energy, int64_t *chosen);

#endif
