/* golden-faces FOLDER [MODEL]: compares the face networks with every tensor of FOLDER's
 * cases.safetensors, within the limits of the fixtures' description. MODEL is the GGUF file of the
 * networks (else that of `valence models fetch faces`), or the package's folder `model`, which is
 * converted first. The clip's frames are checked where VALENCE_SHARED has its film. */
#include "golden.h"

#include <jansson.h>
#include <unistd.h>

#include "base/file.h"
#include "base/sha256.h"
#include "clip_frames.h"
#include "encode/faces/faces.h"

/* ---- Fixtures ---- */

struct fixture {
    struct tally tally;
    struct safetensors *cases;
    struct valence_face_detector *detector;
    const char *picture;

    /* Of the tap below. */
    const char *network;

    bool has_clip;
    int64_t n_used; /* tensors of the fixture that something was compared with */
};

static const struct safetensor *find(const struct fixture *fixture, const char *name)
{
    char full[128];
    snprintf(full, sizeof full, "%s.%s", fixture->picture, name);
    return safetensors_find(fixture->cases, full);
}

/* The limits by stage and network, and by result. */
static double limit_of(const char *network, const char *stage)
{
    static const struct {
        const char *network, *stage;
        double limit;
    } limits[] = {{"", "input", 1e-6},
                  {"detector", "grid", 3e-4},
                  {"detector", "", 1e-5},
                  {"landmark", "", 2e-5},
                  {"expression", "dense0", 4e-5},
                  {"expression", "dense1", 4e-5},
                  {"expression", "dense2", 2e-4},
                  {"expression", "dense3", 1e-3},
                  {"", "scores", 5e-6},
                  {"", "boxes", 3e-4},
                  {"", "aligned_boxes", 3e-4},
                  {"", "landmark_feature", 5e-7},
                  {"", "landmark_fc", 1e-6},
                  {"", "landmarks", 1e-6},
                  {"", "landmarks_px", 3e-4},
                  {"", "feature", 4e-5},
                  {"", "logits", 5e-5},
                  {"", "probabilities", 1e-5},
                  {"", "weak_boxes", 3e-4}};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if ((!limits[i].network[0] ||
             strncmp(network, limits[i].network, strlen(limits[i].network)) == 0) &&
            (!limits[i].stage[0] || strcmp(stage, limits[i].stage) == 0))
            return limits[i].limit;
    fprintf(stderr, "no limit for %s.%s\n", network, stage);
    exit(2);
}

static void compare_with(struct fixture *fixture, const char *name, double limit, int64_t n,
                         const float *is)
{
    char what[192];
    const struct safetensor *tensor = find(fixture, name);
    snprintf(what, sizeof what, "%s.%s", fixture->picture, name);
    if (!tensor)
        return;
    if (tensor->count != n) {
        verdict(&fixture->tally, what, false, "another number of values");
        return;
    }
    fixture->n_used++;
    float *want = values_of(tensor);
    compare(&fixture->tally, what, n, is, want, limit, INFINITY);
    free(want);
}

static void compare_integers(struct fixture *fixture, const char *name, int64_t n,
                             const int64_t *is)
{
    char what[192], measured[64];
    const struct safetensor *tensor = find(fixture, name);
    snprintf(what, sizeof what, "%s.%s", fixture->picture, name);
    if (!tensor)
        return;
    int64_t *want = must_have(malloc((size_t)(tensor->count + 1) * sizeof *want)), wrong = 0;
    struct valence_error error;
    must_work(safetensor_to_int64(tensor, want, &error), &error);
    fixture->n_used++;
    for (int64_t i = 0; i < n && i < tensor->count; i++)
        wrong += is[i] != want[i];
    snprintf(measured, sizeof measured, "%d of %d differ", (int)wrong, (int)n);
    verdict(&fixture->tally, what, wrong == 0 && n == tensor->count, measured);
    free(want);
}

/* ---- Stages ---- */

/* Compares a stage's sample (4 x 4 positions), its means, and the whole where the fixture has it.
 */
