/* What the cases of torture-memory share. A case calls some public functions in the order in which
 * a program does, and says by name which ones it tries. */
#ifndef VALENCE_TEST_TORTURE_H
#define VALENCE_TEST_TORTURE_H

#include "valence/error.h"

/* A call with its result as a number: the same number means the same result. A negative status is
 * an error, after which nothing may be left to free; a positive one says that an object came with
 * an error. */
struct torture_case {
    /* The functions that it tries, separated by blanks. */
    const char *functions;
    int (*call)(double *result, struct valence_error *error);
    /* Where there are many allocations, the distance between those that fail grows by one after
     * each `density` of them; 0: 100. */
    long density;
};

extern const struct torture_case data_cases[], model_cases[], media_cases[], encode_cases[];
extern const struct torture_case score_cases[], experiment_cases[], report_cases[];
extern const int n_data_cases, n_model_cases, n_media_cases, n_encode_cases, n_score_cases;
extern const int n_experiment_cases, n_report_cases;

/* Made once: a store, that store as files of each kind of export, and a trained run. */
extern char corpus[64], exported[64], run[64], weights[64];
/* A path at which a case can make something; it is cleared with clear_untried(). */
extern char made[64];

/* Makes the models that encode_cases read, in `folder`. */
int make_encoders(const char *folder, struct valence_error *error);

/* Makes the run that score_cases open, in `folder`. */
int make_scored(const char *folder, struct valence_error *error);

/* Removes what is at `path`, if anything; no allocation fails meanwhile. */
void clear_untried(const char *path);

/* Adds a text to a result. */
static inline void add_text(double *result, const char *text)
{
    for (; text && *text; text++)
        *result = *result * 1.0001 + *text;
}

#endif
