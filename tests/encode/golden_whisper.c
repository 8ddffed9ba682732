/* golden-whisper FOLDER [BASE.gguf [SOUNDS...]]: compares all that is stored in FOLDER with what
 * valence computes, within the limits of the fixtures' description: log-mel, the encoder's states
 * and rows, the decoder's states and logits, languages, greedy decoding, segments; and, for
 * published weights, the logits and transcripts of whisper.cpp.
 *
 * Subfolders with a model (tiny) are converted. Those without (base) are of the published weights:
 * BASE.gguf, or "whisper-base" among the cached models (VALENCE_CACHE). Sounds that are not in
 * FOLDER are looked for in the folders SOUNDS, and below VALENCE_SHARED. */
#include "golden_whisper_cpp.h"
#include "golden_whisper_sounds.h"
#include "golden_whisper_types.h"

#include <dirent.h>
#include <inttypes.h>
#include <unistd.h>

#include <jansson.h>

#include "encode/compute/backend.h"
#include "encode/whisper/whisper_stream.h"
#include "valence/models.h"

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
    if (index == model->n_layers + 1)
        memcpy(run->sound, rows, (size_t)(run->context * model->width) * sizeof *rows);
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

/* Everything of the decoder that is stored for this run. `modes` holds "plain" and "timestamps";
 * the encoder's last state is `sound`, (context, width). */
static void check_decoding(const struct run *run, const json_t *facts, const json_t *modes,
                           int64_t context, const float *sound)
{
    static const char *const names[] = {"plain", "timestamps"};
    if (!modes)
        return;
    decoder_hear(&((struct fixture *)(uintptr_t)run->fixture)->decoder, context, sound);
    check_languages(run, facts);
    for (int i = 0; i < 2; i++) {
        const json_t *mode = json_object_get(modes, names[i]);
        if (!mode)
            continue;
        struct forced forced = force_tokens(run, mode, i == 0 ? see_decoder : NULL);
        if (i == 0)
            check_forced(run, &forced);
        check_greedy(run, names[i], mode, &forced);
        if (run->fixture->product && context == WHISPER_CONTEXT)
            check_product_mode(run, names[i], mode, &forced);
        free(forced.logits);
    }
}

/* What is decoded in that context: stored by context, or for 1500 alone. */
static const json_t *modes_of(const json_t *facts, int64_t context)
{
    char key[24];
    snprintf(key, sizeof key, "%" PRId64, context);
    const json_t *by_context = json_object_get(facts, "decode");
    if (by_context)
        return json_object_get(by_context, key);
    return context == WHISPER_CONTEXT && json_object_get(facts, "plain") ? facts : NULL;
}

