#include "encode_summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "json_output.h"
#include "terminal.h"
#include "valence/text.h"

#define LISTED 20 /* reasons that are printed */

bool is_store(const char *const *inputs, int n)
{
    char path[4096];
    struct stat status;
    if (n != 1)
        return false;
    snprintf(path, sizeof path, "%s/data.mdb", inputs[0]);
    return stat(path, &status) == 0;
}

static void print_line(const char *before, const char *name, const char *text, const char *after)
{
    size_t length = strlen(name);
    fputs(before, stderr);
    /* Most errors begin with the file's name themselves. */
    if (strncmp(text, name, length) != 0 || text[length] != ':') {
        print_clean(stderr, name);
        fputs(": ", stderr);
    }
    print_clean(stderr, text);
    fprintf(stderr, "%s\n", after);
}

void print_encoder_warning(const struct valence_encoder *encoder)
{
    const struct valence_encoder_description *description = valence_encoder_describe(encoder);
    if (description->warning[0])
        print_line("valence: warning: ", description->source, description->warning, "");
}

void print_skipped(const struct valence_encode_report *report)
{
    int64_t n_skipped = 0;
    for (int64_t i = 0; i < report->n_inputs; i++) {
        const struct valence_encoded_input *input = &report->inputs[i];
        bool skipped = input->state == VALENCE_ENCODE_SKIPPED;
        n_skipped += skipped;
        if (skipped && n_skipped <= LISTED)
            print_line("valence: skipped ", input->name, input->reason, "");
        else if (!skipped && input->reason[0])
            print_line("valence: ", input->name, input->reason, "; valence uses the readable part");
    }
    if (n_skipped > LISTED)
        fprintf(stderr, "valence: and %" PRId64 " more\n", n_skipped - LISTED);
}

void print_files_summary(const char *output, const struct valence_encode_report *report)
{
    FILE *stream = summary_stream(output);
    fprintf(stream, "%s: %" PRId64 " %s, %" PRId64 " %s of %" PRId64, output,
            report->n_encoded + report->n_before,
            valence_plural(report->n_encoded + report->n_before, "file", "files"), report->n_rows,
            valence_plural(report->n_rows, "row", "rows"), report->width);
    if (report->n_before)
        fprintf(stream, ", %" PRId64 " already there", report->n_before);
    if (report->n_skipped)
        fprintf(stream, ", %" PRId64 " skipped", report->n_skipped);
    fputc('\n', stream);
}

/* How many pictures show the person, where the inputs are films; 0 of 0 elsewhere. */
static void count_faces(const struct valence_encode_report *report, int64_t *n_pictures,
                        int64_t *n_found)
{
    *n_pictures = *n_found = 0;
    for (int64_t i = 0; i < report->n_inputs; i++) {
        json_t *notes = json_loads(report->inputs[i].notes, 0, NULL);
        const json_t *video = json_object_get(notes, "video");
        *n_pictures += json_integer_value(json_object_get(video, "frames"));
        *n_found += json_integer_value(json_object_get(video, "found"));
        json_decref(notes);
    }
}

void print_faces_summary(const char *output, const struct valence_encode_report *report)
{
    int64_t n_pictures, n_found;
    count_faces(report, &n_pictures, &n_found);
    if (n_pictures > 0)
        fprintf(summary_stream(output), "%" PRId64 " of %" PRId64 " pictures show the person\n",
                n_found, n_pictures);
}

void print_store_summary(const char *store, const char *stream, enum valence_dtype dtype,
                         const struct valence_encode_report *report)
{
    printf("%s: stream '%s' of width %" PRId64 ", %s: %" PRId64 " %s encoded", store, stream,
           report->width, valence_dtype_names[dtype], report->n_encoded,
           valence_plural(report->n_encoded, "clip", "clips"));
    if (report->n_without)
        printf(", %" PRId64 " without input", report->n_without);
    if (report->n_skipped)
        printf(", %" PRId64 " skipped", report->n_skipped);
    if (report->n_before)
        printf(", %" PRId64 " already there", report->n_before);
    putchar('\n');
}

/* ---- JSON ---- */

static json_t *input_to_json(const struct valence_encoded_input *input)
{
    static const char *const states[] = {[VALENCE_ENCODED] = "encoded",
                                         [VALENCE_ENCODED_BEFORE] = "before",
                                         [VALENCE_NOTHING_TO_ENCODE] = "nothing",
                                         [VALENCE_ENCODE_SKIPPED] = "skipped"};
    json_t *notes = input->notes[0] ? json_loads(input->notes, 0, NULL) : NULL;
    /* The record of a clip is by stream, what a language model heard is not. */
    bool is_record = json_object_get(notes, "audio") || json_object_get(notes, "video");
    return json_pack("{s:s, s:s, s:I, s:s, s:o, s:o}", "name", input->name, "state",
                     states[input->state], "rows", (json_int_t)input->n_rows, "problem",
                     input->reason, "heard", notes && !is_record ? notes : json_null(), "record",
                     is_record ? notes : json_null());
}

int print_report_json(const char *output, const struct valence_encode_report *report,
                      struct valence_error *error)
{
    json_t *inputs = json_array();
    int failed = !inputs;
    for (int64_t i = 0; !failed && i < report->n_inputs; i++)
        failed = json_array_append_new(inputs, input_to_json(&report->inputs[i]));
    if (failed) {
        json_decref(inputs);
        return print_json(NULL, error);
    }
    return print_json(
        json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "output", output, "encoded",
                  (json_int_t)report->n_encoded, "before", (json_int_t)report->n_before, "nothing",
                  (json_int_t)report->n_without, "skipped", (json_int_t)report->n_skipped, "rows",
                  (json_int_t)report->n_rows, "width", (json_int_t)report->width, "inputs", inputs),
        error);
}