static void see_stage(void *user, const char *stage, int64_t height, int64_t width,
                      int64_t channels, const float *values)
{
    struct fixture *fixture = user;
    char name[96];
    double limit = limit_of(fixture->network, stage);
    float *sample = must_have(malloc((size_t)(16 * channels) * sizeof *sample));
    float *mean = must_have(malloc((size_t)channels * sizeof *mean));
    for (int64_t i = 0; i < 16; i++) {
        int64_t row = i / 4 * (height - 1) / 3, column = i % 4 * (width - 1) / 3;
        memcpy(sample + i * channels, values + (row * width + column) * channels,
               (size_t)channels * sizeof *sample);
    }
    for (int64_t c = 0; c < channels; c++) {
        double sum = 0;
        for (int64_t i = 0; i < height * width; i++)
            sum += values[i * channels + c];
        mean[c] = (float)(sum / (double)(height * width));
    }
    snprintf(name, sizeof name, "%s.%s.sample", fixture->network, stage);
    compare_with(fixture, name, limit, 16 * channels, sample);
    snprintf(name, sizeof name, "%s.%s.mean", fixture->network, stage);
    compare_with(fixture, name, limit, channels, mean);
    snprintf(name, sizeof name, "%s.%s", fixture->network, stage);
    compare_with(fixture, name, limit, height * width * channels, values);
    free(sample);
    free(mean);
}

/* ---- One picture ---- */

static bool same_place(const struct face_box *a, const struct face_box *b)
{
    return a->row == b->row && a->column == b->column && a->anchor == b->anchor;
}

static void check_weak_boxes(struct fixture *fixture, const struct face_boxes *weak)
{
    int64_t n = weak->n;
    float *is = must_have(malloc((size_t)(8 * n + 1) * sizeof *is));
    for (int64_t i = 0; i < n; i++) {
        const struct face_box *box = &weak->list[i];
        double row[8] = {box->score, box->row, box->column, box->anchor,
                         box->x,     box->y,   box->w,      box->h};
        for (int j = 0; j < 8; j++)
            is[8 * i + j] = (float)row[j];
    }
    compare_with(fixture, "weak_boxes", 3e-6, 8 * n, is);
    free(is);

    /* Which are kept, by their place before. */
    struct face_boxes kept = {.n = n};
    int64_t *places = must_have(malloc((size_t)(n + 1) * sizeof *places));
    kept.list = must_have(malloc((size_t)(n + 1) * sizeof *kept.list));
    memcpy(kept.list, weak->list, (size_t)n * sizeof *kept.list);
    face_boxes_suppress(&kept, FACE_OVERLAP);
    for (int64_t i = 0; i < kept.n; i++)
        for (int64_t j = 0; j < n; j++)
            if (same_place(&kept.list[i], &weak->list[j]))
                places[i] = j;
    compare_integers(fixture, "weak_kept", kept.n, places);
    face_boxes_free(&kept);
    free(places);
}

/* The faces of a picture, or the best face of each frame of a clip, one after the other. */
#define MAX_FACES 1024
struct results {
    int64_t n;
    float scores[MAX_FACES], boxes[MAX_FACES * 4], landmark_feature[MAX_FACES * FACE_FEATURES],
        landmark_fc[MAX_FACES * 2 * FACE_LANDMARKS], landmarks[MAX_FACES * 2 * FACE_LANDMARKS],
        landmarks_px[MAX_FACES * 2 * FACE_LANDMARKS], aligned_boxes[MAX_FACES * 4],
        feature[MAX_FACES * FACE_FEATURES], logits[MAX_FACES * FACE_EXPRESSIONS],
        probabilities[MAX_FACES * FACE_EXPRESSIONS];
    int64_t crops[MAX_FACES * 4], aligned_crops[MAX_FACES * 4];
};

static void to_floats(int64_t n, const double *from, float *to)
{
    for (int64_t i = 0; i < n; i++)
        to[i] = (float)from[i];
}

