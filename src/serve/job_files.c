#include "serve/job_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/file_writer.h"
#include "base/temporary.h"
#include "base/text.h"
#include "http/form.h"

#define MAX_FORM_BYTES ((size_t)64 << 20)
#define PATH_BYTES     4096

/* "FOLDER/ID/NAME"; `name` may be NULL. */
static const char *path_of(const char *folder, const char *id, const char *name,
                           char path[PATH_BYTES])
{
    snprintf(path, PATH_BYTES, "%s/%s%s%s", folder, id, name ? "/" : "", name ? name : "");
    return path;
}

/* ---- Writing ---- */

static int write_bytes(const char *path, const void *bytes, size_t n_bytes,
                       struct valence_error *error)
{
    struct file_writer writer;
    int status = file_write_begin(&writer, path, FILE_OVERWRITE | FILE_ONE_OF_MANY, error);
    if (status)
        return status;
    fwrite(bytes, 1, n_bytes, writer.stream);
    return file_write_commit(&writer, error);
}

/* Takes over `json`. */
static int write_json(const char *path, json_t *json, struct valence_error *error)
{
    char *text = json ? json_dumps(json, JSON_INDENT(1) | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(json);
    int status =
        text ? write_bytes(path, text, strlen(text), error) : fail_memory(error, 0, "a job");
    free(text);
    return status;
}

static int copy_upload(const struct http_field *field, const char *path,
                       struct valence_error *error)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    off_t position = 0;
    if (file < 0)
        return fail_errno(error, errno, "a job's upload cannot be kept");
    while (position < (off_t)field->n_bytes) {
        ssize_t n = sendfile(file, field->descriptor, &position, field->n_bytes - (size_t)position);
        if (n == 0)
            errno = EIO; /* the file has become shorter */
        if (n == 0 || (n < 0 && errno != EINTR))
            break;
    }
    int number = position == (off_t)field->n_bytes ? 0 : errno;
    if (close(file) != 0 && !number)
        number = errno;
    return number ? fail_errno(error, number, "a job's upload cannot be kept") : VALENCE_OK;
}

/* A client's text may be anything. */
static json_t *json_of(const char *text)
{
    struct text repaired = {.maximum = MAX_FORM_BYTES};
    text_append_repaired(&repaired, text, strlen(text));
    json_t *json =
        repaired.failed ? NULL : json_stringn(repaired.data ? repaired.data : "", repaired.length);
    text_free(&repaired);
    return json;
}

static json_t *describe_field(const struct http_field *field, int i)
{
    return field->text
               ? json_pack("{s:o,s:o}", "name", json_of(field->name), "text", json_of(field->text))
               : json_pack("{s:o,s:o,s:i}", "name", json_of(field->name), "file_name",
                           json_of(field->file_name), "upload", i);
}

int job_files_make(const char *folder, const struct job_facts *facts, const struct http_form *form,
                   struct valence_error *error)
{
    struct folder_writer writer;
    char path[PATH_BYTES];
    json_t *fields = json_array();
    int status = folder_write_begin(&writer, path_of(folder, facts->id, NULL, path), error);
    if (status) {
        json_decref(fields);
        return status;
    }
    if (chmod(writer.temporary, 0700) != 0)
        status = fail_errno(error, errno, "a job's folder cannot be closed to others");
    for (int i = 0; i < form->n && !status; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        if (!form->fields[i].text)
            status =
                copy_upload(&form->fields[i], path_of(writer.temporary, name, NULL, path), error);
        if (json_array_append_new(fields, describe_field(&form->fields[i], i)) != 0 && !status)
            status = fail_memory(error, 0, "a job");
    }
    json_t *json = json_pack(
        "{s:i,s:I,s:o,s:o}", "version", 1, "created", (json_int_t)facts->created, "seconds",
        isfinite(facts->seconds) ? json_real(facts->seconds) : json_null(), "fields", fields);
    if (!status)
        status = write_json(path_of(writer.temporary, "form.json", NULL, path), json, error);
    else
        json_decref(json);
    if (!status)
        return folder_write_commit(&writer, error);
    folder_write_abort(&writer);
    return status;
}

/* ---- Reading ---- */

static int read_json(const char *path, json_t **json, struct valence_error *error)
{
    json_error_t why;
    char *text;
    size_t n_bytes;
    *json = NULL;
    int status = file_read_text(path, MAX_FORM_BYTES, &text, &n_bytes, error);
    if (status)
        return status;
    *json = json_loadb(text, n_bytes, 0, &why);
    free(text);
    return *json ? VALENCE_OK
                 : fail(error, VALENCE_ERROR_FORMAT, "%s:%d: %s", path, why.line, why.text);
}

int job_files_read(const char *folder, const char *id, struct job_facts *facts,
                   struct valence_error *error)
{
    char path[PATH_BYTES];
    json_t *form, *result = NULL;
    int status = read_json(path_of(folder, id, "form.json", path), &form, error);
    if (status)
        return status;
    const json_t *created = json_object_get(form, "created");
    const json_t *seconds = json_object_get(form, "seconds");
    *facts = (struct job_facts){.created = json_integer_value(created),
                                .seconds = json_is_number(seconds) ? json_number_value(seconds)
                                                                   : (double)NAN};
    snprintf(facts->id, sizeof facts->id, "%s", id);
    if (!json_is_integer(created))
        status = fail(error, VALENCE_ERROR_FORMAT, "%s: does not say when the job came", path);
    json_decref(form);
    path_of(folder, id, "result.json", path);
    if (status || !path_exists(path))
        return status;
    status = read_json(path, &result, error);
    facts->ended = json_integer_value(json_object_get(result, "ended"));
    facts->status = (int)json_integer_value(json_object_get(result, "status"));
    if (!status && (facts->ended <= 0 || facts->status < 200 || facts->status > 599))
        status = fail(error, VALENCE_ERROR_FORMAT, "%s: is no result", path);
    json_decref(result);
    return status;
}

