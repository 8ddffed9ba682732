/* The calling process's side: requests, and answers, which are checked before they are used. */
#include "format/hdf5.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/socket.h"
#include "format/hdf5_process.h"

#define MAX_NAMES_BYTES ((uint64_t)1 << 30) /* of a group's names together */

struct hdf5 {
    char *name;
    long process;
    int socket;
    bool is_gone; /* the child; nothing can be asked any more */
};

/* ---- Requests and answers ---- */

static int child_is_gone(struct hdf5 *file, struct valence_error *error)
{
    file->is_gone = true;
    return fail(error, VALENCE_ERROR_FORMAT,
                "%s: libhdf5 failed on it, or would not end (the file is damaged)", file->name);
}

/* The head of an answer, and of an error its text as well. */
static int receive_answer(struct hdf5 *file, uint64_t maximum, struct hdf5_answer *answer,
                          struct valence_error *error)
{
    char text[VALENCE_ERROR_TEXT_BYTES];
    if (!socket_receive(file->socket, answer, sizeof *answer))
        return child_is_gone(file, error);
    if (answer->status) {
        if (answer->bytes > sizeof text || answer->bytes == 0 ||
            !socket_receive(file->socket, text, (size_t)answer->bytes))
            return child_is_gone(file, error);
        text[answer->bytes - 1] = '\0';
        return fail(error, answer->status, "%s", text);
    }
    int64_t count;
    bool fits = answer->n >= 0 && answer->bytes <= maximum && answer->n_dims >= 0 &&
                answer->n_dims <= ARRAY_MAX_DIMS && answer->type >= 0 &&
                answer->type < N_ELEMENT_TYPES;
    if (fits && answer->n_dims > 0)
        fits = shape_count(answer->shape, answer->n_dims, &count) && count == answer->n;
    if (fits && !answer->is_text)
        fits = answer->bytes ==
               (uint64_t)answer->n * element_type_size((enum element_type)answer->type);
    return fits ? VALENCE_OK : child_is_gone(file, error);
}

static int ask(struct hdf5 *file, enum hdf5_operation operation, const struct hdf5_path *path,
               uint64_t maximum, struct hdf5_answer *answer, struct valence_error *error)
{
    struct hdf5_request request = {
        .operation = operation, .depth = path->depth, .maximum = maximum};
    for (int i = 0; i < path->depth; i++)
        request.name_bytes += strlen(path->names[i]) + 1;
    bool sent = !file->is_gone && socket_send(file->socket, &request, sizeof request);
    for (int i = 0; i < path->depth && sent; i++)
        sent = socket_send(file->socket, path->names[i], strlen(path->names[i]) + 1);
    return sent ? receive_answer(file, operation == HDF5_LIST ? MAX_NAMES_BYTES : maximum, answer,
                                 error)
                : child_is_gone(file, error);
}

/* What follows an answer; the last byte of texts is a NUL. */
static int receive_bytes(struct hdf5 *file, const struct hdf5_answer *answer, void **bytes,
                         struct valence_error *error)
{
    char *taken = malloc((size_t)answer->bytes + 1);
    *bytes = NULL;
    if (!taken) {
        file->is_gone = true; /* what it sends cannot be taken */
        return fail_memory(error, (size_t)answer->bytes, file->name);
    }
    if (!socket_receive(file->socket, taken, (size_t)answer->bytes)) {
        free(taken);
        return child_is_gone(file, error);
    }
    taken[answer->bytes] = '\0';
    *bytes = taken;
    return VALENCE_OK;
}

/* n texts, each in memory of its own. */
static int receive_texts(struct hdf5 *file, const struct hdf5_answer *answer, char ***texts,
                         struct valence_error *error)
{
    void *bytes;
    *texts = NULL;
    if ((uint64_t)answer->n > answer->bytes)
        return child_is_gone(file, error);
    int status = receive_bytes(file, answer, &bytes, error);
    if (status)
        return status;
    char **list = allocate(answer->n + 1, sizeof *list);
    const char *at = bytes, *end = at + answer->bytes;
    bool room = list != NULL;
    for (int64_t i = 0; i < answer->n && room; i++) {
        list[i] = strdup(at < end ? at : "");
        room = list[i] != NULL;
        at += at < end ? strlen(at) + 1 : 0;
    }
    free(bytes);
    *texts = list;
    return room ? VALENCE_OK : fail_memory(error, (size_t)answer->bytes, file->name);
}

