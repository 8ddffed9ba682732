/* What became of a clip: rows, facts, and the record that a store keeps. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "extract/extractor.h"

struct valence_extracted {
    struct heard heard;
    struct seen_clip seen;
    struct valence_extracted_facts facts;
    char *record;
};

void valence_extracted_free(struct valence_extracted *extracted)
{
    if (!extracted)
        return;
    heard_free(&extracted->heard);
    seen_clip_free(&extracted->seen);
    free(extracted->record);
    free(extracted);
}

/* ---- Record ---- */

static json_t *record_recognition(const struct heard *heard)
{
    const struct valence_transcript *transcript = heard->recognised;
    json_t *segments = json_array();
    int failed = !segments;
    for (int64_t i = 0; i < transcript->n_segments && !failed; i++) {
        const struct valence_speech_segment *segment = &transcript->segments[i];
        failed = json_array_append_new(
            segments, json_pack("{s:f, s:f, s:s, s:f}", "start", segment->start, "end",
                                segment->end, "text", segment->text + strspn(segment->text, " "),
                                "confidence", segment->confidence));
    }
    if (failed) {
        json_decref(segments);
        return NULL;
    }
    return json_pack("{s:s, s:s, s:f, s:o}", "text", heard->words, "language", transcript->language,
                     "confidence", heard->confidence, "segments", segments);
}

static json_t *record_video(const struct picture_lane *lane, const struct seen_clip *seen)
{
    const struct valence_face_summary *summary = &seen->summary;
    return json_pack("{s:f, s:I, s:I, s:f, s:I, s:f}", "fps", lane->media.fps, "frames",
                     (json_int_t)summary->n_frames, "found", (json_int_t)summary->n_found,
                     "coverage", summary->coverage, "people", (json_int_t)summary->n_people,
                     "score", summary->mean_score);
}

static int make_record(const struct valence_extractor *extractor,
                       struct valence_extracted *extracted, struct valence_error *error)
{
    const struct heard *heard = &extracted->heard;
    json_t *record = json_object();
    int failed = !record;
    if (heard->has_sound)
        failed |= json_object_set_new(
            record, "audio",
            json_pack("{s:f}", "seconds", (double)heard->n_samples / EXTRACT_RATE_HZ));
    if (heard->text.n)
        failed |= json_object_set_new(
            record, "text", json_pack("{s:s}", "source", heard->is_recognised ? "asr" : "given"));
    if (extracted->seen.has_pictures)
        failed |= json_object_set_new(record, "video",
                                      record_video(&extractor->pictures, &extracted->seen));
    if (heard->simulation)
        failed |= json_object_set(record, "simulated_text", heard->simulation);
    else if (heard->simulated.n)
        failed |=
            json_object_set_new(record, "simulated_text", json_pack("{s:s}", "source", "asr"));
    if (heard->recognised)
        failed |= json_object_set_new(record, "recognition", record_recognition(heard));
    if (*extracted->facts.warning)
        failed |= json_object_set_new(record, "warning", json_string(extracted->facts.warning));
    extracted->record = failed ? NULL : json_dumps(record, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(record);
    return extracted->record ? VALENCE_OK : fail_memory(error, 0, "a clip's record");
}

/* ---- Joining ---- */

static void make_facts(struct valence_extracted *extracted)
{
    const struct heard *heard = &extracted->heard;
    const struct seen_clip *seen = &extracted->seen;
    double shown = seen->n_frames ? seen->times[seen->n_frames - 1] - seen->times[0] : 0;
    extracted->facts = (struct valence_extracted_facts){
        .seconds = heard->has_sound ? (double)heard->n_samples / EXTRACT_RATE_HZ : shown,
        .has_sound = heard->has_sound,
        .has_pictures = seen->has_pictures,
        .n_samples = heard->n_samples,
        .faces = seen->summary,
        .transcript = heard->transcript ? heard->transcript : "",
        .recognised = heard->recognised,
        .confidence = heard->confidence,
        .warning = heard->warning  ? heard->warning
                   : seen->warning ? seen->warning
                                   : "",
        .sound_work = heard->work,
        .picture_work = seen->work};
}

static int fail_empty(const struct valence_extractor *extractor,
                      const struct valence_clip_input *input, const struct valence_extracted *e,
                      struct valence_error *error)
{
    const struct sound_lane *sound = &extractor->sound;
    const char *part = input->range ? " in the range" : "";
    if (!e->heard.has_sound && !e->seen.has_pictures)
        return fail(error, VALENCE_ERROR_DATA, "%s: has no usable sound or pictures%s",
                    input_name(input), part);
    return fail(error, VALENCE_ERROR_DATA, "%s: no stream has a row%s (%s%s%s)", input_name(input),
                part, e->heard.has_sound ? "sound" : "no sound",
                e->seen.has_pictures ? ", pictures without a face" : ", no pictures",
                !e->heard.transcript && sound->text ? ", no words" : "");
}

int extracted_make(struct valence_extractor *extractor, const struct valence_clip_input *input,
                   struct heard *heard, struct seen_clip *seen,
                   struct valence_extracted **extracted, struct valence_error *error)
{
    double begin = seconds_now();
    *extracted = NULL;
    int status = picture_lane_finish(&extractor->pictures, seen, heard, error);
    struct valence_extracted *made = allocate(1, sizeof *made);
    if (!status && !made)
        status = fail_memory(error, sizeof *made, "a clip");
    if (!made) {
        heard_free(heard);
        seen_clip_free(seen);
        return status;
    }
    seen->work += seconds_now() - begin;
    made->heard = *heard;
    made->seen = *seen;
    *heard = (struct heard){0};
    *seen = (struct seen_clip){0};
    make_facts(made);
    if (!status && !made->heard.audio.n && !made->heard.text.n && !made->heard.simulated.n &&
        !made->seen.video.n)
        status = fail_empty(extractor, input, made, error);
    if (!status)
        status = make_record(extractor, made, error);
    if (status)
        valence_extracted_free(made);
    else
        *extracted = made;
    return status;
}

/* ---- Reading ---- */

const float *valence_extracted_rows(const struct valence_extracted *extracted,
                                    enum valence_stream stream, int64_t *n_rows)
{
    static const struct clip_rows none;
    const struct heard *heard = &extracted->heard;
    const struct clip_rows *const rows[VALENCE_N_STREAMS] = {
        [VALENCE_STREAM_AUDIO] = &heard->audio,
        [VALENCE_STREAM_TEXT] = &heard->text,
        [VALENCE_STREAM_VIDEO] = &extracted->seen.video,
        [VALENCE_STREAM_SIMULATED_TEXT] = &heard->simulated};
    const struct clip_rows *found = (unsigned)stream < VALENCE_N_STREAMS ? rows[stream] : &none;
    if (n_rows)
        *n_rows = found->n;
    return found->n ? found->rows : NULL;
}

const struct valence_extracted_facts *
valence_extracted_get_facts(const struct valence_extracted *extracted)
{
    return &extracted->facts;
}

const char *valence_extracted_record(const struct valence_extracted *extracted)
{
    return extracted->record;
}
