#include "base/text_sort.h"

#include <stdlib.h>
#include <string.h>

int compare_texts(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

const char *sort_texts(const char **texts, int64_t n)
{
    if (n > 1)
        qsort(texts, (size_t)n, sizeof *texts, compare_texts);
    for (int64_t i = 1; i < n; i++)
        if (strcmp(texts[i - 1], texts[i]) == 0)
            return texts[i];
    return NULL;
}
