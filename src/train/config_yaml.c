/* The configuration as YAML.
 *
 * libcyaml checks the document's form - which sections and keys there are, what is a mapping, a
 * sequence, a scalar - by a schema made from the table of keys, and gives every scalar as text. The
 * table turns texts into values: libcyaml would take "1.5" for the integer 1 and "yess" for
 * true. */
#include <assert.h>
#include <cyaml/cyaml.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "train/config_table.h"

#define MAX_KEYS         80
#define MAX_CONFIG_BYTES (1 << 20)

/* ---- The schema ---- */

/* What libcyaml loads: one slot a key, in the table's order; NULL where the document does not have
 * it. */
struct slot {
    void *value; /* char *, or char ** of a sequence */
    uint32_t n;
};

/* A section's fields are a mapping of their own over the slots from its first key on. */
struct schema {
    cyaml_schema_value_t root, flow;
    cyaml_schema_field_t top[MAX_KEYS];
    cyaml_schema_field_t fields[2 * MAX_KEYS]; /* of all sections, each ended by a NULL key */
};

static cyaml_schema_field_t key_field(const struct config_key *key, size_t slot,
                                      const cyaml_schema_value_t *flow)
{
    cyaml_schema_field_t field = {
        .key = key->name,
        .data_offset = (uint32_t)(slot * sizeof(struct slot)),
        .value = {.type = CYAML_STRING,
                  .flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                  .data_size = sizeof(char),
                  .string = {.min = 0, .max = CYAML_UNLIMITED}},
    };
    if (key->type == KEY_FLOWS) {
        field.count_offset = field.data_offset + (uint32_t)offsetof(struct slot, n);
        field.count_size = sizeof(uint32_t);
        field.value.type = CYAML_SEQUENCE;
        field.value.data_size = sizeof(char *);
        field.value.sequence.entry = flow;
        field.value.sequence.min = 1;
        field.value.sequence.max = 64;
    }
    return field;
}

static void make_schema(struct schema *schema)
{
    assert(n_config_keys < MAX_KEYS);
    memset(schema, 0, sizeof *schema);
    schema->flow = (cyaml_schema_value_t){.type = CYAML_STRING,
                                          .flags = CYAML_FLAG_POINTER,
                                          .data_size = sizeof(char),
                                          .string = {.min = 0, .max = CYAML_UNLIMITED}};
    int n_top = 0, n_fields = 0, section_start = 0;
    cyaml_schema_field_t *section = NULL;
    for (int i = 0; i < n_config_keys; i++) {
        const struct config_key *key = &config_keys[i];
        if (!key->section[0]) {
            schema->top[n_top++] = key_field(key, (size_t)i, &schema->flow);
            continue;
        }
        if (i == 0 || strcmp(key->section, config_keys[i - 1].section) != 0) {
            section = &schema->top[n_top++];
            section_start = i;
            *section = (cyaml_schema_field_t){
                .key = key->section,
                .data_offset = (uint32_t)((size_t)i * sizeof(struct slot)),
                .value = {.type = CYAML_MAPPING,
                          .flags = CYAML_FLAG_OPTIONAL,
                          .mapping = {.fields = &schema->fields[++n_fields]}}};
        }
        section->value.data_size += (uint32_t)sizeof(struct slot);
        schema->fields[n_fields++] = key_field(key, (size_t)(i - section_start), &schema->flow);
    }
    schema->root =
        (cyaml_schema_value_t){.type = CYAML_MAPPING,
                               .flags = CYAML_FLAG_POINTER,
                               .data_size = (uint32_t)((size_t)n_config_keys * sizeof(struct slot)),
                               .mapping = {.fields = schema->top}};
}

/* ---- Errors ---- */

/* Where `word:` stands at or after `from` outside comments; NULL where it does not. */
static const char *find_word(const char *from, const char *word)
{
    size_t length = strlen(word);
    bool comment = false, at_start = true;
    for (const char *at = from; *at; at++) {
        if (*at == '\n')
            comment = false;
        else if (*at == '#')
            comment = true;
        if (at_start && !comment && strncmp(at, word, length) == 0) {
            const char *after = at + length;
            after += strspn(after, "\"' ");
            if (*after == ':')
                return at;
        }
        at_start = strchr(" \t\n{,\"'", *at) != NULL;
    }
    return NULL;
}

