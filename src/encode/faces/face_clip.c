#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/threads.h"
#include "encode/faces/face_clip.h"
#include "encode/faces/face_rows.h"
#include "encode/faces/faces.h"

#define MAX_FRAMES    1000000
#define MAX_SEEN      8000000
#define TRACK_GAP     1.0 /* seconds that a person may be out of sight */
#define TRACK_OVERLAP 0.3
#define MIN_FRAMES    3 /* of a person who counts */

const char *const valence_face_person_names[VALENCE_MAX_NAMES] = {"largest", "central", "speaking"};

/* A face in a frame, and whose it is. */
struct seen {
    int64_t frame, track;
    struct valence_face face;
};

struct track {
    int64_t n, last; /* faces, and the latest of them in `seen` */
    double area;     /* sum over its faces, of the picture's */
    double distance; /* likewise, from the picture's centre, of the picture's diagonal */
};

struct valence_face_clip {
    struct valence_face_detector *detector;
    int64_t width, height;
    int64_t n_frames, frame_capacity;
    double *times;
    int64_t n_seen, seen_capacity;
    struct seen *seen;
    int64_t n_tracks, track_capacity;
    struct track *tracks;
};

int valence_face_clip_create(struct valence_face_detector *detector,
                             struct valence_face_clip **clip, struct valence_error *error)
{
    *clip = allocate(1, sizeof **clip);
    if (!*clip)
        return fail_memory(error, sizeof **clip, "a clip's faces");
    (*clip)->detector = detector;
    return VALENCE_OK;
}

void valence_face_clip_free(struct valence_face_clip *clip)
{
    if (!clip)
        return;
    free(clip->times);
    free(clip->seen);
    free(clip->tracks);
    free(clip);
}

/* ---- Tracking ---- */

static double overlap(const double a[4], const double b[4])
{
    double w = fmin(a[0] + a[2], b[0] + b[2]) - fmax(a[0], b[0]);
    double h = fmin(a[1] + a[3], b[1] + b[3]) - fmax(a[1], b[1]);
    double common = w > 0 && h > 0 ? w * h : 0;
    return common / (a[2] * a[3] + b[2] * b[3] - common);
}

/* The track that the face continues with: the one whose latest face overlaps most with it; -1 where
 * none does. */
static int64_t find_track(const struct valence_face_clip *clip, const struct valence_face *face,
                          int64_t frame)
{
    int64_t best = -1;
    double most = TRACK_OVERLAP;
    for (int64_t i = 0; i < clip->n_tracks; i++) {
        const struct seen *last = &clip->seen[clip->tracks[i].last];
        double common = overlap(last->face.box, face->box);
        if (last->frame < frame && clip->times[frame] - clip->times[last->frame] <= TRACK_GAP &&
            common > most) {
            most = common;
            best = i;
        }
    }
    return best;
}

static int add_face(struct valence_face_clip *clip, const struct valence_face *face, int64_t frame,
                    struct valence_error *error)
{
    int status = grow_array((void **)&clip->seen, &clip->seen_capacity, clip->n_seen + 1,
                            sizeof *clip->seen, MAX_SEEN, "faces", error);
    if (!status)
        status = grow_array((void **)&clip->tracks, &clip->track_capacity, clip->n_tracks + 1,
                            sizeof *clip->tracks, MAX_SEEN, "people", error);
    if (status)
        return status;
    int64_t index = find_track(clip, face, frame);
    if (index < 0) {
        index = clip->n_tracks++;
        clip->tracks[index] = (struct track){0};
    }
    struct track *track = &clip->tracks[index];
    double w = (double)clip->width, h = (double)clip->height;
    track->n++;
    track->last = clip->n_seen;
    track->area += face->box[2] * face->box[3] / (w * h);
    track->distance +=
        hypot(face->box[0] + face->box[2] / 2 - w / 2, face->box[1] + face->box[3] / 2 - h / 2) /
        hypot(w, h);
    clip->seen[clip->n_seen++] = (struct seen){frame, index, *face};
    return VALENCE_OK;
}

static int check_frames(const struct valence_face_clip *clip, const uint8_t *pixels, int64_t n,
                        int64_t width, int64_t height, const double *times,
                        struct valence_error *error)
{
    int status = faces_check_picture(pixels, width, height, error);
    if (status)
        return status;
    if (clip->n_frames > 0 && (width != clip->width || height != clip->height))
        return fail(error, VALENCE_ERROR_ARGUMENT, "a clip's frames have one size");
    if (n < 0 || !times)
        return fail(error, VALENCE_ERROR_ARGUMENT, "frames come with their times");
    double before = clip->n_frames > 0 ? clip->times[clip->n_frames - 1] : -INFINITY;
    for (int64_t i = 0; i < n; before = times[i++])
        if (!(times[i] > before && times[i] < INFINITY))
            return fail(error, VALENCE_ERROR_ARGUMENT,
                        "a frame's time must be later than the one before");
    return VALENCE_OK;
}

