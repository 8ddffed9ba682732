#include "exchange/name_forms.h"

#include <dirent.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "exchange/name_forms_table.h"

#define ENDING ".npy"

/* ---- Decomposing ---- */

/* Hangul syllables are made of up to three letters by rule (Unicode, section 3.12). */
#define HANGUL_FIRST     0xAC00u
#define HANGUL_LAST      0xD7A3u
#define HANGUL_LEADING   0x1100u
#define HANGUL_VOWEL     0x1161u
#define HANGUL_TRAILING  0x11A7u
#define HANGUL_VOWELS    21u
#define HANGUL_TRAILINGS 28u

static int compare_points(const void *key, const void *row)
{
    uint32_t point = *(const uint32_t *)key;
    const uint16_t *entry = row;
    return point < entry[0] ? -1 : point > entry[0];
}

static void append_decomposed(struct text *text, uint32_t point)
{
    const uint16_t *found =
        bsearch(&point, decompositions, sizeof decompositions / sizeof *decompositions,
                sizeof *decompositions, compare_points);
    if (found) {
        append_decomposed(text, found[1]); /* which may be composed itself */
        if (found[2])
            append_decomposed(text, found[2]);
    } else if (point >= HANGUL_FIRST && point <= HANGUL_LAST) {
        uint32_t index = point - HANGUL_FIRST, trailing = index % HANGUL_TRAILINGS;
        uint32_t pair = index / HANGUL_TRAILINGS;
        text_append_code_point(text, HANGUL_LEADING + pair / HANGUL_VOWELS);
        text_append_code_point(text, HANGUL_VOWEL + pair % HANGUL_VOWELS);
        if (trailing)
            text_append_code_point(text, HANGUL_TRAILING + trailing);
    } else {
        text_append_code_point(text, point);
    }
}

/* The code point at *at, which moves on; bytes that are not UTF-8 stand for themselves. */
static uint32_t next_point(const unsigned char **at)
{
    static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
    const unsigned char *bytes = *at;
    int more = bytes[0] < 0xC0 ? 0 : bytes[0] < 0xE0 ? 1 : bytes[0] < 0xF0 ? 2 : 3;
    uint32_t point = more ? bytes[0] & (0x3Fu >> more) : bytes[0];
    for (int i = 1; i <= more; i++) {
        if ((bytes[i] & 0xC0) != 0x80) {
            more = 0;
            point = bytes[0];
            break;
        }
        point = point << 6 | (bytes[i] & 0x3Fu);
    }
    if (more && point < smallest[more]) {
        more = 0;
        point = bytes[0];
    }
    *at += more + 1;
    return point;
}

char *name_decompose(const char *name)
{
    const unsigned char *at = (const unsigned char *)name;
    struct text text = {.maximum = 1 << 20};
    text_append(&text, "", 0);
    while (*at)
        append_decomposed(&text, next_point(&at));
    if (text.failed)
        text_free(&text);
    return text.data;
}

/* ---- Files ---- */

struct name_form {
    char *form; /* the decomposed name without its ending */
    char *file;
};

static bool is_plain(const char *file)
{
    size_t length = strlen(file);
    for (const char *at = file; *at; at++)
        if ((unsigned char)*at >= 0x80)
            return false;
    return strcmp(file + length - strlen(ENDING), ENDING) == 0;
}

static int compare_forms(const void *a, const void *b)
{
    return strcmp(((const struct name_form *)a)->form, ((const struct name_form *)b)->form);
}

/* Memory that is short leaves the file out. */
static void add_file(struct name_index *index, const char *file)
{
    void *forms = index->forms;
    int status = grow_array(&forms, &index->capacity, index->n + 1, sizeof *index->forms, INT32_MAX,
                            "names", NULL);
    index->forms = forms;
    char *copy = status ? NULL : strdup(file);
    char *stem = copy ? strndup(file, strlen(file) - strlen(ENDING)) : NULL;
    char *form = stem ? name_decompose(stem) : NULL;
    free(stem);
    if (form)
        index->forms[index->n++] = (struct name_form){form, copy};
    else
        free(copy);
}

static void read_folder(struct name_index *index, const char *folder)
{
    DIR *directory = opendir(folder);
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        if (path_has_ending(entry->d_name, ENDING) && !is_plain(entry->d_name))
            add_file(index, entry->d_name);
    if (directory)
        closedir(directory);
    if (index->n > 0)
        qsort(index->forms, (size_t)index->n, sizeof *index->forms, compare_forms);
    index->is_read = true;
}

const char *name_index_find(struct name_index *index, const char *folder, const char *id)
{
    if (!index->is_read)
        read_folder(index, folder);
    struct name_form wanted = {index->n > 0 ? name_decompose(id) : NULL, NULL};
    if (!wanted.form)
        return NULL;
    const struct name_form *found =
        bsearch(&wanted, index->forms, (size_t)index->n, sizeof *index->forms, compare_forms);
    int64_t at = found ? found - index->forms : -1;
    bool is_one = found && (at == 0 || compare_forms(found - 1, found) != 0) &&
                  (at == index->n - 1 || compare_forms(found, found + 1) != 0);
    free(wanted.form);
    return is_one ? found->file : NULL;
}

void name_index_free(struct name_index *index)
{
    for (int64_t i = 0; i < index->n; i++) {
        free(index->forms[i].form);
        free(index->forms[i].file);
    }
    free(index->forms);
    *index = (struct name_index){0};
}
