#include "fuzz_transcript.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_transcript(data, size, VALENCE_TRANSCRIPT_SRT);
    return 0;
}