/* The faces of a frame, copied from the worker that found them. */
struct found {
    int status;
    int64_t n;
    struct valence_face *faces;
    struct valence_error error;
};

static void find_in_frame(struct valence_face_detector *detector,
                          const struct face_picture *picture, struct found *found)
{
    struct face_worker *worker = &detector->workers[thread_index()];
    found->status = faces_find(detector, worker, picture, &found->error);
    if (found->status || worker->n == 0)
        return;
    found->faces = allocate(worker->n, sizeof *found->faces);
    if (!found->faces) {
        found->status =
            fail_memory(&found->error, (size_t)worker->n * sizeof *found->faces, "faces");
        return;
    }
    memcpy(found->faces, worker->faces, (size_t)worker->n * sizeof *found->faces);
    found->n = worker->n;
}

/* Adds the faces of all frames, or of none. */
static int add_frames(struct valence_face_clip *clip, const struct found *found, int64_t n,
                      const double *times, struct valence_error *error)
{
    int64_t n_seen = clip->n_seen, n_tracks = clip->n_tracks;
    struct track *before = allocate(n_tracks + 1, sizeof *before);
    if (!before)
        return fail_memory(error, (size_t)n_tracks * sizeof *before, "people");
    if (n_tracks)
        memcpy(before, clip->tracks, (size_t)n_tracks * sizeof *before);
    int status = grow_array((void **)&clip->times, &clip->frame_capacity, clip->n_frames + n,
                            sizeof *clip->times, MAX_FRAMES, "frames", error);
    for (int64_t i = 0; !status && i < n; i++) {
        clip->times[clip->n_frames + i] = times[i];
        status = found[i].status;
        if (status && error)
            *error = found[i].error;
        for (int64_t j = 0; !status && j < found[i].n; j++)
            status = add_face(clip, &found[i].faces[j], clip->n_frames + i, error);
    }
    if (!status) {
        clip->n_frames += n;
    } else {
        clip->n_seen = n_seen;
        clip->n_tracks = n_tracks;
        if (n_tracks)
            memcpy(clip->tracks, before, (size_t)n_tracks * sizeof *before);
    }
    free(before);
    return status;
}

int valence_face_clip_add(struct valence_face_clip *clip, const uint8_t *pixels, int64_t n,
                          int64_t width, int64_t height, const double *times,
                          struct valence_error *error)
{
    struct valence_face_detector *detector = clip->detector;
    int status = check_frames(clip, pixels, n, width, height, times, error);
    if (!status)
        status = faces_make_workers(detector, threads_count(), error);
    struct found *found = status ? NULL : allocate(n + 1, sizeof *found);
    if (!status && !found)
        status = fail_memory(error, (size_t)n * sizeof *found, "frames");
    if (status)
        return status;
    clip->width = width;
    clip->height = height;
    size_t bytes = (size_t)(width * height * 3);
    int n_threads = n < threads_count() ? (int)n : threads_count();
    (void)n_threads; /* for builds without OpenMP */
#pragma omp parallel for schedule(dynamic, 1) num_threads(n_threads > 0 ? n_threads : 1)
    for (int64_t i = 0; i < n; i++) {
        struct face_picture picture = {pixels + (size_t)i * bytes, width, height, width};
        find_in_frame(detector, &picture, &found[i]);
    }
    status = add_frames(clip, found, n, times, error);
    for (int64_t i = 0; i < n; i++)
        free(found[i].faces);
    free(found);
    return status;
}

/* ---- Choosing ---- */

/* Pearson's correlation of a track's lip opening with the sound's level, over its frames. */
static double speaking(const struct valence_face_clip *clip, int64_t track, const float *energy)
{
    double n = 0, x = 0, y = 0, xx = 0, yy = 0, xy = 0;
    for (int64_t i = 0; i < clip->n_seen; i++) {
        struct face_geometry geometry;
        const struct seen *seen = &clip->seen[i];
        if (seen->track != track || !face_geometry_measure(&seen->face, &geometry))
            continue;
        double opening = geometry.measures[7], level = energy[seen->frame];
        n++;
        x += opening;
        y += level;
        xx += opening * opening;
        yy += level * level;
        xy += opening * level;
    }
    double spread = (n * xx - x * x) * (n * yy - y * y);
    return n >= MIN_FRAMES && spread > 0 ? (n * xy - x * y) / sqrt(spread) : -1;
}

