#include "media/picture_converter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/pixdesc.h>

#include "base/fail.h"
#include "base/memory.h"

/* ---- Colours ---- */

static int coefficients_of(enum AVColorSpace space)
{
    switch (space) {
    case AVCOL_SPC_BT709:
        return SWS_CS_ITU709;
    case AVCOL_SPC_FCC:
        return SWS_CS_FCC;
    case AVCOL_SPC_SMPTE240M:
        return SWS_CS_SMPTE240M;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
        return SWS_CS_BT2020;
    default: /* BT.601, and where the file does not say, as ffmpeg takes it */
        return SWS_CS_DEFAULT;
    }
}

/* The old names of full-range formats say the range themselves. */
static int plain_format(int format, int *is_full_range)
{
    static const int pairs[][2] = {{AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_YUV420P},
                                   {AV_PIX_FMT_YUVJ422P, AV_PIX_FMT_YUV422P},
                                   {AV_PIX_FMT_YUVJ444P, AV_PIX_FMT_YUV444P},
                                   {AV_PIX_FMT_YUVJ440P, AV_PIX_FMT_YUV440P},
                                   {AV_PIX_FMT_YUVJ411P, AV_PIX_FMT_YUV411P}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (format == pairs[i][0]) {
            *is_full_range = 1;
            return pairs[i][1];
        }
    return format;
}

/* ---- Scaling ---- */

/* Makes the scaler for frames like this one, unless there is one. */
static int set_up_scaler(struct picture_converter *c, const struct media_codec *codec,
                         const AVFrame *frame, struct valence_error *error)
{
    int is_full = frame->color_range == AVCOL_RANGE_JPEG;
    int format = plain_format(frame->format, &is_full), matrix = coefficients_of(frame->colorspace);
    if (c->scaler && c->source_width == frame->width && c->source_height == frame->height &&
        c->source_format == format && c->matrix == matrix && c->is_full_range == is_full)
        return VALENCE_OK;
    sws_freeContext(c->scaler);
    c->scaler = sws_getContext(
        frame->width, frame->height, format, (int)c->scaled_width, (int)c->scaled_height,
        AV_PIX_FMT_RGB24, SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT, NULL, NULL, NULL);
    if (!c->scaler)
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "%s: pixels of the kind '%s' cannot be made RGB", codec->media->name,
                    av_get_pix_fmt_name(format));
    c->source_width = frame->width;
    c->source_height = frame->height;
    c->source_format = format;
    c->matrix = matrix;
    c->is_full_range = is_full;
    const int *coefficients = sws_getCoefficients(matrix);
    /* -1 for RGB and grey of full range, which need none */
    (void)sws_setColorspaceDetails(c->scaler, coefficients, is_full, coefficients, 1, 0, 1 << 16,
                                   1 << 16);
    return VALENCE_OK;
}

/* Room for the scaled and the turned picture. */
static int make_room(struct picture_converter *c, const struct media_codec *codec, int64_t width,
                     int64_t height, struct valence_error *error)
{
    if (width < 1 || height < 1)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: a picture has no pixels", codec->media->name);
    int status = media_check_size(codec->media, width, height, error);
    if (status || (c->scaled && c->scaled_width == width && c->scaled_height == height))
        return status;
    free(c->scaled);
    free(c->pixels);
    sws_freeContext(c->scaler);
    c->scaler = NULL;
    c->scaled_width = width;
    c->scaled_height = height;
    c->scaled = allocate(width * height + 16, 3); /* the scaler writes whole vectors */
    c->pixels = allocate(width * height, 3);
    return c->scaled && c->pixels ? VALENCE_OK
                                  : fail_memory(error, (size_t)(width * height) * 6, "a picture");
}

/* Pictures of 16 bits lose the lower eight, as libpng drops them and the encoders' training did;
 * the scaler would round. Whether the frame was one of these. */
