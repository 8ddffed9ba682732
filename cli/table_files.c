#include "table_files.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "json_output.h"
#include "valence/output.h"

int table_folder_make(const char *folder, struct valence_error *error)
{
    struct stat folder_stat;
    if (mkdir(folder, 0777) == 0 ||
        (stat(folder, &folder_stat) == 0 && S_ISDIR(folder_stat.st_mode)))
        return VALENCE_OK;
    return valence_fail(error, VALENCE_ERROR_IO, NULL, "%.200s: cannot make the folder: %s", folder,
                        strerror(errno));
}

/* In one form, or as JSON where `format` is TABLE_N_FORMATS. */
static int write_form(const char *folder, const struct table_source *source, int format,
                      struct valence_error *error)
{
    static const char *const endings[TABLE_N_FORMATS + 1] = {"txt", "md", "csv", "tex", "json"};
    struct valence_output *output;
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s.%s", folder, source->name, endings[format]) >= PATH_MAX)
        return valence_fail(error, VALENCE_ERROR_ARGUMENT, NULL, "the folder's name is too long");
    int status = valence_output_open(path, true, &output, error);
    if (status)
        return status;
    FILE *stream = valence_output_stream(output);
    if (format < TABLE_N_FORMATS)
        source->print(source->what, (enum table_format)format, stream);
    else
        status = write_json_as(stream, source->schema, source->document(source->what), error);
    if (!status)
        return valence_output_commit(output, error);
    valence_output_abort(output);
    return status;
}

int table_files_write(const char *folder, const struct table_source *source,
                      struct valence_error *error)
{
    int status = table_folder_make(folder, error);
    for (int format = 0; format <= TABLE_N_FORMATS && !status; format++)
        status = write_form(folder, source, format, error);
    return status;
}
