#include "encode/files/encode_report.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"

#define MAX_INPUTS 100000000

/* The report, and what its public part does not say. */
struct growing_report {
    struct valence_encode_report report;
    struct valence_encoded_input *inputs;
    int64_t capacity;
};

struct valence_encode_report *encode_report_create(int64_t width)
{
    struct growing_report *growing = allocate(1, sizeof *growing);
    if (!growing)
        return NULL;
    growing->report.width = width;
    return &growing->report;
}

void valence_encode_report_free(struct valence_encode_report *report)
{
    struct growing_report *growing = (struct growing_report *)report;
    if (!report)
        return;
    for (int64_t i = 0; i < report->n_inputs; i++)
        free((char *)(uintptr_t)growing->inputs[i].name); /* the other texts are behind it */
    free(growing->inputs);
    free(growing);
}

/* The three texts in one piece of memory. */
static char *copy_texts(const char *name, const char *reason, const char *notes,
                        struct valence_encoded_input *input)
{
    size_t a = strlen(name) + 1, b = strlen(reason) + 1, c = strlen(notes) + 1;
    char *texts = malloc(a + b + c);
    if (!texts)
        return NULL;
    input->name = memcpy(texts, name, a);
    input->reason = memcpy(texts + a, reason, b);
    input->notes = memcpy(texts + a + b, notes, c);
    return texts;
}

int encode_report_add(struct valence_encode_report *report, const char *name,
                      enum valence_encoded_state state, int64_t n_rows, int skipped,
                      const char *reason, const char *notes, struct valence_error *error)
{
    struct growing_report *growing = (struct growing_report *)report;
    int64_t *const counts[] = {&report->n_encoded, &report->n_before, &report->n_without,
                               &report->n_skipped};
    int status = grow_array((void **)&growing->inputs, &growing->capacity, report->n_inputs + 1,
                            sizeof *growing->inputs, MAX_INPUTS, "inputs", error);
    if (status)
        return status;
    struct valence_encoded_input *input = &growing->inputs[report->n_inputs];
    *input = (struct valence_encoded_input){.state = state, .n_rows = n_rows, .status = skipped};
    if (!copy_texts(name, reason ? reason : "", notes ? notes : "", input))
        return fail_memory(error, strlen(name), "a report");
    report->inputs = growing->inputs;
    report->n_inputs++;
    ++*counts[state];
    report->n_rows += n_rows;
    return VALENCE_OK;
}

bool encode_may_skip(int status)
{
    return status == VALENCE_ERROR_IO || status == VALENCE_ERROR_FORMAT ||
           status == VALENCE_ERROR_NOT_FOUND || status == VALENCE_ERROR_DATA ||
           status == VALENCE_ERROR_LIMIT || status == VALENCE_ERROR_UNSUPPORTED;
}
