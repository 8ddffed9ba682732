/* Foreign files looked at as `valence inspect` does: as a set of clips, as arrays, as a table. The
 * first byte says which ending the file has: c(sv), n(pz), y (npy), s(afetensors), p(kl). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format/array_list.h"
#include "format/csv_summary.h"
#include "valence/inspect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const endings[] = {"csv", "npz", "ynpy", "safetensors", "pkl"};
#define N_ENDINGS ((int)(sizeof endings / sizeof *endings))

static char folder[64], path[96];

static void remove_folder(void)
{
    unlink(path);
    rmdir(folder);
}

static void make_folder(void)
{
    const char *place = getenv("TMPDIR"); /* a folder in memory makes this many times faster */
    snprintf(folder, sizeof folder, "%.32s/valence-fuzz-XXXXXX", place ? place : "/tmp");
    if (!mkdtemp(folder))
        abort();
    atexit(remove_folder);
}

static int visit(void *user, const struct array_entry *entry, struct valence_error *error)
{
    struct array_values values;
    (void)user;
    if (entry->array && npy_header(entry->array)->kind == NPY_NUMBERS)
        (void)array_values_read(entry->array, &values, error);
    return VALENCE_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int which = 0;
    while (size > 0 && which < N_ENDINGS && (char)data[0] != endings[which][0])
        which++;
    if (size == 0 || which == N_ENDINGS)
        return 0;
    if (!folder[0])
        make_folder();
    unlink(path);
    const char *ending = endings[which] + (endings[which][0] == 'y');
    snprintf(path, sizeof path, "%s/source.%s", folder, ending);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || write(file, data + 1, size - 1) != (ssize_t)(size - 1) || close(file))
        abort();
    struct valence_error error;
    struct valence_source *source;
    (void)valence_path_kind(path);
    (void)valence_source_inspect(path, NULL, &source, &error);
    valence_source_free(source);
    (void)array_list_file(path, visit, NULL, &error);
    if (which == 0) {
        struct csv_summary columns;
        (void)csv_summarise(path, ',', &columns, &error);
        csv_summary_free(&columns);
    }
    return 0;
}
