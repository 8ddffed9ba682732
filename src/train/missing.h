/* What training takes away from the clips, so that a model learns with something missing.
 *
 * What a clip loses is a function of seed, epoch (unless it is not redrawn) and the clip alone, so
 * a resumed run goes on with the same masks. */
#ifndef VALENCE_TRAIN_MISSING_H
#define VALENCE_TRAIN_MISSING_H

#include "data/batches.h"
#include "valence/protocol.h"

/* Whether all clips lose rows at one rate, or each at rates of its own. */
enum missing_rates { MISSING_FIXED, MISSING_CLIP, N_MISSING_RATES };
extern const char *const missing_rates_names[N_MISSING_RATES];

struct missing_settings {
    double modalities; /* how likely a modality of a clip is absent; one always stays */
    double rows;       /* the rate, or the largest rate, at which rows are erased */
    enum missing_rates rates;
    enum valence_erasure erased;
    bool redraw;     /* in every epoch */
    bool validation; /* validation clips lose as much, the same in every epoch */
};

/* The masks of a pass over some clips. */
struct missing {
    const struct missing_settings *settings;
    const struct valence_store *store;
    const struct stream_map *map;
    uint64_t key;
    /* (clips of the store), with rates of their own: the set of modalities that lose no rows */
    unsigned char *spared;
    struct row_filter filter;
};

/* `settings`, `store` and `map` must live as long. Free with missing_free(), also after a
 * failure. */
int missing_create(const struct missing_settings *settings, const struct valence_store *store,
                   const struct stream_map *map, struct missing *missing,
                   struct valence_error *error);
void missing_free(struct missing *missing);

/* Whether anything is taken away. */
bool missing_is_on(const struct missing_settings *settings);

/* Draws for a pass over the `n` clips; `key` is that of its seed and epoch. No pass through the
 * filter may be under way. */
int missing_draw(struct missing *missing, uint64_t key, const int64_t *clips, int64_t n,
                 struct valence_error *error);

#endif
