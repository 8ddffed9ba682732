/* The sounds of golden-whisper's cases: in the fixture's folder, in folders that are named, and
 * below the shared data. */
#ifndef VALENCE_TESTS_GOLDEN_WHISPER_SOUNDS_H
#define VALENCE_TESTS_GOLDEN_WHISPER_SOUNDS_H

#include "golden_whisper_decoding.h"

#include <dirent.h>

#include "base/sha256.h"
#include "valence/media.h"

/* The file in `folder` with the name, or with its stem and another ending; free() it. */
static inline char *sound_in(const char *folder, const char *name)
{
    const char *dot = strrchr(name, '.');
    size_t stem = dot ? (size_t)(dot - name) : strlen(name);
    char *found = NULL;
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        bool is_exact = strcmp(entry->d_name, name) == 0;
        if (!is_exact && (found || strncmp(entry->d_name, name, stem) != 0 ||
                          entry->d_name[stem] != '.' || strstr(entry->d_name, ".csv")))
            continue;
        free(found);
        found = must_have(path_join(folder, entry->d_name));
        if (is_exact)
            break;
    }
    if (entries)
        closedir(entries);
    return found;
}

static inline char *find_sound(const struct fixture *fixture, const char *name)
{
    static const char *const shared_folders[] = {"data/emodb", "data/media"};
    const char *shared = getenv("VALENCE_SHARED");
    char *found = sound_in(fixture->folder, name);
    for (char **folder = fixture->sounds; !found && *folder; folder++)
        found = sound_in(*folder, name);
    for (int i = 0; !found && shared && i < 2; i++) {
        char *folder = must_have(path_join(shared, shared_folders[i]));
        found = sound_in(folder, name);
        free(folder);
    }
    return found;
}

/* The first n samples; false where the file is not there. */
static inline bool read_sound(struct fixture *fixture, const char *name, int64_t n, float *samples)
{
    struct valence_error error;
    struct valence_media *media;
    struct valence_sound *sound;
    char *path = find_sound(fixture, name);
    if (!path)
        return false;
    must_work(valence_media_open(path, NULL, &media, &error), &error);
    const struct valence_media_info *info = valence_media_get_info(media);
    fixture->is_resampled = info->original_rate_hz != WHISPER_RATE_HZ || info->n_channels != 1;
    must_work(valence_media_read_sound(media, NULL, &sound, &error), &error);
    memcpy(samples, sound->samples,
           (size_t)(sound->n_samples < n ? sound->n_samples : n) * sizeof *samples);
    valence_sound_free(sound);
    valence_media_close(media);
    free(path);
    return true;
}

/* The samples as the description hashes them: 16 bits each. */
static inline void check_samples(const struct run *run, const json_t *facts, int64_t n,
                                 const float *samples)
{
    const char *stored = json_string_value(json_object_get(facts, "pcm_sha256"));
    char digest[SHA256_TEXT_BYTES];
    if (!stored)
        return;
    int16_t *pcm = must_have(malloc((size_t)n * sizeof *pcm));
    for (int64_t i = 0; i < n; i++)
        pcm[i] = (int16_t)lrintf(fmaxf(-32768, fminf(32767, samples[i] * 32768.0f)));
    sha256_text((const unsigned char *)pcm, (size_t)n * sizeof *pcm, digest);
    if (run->fixture->is_resampled)
        printf("  %s %s: samples %s those of the description\n", path_name(run->fixture->folder),
               run->stem, strcmp(digest, stored) == 0 ? "are" : "are not bit for bit");
    else
        judge_equal(run, "pcm_sha256", strcmp(digest, stored) == 0, digest);
    free(pcm);
}

#endif
