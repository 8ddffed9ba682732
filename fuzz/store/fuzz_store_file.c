/* Damaged stores: the input patches a sound data.mdb, which is then read whole and added to. It is
 * a list of 4-byte patches: page, offset in the page (u16, little-endian), new byte; page 255 cuts
 * the file at offset * 16 bytes. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "valence/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PAGE_BYTES 4096
#define CUT_PAGE   255

static const struct valence_store_stream streams[] = {
    {.name = "audio", .width = 3, .type = VALENCE_F16},
    {.name = "text", .width = 700, .type = VALENCE_F32},
};
static char folder[64], data_path[96], lock_path[96];
static unsigned char *sound;
static size_t sound_bytes;

static void remove_store(void)
{
    unlink(data_path);
    unlink(lock_path);
    rmdir(folder);
}

static int add_clip(struct valence_store_writer *writer, int i)
{
    static float rows[5 * 700];
    struct valence_error error;
    char id[32];
    snprintf(id, sizeof id, "clip-%d", i * 7919 % 1000);
    struct valence_clip clip = {.id = id, .group = "g", .transcript = "", .label = (float)i};
    struct valence_clip_rows brought[] = {{0, i % 9, rows}, {1, i % 5, rows}};
    return valence_store_writer_add(writer, &clip, brought, 2, &error);
}

/* Two commits a clip at times, so that there are branch pages, overflow pages and a list of free
 * pages. */
static void make_sound_store(void)
{
    struct valence_store_writer *writer;
    struct valence_error error;
    const char *place = getenv("TMPDIR"); /* a folder in memory makes this many times faster */
    snprintf(folder, sizeof folder, "%.32s/valence-fuzz-XXXXXX", place ? place : "/tmp");
    if (!mkdtemp(folder))
        abort();
    atexit(remove_store);
    snprintf(data_path, sizeof data_path, "%s/data.mdb", folder);
    snprintf(lock_path, sizeof lock_path, "%s/lock.mdb", folder);
    if (valence_store_writer_open(folder, streams, 2, NULL, &writer, &error))
        abort();
    for (int i = 0; i < 60; i++)
        if (add_clip(writer, i) || (i % 10 == 0 && valence_store_writer_commit(writer, &error)))
            abort();
    if (valence_store_writer_set_source(writer, "{\"kind\": \"fuzz\"}", &error) ||
        valence_store_writer_close(writer, &error))
        abort();
    struct stat status;
    FILE *file = fopen(data_path, "rb");
    if (!file || fstat(fileno(file), &status) != 0)
        abort();
    sound_bytes = (size_t)status.st_size;
    sound = malloc(sound_bytes);
    if (!sound || fread(sound, 1, sound_bytes, file) != sound_bytes)
        abort();
    fclose(file);
}

static void write_patched(const uint8_t *data, size_t size)
{
    size_t bytes = sound_bytes;
    unsigned char *patched = malloc(sound_bytes);
    if (!patched)
        abort();
    memcpy(patched, sound, sound_bytes);
    for (size_t i = 0; i + 4 <= size; i += 4) {
        size_t offset = data[i + 1] | (size_t)data[i + 2] << 8;
        size_t at = data[i] * (size_t)PAGE_BYTES + offset % PAGE_BYTES;
        if (data[i] == CUT_PAGE)
            bytes = offset * 16 < bytes ? offset * 16 : bytes;
        else if (at < sound_bytes)
            patched[at] = data[i + 3];
    }
    int file = open(data_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || write(file, patched, bytes) != (ssize_t)bytes)
        abort();
    close(file);
    free(patched);
}

static void read_store(void)
{
    struct valence_store *store;
    struct valence_error error;
    if (valence_store_open(folder, NULL, &store, &error))
        return;
    for (int64_t i = 0; i < valence_store_n_clips(store); i++)
        for (int stream = 0; stream < valence_store_n_streams(store); stream++) {
            int64_t n_rows = valence_store_clip(store, i)->n_rows[stream];
            const struct valence_store_stream *format = valence_store_get_stream(store, stream);
            size_t bytes = (size_t)(n_rows * format->width) * valence_dtype_size(format->type);
            void *rows = bytes < 1 << 24 ? malloc(bytes + 1) : NULL;
            if (rows)
                (void)valence_store_read_rows(store, i, stream, 0, n_rows, rows, &error);
            free(rows);
        }
    valence_store_close(store);
}

static void add_to_store(void)
{
    struct valence_store_writer *writer;
    struct valence_error error;
    if (valence_store_writer_open(folder, streams, 2, NULL, &writer, &error))
        return;
    for (int i = 60; i < 75; i++)
        (void)add_clip(writer, i);
    (void)valence_store_writer_set_source(writer, "{}", &error);
    (void)valence_store_writer_close(writer, &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!sound)
        make_sound_store();
    write_patched(data, size);
    read_store();
    add_to_store();
    return 0;
}
