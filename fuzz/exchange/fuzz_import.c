/* Foreign files as data sets: MERBench's labels where it is a zip archive, a computational sequence
 * (labels and audio alike) where it is HDF5, else MMSA's pickle. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "valence/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64], store[96], data_path[112], lock_path[112], source[32];
static int source_file;

static void remove_store(void)
{
    unlink(data_path);
    unlink(lock_path);
    rmdir(store);
}

static void remove_folder(void)
{
    remove_store();
    rmdir(folder);
}

static void make_folder(void)
{
    const char *place = getenv("TMPDIR"); /* a folder in memory makes this many times faster */
    snprintf(folder, sizeof folder, "%.32s/valence-fuzz-XXXXXX", place ? place : "/tmp");
    source_file = memfd_create("source", 0);
    if (!mkdtemp(folder) || source_file < 0)
        abort();
    atexit(remove_folder);
    snprintf(store, sizeof store, "%s/store", folder);
    snprintf(data_path, sizeof data_path, "%s/data.mdb", store);
    snprintf(lock_path, sizeof lock_path, "%s/lock.mdb", store);
    snprintf(source, sizeof source, "/proc/self/fd/%d", source_file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct valence_import_options options;
    struct valence_import_result result;
    struct valence_error error;
    if (!folder[0])
        make_folder();
    if (ftruncate(source_file, 0) || pwrite(source_file, data, size, 0) != (ssize_t)size)
        abort();
    bool is_zip = size > 2 && memcmp(data, "PK", 2) == 0;
    bool is_hdf5 = size > 4 && memcmp(data, "\x89HDF", 4) == 0;
    valence_import_options_default(&options);
    options.skip = ~0u;
    options.labels_only = true;
    if (is_hdf5)
        options.streams[VALENCE_STREAM_AUDIO].source = source;
    enum valence_import_kind kind = is_zip    ? VALENCE_IMPORT_MERBENCH
                                    : is_hdf5 ? VALENCE_IMPORT_CSD
                                              : VALENCE_IMPORT_MMSA;
    result.size = sizeof result;
    (void)valence_import(kind, source, store, &options, NULL, &result, &error);
    remove_store();
    return 0;
}
