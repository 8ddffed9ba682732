#include "data/diagnosis.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/options.h"
#include "data/published_splits.h"

struct valence_finding *add_finding(struct diagnosis *diagnosis, enum valence_severity severity,
                                    const char *code, const char *remedy, const char *format, ...)
{
    int n = diagnosis->shown.n_findings;
    n = n < DIAGNOSIS_MAX_FINDINGS ? n : DIAGNOSIS_MAX_FINDINGS - 1;
    struct valence_finding *finding = &diagnosis->findings[n];
    *finding = (struct valence_finding){.code = code,
                                        .severity = severity,
                                        .text = diagnosis->texts[n],
                                        .remedy = remedy,
                                        .key = "",
                                        .stream = ""};
    va_list args;
    va_start(args, format);
    vsnprintf(diagnosis->texts[n], FINDING_TEXT_BYTES, format, args);
    va_end(args);
    diagnosis->shown.n_findings = n + 1;
    diagnosis->shown.n_warnings += severity == VALENCE_WARNING;
    return finding;
}

void finding_of_stream(struct diagnosis *diagnosis, struct valence_finding *finding,
                       const char *stream)
{
    char *text = diagnosis->streams[finding - diagnosis->findings];
    snprintf(text, VALENCE_STORE_NAME_BYTES, "%s", stream);
    finding->stream = text;
}

/* ---- Published splits ---- */

static void compare_published(const struct valence_data_summary *summary,
                              struct diagnosis *diagnosis)
{
    const struct valence_published_split *published = diagnosis->shown.published;
    const int64_t *theirs = published->n_clips;
    int64_t n[VALENCE_N_SPLITS];
    bool same = true;
    for (int s = 0; s < VALENCE_N_SPLITS; s++) {
        n[s] = summary->splits[s].n_clips;
        same = same && n[s] == theirs[s];
    }
    bool summed = n[VALENCE_TRAIN] + n[VALENCE_VALIDATION] ==
                      theirs[VALENCE_TRAIN] + theirs[VALENCE_VALIDATION] &&
                  n[VALENCE_TEST] == theirs[VALENCE_TEST];
    if (same)
        add_finding(diagnosis, VALENCE_NOTE, "published-split", NULL,
                    "the splits have the counts of %s (%s)", published->title, published->where);
    else if (summed)
        add_finding(diagnosis, VALENCE_NOTE, "published-split", NULL,
                    "training with validation, and test, have the counts of %s (%s); validation "
                    "was drawn differently: %" PRId64 " of %" PRId64 " clips",
                    published->title, published->where, n[VALENCE_VALIDATION],
                    theirs[VALENCE_VALIDATION]);
    else
        add_finding(diagnosis, VALENCE_WARNING, "published-split",
                    "find the missing or extra clips before you compare with published figures",
                    "%" PRId64 "/%" PRId64 "/%" PRId64
                    " training, validation and test clips are not the %" PRId64 "/%" PRId64
                    "/%" PRId64 " of %s (%s)",
                    n[0], n[1], n[2], theirs[0], theirs[1], theirs[2], published->title,
                    published->where);
}

static int choose_published(const struct valence_data_summary *summary, const char *name,
                            const struct valence_published_split **published,
                            struct valence_error *error)
{
    int64_t n_clips[VALENCE_N_SPLITS];
    for (int s = 0; s < VALENCE_N_SPLITS; s++)
        n_clips[s] = summary->splits[s].n_clips;
    *published = name ? valence_published_split_find(name) : published_split_nearest(n_clips);
    return *published || !name ? VALENCE_OK
                               : fail_key(error, VALENCE_ERROR_NOT_FOUND, "published",
                                          "no published split is called '%.60s'", name);
}

/* ---- All of it ---- */

void valence_doctor_options_default(struct valence_doctor_options *options)
{
    *options = (struct valence_doctor_options){.size = sizeof *options};
}

int valence_diagnose(const struct valence_data_summary *summary,
                     const struct valence_doctor_options *given,
                     struct valence_diagnosis **diagnosis, struct valence_error *error)
{
    struct valence_doctor_options options;
    *diagnosis = NULL;
    valence_doctor_options_default(&options);
    int status = options_read(&options, sizeof options, given, error);
    if (status)
        return status;
    struct diagnosis *made = allocate(1, sizeof *made);
    if (!made)
        return fail_memory(error, sizeof *made, "a diagnosis");
    made->shown.findings = made->findings;
    status = choose_published(summary, options.published, &made->shown.published, error);
    if (status) {
        free(made);
        return status;
    }
    if (summary->n_clips == 0)
        add_finding(made, VALENCE_WARNING, "no-clips", "import or encode some",
                    "the store is empty");
    diagnose_streams(summary, made);
    diagnose_splits(summary, made);
    diagnose_labels(summary, made);
    if (made->shown.published)
        compare_published(summary, made);
    *diagnosis = &made->shown;
    return VALENCE_OK;
}

void valence_diagnosis_free(struct valence_diagnosis *diagnosis)
{
    free(diagnosis);
}
