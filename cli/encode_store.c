#include "encode_store.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/file.h"
#include "options.h"

bool is_store(const char *const *inputs, int n)
{
    return n == 1 && path_is_folder(inputs[0]);
}

int encode_store(const char *from, const char *to, const struct stream_maker *maker, bool quiet,
                 struct valence_error *error)
{
    struct valence_store *store;
    int64_t n_made = 0, n_stored = 0;
    int status = valence_store_open(from, NULL, &store, error);
    if (status)
        return status;
    status = store_extend(store, to, maker, terminal_progress(quiet), &n_made, &n_stored, error);
    terminal_progress_finish();
    if (!status && !quiet) {
        printf("%s: stream '%s' of width %" PRId64 ", %s: %" PRId64 " clips encoded", to,
               maker->stream.name, maker->stream.width, valence_dtype_names[maker->stream.type],
               n_made);
        int64_t without = valence_store_n_clips(store) - n_stored - n_made;
        if (without)
            printf(", %" PRId64 " have none", without);
        if (n_stored)
            printf(", %" PRId64 " were there before", n_stored);
        putchar('\n');
    }
    valence_store_close(store);
    return status;
}
