/* The configuration as YAML: read from libyaml's events, so that every error has its line.
 *
 * A configuration is one mapping, whose values are scalars, lists, or mappings of a section's keys;
 * "model.d: 64" means the same as "model: {d: 64}". Whatever else YAML offers - anchors, aliases,
 * tags, further documents - is refused, and so is a key that stands there twice. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/fail.h"
#include "base/file.h"
#include "config/config_table.h"

struct reader {
    yaml_parser_t parser;
    yaml_event_t event;
    const char *yaml; /* `size` bytes, without a NUL behind them */
    size_t size;
    const char *file;
    const struct config_table *table;
    void *config;
    struct valence_error *error;
    int lines[CONFIG_MAX_KEYS];    /* where a key was set; 0: not yet */
    int sections[CONFIG_MAX_KEYS]; /* where a section began, by the index of its first key */
};

/* ---- Errors ---- */

/* "config.yaml:12: " in front of the error that a callee reported. */
static int fail_at(const struct reader *r, int line, int status)
{
    return fail_within(status, r->error, "%s:%d", r->file, line);
}

static int line_of_event(const struct reader *r)
{
    return (int)r->event.start_mark.line + 1;
}

/* Bytes that are no text: libyaml says where, and not on which line. */
static int fail_bytes(const struct reader *r)
{
    int line = 1;
    for (size_t i = 0; i < r->parser.problem_offset && i < r->size; i++)
        line += r->yaml[i] == '\n';
    return fail_at(r, line,
                   fail(r->error, VALENCE_ERROR_CONFIG,
                        "byte %zu is not UTF-8 text without control characters",
                        r->parser.problem_offset));
}

/* Whether line 0, 1, ... is indented with a tab. */
static bool has_tab(const struct reader *r, size_t line)
{
    size_t at = 0;
    for (; line && at < r->size; at++)
        line -= r->yaml[at] == '\n';
    while (at < r->size && r->yaml[at] == ' ')
        at++;
    return at < r->size && r->yaml[at] == '\t';
}

static int fail_syntax(const struct reader *r)
{
    const yaml_mark_t *mark = &r->parser.problem_mark;
    if (r->parser.error == YAML_MEMORY_ERROR)
        return fail_memory(r->error, MAX_CONFIG_BYTES, "the configuration");
    if (r->parser.error == YAML_READER_ERROR)
        return fail_bytes(r);
    return fail_at(
        r, (int)mark->line + 1,
        fail(r->error, VALENCE_ERROR_CONFIG, "column %zu: not YAML: %s%s", mark->column + 1,
             r->parser.problem ? r->parser.problem : "bad syntax",
             has_tab(r, mark->line) ? " (YAML is indented with blanks, not with tabs)" : ""));
}

static int fail_here(const struct reader *r, const char *text)
{
    return fail_at(r, line_of_event(r), fail(r->error, VALENCE_ERROR_CONFIG, "%s", text));
}

static int fail_key_here(const struct reader *r, const char *name, const char *text)
{
    return fail_at(r, line_of_event(r),
                   fail_key(r->error, VALENCE_ERROR_CONFIG, name, "%.100s %s", name, text));
}

/* ---- Events ---- */

/* What may decorate a value in YAML and means nothing here. */
static int refuse_decoration(const struct reader *r)
{
    const yaml_event_t *e = &r->event;
    const yaml_char_t *anchor = NULL, *tag = NULL;
    switch (e->type) {
    case YAML_ALIAS_EVENT:
        return fail_here(r, "aliases (*name) are not supported; write the value itself");
    case YAML_SCALAR_EVENT:
        anchor = e->data.scalar.anchor;
        tag = e->data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = e->data.sequence_start.anchor;
        tag = e->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = e->data.mapping_start.anchor;
        tag = e->data.mapping_start.tag;
        break;
    default:
        break;
    }
    if (anchor)
        return fail_here(r, "anchors (&name) are not supported");
    return tag ? fail_here(r, "tags (!name) are not supported") : VALENCE_OK;
}

static int next_event(struct reader *r)
{
    yaml_event_delete(&r->event);
    if (!yaml_parser_parse(&r->parser, &r->event))
        return fail_syntax(r);
    return refuse_decoration(r);
}

