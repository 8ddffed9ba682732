/* Sound: whatever the bytes, it is read or refused; what is read is finite. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "media/sound_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct valence_error error;
    struct sound sound;
    if (sound_read_memory(data, size, "fuzz", 16000, &sound, &error) == VALENCE_OK) {
        for (int64_t i = 0; i < sound.n_samples; i++)
            if (!isfinite(sound.samples[i]))
                abort();
        sound_free(&sound);
    }
    return 0;
}
