/* Maps as files: matrices, pictures of them, and the clips that their rows and columns are of. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file_writer.h"
#include "base/memory.h"
#include "experiment/distance_map.h"
#include "format/npy.h"
#include "format/png_write.h"
#include "valence/text.h"

const char *const valence_map_form_names[VALENCE_MAX_NAMES] = {"npy", "csv"};

/* ---- Matrices ---- */

static int write_npy(FILE *stream, const char *path, const float *values, int64_t n,
                     struct valence_error *error)
{
    const int64_t shape[] = {n, n};
    int status = npy_write_header(stream, ELEMENT_F32, 2, shape, path, error);
    if (!status)
        fwrite(values, sizeof *values, (size_t)(n * n), stream);
    return status;
}

static void write_csv(FILE *stream, const float *values, int64_t n)
{
    for (int64_t i = 0; i < n * n; i++) {
        valence_write_csv_number(stream, values[i]);
        fputc((i + 1) % n ? ',' : '\n', stream);
    }
}

static int write_matrix(const char *path, enum valence_map_form form, const float *values,
                        int64_t n, struct valence_error *error)
{
    struct file_writer writer;
    int status = file_write_begin(&writer, path, FILE_ONE_OF_MANY | FILE_NOT_SYNCED, error);
    if (status)
        return status;
    if (form == VALENCE_MAP_CSV)
        write_csv(writer.stream, values, n);
    else
        status = write_npy(writer.stream, path, values, n, error);
    if (!status)
        return file_write_commit(&writer, error);
    file_write_abort(&writer);
    return status;
}

/* ---- Pictures ---- */

/* Sides of a picture: a map of more clips is reduced, one of fewer has larger cells. */
#define LARGEST_SIDE  1024
#define SMALLEST_SIDE 512

/* From dark to bright, so that it can be read without colours, too. */
static void make_palette(uint8_t palette[256 * 3])
{
    static const uint8_t stops[5][3] = {
        {13, 8, 64}, {46, 64, 140}, {33, 144, 141}, {120, 200, 98}, {253, 231, 37}};
    for (int i = 0; i < 256; i++) {
        int stop = i / 64, part = i % 64;
        for (int c = 0; c < 3; c++)
            palette[3 * i + c] =
                (uint8_t)((stops[stop][c] * (64 - part) + stops[stop + 1][c] * part) / 64);
    }
}

/* (cells, cells) as pixels, each cell a square of `scale` pixels. */
static void draw(const float *grid, int cells, int scale, uint8_t *pixels)
{
    float largest = 0;
    for (int i = 0; i < cells * cells; i++)
        largest = fmaxf(largest, grid[i]);
    for (int y = 0; y < cells * scale; y++)
        for (int x = 0; x < cells * scale; x++) {
            float value = grid[y / scale * cells + x / scale];
            pixels[y * cells * scale + x] =
                largest > 0 ? (uint8_t)lroundf(255 * value / largest) : 0;
        }
}

static int write_picture(const char *path, const float *values, int64_t n,
                         struct valence_error *error)
{
    int cells = n < LARGEST_SIDE ? (int)n : LARGEST_SIDE;
    int scale = (SMALLEST_SIDE + cells - 1) / cells;
    uint8_t palette[256 * 3];
    struct file_writer writer;
    float *grid = allocate((int64_t)cells * cells, sizeof *grid);
    uint8_t *pixels = allocate((int64_t)cells * scale * cells * scale, 1);
    int status =
        grid && pixels ? VALENCE_OK : fail_memory(error, (size_t)(cells * cells) * 4, "a picture");
    if (!status)
        status = file_write_begin(&writer, path, FILE_ONE_OF_MANY | FILE_NOT_SYNCED, error);
    if (!status) {
        make_palette(palette);
        map_reduce(values, n, cells, grid);
        draw(grid, cells, scale, pixels);
        status = png_write(writer.stream, cells * scale, cells * scale, pixels, palette, error);
        if (status)
            file_write_abort(&writer);
        else
            status = file_write_commit(&writer, error);
    }
    free(grid);
    free(pixels);
    return status;
}

/* ---- Clips ---- */

static int write_clips(const struct valence_representation_maps *maps,
                       const struct valence_store *store, const char *path,
                       struct valence_error *error)
{
    struct file_writer writer;
    int status = file_write_begin(&writer, path, FILE_ONE_OF_MANY | FILE_NOT_SYNCED, error);
    if (status)
        return status;
    fputs("id,label,complete_1,complete_2,missing_1,missing_2\n", writer.stream);
    for (int64_t i = 0; i < maps->n_clips; i++) {
        const float values[] = {maps->labels[i], maps->plane.complete[2 * i],
                                maps->plane.complete[2 * i + 1], maps->plane.missing[2 * i],
                                maps->plane.missing[2 * i + 1]};
        valence_write_csv_field(writer.stream, valence_store_clip(store, maps->clips[i])->id);
        for (size_t j = 0; j < sizeof values / sizeof values[0]; j++) {
            fputc(',', writer.stream);
            valence_write_csv_number(writer.stream, values[j]);
        }
        fputc('\n', writer.stream);
    }
    return file_write_commit(&writer, error);
}

/* ---- The folder ---- */

#define PATH_BYTES 4096

static int path_in(char path[PATH_BYTES], const char *folder, const char *name, const char *ending,
                   struct valence_error *error)
{
    int n = snprintf(path, PATH_BYTES, "%s/%s.%s", folder, name, ending);
    return n < PATH_BYTES ? VALENCE_OK
                          : fail(error, VALENCE_ERROR_ARGUMENT, "%s: the path is too long", folder);
}

static int write_map(const struct valence_distance_map *map, int64_t n, enum valence_map_form form,
                     const char *folder, struct valence_error *error)
{
    char name[64], path[PATH_BYTES];
    snprintf(name, sizeof name, "%s-%s-%s", valence_modality_names[map->modality],
             valence_representation_names[map->representation], map->imagined ? "after" : "before");
    int status = path_in(path, folder, name, valence_map_form_names[form], error);
    if (!status)
        status = write_matrix(path, form, map->distances, n, error);
    if (!status)
        status = path_in(path, folder, name, "png", error);
    return status ? status : write_picture(path, map->distances, n, error);
}

int valence_representations_write(const struct valence_representation_maps *maps,
                                  const struct valence_store *store, enum valence_map_form form,
                                  const char *folder, struct valence_error *error)
{
    struct folder_writer writer;
    char path[PATH_BYTES];
    if (!maps || !store || !folder || (unsigned)form >= VALENCE_N_MAP_FORMS)
        return fail(error, VALENCE_ERROR_ARGUMENT,
                    "maps are written as npy or csv into a folder: an argument is NULL or unknown");
    int status = folder_write_begin(&writer, folder, error);
    if (status)
        return status;
    for (int i = 0; i < maps->n_maps && !status; i++)
        status = write_map(&maps->maps[i], maps->n_clips, form, writer.temporary, error);
    if (!status)
        status = path_in(path, writer.temporary, "clips", "csv", error);
    if (!status)
        status = write_clips(maps, store, path, error);
    if (!status)
        return folder_write_commit(&writer, error);
    folder_write_abort(&writer);
    return status;
}
