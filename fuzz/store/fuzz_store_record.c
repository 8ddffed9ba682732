/* The JSON of a store: the first byte says whether the rest is a clip's record, the store's format,
 * its state, its labels' scale, or a stream that is being added. */
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

static void decode_state(const char *json, size_t size)
{
    struct valence_error error;
    struct store_state state;
    struct text text = {.maximum = STORE_MAX_RECORD_BYTES};
    if (state_decode(json, size, &state, &error))
        return;
    state_encode(&state, &text);
    if (state_decode(text.data, text.length, &state, &error))
        abort();
    text_free(&text);
}

static void decode_scale(const char *json, size_t size)
{
    struct valence_error error;
    struct valence_label_scale scale;
    struct text text = {.maximum = STORE_MAX_RECORD_BYTES};
    if (label_scale_decode(json, size, &scale, &error))
        return;
    if (label_scale_encode(&scale, &text, &error) ||
        label_scale_decode(text.data, text.length, &scale, &error))
        abort();
    text_free(&text);
}

static void decode_new_stream(const char *json, size_t size)
{
    struct valence_error error;
    struct new_stream added;
    struct text text = {.maximum = STORE_MAX_RECORD_BYTES};
    if (new_stream_decode(json, size, &added, &error) == VALENCE_OK && added.settings) {
        if (new_stream_encode(&added, &text, &error))
            abort();
        new_stream_clear(&added);
        if (new_stream_decode(text.data, text.length, &added, &error))
            abort();
        text_free(&text);
    }
    new_stream_clear(&added);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *json = (const char *)data + 1;
    if (size == 0)
        return 0;
    if (data[0] == 'c')
        decode_clip(json, size - 1);
    else if (data[0] == 's')
        decode_state(json, size - 1);
    else if (data[0] == 'l')
        decode_scale(json, size - 1);
    else if (data[0] == 'n')
        decode_new_stream(json, size - 1);
    else
        decode_format(json, size - 1);
    return 0;
}
