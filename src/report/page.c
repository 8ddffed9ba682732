#include "report/page.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/fail.h"
#include "base/sha256.h"
#include "base/text.h"
#include "valence/version.h"

#define MAX_PART_BYTES ((size_t)16 << 20)

/* ---- Parts ---- */

static const struct page_file *find_file(const char *name)
{
    for (int i = 0; i < n_page_files; i++)
        if (strcmp(page_files[i].name, name) == 0)
            return &page_files[i];
    return NULL;
}

static void join(struct text *text, const char *const *names)
{
    for (; *names; names++) {
        const struct page_file *file = find_file(*names);
        if (file)
            text_append(text, (const char *)file->bytes, file->n_bytes);
        else
            text->failed = true; /* a name that the build does not know: the tests see it */
    }
}

/* Scripts share one scope that the page's other names are kept out of. */
static void join_scripts(struct text *text, const char *const *names)
{
    text_format(text, "(() => {\n\"use strict\";\n");
    join(text, names);
    text_format(text, "})();\n");
}

/* ---- Texts in HTML ---- */

/* Control characters become blanks. */
static void escape(struct text *to, const char *from, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++) {
        char c = from[i];
        if (c == '<')
            text_format(to, "&lt;");
        else if (c == '>')
            text_format(to, "&gt;");
        else if (c == '&')
            text_format(to, "&amp;");
        else if (c == '"')
            text_format(to, "&quot;");
        else
            text_append(to, (unsigned char)c < 32 || c == 127 ? " " : &c, 1);
    }
}

static void escape_title(struct text *to, const char *title)
{
    struct text repaired = {.maximum = MAX_PART_BYTES};
    text_append_repaired(&repaired, title, strlen(title));
    if (repaired.failed)
        to->failed = to->no_memory = true;
    else
        escape(to, repaired.data, repaired.length);
    text_free(&repaired);
}

void page_write_json(FILE *stream, const char *id, const char *json, size_t n_bytes)
{
    fprintf(stream, "<script type=\"application/json\" id=\"%s\">", id);
    for (size_t i = 0, from = 0; i <= n_bytes; i++)
        if (i == n_bytes || json[i] == '<') { /* in JSON it stands in strings only */
            fwrite(json + from, 1, i - from, stream);
            if (i < n_bytes)
                fputs("\\u003c", stream);
            from = i + 1;
        }
    fputs("</script>\n", stream);
}

/* ---- The policy ---- */

static int digit_of(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* 'sha256-...', as the policy names a style sheet or script. */
static void add_digest(struct text *policy, const char *data, size_t length)
{
    char digest[SHA256_TEXT_BYTES];
    uint8_t bytes[32];
    sha256_text(data, length, digest);
    for (int i = 0; i < 32; i++)
        bytes[i] = (uint8_t)(16 * digit_of(digest[2 * i]) + digit_of(digest[2 * i + 1]));
    text_format(policy, "'sha256-");
    text_append_base64(policy, bytes, sizeof bytes);
    text_format(policy, "'");
}

static void make_policy(struct text *policy, const struct page *page, const struct text *style,
                        const struct text *script)
{
    text_format(policy, "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; ");
    if (page->connect_source)
        text_format(policy, "connect-src %s; ", page->connect_source);
    text_format(policy, "media-src %s; style-src ", page->media_source);
    add_digest(policy, style->data, style->length);
    text_format(policy, "; script-src ");
    add_digest(policy, script->data, script->length);
    if (page->library) {
        text_format(policy, " ");
        add_digest(policy, (const char *)page->library->bytes, page->library->n_bytes);
    }
}

/* ---- The whole ---- */

/* What stands in place of {{name}} in page.html. */
struct part {
    const char *name;
    struct text text;
};
enum { TITLE, STYLE, SCRIPT, POLICY, VERSION, N_PARTS };

static void write_library(FILE *stream, const struct page_file *library)
{
    if (!library)
        return;
    fputs("<script>", stream);
    fwrite(library->bytes, 1, library->n_bytes, stream);
    fputs("</script>\n", stream);
}

static void write_part(FILE *stream, const struct page *page, const struct part *parts,
                       const char *name, size_t length)
{
    for (int i = 0; i < N_PARTS; i++)
        if (strlen(parts[i].name) == length && memcmp(parts[i].name, name, length) == 0 &&
            parts[i].text.length) /* an empty text may have no bytes to point to */
            fwrite(parts[i].text.data, 1, parts[i].text.length, stream);
    if (length == 4 && memcmp(name, "data", 4) == 0)
        page->write_data(stream, page->user);
    if (length == 7 && memcmp(name, "library", 7) == 0)
        write_library(stream, page->library);
}

static void fill_template(FILE *stream, const struct page *page, const struct part *parts)
{
    const struct page_file *frame = find_file("page.html");
    const char *at = (const char *)frame->bytes, *end = at + frame->n_bytes;
    while (at < end) {
        const char *open = memmem(at, (size_t)(end - at), "{{", 2);
        const char *close = open ? memmem(open, (size_t)(end - open), "}}", 2) : NULL;
        fwrite(at, 1, (size_t)((close ? open : end) - at), stream);
        if (close)
            write_part(stream, page, parts, open + 2, (size_t)(close - open - 2));
        at = close ? close + 2 : end;
    }
}

int page_write(FILE *stream, const struct page *page, struct valence_error *error)
{
    struct part parts[N_PARTS] = {[TITLE] = {"title", {0}},
                                  [STYLE] = {"style", {0}},
                                  [SCRIPT] = {"script", {0}},
                                  [POLICY] = {"policy", {0}},
                                  [VERSION] = {"version", {0}}};
    bool failed = false;
    for (int i = 0; i < N_PARTS; i++)
        parts[i].text.maximum = MAX_PART_BYTES;
    escape_title(&parts[TITLE].text, page->title);
    join(&parts[STYLE].text, page->styles);
    join_scripts(&parts[SCRIPT].text, page->scripts);
    if (!parts[STYLE].text.failed && !parts[SCRIPT].text.failed)
        make_policy(&parts[POLICY].text, page, &parts[STYLE].text, &parts[SCRIPT].text);
    text_format(&parts[VERSION].text, "%s", valence_version());
    for (int i = 0; i < N_PARTS; i++)
        failed = failed || parts[i].text.failed;
    if (!failed)
        fill_template(stream, page, parts);
    for (int i = 0; i < N_PARTS; i++)
        text_free(&parts[i].text);
    return failed ? fail(error, VALENCE_ERROR_MEMORY, "no memory for a page") : VALENCE_OK;
}
