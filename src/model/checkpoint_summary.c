#include <stdlib.h>

#include "base/fail.h"
#include "base/memory.h"
#include "model/checkpoint.h"
#include "valence/inspect.h"

/* The public part first, then what it points to. */
struct summarised {
    struct valence_checkpoint_summary shown;
    struct checkpoint checkpoint;
    char *provenance;
};

static int describe(struct summarised *made, struct valence_error *error)
{
    const struct checkpoint *checkpoint = &made->checkpoint;
    struct valence_checkpoint_summary *shown = &made->shown;
    shown->config = checkpoint->config;
    shown->n_parameters = checkpoint->n_parameters;
    for (int s = 0; s < VALENCE_N_STREAMS; s++) {
        shown->streams[s] = checkpoint->stream_names[s];
        shown->standardised |= checkpoint->standardisation.mean[s] ? 1u << s : 0;
    }
    shown->is_resumable = checkpoint->first_moment != NULL;
    shown->n_calibration_clips = checkpoint->calibration.n;
    shown->provenance = "";
    if (!checkpoint->provenance)
        return VALENCE_OK;
    made->provenance = json_dumps(checkpoint->provenance, JSON_REAL_PRECISION(15));
    shown->provenance = made->provenance;
    return made->provenance ? VALENCE_OK : fail_memory(error, 0, "a model's provenance");
}

int valence_checkpoint_summarise(const char *path, struct valence_checkpoint_summary **summary,
                                 struct valence_error *error)
{
    *summary = NULL;
    struct summarised *made = allocate(1, sizeof *made);
    if (!made)
        return fail_memory(error, sizeof *made, "a checkpoint's description");
    int status = checkpoint_load(path, &made->checkpoint, error);
    if (status) {
        free(made);
        return status;
    }
    status = describe(made, error);
    if (status)
        valence_checkpoint_summary_free(&made->shown);
    else
        *summary = &made->shown;
    return status;
}

void valence_checkpoint_summary_free(struct valence_checkpoint_summary *summary)
{
    struct summarised *made = (struct summarised *)summary;
    if (!made)
        return;
    checkpoint_free(&made->checkpoint);
    free(made->provenance);
    free(made);
}
