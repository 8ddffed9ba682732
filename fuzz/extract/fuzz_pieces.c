/* The record of an extraction's pieces: whatever the bytes, it is the same, another, or refused. */
#include <stdint.h>
#include <stdlib.h>

#include "extract/pieces_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static json_t *own;
    struct valence_error error;
    if (!own)
        own =
            json_pack("{s:s, s:i, s:i, s:s, s:{s:s, s:s}, s:{s:{s:s}}}", "format", "valence-pieces",
                      "version", 1, "pieces", 8, "clips", "0123", "settings", "dtype", "f32",
                      "models.whisper", "whisper-base", "encoders", "audio", "fingerprint", "4567");
    int status = pieces_record_compare((const char *)data, size, own, "fuzzed", &error);
    if (status && !error.text[0])
        abort();
    return 0;
}