/* A field as it was sent. */
static int read_field(const char *folder, const char *id, const json_t *from,
                      struct http_form *form, struct valence_error *error)
{
    const char *name = json_string_value(json_object_get(from, "name"));
    const char *text = json_string_value(json_object_get(from, "text"));
    const char *file_name = json_string_value(json_object_get(from, "file_name"));
    struct http_field *field;
    struct stat facts;
    char path[PATH_BYTES], place[24];
    if (!name || !text == !file_name)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: a field of the job's form is damaged", id);
    int status = form_add(form, name, &field, error);
    if (status)
        return status;
    field->n_bytes = text ? strlen(text) : 0;
    *(text ? &field->text : &field->file_name) = strdup(text ? text : file_name);
    if (!field->text && !field->file_name)
        return fail_memory(error, field->n_bytes, "a field");
    if (text)
        return VALENCE_OK;
    snprintf(place, sizeof place, "%lld",
             (long long)json_integer_value(json_object_get(from, "upload")));
    field->descriptor = open(path_of(folder, id, place, path), O_RDONLY | O_CLOEXEC);
    if (field->descriptor < 0 || fstat(field->descriptor, &facts) != 0)
        return fail_errno(error, errno, "a job's upload cannot be read");
    field->n_bytes = (size_t)facts.st_size;
    return VALENCE_OK;
}

int job_files_read_form(const char *folder, const char *id, struct http_form *form,
                        struct valence_error *error)
{
    char path[PATH_BYTES];
    json_t *json;
    const json_t *field;
    size_t i;
    *form = (struct http_form){0};
    int status = read_json(path_of(folder, id, "form.json", path), &json, error);
    if (status)
        return status;
    json_array_foreach(json_object_get(json, "fields"), i, field)
    {
        if (!status)
            status = read_field(folder, id, field, form, error);
    }
    json_decref(json);
    if (status)
        form_free(form);
    return status;
}

/* ---- Results ---- */

/* What a job no longer needs when it is done. */
static void remove_input(const char *folder, const char *id)
{
    char path[PATH_BYTES], name[16];
    for (int i = 0; i < HTTP_MAX_FIELDS; i++) {
        snprintf(name, sizeof name, "%d", i);
        unlink(path_of(folder, id, name, path));
    }
    unlink(path_of(folder, id, "started", path));
    temporary_remove(path_of(folder, id, "journal", path));
}

int job_files_finish(const char *folder, struct job_facts *facts, const struct http_reply *reply,
                     struct valence_error *error)
{
    char path[PATH_BYTES];
    int status =
        write_bytes(path_of(folder, facts->id, "result", path), reply->body, reply->n_bytes, error);
    if (!status)
        status = write_json(path_of(folder, facts->id, "result.json", path),
                            json_pack("{s:i,s:s,s:I}", "status", reply->status, "type", reply->type,
                                      "ended", (json_int_t)facts->ended),
                            error);
    if (!status)
        remove_input(folder, facts->id);
    return status;
}

/* The type as a text that lives: those that replies have. */
static const char *known_type(const char *type)
{
    static const char *const types[] = {"application/json", "application/x-subrip; charset=utf-8",
                                        "text/vtt; charset=utf-8", "text/csv; charset=utf-8",
                                        "text/plain; charset=utf-8"};
    for (size_t i = 0; type && i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i], type) == 0)
            return types[i];
    return "application/octet-stream";
}

int job_files_open_result(const char *folder, const struct job_facts *facts,
                          struct http_reply *reply, struct valence_error *error)
{
    char path[PATH_BYTES];
    size_t n_bytes;
    int descriptor;
    json_t *json;
    int status = read_json(path_of(folder, facts->id, "result.json", path), &json, error);
    if (!status)
        status =
            file_open(path_of(folder, facts->id, "result", path), &descriptor, &n_bytes, error);
    if (!status)
        http_reply_file(reply, facts->status,
                        known_type(json_string_value(json_object_get(json, "type"))), descriptor,
                        n_bytes);
    json_decref(json);
    return status;
}

/* ---- Beginning and removing ---- */

int job_files_begin(const char *folder, const char *id)
{
    char path[PATH_BYTES];
    struct stat facts = {0};
    int file =
        open(path_of(folder, id, "started", path), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0)
        return 0;
    if (fstat(file, &facts) != 0 || write(file, "x", 1) != 1 || fsync(file) != 0)
        facts.st_size = 0; /* a full disk: it is not counted */
    close(file);
    return (int)facts.st_size;
}

void job_files_end(const char *folder, const char *id)
{
    char path[PATH_BYTES];
    unlink(path_of(folder, id, "started", path));
}

int64_t job_files_kept_bytes(const char *folder, const char *id)
{
    char path[PATH_BYTES];
    int64_t n_bytes = 0;
    DIR *journal = opendir(path_of(folder, id, "journal", path));
    if (!journal)
        return 0;
    for (const struct dirent *entry; (entry = readdir(journal));) {
        struct stat facts;
        if (fstatat(dirfd(journal), entry->d_name, &facts, 0) == 0 && S_ISREG(facts.st_mode))
            n_bytes += facts.st_size;
    }
    closedir(journal);
    return n_bytes;
}

void job_files_forget(const char *folder, const char *id)
{
    char path[PATH_BYTES];
    unlink(path_of(folder, id, "form.json", path));
}

void job_files_remove(const char *folder, const char *id)
{
    char path[PATH_BYTES];
    job_files_forget(folder, id); /* first: what a crash leaves is no job */
    temporary_remove(path_of(folder, id, NULL, path));
}