/* Runs the encoder, and the decoder on what it gives. */
static void check_context(const struct run *like, const char *stem, int64_t context,
                          const json_t *facts)
{
    struct run run = *like;
    struct fixture *fixture = (struct fixture *)(uintptr_t)run.fixture;
    int64_t size = context * fixture->model.width;
    run.stem = stem;
    run.sound = must_have(malloc((size_t)size * sizeof *run.sound));
    run.context = context;
    whisper_audio_run(&fixture->state, context, fixture->model.n_layers, see, &run);
    check_decoding(&run, facts, modes_of(facts, context), context, run.sound);
    free(run.sound);
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
static void check_contexts(struct fixture *fixture, const char *name, const struct run *like,
                           const json_t *facts)
{
    int64_t done[16] = {WHISPER_CONTEXT};
    int n_done = 1;
    size_t length = strlen(name);
    for (int64_t i = 0; i < safetensors_n_tensors(fixture->cases); i++) {
        const char *full = safetensors_tensor(fixture->cases, i)->name;
        char stem[64];
        int64_t context;
        bool is_known = false;
        if (strncmp(full, name, length) != 0 || full[length] != '.' ||
            sscanf(full + length, ".ctx%" SCNd64 ".", &context) != 1)
            continue;
        for (int j = 0; j < n_done; j++)
            is_known = is_known || done[j] == context;
        if (is_known || n_done == 16 || context < 1 || context > WHISPER_CONTEXT)
            continue;
        done[n_done++] = context;
        snprintf(stem, sizeof stem, "%s.ctx%" PRId64 ".", name, context);
        check_context(like, stem, context, facts);
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
    struct run run = {.fixture = fixture,
                      .stem = stem,
                      .n_rows = (n + WHISPER_HOP - 1) / WHISPER_HOP,
                      .kept = json_object_get(facts, "kept_rows")};
    judge_equal(&run, "rows", json_integer_value(json_object_get(facts, "rows")) == run.n_rows, "");
    check_samples(&run, facts, n, samples);
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
    if (fixture->product)
        product_hear(fixture, n, samples);
    check_context(&run, stem, WHISPER_CONTEXT, facts);
    check_contexts(fixture, name, &run, facts);
    if (fixture->product && json_object_get(facts, "plain"))
        check_transcription(&run, facts, n, samples);
}

/* The longest waveform that is stored: the one that is repeated for the case over 30 s. */
static const struct safetensor *longest_waveform(const struct fixture *fixture)
{
    const struct safetensor *longest = NULL;
    for (int64_t i = 0; i < safetensors_n_tensors(fixture->cases); i++) {
        const struct safetensor *tensor = safetensors_tensor(fixture->cases, i);
        const char *ending = strstr(tensor->name, ".waveform");
        if (ending && !ending[9] && (!longest || tensor->count > longest->count))
            longest = tensor;
    }
    return longest;
}

/* The case's samples: stored, a sound file, another case's repeated, or silence. NULL where the
 * sound is missing. */
static float *samples_of(struct fixture *fixture, const char *name, const json_t *facts, int64_t n)
{
    char full[80];
    float *samples = must_have(calloc((size_t)n + 1, sizeof *samples));
    const char *audio = json_string_value(json_object_get(facts, "audio"));
    snprintf(full, sizeof full, "%s.waveform", name);
    const struct safetensor *stored = safetensors_find(fixture->cases, full);
    if (!stored && n > WHISPER_WINDOW)
        stored = longest_waveform(fixture);
    fixture->is_resampled = false;
    if (stored) {
        float *values = values_of(stored);
        for (int64_t i = 0; i < n; i++)
            samples[i] = values[i % stored->count] / 32768.0f;
        free(values);
    } else if (audio && !read_sound(fixture, audio, n, samples)) {
        printf("  skip %s: there is no %s (name its folder behind the model)\n", name, audio);
        free(samples);
        samples = NULL;
    }
    return samples;
}

static void check_cases(struct fixture *fixture, const json_t *json)
{
    const char *name;
    json_t *facts;
    json_object_foreach(json_object_get(json, "cases"), name, facts)
    {
        int64_t n = (int64_t)json_integer_value(json_object_get(facts, "samples"));
        float *samples = samples_of(fixture, name, facts, n);
        if (samples)
            check_case(fixture, name, facts, samples, n);
        free(samples);
    }
}

/* ---- Models ---- */

/* The ids follow from the number of tokens alone. */
static void check_special(const struct fixture *fixture, const json_t *special)
{
    static const struct {
        const char *name;
        int64_t back; /* from the first time */
    } ids[] = {{"notimestamps", 1}, {"nospeech", 2},   {"startofprev", 3},
               {"startoflm", 4},    {"transcribe", 5}, {"translate", 6},
               {"lang0", 105},      {"sot", 106},      {"eot", 107}};
    int64_t time0 = json_integer_value(json_object_get(special, "timestamp0"));
    bool is_equal = time0 == fixture->decoder.vocabulary - 1501;
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        is_equal = is_equal &&
                   json_integer_value(json_object_get(special, ids[i].name)) == time0 - ids[i].back;
    const struct run run = {.fixture = fixture, .stem = ""};
    judge_equal(&run, "special ids", is_equal, "");
    if (fixture->product)
        judge_equal(&run, "whisper.cpp special ids",
                    whisper_token_beg(fixture->product) == time0 &&
                        whisper_token_eot(fixture->product) == fixture->rules.eot &&
                        whisper_token_sot(fixture->product) == fixture->rules.sot,
                    "");
}

static void check_model(const char *folder, const char *gguf, bool is_real, char **sounds,
                        struct tally *tally)
{
    struct valence_error error;
    struct weights weights;
    struct fixture fixture = {
        .folder = folder, .gguf = gguf, .tally = tally, .is_real = is_real, .sounds = sounds};
    char *cases = must_have(path_join(folder, "cases.safetensors")),
         *facts = must_have(path_join(folder, "cases.json"));
    json_t *json = must_have(json_load_file(facts, 0, NULL));
    must_work(backends_load(&error), &error);
    must_work(weights_open(&weights, gguf, &error), &error);
    must_work(whisper_audio_load(&fixture.model, &weights, &error), &error);
    decoder_load(&fixture.decoder, &weights);
    fixture.product = whisper_stream_load(&weights, false, &error);
    weights_close(&weights);
    if (fixture.product)
        fixture.product_state = must_have(whisper_init_state(fixture.product));
    else
        printf("  without whisper.cpp: %s\n", error.text);
    must_work(whisper_audio_state_create(&fixture.state, &fixture.model, &error), &error);
    must_work(safetensors_open(cases, &fixture.cases, &error), &error);
    fixture.rules = decoding_rules_read(json);
    check_special(&fixture, json_object_get(json, "special"));
    check_cases(&fixture, json);
    safetensors_close(fixture.cases);
    whisper_audio_state_free(&fixture.state);
    whisper_audio_free(&fixture.model);
    decoder_free(&fixture.decoder);
    whisper_free_state(fixture.product_state);
    whisper_free(fixture.product);
    json_decref(json);
    free(cases);
    free(facts);
}

/* Converts the folder's own model, or uses the published one. */
static void check_folder(const char *folder, const char *base, char **sounds, struct tally *tally)
{
    struct valence_error error;
    char work[] = "/tmp/golden-whisper-XXXXXX";
    char *weights = must_have(path_join(folder, "model.safetensors"));
    if (path_exists(weights)) {
        must_have(mkdtemp(work));
        char *gguf = must_have(path_join(work, "model.gguf"));
        must_work(valence_convert(VALENCE_CONVERT_WHISPER, folder, gguf, NULL, NULL, &error),
                  &error);
        check_model(folder, gguf, false, sounds, tally);
        check_types(folder, gguf, tally);
        unlink(gguf);
        rmdir(work);
        free(gguf);
    } else if (base) {
        check_model(folder, base, true, sounds, tally);
    } else {
        printf("  skip %s: it is of published weights; give their GGUF file, or fetch the model "
               "'whisper-base'\n",
               folder);
    }
    free(weights);
}

/* "whisper-base" among the cached models; NULL where it is not there. free() it. */
static char *cached_base(void)
{
    const char *cache = getenv("VALENCE_CACHE"), *home = getenv("HOME");
    const struct valence_known_model *model = valence_known_model_find("whisper-base");
    char folder[1024], *path = NULL;
    struct valence_error error;
    snprintf(folder, sizeof folder, "%s%s",
             cache  ? cache
             : home ? home
                    : ".",
             cache ? "/models" : "/.cache/valence/models");
    if (!model || valence_model_path(folder, model, &path, &error) != VALENCE_OK)
        return NULL;
    if (path_exists(path))
        return path;
    free(path);
    return NULL;
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
    if (argc < 2) {
        fprintf(stderr, "usage: golden-whisper FOLDER [BASE.gguf [SOUNDS...]]\n");
        return 2;
    }
    char *cached = cached_base();
    const char *base = argc > 2 ? argv[2] : cached;
    char **sounds = argv + (argc > 3 ? 3 : argc);
    if (is_fixture(argv[1]))
        check_folder(argv[1], base, sounds, &tally);
    DIR *folder = opendir(argv[1]);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char *path = must_have(path_join(argv[1], entry->d_name));
        if (entry->d_name[0] != '.' && path_is_folder(path) && is_fixture(path))
            check_folder(path, base, sounds, &tally);
        free(path);
    }
    if (folder)
        closedir(folder);
    free(cached);
    return conclude(&tally);
}
