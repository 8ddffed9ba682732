/* Pictures of what an extraction saw and heard, a file for each clip (valence/preview.h). */
#ifndef VALENCE_EXTRACT_EXTRACT_PREVIEW_H
#define VALENCE_EXTRACT_EXTRACT_PREVIEW_H

#include "extract/plan.h"
#include "valence/extract.h"

struct extract_previews {
    char *folder;                           /* NULL: none are drawn */
    struct valence_face_detector *detector; /* of its own, as the lane's is busy; NULL: no faces */
    struct valence_media_options media;
};

/* `folder` may be NULL. Close after a failure, too. */
int extract_previews_open(struct extract_previews *previews, const char *folder,
                          const struct valence_extractor_options *options,
                          struct valence_error *error);
void extract_previews_close(struct extract_previews *previews);

/* Draws a clip that was made. */
int extract_previews_draw(struct extract_previews *previews, const struct planned_clip *clip,
                          const struct valence_extracted_facts *facts, struct valence_error *error);

#endif
