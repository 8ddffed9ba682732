#include "store/lmdb_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__ || __SIZEOF_POINTER__ != 8
#error                                                                                             \
    "LMDB files are laid out by the machine that made them: only 64-bit little-endian machines are supported"
#endif

enum {
    PAGE_HEADER_BYTES = 16,
    META_BYTES = 136,
    NODE_HEADER_BYTES = 8,
    TREE_BYTES = 48,
    PAGE_BRANCH = 1,
    PAGE_LEAF = 2,
    PAGE_OVERFLOW = 4,
    PAGE_META = 8,
    PAGE_DIRTY = 16, /* LMDB leaves it set in pages it wrote */
    NODE_BIG = 1,
    NODE_TREE = 2,
    TREE_INTEGER_KEY = 8,
    MAX_LEVELS = 30, /* LMDB's cursors hold 32 */
    META_ATTEMPTS = 100,
    MIN_PAGE_BYTES = 512,
    MAX_PAGE_BYTES = 32768
};

#define LMDB_MAGIC   0xBEEFC0DEu
#define DATA_VERSION 1u
#define NO_PAGE      UINT64_MAX

static uint16_t read_u16(const unsigned char *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint32_t read_u32(const unsigned char *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint64_t read_u64(const unsigned char *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

int lmdb_read(const struct lmdb_file *file, uint64_t offset, void *bytes, size_t size,
              struct valence_error *error)
{
    unsigned char *at = bytes;
    while (size > 0) {
        ssize_t got = pread(file->descriptor, at, size, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(error, errno, "%s: cannot read at byte %llu", file->path,
                              (unsigned long long)offset);
        if (got == 0)
            return fail(error, VALENCE_ERROR_FORMAT,
                        "%s: ends at byte %llu, in the middle of its data (a copy that was cut "
                        "short? copy or import it again)",
                        file->path, (unsigned long long)offset);
        at += got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    return VALENCE_OK;
}

static int damaged(const struct lmdb_file *file, uint64_t page, const char *what,
                   struct valence_error *error)
{
    return fail(error, VALENCE_ERROR_FORMAT,
                "%s: page %llu: %s: the file is damaged (restore a copy or import again)",
                file->path, (unsigned long long)page, what);
}

/* ---- Meta pages ---- */

struct meta {
    uint32_t page_size;
    uint64_t last_page;
    uint64_t transaction;
    struct lmdb_tree free_list, main;
};

static struct lmdb_tree decode_tree(const unsigned char *at)
{
    return (struct lmdb_tree){
        .flags = read_u16(at + 4), .n_entries = read_u64(at + 32), .root = read_u64(at + 40)};
}

static int read_meta(const struct lmdb_file *file, uint64_t offset, struct meta *meta,
                     struct valence_error *error)
{
    unsigned char bytes[PAGE_HEADER_BYTES + META_BYTES];
    int status = lmdb_read(file, offset, bytes, sizeof bytes, error);
    if (status)
        return status;
    const unsigned char *at = bytes + PAGE_HEADER_BYTES;
    if (!(read_u16(bytes + 10) & PAGE_META) || read_u32(at) != LMDB_MAGIC)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: not an LMDB file, or a damaged one",
                    file->path);
    if (read_u32(at + 4) != DATA_VERSION)
        return fail(error, VALENCE_ERROR_UNSUPPORTED,
                    "%s: LMDB data version %u; this build reads version %u", file->path,
                    read_u32(at + 4), DATA_VERSION);
    *meta = (struct meta){
        .page_size = read_u32(at + 24),
        .free_list = decode_tree(at + 24),
        .main = decode_tree(at + 24 + TREE_BYTES),
        .last_page = read_u64(at + 120),
        .transaction = read_u64(at + 128),
    };
    uint32_t size = meta->page_size;
    if (size < MIN_PAGE_BYTES || size > MAX_PAGE_BYTES || (size & (size - 1)) != 0)
        return damaged(file, offset > 0, "its page size is not possible", error);
    return VALENCE_OK;
}

/* Whether the two can be those of one file. What is read while a writer commits may not. */
static bool follow_one_another(const struct meta metas[2])
{
    uint64_t first = metas[0].transaction, second = metas[1].transaction;
    return (first == 0 && second == 0) ||
           (first % 2 == 0 && (second == first + 1 || second + 1 == first));
}

static int read_metas(const struct lmdb_file *file, struct meta metas[2],
                      struct valence_error *error)
{
    for (int attempt = 0;; attempt++) {
        int status = read_meta(file, 0, &metas[0], error);
        if (!status)
            status = read_meta(file, metas[0].page_size, &metas[1], error);
        if (!status && metas[0].page_size != metas[1].page_size)
            status = damaged(file, 1, "its page size is not that of page 0", error);
        if (status || follow_one_another(metas))
            return status;
        if (attempt == META_ATTEMPTS)
            return damaged(file, 1, "it does not follow page 0", error);
    }
}

static int check_meta(const struct lmdb_file *file, const struct meta *meta,
                      struct valence_error *error)
{
    struct stat status;
    if (fstat(file->descriptor, &status) != 0)
        return fail_errno(error, errno, "%s: cannot read its size", file->path);
    uint64_t in_file = (uint64_t)status.st_size / meta->page_size;
    if (meta->last_page < 1 || meta->last_page >= in_file)
        return fail(error, VALENCE_ERROR_FORMAT,
                    "%s: says it has %llu pages of %u bytes, but is %lld bytes long (a copy that "
                    "was cut short? copy or import it again)",
                    file->path, (unsigned long long)meta->last_page + 1, meta->page_size,
                    (long long)status.st_size);
    if (meta->main.flags != 0 || meta->free_list.flags != TREE_INTEGER_KEY)
        return damaged(file, 0, "its trees have flags that no store uses", error);
    return VALENCE_OK;
}

int lmdb_file_open(struct lmdb_file *file, int descriptor, const char *path, uint64_t transaction,
                   struct valence_error *error)
{
    *file = (struct lmdb_file){.descriptor = descriptor, .path = path};
    struct meta metas[2];
    int status = read_metas(file, metas, error);
    if (status)
        return status;
    const struct meta *meta = &metas[metas[1].transaction > metas[0].transaction];
    if (transaction != LMDB_ANY_TRANSACTION && meta->transaction != transaction)
        meta = meta == metas ? &metas[1] : &metas[0];
    if (transaction != LMDB_ANY_TRANSACTION && meta->transaction != transaction)
        return fail(error, VALENCE_ERROR_BUSY, "%s: being written to faster than it can be opened",
                    path);
    status = check_meta(file, meta, error);
    if (status)
        return status;
    file->page_size = meta->page_size;
    file->n_pages = meta->last_page + 1;
    file->transaction = meta->transaction;
    file->free_list = meta->free_list;
    file->main = meta->main;
    size_t bytes = (size_t)file->page_size * (MAX_LEVELS + 1), seen_bytes = file->n_pages / 8 + 1;
    file->levels = malloc(bytes);
    file->seen = calloc(seen_bytes, 1);
    if (file->levels && file->seen)
        return VALENCE_OK;
    lmdb_file_close(file);
    return fail_memory(error, bytes + seen_bytes, path);
}

void lmdb_file_close(struct lmdb_file *file)
{
    free(file->levels);
    free(file->seen);
    file->levels = file->seen = NULL;
}

bool lmdb_is_empty(const struct lmdb_tree *tree)
{
    return tree->root == NO_PAGE;
}

/* Marks n pages from `first` as seen; false if there is no such page or one was seen before. */
static bool see_pages(struct lmdb_file *file, uint64_t first, uint64_t n)
{
    if (first < 2 || first >= file->n_pages || n > file->n_pages - first)
        return false;
    for (uint64_t page = first; page < first + n; page++) {
        unsigned char bit = (unsigned char)(1u << page % 8);
        if (file->seen[page / 8] & bit)
            return false;
        file->seen[page / 8] |= bit;
    }
    return true;
}

/* ---- The walk ---- */

static const unsigned char *node_of(const unsigned char *page, unsigned index)
{
    return page + read_u16(page + PAGE_HEADER_BYTES + 2 * index);
}

static unsigned n_nodes_of(const unsigned char *page)
{
    return (read_u16(page + 12) - PAGE_HEADER_BYTES) / 2u;
}

/* The bytes a node takes within its page, or 0 if it does not fit there. */
static size_t node_bytes(const struct lmdb_file *file, const unsigned char *page, unsigned index,
                         bool is_branch)
{
    size_t at = read_u16(page + PAGE_HEADER_BYTES + 2 * index);
    if (at < read_u16(page + 14) || at + NODE_HEADER_BYTES > file->page_size || at % 2 != 0)
        return 0;
    const unsigned char *node = page + at;
    size_t bytes = NODE_HEADER_BYTES + (size_t)read_u16(node + 6);
    if (!is_branch)
        bytes += read_u16(node + 4) & NODE_BIG
                     ? sizeof(uint64_t)
                     : (size_t)read_u16(node) | (size_t)read_u16(node + 2) << 16;
    bytes += bytes % 2;
    return bytes <= file->page_size - at ? bytes : 0;
}

/* Nodes lie within their page and do not overlap: LMDB moves them about when it adds to the
 * page. */
static const char *page_fault(const struct lmdb_file *file, const unsigned char *page,
                              uint64_t number, bool is_free_list)
{
    unsigned flags = read_u16(page + 10) & ~(unsigned)PAGE_DIRTY;
    unsigned lower = read_u16(page + 12), upper = read_u16(page + 14);
    if (read_u64(page) != number)
        return "it carries another page's number";
    if (flags != PAGE_BRANCH && flags != PAGE_LEAF)
        return "it is not a page of a tree";
    if (lower < PAGE_HEADER_BYTES || lower > upper || upper > file->page_size || lower % 2 != 0)
        return "its bounds are not possible";
    bool is_branch = flags == PAGE_BRANCH;
    unsigned n = n_nodes_of(page);
    if (n < (is_branch && !is_free_list ? 2u : 1u))
        return "it has too few entries";
    unsigned char *used = file->levels + (size_t)file->page_size * MAX_LEVELS;
    memset(used, 0, file->page_size);
    for (unsigned i = 0; i < n; i++) {
        size_t bytes = node_bytes(file, page, i, is_branch);
        unsigned char *from = used + (node_of(page, i) - page);
        if (bytes == 0)
            return "an entry leaves the page";
        if (memchr(from, 1, bytes))
            return "two entries overlap";
        memset(from, 1, bytes);
    }
    return NULL;
}

/* Fills *entry from a leaf's node; gives what is wrong with it, or NULL. */
static const char *decode_entry(struct lmdb_file *file, uint64_t page_number,
                                const unsigned char *page, unsigned index, struct lmdb_entry *entry)
{
    const unsigned char *node = node_of(page, index);
    unsigned flags = read_u16(node + 4);
    size_t key_size = read_u16(node + 6);
    const unsigned char *value = node + NODE_HEADER_BYTES + key_size;
    *entry = (struct lmdb_entry){
        .key = node + NODE_HEADER_BYTES,
        .key_size = key_size,
        .bytes = value,
        .offset = page_number * file->page_size + (uint64_t)(value - page),
        .size = (size_t)read_u16(node) | (size_t)read_u16(node + 2) << 16,
        .is_tree = flags == NODE_TREE,
    };
    if (flags != 0 && flags != NODE_BIG && flags != NODE_TREE)
        return "an entry has flags that no store uses";
    if (entry->is_tree && entry->size != TREE_BYTES)
        return "an entry does not describe a tree";
    if (key_size == 0)
        return "an entry has no key";
    if (flags == NODE_BIG) {
        uint64_t first = read_u64(value);
        uint64_t n =
            (PAGE_HEADER_BYTES + (uint64_t)entry->size + file->page_size - 1) / file->page_size;
        if (!see_pages(file, first, n))
            return "an entry's value lies outside the file, or within another's";
        entry->bytes = NULL;
        entry->offset = first * file->page_size + PAGE_HEADER_BYTES;
    }
    return NULL;
}

struct walk {
    struct lmdb_file *file;
    bool is_free_list;
    uint64_t n_entries; /* so far */
    lmdb_visit visit;
    void *user;
    struct valence_error *error;
};

static int walk_page(struct walk *walk, uint64_t number, int level)
{
    struct lmdb_file *file = walk->file;
    if (level >= MAX_LEVELS || !see_pages(file, number, 1))
        return damaged(file, number, "a page does not exist, or is used twice", walk->error);
    unsigned char *page = file->levels + (size_t)file->page_size * (size_t)level;
    int status = lmdb_read(file, number * file->page_size, page, file->page_size, walk->error);
    if (status)
        return status;
    const char *fault = page_fault(file, page, number, walk->is_free_list);
    if (fault)
        return damaged(file, number, fault, walk->error);
    bool is_branch = read_u16(page + 10) & PAGE_BRANCH;
    unsigned n = n_nodes_of(page);
    for (unsigned i = 0; i < n && !status; i++) {
        if (is_branch) {
            const unsigned char *node = node_of(page, i);
            uint64_t child = read_u32(node) | (uint64_t)read_u16(node + 4) << 32;
            status = walk_page(walk, child, level + 1);
            continue;
        }
        struct lmdb_entry entry;
        walk->n_entries++;
        fault = decode_entry(file, number, page, i, &entry);
        status = fault ? damaged(file, number, fault, walk->error)
                       : walk->visit(walk->user, &entry, walk->error);
    }
    return status;
}

int lmdb_walk(struct lmdb_file *file, const struct lmdb_tree *tree, lmdb_visit visit, void *user,
              struct valence_error *error)
{
    if (lmdb_is_empty(tree))
        return tree->n_entries == 0 ? VALENCE_OK
                                    : damaged(file, 0, "a tree has lost its root", error);
    struct walk walk = {
        .file = file,
        .is_free_list = tree == &file->free_list,
        .visit = visit,
        .user = user,
        .error = error,
    };
    int status = walk_page(&walk, tree->root, 0);
    if (!status && walk.n_entries != tree->n_entries)
        status = damaged(file, tree->root, "its tree has lost entries, or got some", error);
    return status;
}

int lmdb_tree_decode(const struct lmdb_file *file, const struct lmdb_entry *entry,
                     struct lmdb_tree *tree, struct valence_error *error)
{
    if (!entry->is_tree)
        return fail(error, VALENCE_ERROR_FORMAT, "%s: '%.*s' is not a named database", file->path,
                    (int)entry->key_size, (const char *)entry->key);
    *tree = decode_tree(entry->bytes);
    return tree->flags == 0 ? VALENCE_OK
                            : fail(error, VALENCE_ERROR_FORMAT,
                                   "%s: database '%.*s' has flags that no store uses", file->path,
                                   (int)entry->key_size, (const char *)entry->key);
}

/* ---- The free list ---- */

/* A value is a count and as many page numbers (u64), falling. */
static int check_free_pages(void *user, const struct lmdb_entry *entry, struct valence_error *error)
{
    struct lmdb_file *file = user;
    uint64_t n_values = entry->size / sizeof(uint64_t);
    if (entry->key_size != sizeof(uint64_t) || n_values < 1 || entry->size % sizeof(uint64_t) != 0)
        return damaged(file, file->free_list.root, "the list of free pages is broken", error);
    unsigned char *copy = malloc(entry->size);
    if (!copy)
        return fail_memory(error, entry->size, "the list of free pages");
    int status = VALENCE_OK;
    if (entry->bytes)
        memcpy(copy, entry->bytes, entry->size);
    else
        status = lmdb_read(file, entry->offset, copy, entry->size, error);
    if (!status) {
        uint64_t count = read_u64(copy), last = file->n_pages;
        bool sound = count <= n_values - 1;
        for (uint64_t i = 1; sound && i <= count; i++) {
            uint64_t page = read_u64(copy + i * sizeof(uint64_t));
            sound = page < last && see_pages(file, page, 1);
            last = page;
        }
        if (!sound)
            status = damaged(file, file->free_list.root, "the list of free pages is broken", error);
    }
    free(copy);
    return status;
}

int lmdb_check_free_list(struct lmdb_file *file, struct valence_error *error)
{
    return lmdb_walk(file, &file->free_list, check_free_pages, file, error);
}
