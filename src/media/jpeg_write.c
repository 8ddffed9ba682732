#include "media/jpeg_write.h"

#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libswscale/swscale.h>

#include "base/fail.h"

#define QUALITY 4 /* of 1 (best) ... 31: about 10 KiB for 240 x 180 pixels */

struct jpeg {
    AVCodecContext *encoder;
    AVFrame *frame;
    AVPacket *packet;
    struct SwsContext *scaler;
};

static int set_up(struct jpeg *jpeg, int64_t width, int64_t height, int64_t to_width,
                  int64_t to_height, struct valence_error *error)
{
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
    if (!codec)
        return fail(error, VALENCE_ERROR_UNSUPPORTED, "this FFmpeg cannot write JPEG");
    jpeg->encoder = avcodec_alloc_context3(codec);
    jpeg->frame = av_frame_alloc();
    jpeg->packet = av_packet_alloc();
    jpeg->scaler = sws_getContext((int)width, (int)height, AV_PIX_FMT_RGB24, (int)to_width,
                                  (int)to_height, AV_PIX_FMT_YUVJ420P, SWS_AREA, NULL, NULL, NULL);
    if (!jpeg->encoder || !jpeg->frame || !jpeg->packet || !jpeg->scaler)
        return fail_memory(error, (size_t)(to_width * to_height), "a JPEG picture");
    jpeg->encoder->width = jpeg->frame->width = (int)to_width;
    jpeg->encoder->height = jpeg->frame->height = (int)to_height;
    jpeg->encoder->pix_fmt = AV_PIX_FMT_YUVJ420P;
    jpeg->encoder->time_base = (AVRational){1, 25};
    jpeg->encoder->flags |= AV_CODEC_FLAG_QSCALE;
    jpeg->encoder->global_quality = QUALITY * FF_QP2LAMBDA;
    jpeg->encoder->thread_count = 1;
    jpeg->frame->format = AV_PIX_FMT_YUVJ420P;
    jpeg->frame->quality = jpeg->encoder->global_quality;
    if (av_frame_get_buffer(jpeg->frame, 0) < 0 || avcodec_open2(jpeg->encoder, codec, NULL) < 0)
        return fail_memory(error, (size_t)(to_width * to_height), "a JPEG picture");
    return VALENCE_OK;
}

static int encode(struct jpeg *jpeg, const uint8_t *pixels, int64_t width, int64_t height,
                  uint8_t **bytes, size_t *n_bytes, struct valence_error *error)
{
    const uint8_t *planes[] = {pixels};
    const int strides[] = {(int)(3 * width)};
    sws_scale(jpeg->scaler, planes, strides, 0, (int)height, jpeg->frame->data,
              jpeg->frame->linesize);
    if (avcodec_send_frame(jpeg->encoder, jpeg->frame) < 0 ||
        avcodec_receive_packet(jpeg->encoder, jpeg->packet) < 0 ||
        !(*bytes = malloc((size_t)jpeg->packet->size)))
        return fail_memory(error, (size_t)(width * height), "a JPEG picture");
    *n_bytes = (size_t)jpeg->packet->size;
    memcpy(*bytes, jpeg->packet->data, *n_bytes);
    return VALENCE_OK;
}

int jpeg_write(const uint8_t *pixels, int64_t width, int64_t height, int64_t to_width,
               int64_t to_height, uint8_t **bytes, size_t *n_bytes, struct valence_error *error)
{
    struct jpeg jpeg = {0};
    *bytes = NULL;
    *n_bytes = 0;
    int status = set_up(&jpeg, width, height, to_width, to_height, error);
    if (!status)
        status = encode(&jpeg, pixels, width, height, bytes, n_bytes, error);
    sws_freeContext(jpeg.scaler);
    av_packet_free(&jpeg.packet);
    av_frame_free(&jpeg.frame);
    avcodec_free_context(&jpeg.encoder);
    return status;
}
