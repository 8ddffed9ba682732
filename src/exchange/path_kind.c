/* What is at a path, from names and first bytes. */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "format/safetensors.h"
#include "model/checkpoint.h"
#include "run/run_folder.h"
#include "store/store_layout.h"
#include "store/store_shards.h"
#include "valence/inspect.h"

#define FIRST_BYTES 256

static bool holds(const char *folder, const char *name)
{
    char *path = path_join(folder, name);
    bool there = path && path_exists(path);
    free(path);
    return there;
}

static bool is_run(const char *folder)
{
    return holds(folder, RUN_BEST) || holds(folder, RUN_LAST) || holds(folder, RUN_CONFIG);
}

static bool is_empty(const char *path)
{
    DIR *folder = opendir(path);
    bool empty = folder != NULL;
    for (struct dirent *entry; empty && (entry = readdir(folder));)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (folder)
        closedir(folder);
    return empty;
}

/* A folder of runs seed-1, seed-2, ... has a config.yaml of its own; one that was moved may not. */
static bool has_seeds(const char *path)
{
    bool found = false;
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && !found && (entry = readdir(folder));) {
        char *seed =
            strncmp(entry->d_name, "seed-", 5) == 0 ? path_join(path, entry->d_name) : NULL;
        found = seed && is_run(seed);
        free(seed);
    }
    if (folder)
        closedir(folder);
    return found;
}

/* Of regular files alone: reading a pipe would take from it. */
static size_t read_first(const char *path, unsigned char bytes[FIRST_BYTES])
{
    struct stat status;
    int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ssize_t n = 0;
    if (file < 0)
        return 0;
    if (fstat(file, &status) == 0 && S_ISREG(status.st_mode))
        n = pread(file, bytes, FIRST_BYTES, 0);
    close(file);
    return n > 0 ? (size_t)n : 0;
}

static bool is_media(const unsigned char *bytes, size_t n)
{
    static const struct {
        size_t at;
        const char *bytes;
        size_t n;
    } signs[] = {
        {4, "ftyp", 4},             /* MP4, MOV, M4A */
        {0, "\x1A\x45\xDF\xA3", 4}, /* Matroska, WebM */
        {0, "RIFF", 4},             /* WAV, AVI */
        {0, "RF64", 4},             /* long WAV */
        {0, "fLaC", 4},
        {0, "OggS", 4},
        {0, "ID3", 3},  /* MP3 */
        {0, "FORM", 4}, /* AIFF */
        {0, ".snd", 4}, /* AU */
        {0, "FLV", 3},
        {0, "\x00\x00\x01\xBA", 4}, /* MPEG */
        {0, "\x30\x26\xB2\x75", 4}, /* WMV */
        {0, "\x89PNG", 4},
        {0, "\xFF\xD8\xFF", 3}, /* JPEG */
        {0, "GIF8", 4},
        {0, "BM", 2}, /* BMP */
    };
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (signs[i].at + signs[i].n <= n &&
            memcmp(bytes + signs[i].at, signs[i].bytes, signs[i].n) == 0)
            return true;
    return false;
}

static bool has_media_name(const char *path)
{
    static const char *const endings[] = {".mp4", ".mov", ".mkv", ".webm", ".avi", ".wav",  ".flac",
                                          ".mp3", ".m4a", ".ogg", ".opus", ".png", ".jpeg", ".jpg",
                                          ".bmp", ".mpg", ".wmv", ".flv",  ".aac", ".aiff", ".gif"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (path_has_ending(path, endings[i]))
            return true;
    return false;
}

static bool is_checkpoint(const char *path)
{
    struct safetensors *file;
    if (!path_has_ending(path, ".safetensors") || safetensors_open(path, &file, NULL))
        return false;
    const char *format = safetensors_metadata(file, "format");
    bool is = format && strcmp(format, CHECKPOINT_FORMAT) == 0;
    safetensors_close(file);
    return is;
}

/* By the first member of an object: {"valence": "result" or {"schema": "valence/. */
static enum valence_path_kind json_kind(const unsigned char *bytes, size_t n)
{
    static const struct {
        const char *begins;
        enum valence_path_kind kind;
    } documents[] = {{"{\"valence\":\"result\"", VALENCE_PATH_RESULT},
                     {"{\"schema\":\"valence/", VALENCE_PATH_JSON}};
    char text[FIRST_BYTES + 1];
    size_t length = 0;
    for (size_t i = 0; i < n; i++)
        if (!strchr(" \t\r\n", bytes[i]))
            text[length++] = (char)bytes[i];
    text[length] = '\0';
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++)
        if (strncmp(text, documents[i].begins, strlen(documents[i].begins)) == 0)
            /* a comparison of runs is printed with a schema in front of its result */
            return strstr(text, "\"valence\":\"result\"") ? VALENCE_PATH_RESULT : documents[i].kind;
    return VALENCE_PATH_OTHER;
}

static enum valence_path_kind folder_kind(const char *path)
{
    if (holds(path, STORE_DATA_FILE) || holds(path, STORE_SHARDS_FILE))
        return VALENCE_PATH_STORE;
    if (holds(path, EXPERIMENT_PLAN))
        return VALENCE_PATH_EXPERIMENT;
    if (is_run(path) || has_seeds(path))
        return VALENCE_PATH_RUN;
    return is_empty(path) ? VALENCE_PATH_EMPTY : VALENCE_PATH_FOLDER;
}

enum valence_path_kind valence_path_kind(const char *path)
{
    unsigned char bytes[FIRST_BYTES];
    if (!path_exists(path))
        return VALENCE_PATH_NOTHING;
    if (path_is_folder(path))
        return folder_kind(path);
    size_t n = read_first(path, bytes);
    if ((n >= 4 && memcmp(bytes, "GGUF", 4) == 0) || path_has_ending(path, ".gguf"))
        return VALENCE_PATH_ENCODER;
    /* A table may begin with the letters of a sign: its name decides. */
    bool is_table = path_has_ending(path, ".csv") || path_has_ending(path, ".tsv");
    if (!is_table && (is_media(bytes, n) || has_media_name(path)))
        return VALENCE_PATH_MEDIA;
    return is_checkpoint(path) ? VALENCE_PATH_CHECKPOINT : json_kind(bytes, n);
}
