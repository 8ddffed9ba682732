/* golden-whisper FOLDER [BASE.gguf]: compares Whisper's log-mel, hidden states and rows with every
 * tensor of the encoder that is stored in FOLDER: in subfolders that have a model (tiny), which is
 * converted, and, with BASE.gguf, in those that have sounds and cases of its weights (base). The
 * limits are those of the fixtures' description. */
#include "golden.h"

#include <dirent.h>
#include <inttypes.h>
#include <unistd.h>

#include <jansson.h>

#include "base/file.h"
#include "encode/compute/backend.h"
#include "encode/whisper/whisper_audio.h"
#include "valence/media.h"

#define RELATIVE       5e-6
#define RELATIVE_LARGE 2e-5 /* hidden states of real weights with outliers */

struct fixture {
    const char *folder;
    struct safetensors *cases;
    struct whisper_audio model;
    struct whisper_audio_state state;
    struct tally *tally;
    bool is_real; /* published weights: other limits */
};

/* What is stored of a case: everything begins with this. */
struct run {
    const struct fixture *fixture;
    const char *stem; /* "a." or "a.ctx65." */
    int64_t n_rows;
    const json_t *kept; /* rows stored as ".kept"; NULL */
};

static const struct safetensor *find(const struct run *run, const char *name)
{
    char full[128];
    snprintf(full, sizeof full, "%s%s", run->stem, name);
    return safetensors_find(run->fixture->cases, full);
}

/* ---- Limits ---- */

static double limit_of(const struct run *run, const char *name)
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

static bool has_outliers(const struct run *run, const char *name)
{
    return run->fixture->is_real && strncmp(name, "hidden.", 7) == 0 && name[7] >= '4';
}

/* ---- Comparing ---- */