static void add_result(struct results *results, const struct valence_face *face,
                       const struct face_steps *steps)
{
    int64_t i = results->n++;
    results->scores[i] = (float)face->score;
    to_floats(4, face->box, results->boxes + 4 * i);
    to_floats(4, face->aligned_box, results->aligned_boxes + 4 * i);
    to_floats(136, &steps->landmarks[0][0], results->landmarks + 136 * i);
    to_floats(136, &face->landmarks[0][0], results->landmarks_px + 136 * i);
    memcpy(results->landmark_feature + 256 * i, steps->landmark_feature,
           sizeof steps->landmark_feature);
    memcpy(results->landmark_fc + 136 * i, steps->landmark_outputs, sizeof steps->landmark_outputs);
    memcpy(results->feature + 256 * i, face->feature, sizeof face->feature);
    memcpy(results->logits + 7 * i, steps->logits, sizeof steps->logits);
    memcpy(results->probabilities + 7 * i, face->probabilities, sizeof face->probabilities);
    memcpy(results->crops + 4 * i, &steps->crop, sizeof steps->crop);
    memcpy(results->aligned_crops + 4 * i, &steps->aligned_crop, sizeof steps->aligned_crop);
}

static void compare_results(struct fixture *fixture, const struct results *results)
{
    const struct {
        const char *name;
        int64_t width;
        const float *values;
    } all[] = {{"scores", 1, results->scores},
               {"boxes", 4, results->boxes},
               {"landmark_feature", 256, results->landmark_feature},
               {"landmark_fc", 136, results->landmark_fc},
               {"landmarks", 136, results->landmarks},
               {"landmarks_px", 136, results->landmarks_px},
               {"aligned_boxes", 4, results->aligned_boxes},
               {"feature", 256, results->feature},
               {"logits", 7, results->logits},
               {"probabilities", 7, results->probabilities}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        compare_with(fixture, all[i].name, limit_of("", all[i].name), results->n * all[i].width,
                     all[i].values);
    compare_integers(fixture, "crops", 4 * results->n, results->crops);
    compare_integers(fixture, "aligned_crops", 4 * results->n, results->aligned_crops);
}

/* Finds up to `most` faces and keeps every step. */
static void run(struct fixture *fixture, const struct face_picture *picture, bool stages,
                int64_t most, struct results *results)
{
    struct valence_error error;
    struct valence_face_detector *detector = fixture->detector;
    struct face_workspace *workspace = &detector->workers[0].workspace;
    struct face_boxes boxes = {0};
    workspace->tap = stages ? see_stage : NULL;
    workspace->tap_user = fixture;
    fixture->network = "detector";
    must_work(faces_detect(detector, workspace, picture, 0.01, &boxes, &error), &error);
    if (stages) {
        int64_t cells = detector->options.input_size / FACE_DETECTOR_STRIDE;
        compare_with(fixture, "detector.grid", 3e-4, cells * cells * 25, workspace->buffers[1]);
        check_weak_boxes(fixture, &boxes);
    }
    workspace->tap = NULL;
    must_work(
        faces_detect(detector, workspace, picture, detector->options.threshold, &boxes, &error),
        &error);
    face_boxes_suppress(&boxes, FACE_OVERLAP);
    for (int64_t i = 0; i < boxes.n && i < most; i++) {
        char network[32];
        struct face_box box = boxes.list[i];
        struct valence_face face;
        struct face_steps steps;
        bool found;
        box.x *= (double)picture->width, box.w *= (double)picture->width;
        box.y *= (double)picture->height, box.h *= (double)picture->height;
        must_work(faces_describe(detector, workspace, picture, &box, &face, &steps, &found, &error),
                  &error);
        if (!found)
            continue;
        add_result(results, &face, &steps);
        for (int which = 0; stages && which < 2; which++) {
            /* The two networks once more, with their stages in sight. */
            float feature[FACE_FEATURES], outputs[2 * FACE_LANDMARKS];
            const struct face_rectangle *crop = which ? &steps.aligned_crop : &steps.crop;
            struct face_picture part = {picture->pixels + (crop->y * picture->stride + crop->x) * 3,
                                        crop->w, crop->h, picture->stride};
            snprintf(network, sizeof network, "%s%d", which ? "expression" : "landmark", (int)i);
            fixture->network = network;
            workspace->tap = see_stage;
            face_input(&part, FACE_CENTRED, FACE_CROP_SIDE, face_crop_mean, workspace->buffers[0]);
            must_work(face_crop_run(which ? &detector->networks.expression
                                          : &detector->networks.landmarks,
                                    workspace, feature, outputs, &error),
                      &error);
            workspace->tap = NULL;
        }
    }
    face_boxes_free(&boxes);
}

static void open_detector(struct fixture *fixture, const char *model, int64_t input_size)
{
    struct valence_error error;
    struct valence_face_options options;
    valence_face_options_default(&options);
    options.input_size = input_size;
    must_work(valence_face_detector_open(model, &options, &fixture->detector, &error), &error);
}

/* ---- Types ---- */

/* Whether the converter would store the tensor in a type other than f32. */
static bool is_typed(const char *name)
{
    size_t n = strlen(name), ending = strlen(".weight");
    return n > ending && strcmp(name + n - ending, ".weight") == 0 && strstr(name, "conv");
}

static void add_tensor(struct gguf_context *gguf, struct ggml_context *context,
                       const struct ggml_tensor *from, enum ggml_type type)
{
    if (!is_typed(from->name))
        type = GGML_TYPE_F32;
    else if (from->ne[0] % ggml_blck_size(type) != 0)
        type = GGML_TYPE_F16;
    struct ggml_tensor *to = ggml_new_tensor(context, type, ggml_n_dims(from), from->ne);
    ggml_set_name(to, from->name);
    if (type == GGML_TYPE_F32)
        memcpy(to->data, from->data, ggml_nbytes(to));
    else
        ggml_quantize_chunk(type, from->data, to->data, 0, ggml_nrows(from), from->ne[0], NULL);
    gguf_add_tensor(gguf, to);
}

/* The networks of the file `model`, in f32, as valence_convert() would write them in `type`. */
static void retype(const char *model, enum ggml_type type, const char *path)
{
    struct ggml_context *all = NULL;
    struct gguf_init_params params = {.no_alloc = false, .ctx = &all};
    struct gguf_context *from = must_have(gguf_init_from_file(model, params));
    struct ggml_context *context =
        ggml_init((struct ggml_init_params){.mem_size = (size_t)16 << 20});
    struct gguf_context *to = gguf_init_empty();
    gguf_set_kv(to, from);
    gguf_set_val_str(to, "valence.type", ggml_type_name(type));
    if (gguf_find_key(to, WEIGHTS_DIGEST_KEY) >= 0)
        gguf_remove_key(to, WEIGHTS_DIGEST_KEY); /* of other bytes */
    for (int64_t i = 0; i < gguf_get_n_tensors(from); i++)
        add_tensor(to, context, ggml_get_tensor(all, gguf_get_tensor_name(from, i)), type);
    must_have(gguf_write_to_file(to, path, false) ? to : NULL);
    gguf_free(to);
    gguf_free(from);
    ggml_free(context);
    ggml_free(all);
}

/* The best faces of a picture beside those in f32: boxes and landmarks within a pixel, features
 * with a cosine of 0.999. */
static void compare_faces(struct fixture *fixture, const char *what, int64_t n,
                          const struct valence_face *is, const struct valence_face *want)
{
    double box = 0, landmark = 0, least = 1;
    char measured[128];
    for (int64_t i = 0; i < n; i++) {
        double ab = 0, aa = 0, bb = 0;
        for (int j = 0; j < 4; j++)
            box = fmax(box, fabs(is[i].box[j] - want[i].box[j]));
        for (int j = 0; j < FACE_LANDMARKS; j++)
            landmark = fmax(landmark, hypot(is[i].landmarks[j][0] - want[i].landmarks[j][0],
                                            is[i].landmarks[j][1] - want[i].landmarks[j][1]) /
                                          want[i].box[2]);
        for (int j = 0; j < FACE_FEATURES; j++) {
            ab += (double)is[i].feature[j] * (double)want[i].feature[j];
            aa += (double)is[i].feature[j] * (double)is[i].feature[j];
            bb += (double)want[i].feature[j] * (double)want[i].feature[j];
        }
        least = fmin(least, ab / sqrt(aa * bb));
    }
    snprintf(measured, sizeof measured, "boxes %.2f px, landmarks %.2f %%, least cosine %.5f", box,
             100 * landmark, least);
    verdict(&fixture->tally, what, box < 1 && landmark < 0.02 && least >= 0.999, measured);
}

static void check_type(struct fixture *fixture, const char *model, int64_t input_size,
                       const struct face_picture *picture, enum ggml_type type)
{
    struct valence_error error;
    struct valence_face_options options = {.size = sizeof options};
    struct valence_face_detector *detectors[2];
    const struct valence_face *faces[2];
    int64_t n[2];
    char path[] = "/tmp/valence-faces-XXXXXX", what[128];
    close(mkstemp(path));
    retype(model, type, path);
    valence_face_options_default(&options);
    options.input_size = input_size;
    for (int i = 0; i < 2; i++) {
        must_work(valence_face_detector_open(i ? path : model, &options, &detectors[i], &error),
                  &error);
        must_work(valence_faces_find(detectors[i], picture->pixels, picture->width, picture->height,
                                     &faces[i], &n[i], &error),
                  &error);
    }
    unlink(path);
    snprintf(what, sizeof what, "%s in %s", fixture->picture, ggml_type_name(type));
    verdict(&fixture->tally, what, n[0] == n[1], "as many faces as in f32");
    compare_faces(fixture, what, n[0] < n[1] ? n[0] : n[1], faces[1], faces[0]);
    for (int i = 0; i < 2; i++)
        valence_face_detector_close(detectors[i]);
}

/* ---- A picture in all ways ---- */

static void check_picture(struct fixture *fixture, const char *model, int64_t input_size)
{
    struct results *results = must_have(calloc(1, sizeof *results));
    const struct safetensor *image = find(fixture, "image");
    if (!image) {
        verdict(&fixture->tally, fixture->picture, false, "has no image");
        return;
    }
    uint8_t *pixels = bytes_of(image);
    struct face_picture picture = {pixels, image->shape[1], image->shape[0], image->shape[1]};
    open_detector(fixture, model, input_size);
    run(fixture, &picture, true, MAX_FACES, results);
    compare_results(fixture, results);

    /* The public function gives the same faces. */
    struct valence_error error;
    const struct valence_face *faces;
    int64_t n;
    must_work(valence_faces_find(fixture->detector, picture.pixels, picture.width, picture.height,
                                 &faces, &n, &error),
              &error);
    bool same = n == results->n;
    for (int64_t i = 0; same && i < n; i++)
        same = memcmp(faces[i].feature, results->feature + 256 * i, sizeof faces[i].feature) == 0;
    verdict(&fixture->tally, fixture->picture, same, "valence_faces_find()");
    valence_face_detector_close(fixture->detector);
    check_type(fixture, model, input_size, &picture, GGML_TYPE_BF16);
    free(pixels);
    free(results);
}

/* ---- The clip ---- */

/* Runs the best face of one frame, whose pixels must be those of the fixture. */
static void check_frame(struct fixture *fixture, const uint8_t *pixels, const json_t *clip,
                        size_t index, struct results *results)
{
    char found[SHA256_TEXT_BYTES], what[64];
    int64_t width = json_integer_value(json_object_get(clip, "width")), before = results->n;
    int64_t height = json_integer_value(json_object_get(clip, "height"));
    const char *wanted =
        json_string_value(json_array_get(json_object_get(clip, "sha256_rgb"), index));
    sha256_text(pixels, (size_t)(width * height * 3), found);
    snprintf(what, sizeof what, "clip, frame %zu of the list", index);
    verdict(&fixture->tally, what, wanted && strcmp(found, wanted) == 0, "sha256_rgb");
    struct face_picture picture = {pixels, width, height, width};
    run(fixture, &picture, false, 1, results);
    int64_t faces = json_integer_value(json_array_get(json_object_get(clip, "faces"), index));
    verdict(&fixture->tally, what, results->n - before == (faces > 0), "a face or none");
}

static void check_frames(struct fixture *fixture, struct clip_frames *film, const json_t *clip)
{
    struct results *results = must_have(calloc(1, sizeof *results));
    const json_t *frames = json_object_get(clip, "frames");
    uint8_t *pixels = must_have(malloc(3 * (size_t)(film->decoder->width * film->decoder->height)));
    size_t next = 0;
    for (int64_t i = 0;
         next < json_array_size(frames) && next < MAX_FACES && clip_frames_next(film); i++)
        if (i == json_integer_value(json_array_get(frames, next))) {
            clip_frames_rgb(film, pixels);
            check_frame(fixture, pixels, clip, next++, results);
        }
    verdict(&fixture->tally, "clip", next == json_array_size(frames), "all frames are there");
    compare_results(fixture, results);
    free(pixels);
    free(results);
}

static void check_clip(struct fixture *fixture, const char *model, const json_t *clip)
{
    const char *shared = getenv("VALENCE_SHARED"), *name;
    char path[1024];
    struct clip_frames film;
    if (!clip)
        return;
    name = json_string_value(json_object_get(clip, "name"));
    snprintf(path, sizeof path, "%s/data/media/%s", shared ? shared : "", name ? name : "");
    if (!shared || !path_exists(path)) {
        printf("  skip clip: VALENCE_SHARED has no data/media/%s\n", name ? name : "");
        return;
    }
    fixture->picture = "clip";
    open_detector(fixture, model, json_integer_value(json_object_get(clip, "input_size")));
    bool is_film = clip_frames_open(&film, path) &&
                   film.decoder->width == json_integer_value(json_object_get(clip, "width")) &&
                   film.decoder->height == json_integer_value(json_object_get(clip, "height"));
    verdict(&fixture->tally, "clip", is_film, path);
    if (is_film)
        check_frames(fixture, &film, clip);
    clip_frames_close(&film);
    valence_face_detector_close(fixture->detector);
    fixture->has_clip = true;
}

/* A fixture's tensor that nothing was compared with would pass unseen. Pictures are inputs; the
 * clip's frames need its film. */
static void check_all_used(struct fixture *fixture)
{
    int64_t n = 0;
    char measured[64];
    for (int64_t i = 0; i < safetensors_n_tensors(fixture->cases); i++) {
        const char *name = safetensors_tensor(fixture->cases, i)->name, *dot = strchr(name, '.');
        n += dot && strcmp(dot, ".image") != 0 &&
             (fixture->has_clip || strncmp(name, "clip.", 5) != 0);
    }
    snprintf(measured, sizeof measured, "%d of %d", (int)fixture->n_used, (int)n);
    verdict(&fixture->tally, "tensors compared", fixture->n_used == n, measured);
}

/* The file that `valence models fetch faces` makes. */
static void cached_model(char *path, size_t room)
{
    const char *cache = getenv("VALENCE_CACHE"), *home = getenv("HOME");
    if (cache && cache[0])
        snprintf(path, room, "%s/models/faces.gguf", cache);
    else
        snprintf(path, room, "%s/.cache/valence/models/faces.gguf", home ? home : "");
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: golden-faces FOLDER [MODEL]\n");
        return 2;
    }
    struct valence_error error;
    struct fixture fixture = {0};
    char converted[] = "/tmp/valence-faces-XXXXXX", cached[1024];
    const char *model = argc > 2 ? argv[2] : NULL;
    cached_model(cached, sizeof cached);
    bool temporary = model && path_is_folder(model);
    if (temporary) {
        close(mkstemp(converted));
        unlink(converted);
        must_work(valence_convert(VALENCE_CONVERT_FACES, model, converted, NULL, NULL, &error),
                  &error);
        model = converted;
    } else if (!model) {
        model = cached;
    }
    if (!path_exists(model)) {
        printf("skipped: the face networks are not here ('valence models fetch faces')\n");
        return 77;
    }
    char *path = must_have(path_join(argv[1], "cases.json"));
    json_t *description = json_load_file(path, 0, NULL);
    free(path);
    path = must_have(path_join(argv[1], "cases.safetensors"));
    must_work(safetensors_open(path, &fixture.cases, &error), &error);
    const char *name;
    json_t *picture;
    json_object_foreach(json_object_get(description, "pictures"), name, picture)
    {
        fixture.picture = name;
        check_picture(&fixture, model, json_integer_value(json_object_get(picture, "input_size")));
    }
    check_clip(&fixture, model, json_object_get(description, "clip"));
    check_all_used(&fixture);
    safetensors_close(fixture.cases);
    json_decref(description);
    free(path);
    if (temporary)
        unlink(converted);
    return conclude(&fixture.tally);
}
