#include "extract/pieces_record.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/sha256.h"
#include "base/text.h"
#include "config/config_table.h"
#include "format/json_failure.h"

#define RECORD_FORMAT  "valence-pieces"
#define RECORD_VERSION 2 /* 1 had pieces of as many clips each */

/* ---- What this process would make ---- */

static void add_text(struct sha256 *sum, const char *text)
{
    sha256_add(sum, text, strlen(text) + 1); /* with its NUL, so that neighbours stay apart */
}

/* Of everything that the plan says of the clips. Paths may differ between machines. */
static void digest_clips(const struct plan *plan, char digest[SHA256_TEXT_BYTES])
{
    struct sha256 sum;
    char number[NUMBER_TEXT_BYTES];
    sha256_begin(&sum);
    for (int64_t i = 0; i < plan->n; i++) {
        const struct planned_clip *clip = &plan->clips[i];
        const double numbers[] = {clip->start, isfinite(clip->end) ? clip->end : -1, clip->split,
                                  isnan(clip->label) ? INFINITY : (double)clip->label};
        add_text(&sum, clip->id);
        add_text(&sum, clip->group);
        add_text(&sum, clip->file);
        add_text(&sum, clip->transcript);
        for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++) {
            format_double(numbers[n], 17, number);
            add_text(&sum, number);
        }
    }
    sha256_end(&sum, digest);
}

/* Keys whose value may differ between processes. */
static bool is_own_matter(const char *key)
{
    return strcmp(key, "input") == 0 || strcmp(key, "output") == 0 || strcmp(key, "threads") == 0;
}

/* What counts of a model is its content, which the encoders' fingerprints tell; its name only helps
 * to say what differs. */
static bool is_name(const char *key)
{
    return strncmp(key, "models.", strlen("models.")) == 0;
}

static json_t *settings_of(const struct valence_extract_config *config)
{
    json_t *settings = json_object();
    int failed = !settings;
    for (int i = 0; i < valence_extract_n_keys() && !failed; i++) {
        const char *key = valence_extract_get_key(i)->name;
        char value[VALENCE_CONFIG_VALUE_BYTES];
        if (is_own_matter(key))
            continue;
        failed = valence_extract_config_get(config, key, value, sizeof value, NULL) ||
                 json_object_set_new(settings, key, json_string(value));
    }
    if (!failed)
        return settings;
    json_decref(settings);
    return NULL;
}

json_t *pieces_record_make(const struct extraction *extraction, int64_t n_pieces)
{
    char digest[SHA256_TEXT_BYTES];
    json_t *settings = settings_of(extraction->config);
    json_t *encoders = json_loads(valence_extractor_settings(extraction->extractor), 0, NULL);
    digest_clips(&extraction->plan, digest);
    if (!settings || !encoders) {
        json_decref(settings);
        json_decref(encoders);
        return NULL;
    }
    return json_pack("{s:s, s:i, s:I, s:s, s:o, s:o}", "format", RECORD_FORMAT, "version",
                     RECORD_VERSION, "pieces", (json_int_t)n_pieces, "clips", digest, "settings",
                     settings, "encoders", encoders);
}

/* ---- Comparing ---- */

/* The first setting that differs, or NULL. */
static const char *differing_key(const json_t *begun, const json_t *own, bool names)
{
    for (int i = 0; i < valence_extract_n_keys(); i++) {
        const struct valence_config_key *known = valence_extract_get_key(i);
        const char *key = known->name;
        if (is_own_matter(key) || is_name(key) != names)
            continue;
        const char *was = json_string_value(json_object_get(begun, key));
        const char *is = json_string_value(json_object_get(own, key));
        if (!was || !is || !config_values_equal(known, was, is))
            return key;
    }
    return NULL;
}

static int fail_key_differs(const char *folder, const char *key, const json_t *begun,
                            const json_t *own, struct valence_error *error)
{
    const char *was = json_string_value(json_object_get(begun, key));
    const char *is = json_string_value(json_object_get(own, key));
    return fail_key(error, VALENCE_ERROR_DATA, "overwrite",
                    "%s: these pieces were begun with %s '%.200s', not '%.200s'; continue with "
                    "that value, or make them anew",
                    folder, key, was ? was : "", is ? is : "");
}

/* The first encoder that differs: "audio", "video", ... */
static int fail_encoders_differ(const char *folder, const json_t *begun, const json_t *own,
                                struct valence_error *error)
{
    const char *encoder, *found = NULL;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)own, encoder, value)
    {
        if (!found && !json_equal(value, json_object_get(begun, encoder)))
            found = encoder;
    }
    return fail_key(error, VALENCE_ERROR_DATA, "overwrite",
                    "%s: these pieces were begun with another encoder for '%s': its model file has "
                    "changed, or another version of valence made them; make them anew",
                    folder, found ? found : "a stream that is no longer made");
}

static int compare(const json_t *begun, const json_t *own, const char *folder,
                   struct valence_error *error)
{
    json_int_t was = json_integer_value(json_object_get(begun, "pieces"));
    json_int_t is = json_integer_value(json_object_get(own, "pieces"));
    if (was != is)
        return fail_key(error, VALENCE_ERROR_DATA, "overwrite",
                        "%s: was begun with %lld pieces, not %lld; continue with that number, or "
                        "make them anew",
                        folder, (long long)was, (long long)is);
    const json_t *settings = json_object_get(begun, "settings");
    const json_t *own_settings = json_object_get(own, "settings");
    const json_t *encoders = json_object_get(begun, "encoders");
    const json_t *own_encoders = json_object_get(own, "encoders");
    const char *key = differing_key(settings, own_settings, false);
    bool is_same = json_equal(encoders, own_encoders);
    if (!key && !is_same)
        key = differing_key(settings, own_settings, true);
    if (key)
        return fail_key_differs(folder, key, settings, own_settings, error);
    if (!is_same)
        return fail_encoders_differ(folder, encoders, own_encoders, error);
    if (!json_equal(json_object_get(begun, "clips"), json_object_get(own, "clips")))
        return fail_key(error, VALENCE_ERROR_DATA, "overwrite",
                        "%s: the clips have changed since these pieces were begun: other files, "
                        "ranges, labels or transcripts; make the pieces anew",
                        folder);
    return VALENCE_OK;
}

static int check_record(const json_t *begun, const json_t *own, const char *folder,
                        struct valence_error *error)
{
    const char *format = json_string_value(json_object_get(begun, "format"));
    if (!format || strcmp(format, RECORD_FORMAT) != 0)
        return fail_key(error, VALENCE_ERROR_FORMAT, "overwrite",
                        "%s/pieces.json: does not describe the pieces of an extraction", folder);
    if (json_integer_value(json_object_get(begun, "version")) != RECORD_VERSION)
        return fail_key(error, VALENCE_ERROR_UNSUPPORTED, "overwrite",
                        "%s/pieces.json: another version of valence wrote it", folder);
    return compare(begun, own, folder, error);
}

int pieces_record_compare(const char *text, size_t size, const json_t *own, const char *folder,
                          struct valence_error *error)
{
    json_error_t parse;
    json_t *begun = json_loadb(text, size, 0, &parse);
    if (!begun) {
        int status = fail_json(&parse, error, VALENCE_ERROR_FORMAT,
                               "%s/pieces.json: is no JSON: %s", folder, parse.text);
        if (error && status == VALENCE_ERROR_FORMAT)
            strcpy(error->key, "overwrite");
        return status;
    }
    int status = check_record(begun, own, folder, error);
    json_decref(begun);
    return status;
}