static void check(const struct run *run, const char *name, const char *suffix, int64_t n,
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

/* Mean and population deviation of each column. */
static void check_moments(const struct run *run, const char *name, int64_t n, int64_t width,
                          const float *rows)
{
    float *mean = must_have(calloc((size_t)width, sizeof *mean)),
          *deviation = must_have(calloc((size_t)width, sizeof *deviation));
    for (int64_t c = 0; c < width; c++) {
        double sum = 0, squares = 0;
        for (int64_t i = 0; i < n; i++)
            sum += rows[i * width + c];
        for (int64_t i = 0; i < n; i++)
            squares += pow(rows[i * width + c] - sum / (double)n, 2);
        mean[c] = (float)(sum / (double)n);
        deviation[c] = (float)sqrt(squares / (double)n);
    }
    bool large = has_outliers(run, name);
    check(run, name, ".mean", width, mean, large ? 4e-5 : limit_of(run, name));
    check(run, name, ".std", width, deviation, large ? 4e-4 : limit_of(run, name));
    free(mean);
    free(deviation);
}

static void check_rows(const struct run *run, const char *name, int64_t n, int64_t width,
                       const float *rows)
{
    double limit = limit_of(run, name);
    check(run, name, "", n * width, rows, limit);
    check_moments(run, name, n, width, rows);
    size_t n_kept = json_array_size(run->kept);
    float *kept = must_have(malloc((n_kept + 1) * (size_t)width * sizeof *kept));
    for (size_t i = 0; i < n_kept; i++) {
        json_int_t row = json_integer_value(json_array_get(run->kept, i));
        if (row >= 0 && row < n)
            memcpy(kept + (int64_t)i * width, rows + row * width, (size_t)width * sizeof *kept);
    }
    if (n_kept)
        check(run, name, ".kept", (int64_t)n_kept * width, kept, limit);
    free(kept);
}

static void see(void *user, int64_t index, const float *rows)
{
    const struct run *run = user;
    const struct whisper_audio *model = &run->fixture->model;
    char name[32] = "conv1";
    if (index == model->n_layers + 1)
        strcpy(name, "last_hidden");
    else if (index >= 0)
        snprintf(name, sizeof name, "hidden.%" PRId64, index);
    check_rows(run, name, index < 0 ? 2 * run->n_rows : run->n_rows, model->width, rows);
    if (index == model->n_layers + 1 && find(run, "last_hidden.every")) {
        int64_t n = find(run, "last_hidden.every")->count / model->width;
        float *every = must_have(malloc((size_t)(n * model->width) * sizeof *every));
        for (int64_t i = 0; i < n; i++)
            memcpy(every + i * model->width, rows + i * 100 * model->width,
                   (size_t)model->width * sizeof *every);
        check(run, "last_hidden", ".every", n * model->width, every, limit_of(run, "last_hidden"));
        free(every);
    }
}

/* ---- Cases ---- */

/* The first `frames` of every mel, or those that `kept` lists. */
static void check_mel(const struct run *run, const json_t *kept_frames)
{
    const struct whisper_audio *model = &run->fixture->model;
    const float *mel = run->fixture->state.mel;
    const struct safetensor *stored = find(run, "logmel");
    int64_t n_mels = model->n_mels, frames = stored ? stored->count / n_mels : 0,
            n_kept = (int64_t)json_array_size(kept_frames), n_real = 2 * run->n_rows;
    int64_t room = n_mels * (frames > n_kept ? frames : n_kept) + n_mels;
    float *values = must_have(malloc((size_t)room * sizeof *values));
    for (int64_t i = 0; i < n_mels * frames; i++)
        values[i] = mel[i / frames * WHISPER_FRAMES + i % frames];
    check(run, "logmel", "", n_mels * frames, values, 1e-4);
    for (int64_t m = 0; m < n_mels; m++)
        for (int64_t i = 0; i < n_kept; i++)
            values[m * n_kept + i] =
                mel[m * WHISPER_FRAMES +
                    json_integer_value(json_array_get(kept_frames, (size_t)i))];
    check(run, "logmel", ".kept", n_mels * n_kept, values, 1e-4);
    for (int64_t m = 0; m < n_mels; m++) {
        double sum = 0;
        for (int64_t f = 0; f < n_real && f < WHISPER_FRAMES; f++)
            sum += mel[m * WHISPER_FRAMES + f];
        values[m] = (float)(sum / (double)n_real);
    }
    check(run, "logmel", ".mean", n_mels, values, 1e-4);
    free(values);
}

/* All frames behind the sound hold one value. */
static void check_rest(const struct run *run, const json_t *facts)
{
    const json_t *rest = json_object_get(facts, "logmel_rest");
    if (!rest)
        return;
    char what[96], measured[64];
    double largest = 0;
    for (int64_t f = 2 * run->n_rows + 4; f < WHISPER_FRAMES; f++)
        for (int64_t m = 0; m < run->fixture->model.n_mels; m++)
            largest = fmax(largest, fabs(run->fixture->state.mel[m * WHISPER_FRAMES + f] -
                                         json_number_value(rest)));
    snprintf(what, sizeof what, "%s %slogmel_rest", path_name(run->fixture->folder), run->stem);
    snprintf(measured, sizeof measured, "max %.2e (limit 1e-04)", largest);
    verdict(run->fixture->tally, what, largest <= 1e-4, measured);
}

/* Contexts other than 1500 for which something is stored. */
static void check_contexts(struct fixture *fixture, const char *name, const struct run *like)
{
    int64_t done[16];
    int n_done = 0;
    for (int64_t i = 0; i < safetensors_n_tensors(fixture->cases); i++) {
        const char *full = safetensors_tensor(fixture->cases, i)->name;
        char form[64], stem[64];
        int64_t context;
        bool is_known = false;
        snprintf(form, sizeof form, "%s.ctx%%" SCNd64 ".", name);
        if (sscanf(full, form, &context) != 1 || strncmp(full, name, strlen(name)) != 0)
            continue;
        for (int j = 0; j < n_done; j++)
            is_known = is_known || done[j] == context;
        if (is_known || n_done == 16)
            continue;
        done[n_done++] = context;
        snprintf(stem, sizeof stem, "%s.ctx%" PRId64 ".", name, context);
        struct run run = {fixture, stem, like->n_rows, like->kept};
        whisper_audio_run(&fixture->state, context, fixture->model.n_layers, see, &run);
    }
}

struct joined {
    float *rows;
    int64_t n_rows, done, depth, width;
};

static void join(void *user, int64_t index, const float *rows)
{
    struct joined *joined = user;
    int64_t n = joined->n_rows - joined->done < WHISPER_CONTEXT ? joined->n_rows - joined->done
                                                                : WHISPER_CONTEXT;
    if (index == joined->depth + 1)
        memcpy(joined->rows + joined->done * joined->width, rows,
               (size_t)(n * joined->width) * sizeof *rows);
}

/* Longer than a window: the windows' rows behind each other. */
static void check_long(struct fixture *fixture, const struct run *run, const float *samples,
                       int64_t n)
{
    struct valence_error error;
    const struct whisper_audio *model = &fixture->model;
    struct joined joined = {.n_rows = run->n_rows, .depth = model->n_layers, .width = model->width};
    joined.rows = must_have(malloc((size_t)(run->n_rows * model->width) * sizeof(float)));
    for (int64_t first = 0; first < n; first += WHISPER_WINDOW) {
        int64_t count = n - first < WHISPER_WINDOW ? n - first : WHISPER_WINDOW;
        must_work(whisper_audio_log_mel(model, samples + first, count, WHISPER_WINDOW,
                                        fixture->state.mel, &error),
                  &error);
        whisper_audio_run(&fixture->state, WHISPER_CONTEXT, model->n_layers, join, &joined);
        joined.done += (count + WHISPER_HOP - 1) / WHISPER_HOP;
    }
    check_rows(run, "last_hidden", run->n_rows, model->width, joined.rows);
    free(joined.rows);
}

/* Without silence behind the sound; the last frames of it, or all. */
static void check_unpadded(struct fixture *fixture, const struct run *run, const float *samples,
                           int64_t n)
{
    static const char *const names[] = {"logmel.unpadded", "logmel.unpadded.last4"};
    struct valence_error error;
    int64_t n_mels = fixture->model.n_mels, frames = n / 160;
    for (int i = 0; i < 2; i++) {
        const struct safetensor *stored = find(run, names[i]);
        int64_t kept = stored ? stored->count / n_mels : 0;
        if (!stored || kept > frames)
            continue;
        must_work(whisper_audio_log_mel(&fixture->model, samples, n, n, fixture->state.mel, &error),
                  &error);
        float *values = must_have(malloc((size_t)(n_mels * kept) * sizeof *values));
        for (int64_t j = 0; j < n_mels * kept; j++)
            values[j] = fixture->state.mel[j / kept * WHISPER_FRAMES + frames - kept + j % kept];
        check(run, names[i], "", n_mels * kept, values, 1e-4);
        free(values);
    }
}

static void check_case(struct fixture *fixture, const char *name, const json_t *facts,
                       const float *samples, int64_t n)
{
    char stem[64];
    struct valence_error error;
    snprintf(stem, sizeof stem, "%s.", name);
    struct run run = {fixture, stem, (n + WHISPER_HOP - 1) / WHISPER_HOP,
                      json_object_get(facts, "kept_rows")};
    if (n > WHISPER_WINDOW) {
        check_long(fixture, &run, samples, n);
        return;
    }
    check_unpadded(fixture, &run, samples, n);
    must_work(whisper_audio_log_mel(&fixture->model, samples, n, WHISPER_WINDOW, fixture->state.mel,
                                    &error),
              &error);
    check_mel(&run, json_object_get(facts, "kept_frames"));
    check_rest(&run, facts);
    whisper_audio_run(&fixture->state, WHISPER_CONTEXT, fixture->model.n_layers, see, &run);
    check_contexts(fixture, name, &run);
}

/* The case's samples: stored, a sound file, another case's repeated, or silence. */
static float *samples_of(const struct fixture *fixture, const char *name, const json_t *facts,
                         int64_t n)
{
    char full[80];
    float *samples = must_have(calloc((size_t)n + 1, sizeof *samples));
    const char *audio = json_string_value(json_object_get(facts, "audio"));
    snprintf(full, sizeof full, "%s.waveform", name);
    const struct safetensor *stored = safetensors_find(fixture->cases, full);
    if (!stored && n > WHISPER_WINDOW)
        stored = safetensors_find(fixture->cases, "b.waveform");
    if (stored) {
        float *values = values_of(stored);
        for (int64_t i = 0; i < n; i++)
            samples[i] = values[i % stored->count] / 32768.0f;
        free(values);
    } else if (audio) {
        struct valence_error error;
        struct valence_media *media;
        struct valence_sound *sound;
        char *path = must_have(path_join(fixture->folder, audio));
        bool exists = path_exists(path);
        if (exists) {
            must_work(valence_media_open(path, NULL, &media, &error), &error);
            must_work(valence_media_read_sound(media, NULL, &sound, &error), &error);
            memcpy(samples, sound->samples,
                   (size_t)(sound->n_samples < n ? sound->n_samples : n) * sizeof *samples);
            valence_sound_free(sound);
            valence_media_close(media);
        } else {
            printf("  skip %s: %s is not there\n", name, path);
            free(samples);
            samples = NULL;
        }
        free(path);
    }
    return samples;
}

static void check_cases(struct fixture *fixture)
{
    const char *name;
    json_t *facts;
    char *path = must_have(path_join(fixture->folder, "cases.json"));
    json_t *json = must_have(json_load_file(path, 0, NULL));
    json_object_foreach(json_object_get(json, "cases"), name, facts)
    {
        int64_t n = (int64_t)json_integer_value(json_object_get(facts, "samples"));
        float *samples = samples_of(fixture, name, facts, n);
        if (samples)
            check_case(fixture, name, facts, samples, n);
        free(samples);
    }
    json_decref(json);
    free(path);
}

/* ---- Models ---- */

static void check_model(const char *folder, const char *gguf, bool is_real, struct tally *tally)
{
    struct valence_error error;
    struct weights weights;
    struct fixture fixture = {.folder = folder, .tally = tally, .is_real = is_real};
    char *cases = must_have(path_join(folder, "cases.safetensors"));
    must_work(backends_load(&error), &error);
    must_work(weights_open(&weights, gguf, &error), &error);
    must_work(whisper_audio_load(&fixture.model, &weights, &error), &error);
    weights_close(&weights);
    must_work(whisper_audio_state_create(&fixture.state, &fixture.model, &error), &error);
    must_work(safetensors_open(cases, &fixture.cases, &error), &error);
    check_cases(&fixture);
    safetensors_close(fixture.cases);
    whisper_audio_state_free(&fixture.state);
    whisper_audio_free(&fixture.model);
    free(cases);
}

/* Converts the folder's own model, or uses BASE.gguf. */
static void check_folder(const char *folder, const char *base, struct tally *tally)
{
    struct valence_error error;
    char work[] = "/tmp/golden-whisper-XXXXXX";
    char *weights = must_have(path_join(folder, "model.safetensors"));
    if (path_exists(weights)) {
        must_have(mkdtemp(work));
        char *gguf = must_have(path_join(work, "model.gguf"));
        must_work(valence_convert(VALENCE_CONVERT_WHISPER, folder, gguf, NULL, NULL, &error),
                  &error);
        check_model(folder, gguf, false, tally);
        unlink(gguf);
        rmdir(work);
        free(gguf);
    } else if (base) {
        check_model(folder, base, true, tally);
    } else {
        printf("  skip %s: it is of published weights; give their GGUF file\n", folder);
    }
    free(weights);
}

static bool is_fixture(const char *folder)
{
    char *path = must_have(path_join(folder, "cases.safetensors"));
    bool is = path_exists(path);
    free(path);
    return is;
}

int main(int argc, char **argv)
{
    struct tally tally = {0};
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: golden-whisper FOLDER [BASE.gguf]\n");
        return 2;
    }
    const char *base = argc > 2 ? argv[2] : NULL;
    if (is_fixture(argv[1]))
        check_folder(argv[1], base, &tally);
    DIR *folder = opendir(argv[1]);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char *path = must_have(path_join(argv[1], entry->d_name));
        if (entry->d_name[0] != '.' && path_is_folder(path) && is_fixture(path))
            check_folder(path, base, &tally);
        free(path);
    }
    if (folder)
        closedir(folder);
    return conclude(&tally);
}
