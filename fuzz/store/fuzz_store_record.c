/* The JSON of a store: the first byte says whether the rest is a clip's record or the store's
 * format. */
#include <stdlib.h>

#include "store/store_layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode_clip(const char *json, size_t size)
{
    static const struct valence_store_stream streams[] = {
        {.name = "audio", .width = 4, .type = VALENCE_F16},
        {.name = "text", .width = VALENCE_STORE_MAX_WIDTH, .type = VALENCE_F32},
    };
    struct valence_error error;
    struct valence_clip clip;
    if (clip_decode(json, size, streams, 2, &clip, &error))
        return;
    /* What is understood can be said again. */
    struct text text = {.maximum = STORE_MAX_RECORD_BYTES};
    if (clip_encode(&clip, streams, 2, &text, &error))
        abort();
    clip_clear(&clip);
    if (clip_decode(text.data, text.length, streams, 2, &clip, &error))
        abort();
    clip_clear(&clip);
    text_free(&text);
}

static void decode_format(const char *json, size_t size)
{
    struct valence_error error;
    struct valence_store_stream streams[VALENCE_STORE_MAX_STREAMS];
    int n, version;
    if (format_decode(json, size, &version, streams, &n, &error))
        return;
    struct text text = {.maximum = STORE_MAX_RECORD_BYTES};
    format_encode(version, streams, n, &text);
    if (format_decode(text.data, text.length, &version, streams, &n, &error))
        abort();
    text_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] == 'c')
        decode_clip((const char *)data + 1, size - 1);
    else
        decode_format((const char *)data + 1, size - 1);
    return 0;
}