/* The line that a dotted key stands on, 0 where it is not found. */
static int line_of(const char *yaml, const char *name)
{
    char section[CONFIG_KEY_BYTES];
    const char *dot = strchr(name, '.'), *at = yaml;
    if (dot) {
        snprintf(section, sizeof section, "%.*s", (int)(dot - name), name);
        at = find_word(yaml, section);
    }
    at = at ? find_word(at, dot ? dot + 1 : name) : NULL;
    if (!at)
        return 0;
    int line = 1;
    for (const char *c = yaml; c < at; c++)
        line += *c == '\n';
    return line;
}

/* "config.yaml:12: " in front of what is wrong with a key. */
static int fail_at(int line, const char *file, int status, struct valence_error *error)
{
    return line ? fail_within(status, error, "%s:%d", file, line)
                : fail_within(status, error, "%s", file);
}

static int fail_unknown(const char *yaml, const char *file, const char *name,
                        struct valence_error *error)
{
    const struct config_key *nearest = config_key_nearest(name);
    char meant[CONFIG_KEY_BYTES];
    if (nearest) {
        config_key_name(nearest, meant);
        fail(error, VALENCE_ERROR_CONFIG, "unknown key '%.100s'; did you mean '%s'?", name, meant);
    } else {
        fail(error, VALENCE_ERROR_CONFIG,
             "unknown key '%.100s'\n"
             "         (valence train --print-config shows all keys)",
             name);
    }
    return fail_at(line_of(yaml, name), file, VALENCE_ERROR_CONFIG, error);
}

/* What libcyaml reports: a line on the problem, then from the innermost place to the outermost
 *   in mapping field 'd' (line: 2, column: 6)
 *   in mapping field 'model' (line: 2, column: 3) */
static void keep_message(cyaml_log_t level, void *context, const char *format, va_list args)
{
    (void)level;
    struct text *log = context;
    char line[512];
    int length = vsnprintf(line, sizeof line, format, args);
    if (length > 0)
        text_append(log, line, (size_t)length < sizeof line ? (size_t)length : sizeof line - 1);
}

/* The dotted name of the place in name[CONFIG_KEY_BYTES], and its line. */
static int read_backtrace(const char *log, char *name)
{
    static const char mark[] = "mapping field '";
    const char *inner = strstr(log, mark), *outer = inner ? strstr(inner + 1, mark) : NULL;
    name[0] = '\0';
    for (const char *field = outer ? outer : inner; field; field = field == outer ? inner : NULL) {
        const char *start = field + sizeof mark - 1;
        size_t used = strlen(name);
        snprintf(name + used, CONFIG_KEY_BYTES - used, "%s%.*s", used ? "." : "",
                 (int)strcspn(start, "'"), start);
    }
    const char *number = strstr(log, "(line: ");
    return number ? atoi(number + strlen("(line: ")) : 0;
}

static int fail_from_log(const struct text *log, cyaml_err_t outcome, const char *yaml,
                         const char *file, struct valence_error *error)
{
    static const char unknown[] = "Unexpected key: ";
    char problem[256], place[CONFIG_KEY_BYTES], name[2 * CONFIG_KEY_BYTES];
    const char *start = log->length ? log->data : "";
    int line = read_backtrace(start, place);
    if (strncmp(start, "Load: ", 6) == 0)
        start += 6;
    snprintf(problem, sizeof problem, "%.*s", (int)strcspn(start, "\n"), start);
    if (strncmp(problem, unknown, sizeof unknown - 1) == 0) {
        snprintf(name, sizeof name, "%s%s%.60s", place, place[0] ? "." : "",
                 problem + sizeof unknown - 1);
        return fail_unknown(yaml, file, name, error);
    }
    bool wordless = !problem[0] || strcmp(problem, "Backtrace:") == 0;
    fail(error, VALENCE_ERROR_CONFIG, "%s%s%s", place, place[0] ? ": " : "",
         wordless ? cyaml_strerror(outcome) : problem);
    return fail_at(line, file, VALENCE_ERROR_CONFIG, error);
}

/* ---- Reading ---- */

static int apply(const struct slot *slots, const char *yaml, const char *file,
                 struct valence_train_config *config, struct valence_error *error)
{
    for (int i = 0; i < n_config_keys; i++) {
        const struct config_key *key = &config_keys[i];
        if (!slots[i].value)
            continue;
        const char *single = slots[i].value;
        int status = key->type == KEY_FLOWS
                         ? config_key_set(key, slots[i].value, (int)slots[i].n, config, error)
                         : config_key_set(key, &single, 1, config, error);
        if (status) {
            char name[CONFIG_KEY_BYTES];
            config_key_name(key, name);
            return fail_at(line_of(yaml, name), file, status, error);
        }
    }
    return VALENCE_OK;
}

