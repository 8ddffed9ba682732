/* What the parts of golden-whisper share: a fixture, the limits of its description, comparing. */
#ifndef VALENCE_TESTS_GOLDEN_WHISPER_H
#define VALENCE_TESTS_GOLDEN_WHISPER_H

#include "golden_whisper_decoder.h"
#include "golden_whisper_rules.h"

#include <whisper.h>

#include "base/file.h"

#define RELATIVE       5e-6
#define RELATIVE_LARGE 2e-5 /* hidden states of real weights with outliers */

struct fixture {
    const char *folder;
    const char *gguf;
    struct safetensors *cases;
    struct whisper_audio model;
    struct decoder decoder;
    struct decoding_rules rules;
    struct whisper_state *product_state;
    struct whisper_context *product; /* whisper.cpp, as valence loads it; NULL without vocabulary */
    struct whisper_audio_state state;
    struct tally *tally;
    bool is_real;      /* published weights: other limits */
    bool is_resampled; /* the case's sound is not 16 kHz mono */
    char **sounds;     /* folders to look in, up to a NULL */
};

/* What is stored of a case: everything begins with this. */
struct run {
    const struct fixture *fixture;
    const char *stem; /* "a." or "a.ctx65." */
    int64_t n_rows;
    const json_t *kept; /* rows stored as ".kept"; NULL */
    int64_t context;
    float *sound; /* receives the encoder's last state, (context, width) */
};

static inline const struct safetensor *find(const struct run *run, const char *name)
{
    char full[256];
    snprintf(full, sizeof full, "%s%s", run->stem, name);
    return safetensors_find(run->fixture->cases, full);
}

/* ---- Limits ---- */

static inline double limit_of(const struct run *run, const char *name)
{
    static const struct {
        const char *name;
        double tiny, real;
    } limits[] = {{"logmel", 1e-4, 1e-4},     {"conv1", 1.5e-5, 1.5e-5},
                  {"hidden.0", 2e-5, 3e-5},   {"hidden.1", 4e-5, 4e-5},
                  {"hidden.2", 5e-5, 3e-5},   {"hidden.3", 5e-5, 4e-5},
                  {"hidden.4", 5e-5, 1.5e-3}, {"last_hidden", 2.5e-5, 1e-4}};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if (strcmp(limits[i].name, name) == 0)
            return run->fixture->is_real ? limits[i].real : limits[i].tiny;
    return run->fixture->is_real ? 2e-3 : 5e-5; /* deeper layers */
}

static inline bool has_outliers(const struct run *run, const char *name)
{
    return run->fixture->is_real && strncmp(name, "hidden.", 7) == 0 && name[7] >= '4';
}

/* ---- Comparing ---- */

static inline void check(const struct run *run, const char *name, const char *suffix, int64_t n,
                         const float *is, double limit)
{
    char full[96], what[160];
    snprintf(full, sizeof full, "%s%s", name, suffix);
    const struct safetensor *stored = find(run, full);
    if (!stored)
        return;
    snprintf(what, sizeof what, "%s %s%s", path_name(run->fixture->folder), run->stem, full);
    if (stored->count != n) {
        verdict(run->fixture->tally, what, false, "has another shape");
        return;
    }
    float *want = values_of(stored);
    compare(run->fixture->tally, what, n, is, want, limit,
            has_outliers(run, name) ? RELATIVE_LARGE : RELATIVE);
    free(want);
}

#endif
