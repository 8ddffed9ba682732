#include "valence/output.h"

#include <stdlib.h>

#include "base/fail.h"
#include "base/file_writer.h"
#include "base/memory.h"

struct valence_output {
    struct file_writer writer;
};

static unsigned flags_of(bool overwrite)
{
    return overwrite ? FILE_OVERWRITE : 0;
}

int valence_output_open(const char *path, bool overwrite, struct valence_output **output,
                        struct valence_error *error)
{
    *output = NULL;
    struct valence_output *opened = allocate(1, sizeof *opened);
    if (!opened)
        return fail_memory(error, sizeof *opened, "an output");
    int status = file_write_begin(&opened->writer, path, flags_of(overwrite), error);
    if (status)
        free(opened);
    else
        *output = opened;
    return status;
}

FILE *valence_output_stream(const struct valence_output *output)
{
    return output->writer.stream;
}

int valence_output_commit(struct valence_output *output, struct valence_error *error)
{
    int status = file_write_commit(&output->writer, error);
    free(output);
    return status;
}

void valence_output_abort(struct valence_output *output)
{
    if (!output)
        return;
    file_write_abort(&output->writer);
    free(output);
}

int valence_output_check(const char *path, bool overwrite, struct valence_error *error)
{
    return file_write_check(path, flags_of(overwrite), error);
}

bool valence_output_is_standard(const char *path)
{
    return file_is_standard_output(path);
}
