/* Walks the trees of an LMDB file without trusting a byte of it.
 *
 * LMDB follows page numbers and node offsets as it finds them, so a damaged or hostile file makes
 * it read outside its map. Everything read from a store therefore goes through this walk, which
 * checks each page and reads it with pread(): a bad file gives an error, a file cut short under the
 * reader gives an error, and no mapped page counts into the resident set. Writing is LMDB's own, on
 * files that passed the walk.
 *
 * The file (LMDB 0.9, data version 1, 64-bit little-endian):
 *   1. Pages of page_size bytes, numbered from 0. Pages 0 and 1 are meta pages: transaction
 * t writes page t % 2, so their transaction numbers follow one another (both are 0 in a new file),
 * and the larger counts. A meta page describes two trees, the free list and the main one, by 48
 * bytes each that hold the number of the root and that of the entries, and gives the last page.
 *   2. A page begins with 16 bytes: its number (u64), padding (u16), flags (u16: 1 branch, 2 leaf,
 * 4 overflow), and lower, upper (u16 each): node offsets (u16) fill header ... lower, nodes fill
 * upper ... page_size.
 *   3. A node is lo, hi, flags, key size (u16 each) and the key. In a branch lo, hi and flags make
 * the child's page number; in a leaf lo and hi make the value's size, and the value follows the
 * key: the bytes themselves, or with flag 1 the number of the first of as many overflow pages as
 * hold a header and the value, or with flag 2 the 48-byte description of a named tree. */
#ifndef VALENCE_STORE_LMDB_TREE_H
#define VALENCE_STORE_LMDB_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "valence/error.h"

#define LMDB_ANY_TRANSACTION UINT64_MAX

struct lmdb_tree {
    uint64_t root; /* UINT64_MAX: empty */
    uint64_t n_entries;
    uint16_t flags;
};

struct lmdb_file {
    int descriptor;   /* borrowed */
    const char *path; /* borrowed, for errors */
    uint32_t page_size;
    uint64_t n_pages;
    uint64_t transaction;
    struct lmdb_tree free_list, main;
    unsigned char *seen; /* a bit for each page: one that has two places is damage */
    /* a page for each level of the tree that is walked, and a map of one page's used bytes */
    unsigned char *levels;
};

/* Reads the meta pages: the newest transaction, or the given one. ERROR_BUSY if that one is gone
 * (a writer committed twice since): begin again. ERROR_FORMAT if this is no such file or it is
 * shorter than it says. */
int lmdb_file_open(struct lmdb_file *file, int descriptor, const char *path, uint64_t transaction,
                   struct valence_error *error);
void lmdb_file_close(struct lmdb_file *file);

/* True if nothing was ever put into the tree. */
bool lmdb_is_empty(const struct lmdb_tree *tree);

/* One entry of a tree. The key, and the bytes of a value kept in the leaf, live for the call
 * only. */
struct lmdb_entry {
    const unsigned char *key;
    size_t key_size;
    const unsigned char *bytes; /* NULL if the value is on overflow pages */
    uint64_t offset;            /* of the value in the file */
    size_t size;
    bool is_tree;
};

typedef int (*lmdb_visit)(void *user, const struct lmdb_entry *entry, struct valence_error *error);

/* Calls `visit` for every entry in key order, until it returns an error, which is given back. Every
 * page of the tree is checked on the way. */
int lmdb_walk(struct lmdb_file *file, const struct lmdb_tree *tree, lmdb_visit visit, void *user,
              struct valence_error *error);

/* The description of a named tree, the value of an entry of the main tree. */
int lmdb_tree_decode(const struct lmdb_file *file, const struct lmdb_entry *entry,
                     struct lmdb_tree *tree, struct valence_error *error);

/* Checks the list of free pages, which a writer's LMDB trusts: that none of them belongs to a tree
 * walked before. */
int lmdb_check_free_list(struct lmdb_file *file, struct valence_error *error);

/* Reads exactly `size` bytes at `offset`. */
int lmdb_read(const struct lmdb_file *file, uint64_t offset, void *bytes, size_t size,
              struct valence_error *error);

#endif
