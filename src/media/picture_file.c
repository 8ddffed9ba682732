#include "media/picture_file.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>
#include <turbojpeg.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"

static int make_room(struct picture *picture, int64_t width, int64_t height, const char *name,
                     struct valence_error *error)
{
    if (width < 1 || height < 1 || width > PICTURE_MAX_SIDE || height > PICTURE_MAX_SIDE)
        return fail(error, VALENCE_ERROR_LIMIT,
                    "%s: %" PRId64 " x %" PRId64 " pixels (sides of 1 ... %d are read)", name,
                    width, height, PICTURE_MAX_SIDE);
    picture->width = width;
    picture->height = height;
    picture->pixels = allocate(width * height, 3);
    return picture->pixels ? VALENCE_OK
                           : fail_memory(error, (size_t)(width * height) * 3, "a picture");
}

/* ---- PNG ---- */

struct png_input {
    const unsigned char *data;
    size_t left;
    char problem[128];
};

static void png_supply(png_structp png, png_bytep to, size_t size)
{
    struct png_input *input = png_get_io_ptr(png);
    if (size > input->left)
        png_error(png, "the file is cut");
    memcpy(to, input->data, size);
    input->data += size;
    input->left -= size;
}

static void png_fail(png_structp png, png_const_charp text)
{
    struct png_input *input = png_get_error_ptr(png);
    snprintf(input->problem, sizeof input->problem, "%s", text);
    png_longjmp(png, 1);
}

static void png_warn(png_structp png, png_const_charp text)
{
    (void)png, (void)text;
}

/* Whatever the file's kind of pixels, 8-bit RGB. */
static void png_ask_for_rgb(png_structp png, png_infop info)
{
    png_set_expand(png);
    png_set_strip_16(png);
    png_set_strip_alpha(png);
    png_set_gray_to_rgb(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
}

/* What png_fail() jumps over holds nothing of its own: all memory hangs on `picture`, `png` and
 * `info`. */
static int png_read_into(png_structp png, png_infop info, const struct png_input *input,
                         const char *name, struct picture *picture, struct valence_error *error)
{
    if (setjmp(png_jmpbuf(png)))
        return fail(error, VALENCE_ERROR_FORMAT, "%s: %s", name, input->problem);
    png_set_user_limits(png, PICTURE_MAX_SIDE, PICTURE_MAX_SIDE);
    png_read_info(png, info);
    int status = make_room(picture, png_get_image_width(png, info), png_get_image_height(png, info),
                           name, error);
    if (status)
        return status;
    int passes = png_set_interlace_handling(png);
    png_ask_for_rgb(png, info);
    if (png_get_rowbytes(png, info) != (size_t)picture->width * 3)
        return fail(error, VALENCE_ERROR_UNSUPPORTED, "%s: its pixels do not become RGB", name);
    for (int pass = 0; pass < passes; pass++)
        for (int64_t row = 0; row < picture->height; row++)
            png_read_row(png, picture->pixels + row * picture->width * 3, NULL);
    return VALENCE_OK;
}

static int read_png(const void *data, size_t size, const char *name, struct picture *picture,
                    struct valence_error *error)
{
    struct png_input input = {.data = data, .left = size};
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &input, png_fail, png_warn);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    int status = VALENCE_OK;
    if (info) {
        png_set_read_fn(png, &input, png_supply);
        status = png_read_into(png, info, &input, name, picture, error);
    } else {
        status = fail_memory(error, size, "a picture");
    }
    png_destroy_read_struct(&png, &info, NULL);
    return status;
}

/* ---- JPEG ---- */

static int read_jpeg(const void *data, size_t size, const char *name, struct picture *picture,
                     struct valence_error *error)
{
    int width, height, subsampling, space;
    tjhandle jpeg = tjInitDecompress();
    if (!jpeg)
        return fail_memory(error, size, "a picture");
    int status = VALENCE_OK;
    if (tjDecompressHeader3(jpeg, data, size, &width, &height, &subsampling, &space))
        status = fail(error, VALENCE_ERROR_FORMAT, "%s: %s", name, tjGetErrorStr2(jpeg));
    else if (space == TJCS_CMYK || space == TJCS_YCCK)
        status = fail(error, VALENCE_ERROR_UNSUPPORTED, "%s: is in CMYK (convert it to RGB)", name);
    if (!status)
        status = make_room(picture, width, height, name, error);
    if (!status && tjDecompress2(jpeg, data, size, picture->pixels, width, 0, height, TJPF_RGB, 0))
        status = fail(error, VALENCE_ERROR_FORMAT, "%s: %s", name, tjGetErrorStr2(jpeg));
    tjDestroy(jpeg);
    return status;
}

/* ---- Both ---- */

int picture_read_memory(const void *data, size_t size, const char *name, struct picture *picture,
                        struct valence_error *error)
{
    static const unsigned char png_signature[] = {0x89, 'P', 'N', 'G'},
                               jpeg_signature[] = {0xFF, 0xD8, 0xFF};
    *picture = (struct picture){0};
    int status;
    if (size > sizeof png_signature && memcmp(data, png_signature, sizeof png_signature) == 0)
        status = read_png(data, size, name, picture, error);
    else if (size > sizeof jpeg_signature &&
             memcmp(data, jpeg_signature, sizeof jpeg_signature) == 0)
        status = read_jpeg(data, size, name, picture, error);
    else
        status = fail(error, VALENCE_ERROR_UNSUPPORTED, "%s: is neither PNG nor JPEG", name);
    if (status)
        picture_free(picture);
    return status;
}

int picture_read(const char *path, struct picture *picture, struct valence_error *error)
{
    struct file_map map;
    *picture = (struct picture){0};
    int status = file_map_open(&map, path, error);
    if (status)
        return status;
    status = picture_read_memory(map.data, map.size, path, picture, error);
    file_map_close(&map);
    return status;
}

void picture_free(struct picture *picture)
{
    free(picture->pixels);
    *picture = (struct picture){0};
}
