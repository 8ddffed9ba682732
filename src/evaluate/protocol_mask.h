/* Masks of protocols: what each clip of a split loses under a condition. */
#ifndef VALENCE_EVALUATE_PROTOCOL_MASK_H
#define VALENCE_EVALUATE_PROTOCOL_MASK_H

#include "data/batches.h"
#include "evaluate/word_rows.h"
#include "valence/protocol.h"

enum protocol {
    PROTOCOL_TEXT_MISSING,
    PROTOCOL_FIXED,
    PROTOCOL_SIX_CONDITIONS,
    PROTOCOL_ERASE,
    PROTOCOL_ERASE_RANDOM,
    PROTOCOL_RMFM,
    PROTOCOL_RMFM_SAME,
    PROTOCOL_RMM,
    PROTOCOL_TMFM,
    PROTOCOL_STMFM,
    PROTOCOL_SMM,
    PROTOCOL_RANDOM_MODALITY,
    PROTOCOL_BATCH_MODALITY,
    PROTOCOL_DROP_RATE,
    PROTOCOL_IMBALANCED,
    PROTOCOL_NOISE,
    PROTOCOL_DROP_WORDS,
    PROTOCOL_REPLACE_WORDS,
    N_PROTOCOLS
};
enum protocol protocol_of(const struct valence_protocol_info *info);

/* ---- Conditions ---- */

#define MAX_CONDITIONS 64

struct condition {
    char name[48];
    double rate;     /* NaN: none */
    unsigned absent; /* modalities that all clips lose */
    int modality;    /* of noise; else -1 */
};

/* The conditions of a protocol with these options. ERROR_ARGUMENT for rates that are not the
 * protocol's, or more of them than MAX_CONDITIONS. */
int protocol_conditions(enum protocol protocol, const struct valence_protocol_options *options,
                        struct condition conditions[MAX_CONDITIONS], int *n,
                        struct valence_error *error);

/* ---- Masks ---- */

/* The clips of a split, all of them in the store's order, and the sequences that a mask is for. */
struct mask_clips {
    const struct valence_store *store;
    const struct stream_map *map;
    int64_t n;
    int64_t *clips;  /* (n): indices in the store */
    int64_t *places; /* (clips of the store): index into clips, or -1 */
    /* by modality: rows of each clip that the model reads (n), 0 where it does not read it, and the
     * length for which is drawn */
    int64_t *rows[VALENCE_N_MODALITIES];
    int64_t padded[VALENCE_N_MODALITIES];
};

/* Free with mask_clips_free(), also after a failure. LIMIT where a clip is longer than what the
 * options say. */
int mask_clips_make(const struct valence_store *store, const struct stream_map *map,
                    const struct valence_protocol_options *options, struct mask_clips *clips,
                    struct valence_error *error);
void mask_clips_free(struct mask_clips *clips);

struct mask {
    const struct mask_clips *clips;
    unsigned char *absent;                     /* (n): the set of modalities that a clip loses */
    unsigned char *kept[VALENCE_N_MODALITIES]; /* (all rows): 1 where a row stays, 0 erased */
    int64_t *offsets[VALENCE_N_MODALITIES];    /* (n + 1), into kept */
    unsigned char *noisy;                      /* (n): the set of modalities with noise */
    enum valence_erasure erasure[VALENCE_N_MODALITIES];
    const struct word_rows *replacements; /* of erased rows of text; NULL: they are erased */
    enum valence_noise_kind noise_kind;
    double noise;
    const float *scale[VALENCE_N_MODALITIES]; /* of a column's noise: 1 / deviation; or NULL */
    uint64_t noise_key, word_key;
};

/* A mask in which nothing is missing. Free with mask_free(), also after a failure. */
int mask_create(const struct mask_clips *clips, struct mask *mask, struct valence_error *error);
void mask_free(struct mask *mask);

/* Draws the mask of a condition into one that mask_create() made, whatever it held; `replacements`
 * stays as it is. Errors: SHAPE where the protocol needs aligned streams; ARGUMENT where its rule
 * does not come to an end; MEMORY. */
int mask_draw(enum protocol protocol, const struct condition *condition,
              const struct valence_protocol_options *options, struct mask *mask,
              struct valence_error *error);

/* SHA-256 over the clips in order: the sets of absent and of noisy modalities (a byte each), then
 * kept by modality. */
void mask_hash(const struct mask *mask, char text[VALENCE_MASK_HASH_BYTES]);

/* What the mask leaves of a clip, by its place: the rows of a modality, and the set of those
 * without any. */
int64_t mask_rows_left(const struct mask *mask, int64_t place, int modality);
unsigned mask_absent(const struct mask *mask, int64_t place);

/* Simulated text comes from the sound, so it goes where audio is absent. */
bool mask_has_simulated_text(const struct mask *mask, int64_t place);

/* Applies the mask to what a batch loader reads. `user` is a struct mask. */
int64_t mask_apply(const void *user, int64_t clip, enum valence_stream stream,
                   enum valence_dtype type, int64_t width, int64_t n, void *rows);

#endif
