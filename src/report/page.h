/* One self-contained HTML file: parts of src/report/page/, which are built in, and data as JSON.
 *
 * The page's content security policy forbids every request but those that the page names; the style
 * sheet and the scripts are allowed by their digests, so that nothing else is ever run. */
#ifndef VALENCE_REPORT_PAGE_H
#define VALENCE_REPORT_PAGE_H

#include <stddef.h>
#include <stdio.h>

#include "valence/error.h"

/* A file of src/report/page/. The arrays are made at build time. */
struct page_file {
    const char *name;
    const unsigned char *bytes;
    size_t n_bytes;
};
extern const struct page_file page_files[];
extern const int n_page_files;

/* The library that draws charts, Apache ECharts, bundled by scripts/fetch_echarts.sh: without bytes
 * where the build has none. */
extern const struct page_file page_chart_library;

struct page {
    /* UTF-8, or nearly so: it is repaired and escaped. */
    const char *title;
    /* Names of files, in the order in which they are joined, ending in NULL. */
    const char *const *styles, *const *scripts;
    /* A script of its own before them, or NULL. */
    const struct page_file *library;
    /* What the policy allows for sound and films: "'none'", "'self' file:". */
    const char *media_source;
    /* What its scripts may ask for: "'self'"; NULL: nothing. */
    const char *connect_source;
    /* Writes the elements with data, with page_write_json(). */
    void (*write_data)(FILE *stream, void *user);
    void *user;
};

/* Writes the whole page. Failed writes stay in the stream's error flag. Errors: MEMORY. */
int page_write(FILE *stream, const struct page *page, struct valence_error *error);

/* An element that holds JSON; no text in it can end the element. */
void page_write_json(FILE *stream, const char *id, const char *json, size_t n_bytes);

#endif
