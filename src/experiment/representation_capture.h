/* What a model computes for clips, complete and with something missing. */
#ifndef VALENCE_EXPERIMENT_REPRESENTATION_CAPTURE_H
#define VALENCE_EXPERIMENT_REPRESENTATION_CAPTURE_H

#include "evaluate/scoring.h"
#include "valence/representations.h"

#define MAX_COMPARED (VALENCE_N_MODALITIES * VALENCE_N_REPRESENTATIONS)

/* One representation of one missing modality: (n, width) each, in the order of the clips. */
struct compared {
    enum valence_modality modality;
    enum valence_representation representation;
    int64_t width;
    float *real;           /* of the complete clips */
    float *before, *after; /* imagination, of the others */
};

struct capture {
    int64_t n;      /* clips */
    int n_compared; /* by modality, then representation */
    struct compared compared[MAX_COMPARED];
    int64_t feature_width;
    float *features; /* (2 n, o): of the complete clips, then of the others */
};

/* Computes `n` clips complete and without `missing`, by one model that is no group; `scoring` reads
 * the store. Free with capture_free(), also after an error. Errors: those of reading; DATA, naming
 * the clips; CANCELLED; MEMORY. */
int capture_make(const struct scoring *scoring, const struct valence_model *model, unsigned missing,
                 const int64_t *clips, int64_t n, struct capture *capture,
                 struct valence_error *error);
void capture_free(struct capture *capture);

#endif