static bool take_upper_bytes(struct picture_converter *c, const AVFrame *frame)
{
    int n = frame->format == AV_PIX_FMT_GRAY16BE   ? 1
            : frame->format == AV_PIX_FMT_YA16BE   ? 2
            : frame->format == AV_PIX_FMT_RGB48BE  ? 3
            : frame->format == AV_PIX_FMT_RGBA64BE ? 4
                                                   : 0;
    if (n == 0 || c->scaled_width != frame->width || c->scaled_height != frame->height)
        return false;
    uint8_t *to = c->scaled;
    for (int y = 0; y < frame->height; y++) {
        const uint8_t *from = frame->data[0] + (int64_t)y * frame->linesize[0];
        for (int x = 0; x < frame->width; x++, from += 2 * n)
            for (int i = 0; i < 3; i++)
                *to++ = from[n >= 3 ? 2 * i : 0];
    }
    return true;
}

/* ---- Turning ---- */

/* The frame's own matrix, else the stream's; NULL: there is none. */
static const int32_t *display_matrix(const struct media_codec *codec, const AVFrame *frame)
{
    const AVFrameSideData *own = av_frame_get_side_data(frame, AV_FRAME_DATA_DISPLAYMATRIX);
    return own ? (const int32_t *)(const void *)own->data
               : (const int32_t *)(const void *)av_stream_get_side_data(
                     codec->stream, AV_PKT_DATA_DISPLAYMATRIX, NULL);
}

/* Writes the scaled picture mirrored and turned into `pixels`. */
static void turn(struct picture_converter *c, int degrees, bool is_mirrored)
{
    int64_t from_width = c->scaled_width, from_height = c->scaled_height;
    bool is_across = degrees % 180 != 0;
    c->width = is_across ? from_height : from_width;
    c->height = is_across ? from_width : from_height;
    for (int64_t y = 0; y < from_height; y++)
        for (int64_t x = 0; x < from_width; x++) {
            int64_t from_x = is_mirrored ? from_width - 1 - x : x, to_x = x, to_y = y;
            if (degrees == 90)
                to_x = from_height - 1 - y, to_y = x;
            else if (degrees == 180)
                to_x = from_width - 1 - x, to_y = from_height - 1 - y;
            else if (degrees == 270)
                to_x = y, to_y = from_width - 1 - x;
            memcpy(c->pixels + (to_y * c->width + to_x) * 3,
                   c->scaled + (y * from_width + from_x) * 3, 3);
        }
}

static int turn_upright(struct picture_converter *c, const struct media_codec *codec,
                        const AVFrame *frame, struct valence_error *error)
{
    const int32_t *matrix = codec->media->options.upright ? display_matrix(codec, frame) : NULL;
    int degrees = 0;
    bool is_mirrored = false;
    if (matrix && !media_rotation(matrix, &degrees, &is_mirrored))
        return fail_key(
            error, VALENCE_ERROR_UNSUPPORTED, "upright",
            "%s: its pictures are rotated by an angle that is not a multiple of 90 degrees",
            codec->media->name);
    turn(c, degrees, is_mirrored);
    return VALENCE_OK;
}

/* ---- Both ---- */

int picture_convert(struct picture_converter *c, const struct media_codec *codec, AVFrame *frame,
                    struct valence_error *error)
{
    const struct valence_media *media = codec->media;
    AVRational aspect = av_guess_sample_aspect_ratio(media->format, codec->stream, frame);
    double ratio = media->options.square_pixels && aspect.num > 0 ? av_q2d(aspect) : 1;
    int status = make_room(c, codec, ratio > 1 ? llrint(frame->width * ratio) : frame->width,
                           ratio < 1 ? llrint(frame->height / ratio) : frame->height, error);
    if (!status && take_upper_bytes(c, frame))
        return turn_upright(c, codec, frame, error);
    if (!status)
        status = set_up_scaler(c, codec, frame, error);
    if (status)
        return status;
    uint8_t *planes[4] = {c->scaled};
    int strides[4] = {(int)c->scaled_width * 3};
    if (sws_scale(c->scaler, (const uint8_t *const *)frame->data, frame->linesize, 0, frame->height,
                  planes, strides) < 0)
        return fail(error, VALENCE_ERROR_UNSUPPORTED, "%s: a picture cannot be made RGB",
                    media->name);
    return turn_upright(c, codec, frame, error);
}

void picture_converter_free(struct picture_converter *c)
{
    sws_freeContext(c->scaler);
    free(c->scaled);
    free(c->pixels);
    *c = (struct picture_converter){0};
}
