/* The index of a store in several files: whatever the bytes, it is read or refused. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "store/store_inside.h"
#include "store/store_shards.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[] = "fuzzed";
    struct valence_store store = {.path = path};
    struct valence_error error;
    int status = store_shards_decode(&store, (const char *)data, size, &error);
    for (int i = 0; i < store.n_shards && !status; i++)
        if (!store.shards[i].folder[0] || strchr(store.shards[i].folder, '/') ||
            store.shards[i].n_clips < 0)
            abort();
    free(store.shards);
    return 0;
}
