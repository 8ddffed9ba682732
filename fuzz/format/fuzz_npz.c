#include "fuzz_npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct archive *archive;
    struct valence_error error;
    if (archive_open_memory(data, size, "input", &archive, &error))
        return 0;
    for (int64_t i = 0; i < archive_n_members(archive); i++) {
        void *bytes;
        size_t n;
        struct npy *array;
        if (archive_read(archive, i, 1 << 20, &bytes, &n, &error) == VALENCE_OK)
            free(bytes);
        if (npy_open_member(archive, archive_member_name(archive, i), &array, &error) ==
            VALENCE_OK) {
            read_array(array);
            npy_close(array);
        }
    }
    archive_close(archive);
    return 0;
}
