/* Mondrian split conformal intervals.
 *
 * Regions are cut at scores of the calibration set. Given such a cut, the clips beyond it on either
 * side are independent draws from their distribution beyond it, as a new clip there is; the clip at
 * the cut itself is not, and counts for neither side. So the guarantee holds in each region
 * although its bounds come from the same clips. */
#include "valence/reliability.h"

#include <math.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/memory.h"

#define REGION_CLIPS       40 /* as many regions as have about so many clips */
#define REGION_CLIPS_LEAST 20 /* where scores tie: a region with fewer is joined with the next */

struct clip {
    float score;
    double error;
};

struct valence_reliability {
    double minimum, maximum;
    int n_regions;
    struct region {
        double from;      /* the first's is -INFINITY */
        int64_t first, n; /* its clips */
        double mean;
    } regions[VALENCE_MAX_REGIONS];
    struct clip *clips; /* by score; within a region by error */
};

static int by_score(const void *a, const void *b)
{
    float x = ((const struct clip *)a)->score, y = ((const struct clip *)b)->score;
    return (x > y) - (x < y);
}

static int by_error(const void *a, const void *b)
{
    double x = ((const struct clip *)a)->error, y = ((const struct clip *)b)->error;
    return (x > y) - (x < y);
}

/* Sorts the clips [first, end) by error. */
static struct region make_region(struct clip *clips, int64_t first, int64_t end, double from)
{
    struct region region = {.from = from, .first = first, .n = end - first};
    qsort(clips + first, (size_t)region.n, sizeof *clips, by_error);
    for (int64_t i = first; i < end; i++)
        region.mean += clips[i].error / (double)region.n;
    return region;
}

/* Cuts the clips, which are sorted by score. */
static void cut(struct valence_reliability *reliability, int64_t n)
{
    struct clip *clips = reliability->clips;
    int64_t wanted = n / REGION_CLIPS, first = 0;
    wanted = wanted > VALENCE_MAX_REGIONS ? VALENCE_MAX_REGIONS : wanted;
    double from = -INFINITY;
    for (int64_t r = 1; r < wanted; r++) {
        float bound = clips[r * n / wanted].score;
        int64_t end = r * n / wanted, next = end;
        while (end > first && clips[end - 1].score == bound)
            end--;
        while (next < n && clips[next].score == bound)
            next++;
        if (end - first < REGION_CLIPS_LEAST || n - next < REGION_CLIPS_LEAST)
            continue;
        reliability->regions[reliability->n_regions++] = make_region(clips, first, end, from);
        first = next;
        from = (double)bound;
    }
    reliability->regions[reliability->n_regions++] = make_region(clips, first, n, from);
}

static double within(double minimum, double maximum, double score)
{
    return fmin(fmax(score, minimum), maximum);
}

int valence_reliability_create(const float *scores, const float *labels, int64_t n, double minimum,
                               double maximum, struct valence_reliability **reliability,
                               struct valence_error *error)
{
    *reliability = NULL;
    if (n < 1 || !scores || !labels)
        return fail(error, VALENCE_ERROR_ARGUMENT, "a calibration set without clips");
    if (!(minimum <= maximum))
        return fail(error, VALENCE_ERROR_ARGUMENT, "labels cannot lie between %g and %g", minimum,
                    maximum);
    struct valence_reliability *made = allocate(1, sizeof *made);
    struct clip *clips = allocate(n, sizeof *clips);
    if (!made || !clips) {
        free(made);
        free(clips);
        return fail_memory(error, (size_t)n * sizeof *clips, "a calibration set");
    }
    for (int64_t i = 0; i < n; i++) {
        float score = (float)within(minimum, maximum, (double)scores[i]);
        clips[i] = (struct clip){score, fabs((double)score - (double)labels[i])};
    }
    qsort(clips, (size_t)n, sizeof *clips, by_score);
    *made = (struct valence_reliability){.minimum = minimum, .maximum = maximum, .clips = clips};
    cut(made, n);
    *reliability = made;
    return VALENCE_OK;
}

void valence_reliability_free(struct valence_reliability *reliability)
{
    if (reliability)
        free(reliability->clips);
    free(reliability);
}

struct valence_estimate valence_reliability_estimate(const struct valence_reliability *reliability,
                                                     float score, double level)
{
    double low = reliability->minimum, high = reliability->maximum;
    double clipped = within(low, high, (double)score);
    int r = 0;
    while (r + 1 < reliability->n_regions && clipped >= reliability->regions[r + 1].from)
        r++;
    const struct region *region = &reliability->regions[r];
    /* A level that is meant to be k / (n + 1) may be a rounding above it. */
    double k = ceil((double)(region->n + 1) * level * (1 - 1e-12));
    double half = k <= (double)region->n
                      ? reliability->clips[region->first + (k > 1 ? (int64_t)k - 1 : 0)].error
                      : INFINITY;
    return (struct valence_estimate){.error = region->mean,
                                     .low = fmax(clipped - half, low),
                                     .high = fmin(clipped + half, high)};
}

int valence_reliability_n_regions(const struct valence_reliability *reliability)
{
    return reliability->n_regions;
}

struct valence_region valence_reliability_region(const struct valence_reliability *reliability,
                                                 int region)
{
    if (region < 0 || region >= reliability->n_regions)
        return (struct valence_region){NAN, NAN, 0, NAN};
    const struct region *r = &reliability->regions[region];
    bool last = region + 1 == reliability->n_regions;
    return (struct valence_region){
        .from = r->from, .to = last ? INFINITY : r[1].from, .n_clips = r->n, .error = r->mean};
}
