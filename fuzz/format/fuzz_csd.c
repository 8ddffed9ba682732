/* Computational sequences, and the HDF5 files that they are. */
#include "format/csd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct csd *csd;
    struct csd_rows rows;
    struct valence_error error;
    if (csd_open_memory(data, size, "input", &csd, &error))
        return 0;
    for (int64_t i = 0; i < csd_n_entries(csd) && i < 8; i++) {
        (void)csd_read(csd, i, &rows, &error);
        csd_rows_free(&rows);
        (void)csd_read_video(csd, csd_entry(csd, i), &rows, &error);
        csd_rows_free(&rows);
    }
    csd_close(csd);
    return 0;
}