static double rank(const struct valence_face_clip *clip, int64_t track,
                   enum valence_face_person person, const float *energy, int64_t most)
{
    const struct track *candidate = &clip->tracks[track];
    switch (person) {
    case VALENCE_PERSON_CENTRAL:
        return 2 * candidate->n < most ? -INFINITY : -candidate->distance / (double)candidate->n;
    case VALENCE_PERSON_SPEAKING:
        return energy ? speaking(clip, track, energy) : candidate->area;
    default:
        return candidate->area;
    }
}

static int64_t choose(const struct valence_face_clip *clip, enum valence_face_person person,
                      const float *energy)
{
    int64_t most = 0, best = -1;
    double highest = 0;
    for (int64_t i = 0; i < clip->n_tracks; i++)
        most = clip->tracks[i].n > most ? clip->tracks[i].n : most;
    for (int64_t i = 0; i < clip->n_tracks; i++) {
        double value = rank(clip, i, person, energy, most);
        if (best < 0 || value > highest) {
            best = i;
            highest = value;
        }
    }
    return best;
}

static void summarise(const struct valence_face_clip *clip, int64_t track,
                      struct valence_face_summary *summary)
{
    *summary = (struct valence_face_summary){.n_frames = clip->n_frames};
    int64_t least = clip->n_frames < MIN_FRAMES ? 1 : MIN_FRAMES;
    for (int64_t i = 0; i < clip->n_tracks; i++)
        summary->n_people += clip->tracks[i].n >= least;
    if (track < 0)
        return;
    summary->n_found = clip->tracks[track].n;
    summary->coverage = (double)summary->n_found / (double)clip->n_frames;
    for (int64_t i = 0; i < clip->n_seen; i++)
        if (clip->seen[i].track == track)
            summary->mean_score += clip->seen[i].face.score / (double)summary->n_found;
}

int valence_face_clip_rows(const struct valence_face_clip *clip, enum valence_face_person person,
                           const float *energy, float *rows, struct valence_face_summary *summary,
                           struct valence_error *error)
{
    if (person < 0 || person >= VALENCE_N_PERSONS)
        return fail(error, VALENCE_ERROR_ARGUMENT, "a person is chosen as %s, %s or %s",
                    valence_face_person_names[0], valence_face_person_names[1],
                    valence_face_person_names[2]);
    int64_t track = choose(clip, person, energy), frame = 0;
    const struct seen *before = NULL;
    for (int64_t i = 0; i < clip->n_seen; i++) {
        const struct seen *seen = &clip->seen[i];
        if (seen->track != track)
            continue;
        for (; frame < seen->frame; frame++)
            face_row(NULL, 0, NULL, 0, clip->width, clip->height,
                     rows + frame * VALENCE_FACE_COLUMNS);
        bool adjacent = before && before->frame == frame - 1;
        face_row(&seen->face, clip->times[frame], adjacent ? &before->face : NULL,
                 adjacent ? clip->times[frame - 1] : 0, clip->width, clip->height,
                 rows + frame * VALENCE_FACE_COLUMNS);
        before = seen;
        frame++;
    }
    for (; frame < clip->n_frames; frame++)
        face_row(NULL, 0, NULL, 0, clip->width, clip->height, rows + frame * VALENCE_FACE_COLUMNS);
    if (summary)
        summarise(clip, track, summary);
    return VALENCE_OK;
}

/* ---- One by one ---- */

int64_t face_clip_n_seen(const struct valence_face_clip *clip)
{
    return clip->n_seen;
}

const struct valence_face *face_clip_seen(const struct valence_face_clip *clip, int64_t index,
                                          int64_t *frame)
{
    if (frame)
        *frame = clip->seen[index].frame;
    return &clip->seen[index].face;
}

void face_clip_choose(const struct valence_face_clip *clip, enum valence_face_person person,
                      const float *energy, int64_t *chosen)
{
    int64_t track = choose(clip, person, energy);
    for (int64_t i = 0; i < clip->n_frames; i++)
        chosen[i] = -1;
    for (int64_t i = 0; i < clip->n_seen; i++)
        if (clip->seen[i].track == track)
            chosen[clip->seen[i].frame] = i;
}
