/* Ids of clips, and which of them two places share. */
#ifndef VALENCE_EXCHANGE_ID_LIST_H
#define VALENCE_EXCHANGE_ID_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/error.h"

struct id_list { /* begin with all zero */
    char **ids;
    int64_t n, capacity;
};

int id_list_add(struct id_list *list, const char *id, size_t length, struct valence_error *error);

/* The ids of a folder's arrays: the names of its .npy files without their ending, hidden ones left
 * out. */
int id_list_add_folder(struct id_list *list, const char *folder, struct valence_error *error);

/* In the order of their bytes, each once. */
void id_list_sort(struct id_list *list);

/* Of a sorted list. */
bool id_list_has(const struct id_list *list, const char *id);

void id_list_free(struct id_list *list);

#endif