int train_config_parse(const char *yaml, size_t size, const char *name,
                       struct valence_train_config *config, struct valence_error *error)
{
    struct schema *schema = allocate(1, sizeof *schema);
    if (!schema)
        return fail_memory(error, sizeof *schema, "the schema of the configuration");
    make_schema(schema);
    struct text log = {.maximum = 1 << 16};
    const cyaml_config_t settings = {.log_fn = keep_message,
                                     .log_ctx = &log,
                                     .mem_fn = cyaml_mem,
                                     .log_level = CYAML_LOG_WARNING,
                                     .flags = CYAML_CFG_NO_ALIAS};
    struct slot *slots = NULL;
    cyaml_err_t outcome = cyaml_load_data((const uint8_t *)yaml, size, &settings, &schema->root,
                                          (cyaml_data_t **)&slots, NULL);
    int status = VALENCE_OK;
    /* A warning (a second document) is an error here: nothing written is ignored. */
    if (outcome != CYAML_OK || log.length)
        status = fail_from_log(&log, outcome, yaml, name, error);
    else if (slots) /* NULL: a document without keys */
        status = apply(slots, yaml, name, config, error);
    cyaml_free(&settings, &schema->root, slots, 0);
    text_free(&log);
    free(schema);
    return status;
}

int valence_train_config_read(struct valence_train_config *config, const char *path,
                              struct valence_error *error)
{
    char *yaml;
    size_t size;
    int status = file_read_text(path, MAX_CONFIG_BYTES, &yaml, &size, error);
    if (status)
        return status;
    status = train_config_parse(yaml, size, path, config, error);
    free(yaml);
    return status;
}

/* ---- One assignment ---- */

/* "[complete, text_missing]" or "complete,text_missing" into names; cuts `text` up. */
static int split_names(char *text, const char *names[], int room)
{
    int n = 0;
    for (char *rest = text, *name; (name = strtok_r(rest, "[], ", &rest)) != NULL && n < room;)
        names[n++] = name;
    return n;
}

int valence_train_config_set(struct valence_train_config *config, const char *assignment,
                             struct valence_error *error)
{
    const char *equals = strchr(assignment, '=');
    if (!equals)
        return fail(error, VALENCE_ERROR_CONFIG, "'%.100s' is not KEY=VALUE", assignment);
    char name[2 * CONFIG_KEY_BYTES], value[TRAIN_PATH_BYTES];
    snprintf(name, sizeof name, "%.*s", (int)(equals - assignment), assignment);
    const struct config_key *key = config_key_find(name);
    if (!key)
        return fail_unknown("", assignment, name, error);
    const char *texts[VALENCE_MAX_FLOWS] = {equals + 1};
    int n = 1;
    if (key->type == KEY_FLOWS) {
        snprintf(value, sizeof value, "%s", equals + 1);
        n = split_names(value, texts, VALENCE_MAX_FLOWS);
    }
    return config_key_set(key, texts, n, config, error);
}

void train_config_defaults(struct valence_train_config *config)
{
    memset(config, 0, sizeof *config);
    for (int i = 0; i < n_config_keys; i++) {
        char name[CONFIG_KEY_BYTES], assignment[2 * CONFIG_KEY_BYTES];
        config_key_name(&config_keys[i], name);
        snprintf(assignment, sizeof assignment, "%s=%s", name, config_keys[i].standard);
        int status = valence_train_config_set(config, assignment, NULL);
        assert(status == VALENCE_OK); /* the table's own defaults */
        (void)status;
    }
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

char *valence_train_config_text(const struct valence_train_config *config, bool annotated)
{
    struct text text = {.maximum = MAX_CONFIG_BYTES};
    if (annotated)
        text_format(&text,
                    "# How valence trains: every key with its value; keys left out have their "
                    "defaults.\n");
    const char *section = "";
    for (int i = 0; i < n_config_keys; i++) {
        const struct config_key *key = &config_keys[i];
        const char *indent = key->section[0] ? "  " : "";
        bool opens = strcmp(key->section, section) != 0 && key->section[0];
        if (annotated && (opens || !key->section[0]))
            text_format(&text, "\n");
        if (opens)
            text_format(&text, "%s:\n", key->section);
        section = key->section;
        if (annotated)
            print_comment(key->help, indent, &text);
        text_format(&text, "%s%s: ", indent, key->name);
        config_key_format(key, config, &text);
        text_format(&text, "\n");
    }
    if (text.failed)
        text_free(&text);
    return text.data;
}
