/* Small pictures of a recording: only their surroundings are decoded. */
#include <stdlib.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/options.h"
#include "media/jpeg_write.h"
#include "score_page/recording_file.h"

/* Twice the height at which the page shows them, for dense screens. */
#define PICTURE_HEIGHT    104
#define MAX_PICTURE_WIDTH 240
#define MAX_BASE64_BYTES  ((size_t)1 << 20)

/* How much of a part is looked through for its picture. */
#define LOOK_SECONDS 1.0

struct taking {
    struct recording_picture *pictures;
    int64_t n, *n_made;
    int64_t last; /* segment of the last picture; -1 before the first */
};

static int take_picture(void *user, const struct valence_media_picture *picture,
                        struct valence_error *error)
{
    struct taking *taking = user;
    uint8_t *jpeg;
    size_t n_bytes;
    if (picture->segment == taking->last || *taking->n_made == taking->n)
        return VALENCE_OK;
    int64_t width = picture->width * PICTURE_HEIGHT / picture->height;
    width = width < 2 ? 2 : width > MAX_PICTURE_WIDTH ? MAX_PICTURE_WIDTH : width;
    int status = jpeg_write(picture->pixels, picture->width, picture->height, width, PICTURE_HEIGHT,
                            &jpeg, &n_bytes, error);
    if (status)
        return status;
    struct recording_picture *made = &taking->pictures[*taking->n_made];
    *made = (struct recording_picture){picture->source_time, {.maximum = MAX_BASE64_BYTES}};
    text_append_base64(&made->jpeg, jpeg, n_bytes);
    free(jpeg);
    if (made->jpeg.failed) {
        text_free(&made->jpeg);
        return fail_memory(error, n_bytes, "a picture");
    }
    ++*taking->n_made;
    taking->last = picture->segment;
    return VALENCE_OK;
}

static int take_all(struct valence_media *media, struct taking *taking, double from, double to,
                    const struct valence_progress *progress, struct valence_error *error)
{
    const struct valence_media_sink sink = {NULL, take_picture, taking};
    struct valence_media_segment *segments = allocate(taking->n, sizeof *segments);
    double part = (to - from) / (double)taking->n;
    double length = part < LOOK_SECONDS ? part : LOOK_SECONDS;
    if (!segments)
        return fail_memory(error, (size_t)taking->n * sizeof *segments, "pictures");
    for (int64_t i = 0; i < taking->n; i++) {
        double middle = from + ((double)i + 0.5) * part;
        segments[i] = (struct valence_media_segment){middle - length / 2, middle + length / 2};
    }
    int status = valence_media_decode(media, segments, taking->n, &sink, progress, error);
    free(segments);
    return status;
}

int recording_pictures_make(const char *path, const struct valence_media_options *given,
                            double from, double to, int64_t n, struct recording_picture *pictures,
                            int64_t *n_made, const struct valence_progress *progress,
                            struct valence_error *error)
{
    struct valence_media_options options;
    struct valence_media *media;
    struct taking taking = {pictures, n, n_made, -1};
    *n_made = 0;
    valence_media_options_default(&options);
    int status = options_read(&options, sizeof options, given, error);
    if (status)
        return status;
    options.fps = 0; /* the source's own */
    status = valence_media_open(path, &options, &media, error);
    if (!status && to > from && n > 0)
        status = take_all(media, &taking, from, to, progress, error);
    valence_media_close(media);
    return status;
}

void recording_pictures_free(struct recording_picture *pictures, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        text_free(&pictures[i].jpeg);
}
