#include "format/zip_write.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/fail.h"
#include "base/memory.h"

/* Source: PKWARE, APPNOTE.TXT 6.3, sections 4.3.7 (local header), 4.3.12 (directory), 4.3.14
 * to 4.3.16 (its end) and 4.5.3 (64-bit sizes). */
#define LOCAL_HEADER    0x04034b50u
#define DIRECTORY_ENTRY 0x02014b50u
#define END_64          0x06064b50u
#define LOCATOR_64      0x07064b50u
#define END             0x06054b50u
#define VERSION_64      45
#define NAMES_ARE_UTF8  0x0800
#define FIRST_DAY       0x0021      /* 1980-01-01: the same data give the same file */
#define IN_EXTRA        0xFFFFFFFFu /* the size is in the extra field */
#define CHECKSUM_PLACE  14          /* within the local header */
#define HEADER_BYTES    30

static void put(const struct zip_writer *writer, uint64_t value, int n_bytes)
{
    for (int i = 0; i < n_bytes; i++)
        fputc((int)(value >> 8 * i & 255), writer->stream);
}

void zip_writer_begin(struct zip_writer *writer, FILE *stream)
{
    *writer = (struct zip_writer){.stream = stream};
}

/* What a local header and a directory entry have in common. */
static void put_description(const struct zip_writer *writer, const struct zip_entry *entry)
{
    put(writer, VERSION_64, 2);
    put(writer, NAMES_ARE_UTF8, 2);
    put(writer, 0, 2); /* stored */
    put(writer, 0, 2); /* midnight */
    put(writer, FIRST_DAY, 2);
    put(writer, entry->checksum, 4);
    put(writer, IN_EXTRA, 4);
    put(writer, IN_EXTRA, 4);
    put(writer, strlen(entry->name), 2);
}

int zip_member_begin(struct zip_writer *writer, const char *name, struct valence_error *error)
{
    void *entries = writer->entries;
    int status = grow_array(&entries, &writer->capacity, writer->n + 1, sizeof *writer->entries,
                            65534, "members of an archive", error);
    writer->entries = entries;
    if (status)
        return status;
    struct zip_entry *entry = &writer->entries[writer->n];
    *entry = (struct zip_entry){.name = strdup(name), .start = (uint64_t)ftello(writer->stream)};
    if (!entry->name)
        return fail_memory(error, strlen(name), "a member's name");
    writer->n++;
    put(writer, LOCAL_HEADER, 4);
    put_description(writer, entry);
    put(writer, 20, 2); /* of the extra field */
    fputs(name, writer->stream);
    put(writer, 1, 2);
    put(writer, 16, 2);
    put(writer, 0, 8); /* sizes: once known */
    put(writer, 0, 8);
    return VALENCE_OK;
}

void zip_member_write(struct zip_writer *writer, const void *data, size_t bytes)
{
    struct zip_entry *entry = &writer->entries[writer->n - 1];
    entry->checksum = (uint32_t)crc32_z(entry->checksum, data, bytes);
    entry->bytes += bytes;
    fwrite(data, 1, bytes, writer->stream);
}

void zip_member_end(struct zip_writer *writer)
{
    const struct zip_entry *entry = &writer->entries[writer->n - 1];
    fseeko(writer->stream, (off_t)entry->start + CHECKSUM_PLACE, SEEK_SET);
    put(writer, entry->checksum, 4);
    fseeko(writer->stream, (off_t)(entry->start + HEADER_BYTES + strlen(entry->name) + 4),
           SEEK_SET);
    put(writer, entry->bytes, 8);
    put(writer, entry->bytes, 8);
    fseeko(writer->stream, 0, SEEK_END);
}

void zip_writer_end(struct zip_writer *writer)
{
    uint64_t start = (uint64_t)ftello(writer->stream);
    for (int64_t i = 0; i < writer->n; i++) {
        const struct zip_entry *entry = &writer->entries[i];
        put(writer, DIRECTORY_ENTRY, 4);
        put(writer, VERSION_64, 2);
        put_description(writer, entry);
        put(writer, 28, 2); /* of the extra field */
        put(writer, 0, 2);  /* no comment */
        put(writer, 0, 8);  /* disk 0, no attributes */
        put(writer, IN_EXTRA, 4);
        fputs(entry->name, writer->stream);
        put(writer, 1, 2);
        put(writer, 24, 2);
        put(writer, entry->bytes, 8);
        put(writer, entry->bytes, 8);
        put(writer, entry->start, 8);
    }
    uint64_t end = (uint64_t)ftello(writer->stream);
    put(writer, END_64, 4);
    put(writer, 44, 8);
    put(writer, VERSION_64, 2);
    put(writer, VERSION_64, 2);
    put(writer, 0, 8);
    put(writer, (uint64_t)writer->n, 8);
    put(writer, (uint64_t)writer->n, 8);
    put(writer, end - start, 8);
    put(writer, start, 8);
    put(writer, LOCATOR_64, 4);
    put(writer, 0, 4);
    put(writer, end, 8);
    put(writer, 1, 4);
    put(writer, END, 4);
    put(writer, 0, 4);
    put(writer, (uint64_t)writer->n, 2);
    put(writer, (uint64_t)writer->n, 2);
    put(writer, IN_EXTRA, 4);
    put(writer, IN_EXTRA, 4);
    put(writer, 0, 2);
}

void zip_writer_free(struct zip_writer *writer)
{
    for (int64_t i = 0; i < writer->n; i++)
        free(writer->entries[i].name);
    free(writer->entries);
    *writer = (struct zip_writer){0};
}
