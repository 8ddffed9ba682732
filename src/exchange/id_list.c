#include "exchange/id_list.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text_sort.h"
#include "store/store_layout.h"

#define ENDING ".npy"

int id_list_add(struct id_list *list, const char *id, size_t length, struct valence_error *error)
{
    void *ids = list->ids;
    int status = grow_array(&ids, &list->capacity, list->n + 1, sizeof *list->ids, STORE_MAX_CLIPS,
                            "clips", error);
    list->ids = ids;
    if (status)
        return status;
    list->ids[list->n] = strndup(id, length);
    if (!list->ids[list->n])
        return fail_memory(error, length, "an id");
    list->n++;
    return VALENCE_OK;
}

int id_list_add_folder(struct id_list *list, const char *folder, struct valence_error *error)
{
    DIR *directory = opendir(folder);
    if (!directory)
        return fail_errno(error, errno, "%s: cannot read the folder", folder);
    int status = VALENCE_OK;
    for (struct dirent *entry; !status && (entry = readdir(directory));)
        if (entry->d_name[0] != '.' && path_has_ending(entry->d_name, ENDING))
            status =
                id_list_add(list, entry->d_name, strlen(entry->d_name) - strlen(ENDING), error);
    closedir(directory);
    return status;
}

void id_list_sort(struct id_list *list)
{
    int64_t kept = 0;
    if (list->n > 0)
        qsort(list->ids, (size_t)list->n, sizeof *list->ids, compare_texts);
    for (int64_t i = 0; i < list->n; i++)
        if (kept > 0 && strcmp(list->ids[kept - 1], list->ids[i]) == 0)
            free(list->ids[i]);
        else
            list->ids[kept++] = list->ids[i];
    list->n = kept;
}

bool id_list_has(const struct id_list *list, const char *id)
{
    return list->n > 0 &&
           bsearch(&id, list->ids, (size_t)list->n, sizeof *list->ids, compare_texts) != NULL;
}

void id_list_free(struct id_list *list)
{
    for (int64_t i = 0; i < list->n; i++)
        free(list->ids[i]);
    free(list->ids);
    *list = (struct id_list){0};
}
