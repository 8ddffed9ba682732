#include "evaluate/clips_hash.h"

#include <stdio.h>
#include <string.h>

#include "base/sha256.h"
#include "base/text.h"

void clips_hash(const struct valence_store *store, const int64_t *clips, const float *labels,
                int64_t n, char hash[CLIPS_HASH_BYTES])
{
    struct sha256 digest;
    char label[NUMBER_TEXT_BYTES + 4], number[NUMBER_TEXT_BYTES];
    sha256_begin(&digest);
    for (int64_t i = 0; i < n; i++) {
        const char *id = valence_store_clip(store, clips[i])->id;
        format_double((double)labels[i], 9, number);
        int length = snprintf(label, sizeof label, "\t%s\n", number);
        sha256_add(&digest, id, strlen(id));
        sha256_add(&digest, label, (size_t)length);
    }
    sha256_end(&digest, hash);
}