/* The scalar's text; NULL for any other event, and for a text with a NUL inside. */
static const char *scalar(const struct reader *r)
{
    const char *text = (const char *)r->event.data.scalar.value;
    bool whole = r->event.type == YAML_SCALAR_EVENT && strlen(text) == r->event.data.scalar.length;
    return whole ? text : NULL;
}

/* "epochs:", "epochs: ~" and "epochs: null" */
static bool is_null(const struct reader *r)
{
    const char *text = scalar(r);
    return text && r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (!text[0] || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

/* ---- Keys ---- */

/* Notes in *first that something stands on this line; an error where it stood on one before. */
static int see_once(const struct reader *r, int line, const char *name, int *first)
{
    if (*first)
        return fail_at(r, line,
                       fail_key(r->error, VALENCE_ERROR_CONFIG, name,
                                "%s is set twice; the first time on line %d", name, *first));
    *first = line;
    return VALENCE_OK;
}

static int set_list(struct reader *r, const struct config_key *key)
{
    struct text list = {.maximum = 1024};
    int line = line_of_event(r), status = next_event(r);
    for (; !status && r->event.type != YAML_SEQUENCE_END_EVENT; status = next_event(r)) {
        const char *text = scalar(r);
        if (!text) {
            status = fail_key_here(r, key->known.name, "is a list of names");
            break;
        }
        text_format(&list, "%s%s", list.length ? ", " : "", text);
    }
    if (!status && list.failed)
        status = fail_at(r, line,
                         list.no_memory ? fail_memory(r->error, list.length, "a list")
                                        : fail_key(r->error, VALENCE_ERROR_CONFIG, key->known.name,
                                                   "%s: the list is too long", key->known.name));
    else if (!status && (status = config_key_set(r->table, key, list.length ? list.data : "",
                                                 r->config, r->error)))
        fail_at(r, line, status);
    text_free(&list);
    return status;
}

static int set_key(struct reader *r, const struct config_key *key)
{
    bool list = key->known.type == VALENCE_CONFIG_LIST;
    if (list && r->event.type == YAML_SEQUENCE_START_EVENT)
        return set_list(r, key);
    const char *text = scalar(r);
    if (!text)
        return fail_key_here(r, key->known.name,
                             list ? "is a list, as in [complete, text_missing]"
                                  : "takes a single value");
    if (is_null(r) && key->known.type == VALENCE_CONFIG_TEXT)
        text = "";
    int status = config_key_set(r->table, key, text, r->config, r->error);
    return status ? fail_at(r, line_of_event(r), status) : VALENCE_OK;
}

/* The index of a section's first key, or -1. */
static int find_section(const struct config_table *table, const char *name)
{
    for (int i = 0; i < table->n; i++) {
        size_t length = config_key_section(&table->keys[i]);
        if (length && strlen(name) == length &&
            memcmp(table->keys[i].known.name, name, length) == 0)
            return i;
    }
    return -1;
}

static int read_mapping(struct reader *r, const char *section);

static int read_section(struct reader *r, const char *name, int first)
{
    char text[2 * CONFIG_KEY_BYTES];
    if (is_null(r)) /* "model:" with all of its keys left out */
        return VALENCE_OK;
    if (r->event.type == YAML_MAPPING_START_EVENT)
        return read_mapping(r, name);
    snprintf(text, sizeof text, "is a section: its keys stand below it, as in '%s: {%s: %s}'", name,
             config_key_bare_name(&r->table->keys[first]), r->table->keys[first].known.standard);
    return fail_key_here(r, name, text);
}

/* A key, which the current event is, and its value. */
static int read_entry(struct reader *r, const char *section)
{
    const char *own = scalar(r);
    char name[2 * CONFIG_KEY_BYTES];
    int line = line_of_event(r);
    if (!own)
        return fail_here(r, "a key must be a plain word");
    snprintf(name, sizeof name, "%s%s%.*s", section, section[0] ? "." : "", CONFIG_KEY_BYTES, own);
    const struct config_key *key = config_key_find(r->table, name);
    int first = key || section[0] ? -1 : find_section(r->table, name);
    if (!key && first < 0)
        return fail_at(r, line, fail_unknown_key(r->table, name, r->error));
    int *seen = key ? &r->lines[key - r->table->keys] : &r->sections[first];
    int status = see_once(r, line, name, seen);
    if (!status)
        status = next_event(r);
    if (status)
        return status;
    return key ? set_key(r, key) : read_section(r, name, first);
}

/* The entries of a mapping whose start is the current event. Sections do not nest, so neither does
 * this. */
static int read_mapping(struct reader *r, const char *section)
{
    for (;;) {
        int status = next_event(r);
        if (status || r->event.type == YAML_MAPPING_END_EVENT)
            return status;
        status = read_entry(r, section);
        if (status)
            return status;
    }
}

/* ---- Documents ---- */

static int read_document(struct reader *r)
{
    int status = next_event(r);
    if (!status && r->event.type == YAML_MAPPING_START_EVENT)
        status = read_mapping(r, "");
    else if (!status && !is_null(r))
        status = fail_here(r, "a configuration consists of lines 'key: value'");
    return status ? status : next_event(r); /* the document's end */
}

static int read_stream(struct reader *r)
{
    int status = next_event(r); /* the stream's start */
    if (!status)
        status = next_event(r);
    if (status || r->event.type == YAML_STREAM_END_EVENT)
        return status;
    status = read_document(r);
    if (!status)
        status = next_event(r);
    if (!status && r->event.type != YAML_STREAM_END_EVENT)
        status = fail_here(r, "a second document begins here; a configuration is one document");
    return status;
}

int config_parse(const struct config_table *table, void *config, const char *yaml, size_t size,
                 const char *file, struct valence_error *error)
{
    if (size > MAX_CONFIG_BYTES)
        return fail(error, VALENCE_ERROR_LIMIT, "%s: larger than %d bytes", file, MAX_CONFIG_BYTES);
    struct reader *r = calloc(1, sizeof *r);
    if (!r || !yaml_parser_initialize(&r->parser)) {
        free(r);
        return fail_memory(error, sizeof *r, "a YAML parser");
    }
    r->yaml = yaml;
    r->size = size;
    r->file = file;
    r->table = table;
    r->config = config;
    r->error = error;
    yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r->parser, (const unsigned char *)yaml, size);
    int status = read_stream(r);
    yaml_event_delete(&r->event);
    yaml_parser_delete(&r->parser);
    free(r);
    return status;
}

int config_read(const struct config_table *table, void *config, const char *path,
                struct valence_error *error)
{
    char *yaml;
    size_t size;
    int status = file_read_text(path, MAX_CONFIG_BYTES, &yaml, &size, error);
    if (status)
        return status;
    status = config_parse(table, config, yaml, size, path, error);
    free(yaml);
    return status;
}

/* ---- Printing ---- */

static void print_comment(const char *help, const char *indent, struct text *text)
{
    enum { WIDTH = 90 };
    while (*help) {
        size_t length = strlen(help);
        if (length > WIDTH)
            for (length = WIDTH; length > 1 && help[length] != ' '; length--)
                ;
        text_format(text, "%s# %.*s\n", indent, (int)length, help);
        help += length;
        help += strspn(help, " ");
    }
}

char *config_text(const struct config_table *table, const void *config, bool annotated)
{
    struct text text = {.maximum = MAX_CONFIG_BYTES};
    if (annotated)
        text_format(&text, "# %s Keys that are left out have their default values.\n",
                    table->title);
    const struct config_key *before = NULL;
    for (int i = 0; i < table->n; i++) {
        const struct config_key *key = &table->keys[i];
        size_t section = config_key_section(key);
        const char *name = key->known.name, *indent = section ? "  " : "";
        bool same = before && section == config_key_section(before) &&
                    memcmp(name, before->known.name, section) == 0;
        if (annotated && (!same || !section))
            text_format(&text, "\n");
        if (section && !same)
            text_format(&text, "%.*s:\n", (int)section, name);
        before = key;
        if (annotated)
            print_comment(key->known.help, indent, &text);
        text_format(&text, "%s%s: ", indent, config_key_bare_name(key));
        config_key_format(table, key, config, &text);
        text_format(&text, "\n");
    }
    if (text.failed)
        text_free(&text);
    return text.data;
}