/* ---- Opening ---- */

/* Closes `source`, which opening gave with `status`; the child has a copy of it. */
static int open_source(struct byte_source *source, int status, struct hdf5 **file,
                       struct valence_error *error)
{
    struct hdf5_answer answer;
    struct hdf5 *opened = status ? NULL : calloc(1, sizeof *opened);
    if (!status)
        status = !opened || !(opened->name = strdup(source->name))
                     ? fail_memory(error, sizeof *opened, "a file")
                 : source->size == 0 ? byte_source_refuse(source, "an HDF5 file", error)
                                     : VALENCE_OK;
    if (!status)
        status = hdf5_process_begin(source, &opened->process, &opened->socket, error);
    if (status) {
        byte_source_close(source);
        free(opened ? opened->name : NULL);
        free(opened);
        return status;
    }
    status = receive_answer(opened, 0, &answer, error);
    const char *kind = status ? byte_source_kind(source) : NULL;
    if (kind ? strcmp(kind, "an HDF5 file") != 0 : status && byte_source_is_text(source))
        status = byte_source_refuse(source, "an HDF5 file", error);
    byte_source_close(source);
    if (status)
        hdf5_close(opened);
    else
        *file = opened;
    return status;
}

int hdf5_open(const char *path, struct hdf5 **file, struct valence_error *error)
{
    struct byte_source source;
    *file = NULL;
    return open_source(&source, byte_source_open(path, &source, error), file, error);
}

int hdf5_open_memory(const void *data, size_t size, const char *name, struct hdf5 **file,
                     struct valence_error *error)
{
    struct byte_source source;
    *file = NULL;
    return open_source(&source, byte_source_open_memory(data, size, name, &source, error), file,
                       error);
}

void hdf5_close(struct hdf5 *file)
{
    if (!file)
        return;
    hdf5_process_end(file->process, file->socket);
    free(file->name);
    free(file);
}

const char *hdf5_name(const struct hdf5 *file)
{
    return file->name;
}

/* ---- Groups and datasets ---- */

int hdf5_list(struct hdf5 *file, const struct hdf5_path *path, struct hdf5_names *names,
              struct valence_error *error)
{
    struct hdf5_answer answer;
    *names = (struct hdf5_names){0};
    int status = ask(file, HDF5_LIST, path, 0, &answer, error);
    if (status)
        return status;
    status = receive_texts(file, &answer, &names->names, error);
    names->n = names->capacity = names->names ? answer.n : 0;
    for (int64_t i = 1; i < names->n && !status; i++)
        if (strcmp(names->names[i - 1], names->names[i]) >= 0)
            status = child_is_gone(file, error);
    return status;
}

int hdf5_read(struct hdf5 *file, const struct hdf5_path *path, size_t maximum,
              struct hdf5_dataset *dataset, struct valence_error *error)
{
    struct hdf5_answer answer;
    *dataset = (struct hdf5_dataset){0};
    int status = ask(file, HDF5_READ, path, maximum, &answer, error);
    if (status)
        return status;
    *dataset = (struct hdf5_dataset){.is_text = answer.is_text,
                                     .type = (enum element_type)answer.type,
                                     .n_dims = answer.n_dims,
                                     .count = answer.n};
    memcpy(dataset->shape, answer.shape, sizeof dataset->shape);
    return answer.is_text ? receive_texts(file, &answer, &dataset->texts, error)
                          : receive_bytes(file, &answer, &dataset->data, error);
}

void hdf5_names_free(struct hdf5_names *names)
{
    for (int64_t i = 0; i < names->n; i++)
        free(names->names[i]);
    free(names->names);
    *names = (struct hdf5_names){0};
}

void hdf5_dataset_free(struct hdf5_dataset *dataset)
{
    for (int64_t i = 0; dataset->texts && i < dataset->count; i++)
        free(dataset->texts[i]);
    free(dataset->texts);
    free(dataset->data);
    *dataset = (struct hdf5_dataset){0};
}
