/* Frames of a film as the face fixtures have them: the decoder's planes (4:2:0), made RGB by
 * integers. valence/media.h converts otherwise, by up to 3 grey levels. */
#ifndef VALENCE_TESTS_ENCODE_CLIP_FRAMES_H
#define VALENCE_TESTS_ENCODE_CLIP_FRAMES_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <stdbool.h>
#include <stdint.h>

struct clip_frames {
    AVFormatContext *format;
    AVCodecContext *decoder;
    AVPacket *packet;
    AVFrame *frame;
    int stream;
};

static inline void clip_frames_close(struct clip_frames *clip)
{
    av_frame_free(&clip->frame);
    av_packet_free(&clip->packet);
    avcodec_free_context(&clip->decoder);
    avformat_close_input(&clip->format);
}

/* False where it is no film of 4:2:0 pictures. Close it all the same. */
static inline bool clip_frames_open(struct clip_frames *clip, const char *path)
{
    const AVCodec *codec = NULL;
    *clip = (struct clip_frames){0};
    if (avformat_open_input(&clip->format, path, NULL, NULL) < 0 ||
        avformat_find_stream_info(clip->format, NULL) < 0)
        return false;
    clip->stream = av_find_best_stream(clip->format, AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0);
    if (clip->stream < 0)
        return false;
    const AVCodecParameters *parameters = clip->format->streams[clip->stream]->codecpar;
    clip->decoder = avcodec_alloc_context3(codec);
    clip->packet = av_packet_alloc();
    clip->frame = av_frame_alloc();
    return clip->decoder && clip->packet && clip->frame &&
           avcodec_parameters_to_context(clip->decoder, parameters) >= 0 &&
           avcodec_open2(clip->decoder, codec, NULL) >= 0 &&
           clip->decoder->pix_fmt == AV_PIX_FMT_YUV420P;
}

/* The next frame into clip->frame; false at the end. */
static inline bool clip_frames_next(struct clip_frames *clip)
{
    for (;;) {
        int code = avcodec_receive_frame(clip->decoder, clip->frame);
        if (code != AVERROR(EAGAIN))
            return code == 0;
        do {
            av_packet_unref(clip->packet);
            code = av_read_frame(clip->format, clip->packet);
        } while (code >= 0 && clip->packet->stream_index != clip->stream);
        (void)avcodec_send_packet(clip->decoder, code >= 0 ? clip->packet : NULL);
    }
}

static inline uint8_t clamped(int value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* clip->frame as RGB (height, width, 3). */
static inline void clip_frames_rgb(const struct clip_frames *clip, uint8_t *rgb)
{
    const AVFrame *frame = clip->frame;
    for (int row = 0; row < frame->height; row++)
        for (int column = 0; column < frame->width; column++) {
            int y = frame->data[0][row * frame->linesize[0] + column] - 16;
            int u = frame->data[1][row / 2 * frame->linesize[1] + column / 2] - 128;
            int v = frame->data[2][row / 2 * frame->linesize[2] + column / 2] - 128;
            uint8_t *pixel = rgb + 3 * (row * frame->width + column);
            pixel[0] = clamped((298 * y + 409 * v + 128) >> 8);
            pixel[1] = clamped((298 * y - 100 * u - 208 * v + 128) >> 8);
            pixel[2] = clamped((298 * y + 516 * u + 128) >> 8);
        }
}

#endif
