#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "data/data_counts.h"
#include "store/store_scan.h"
#include "store/store_shards.h"
#include "valence/doctor.h"

static int nothing(void *user, const struct store_piece *piece, struct valence_error *error)
{
    (void)user, (void)piece, (void)error;
    return VALENCE_OK;
}

/* Counts a clip's rows of one stream; what is damaged is no error. */
static int verify_rows(const struct valence_store *store, int64_t clip, int stream,
                       struct valence_verification *verification, struct valence_error *error)
{
    struct valence_error damage;
    if (valence_store_clip(store, clip)->n_rows[stream] == 0)
        return VALENCE_OK;
    int status = store_scan_clip(store, stream, clip, nothing, NULL, &damage);
    verification->n_values++;
    if (status != VALENCE_ERROR_FORMAT) {
        if (status && error)
            *error = damage;
        return status;
    }
    if (verification->n_damaged++ == 0)
        snprintf(verification->text, sizeof verification->text, "%s", damage.text);
    const struct valence_clip_examples *damaged = &verification->damaged;
    int64_t named = damaged->n < VALENCE_N_EXAMPLES ? damaged->n : VALENCE_N_EXAMPLES;
    if (named == 0 || damaged->clips[named - 1] != clip)
        add_example(&verification->damaged, clip);
    return VALENCE_OK;
}

int valence_store_verify(const struct valence_store *store, const struct valence_progress *progress,
                         struct valence_verification *verification, struct valence_error *error)
{
    if (verification->size != sizeof *verification)
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "a verification of %zu bytes is asked for; this version of the library has "
                    "%zu",
                    verification->size, sizeof *verification);
    *verification = (struct valence_verification){.size = sizeof *verification,
                                                  .has_checksums = store_has_checksums(store)};
    int64_t n_clips = valence_store_n_clips(store);
    struct valence_error damage;
    int status = store_shards_verify(store, progress, &damage);
    if (status == VALENCE_ERROR_FORMAT) { /* rows have checksums of their own, which say more */
        snprintf(verification->text, sizeof verification->text, "%s", damage.text);
        verification->n_damaged++;
        status = VALENCE_OK;
    } else if (status && error) {
        *error = damage;
    }
    for (int64_t clip = 0; clip < n_clips && !status; clip++) {
        struct valence_progress_event event = {"verifying", clip, n_clips, "clips", NULL};
        if (progress && progress->report(progress->user, &event))
            return fail(error, VALENCE_ERROR_CANCELLED, "verifying was cancelled");
        for (int s = 0; s < valence_store_n_streams(store) && !status; s++)
            status = verify_rows(store, clip, s, verification, error);
    }
    return status;
}
