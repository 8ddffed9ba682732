/* What Python would import and call: the globals that pickles of tensors, arrays and plain
 * containers need, and the nodes that calls become. */
#include <string.h>

#include "base/fail.h"
#include "base/text.h"
#include "format/pickle/pickle_machine.h"

/* Whatever is added here is still only a name: nothing is looked up or called. */
static const char *const known[] = {
    "__builtin__.frozenset",
    "__builtin__.set",
    "_codecs.encode",
    "builtins.frozenset",
    "builtins.set",
    "collections.OrderedDict",
    "numpy._core.multiarray._reconstruct",
    "numpy._core.multiarray.scalar",
    "numpy._core.numeric._frombuffer",
    "numpy.core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar",
    "numpy.core.numeric._frombuffer",
    "numpy.dtype",
    "numpy.ndarray",
    "torch.BFloat16Storage",
    "torch.BoolStorage",
    "torch.ByteStorage",
    "torch.CharStorage",
    "torch.DoubleStorage",
    "torch.FloatStorage",
    "torch.HalfStorage",
    "torch.IntStorage",
    "torch.LongStorage",
    "torch.ShortStorage",
    "torch.Size",
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_tensor_v2",
    "torch.storage._load_from_bytes",
    "torch.storage.UntypedStorage",
};

static bool is_known(const char *name)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i], name) == 0)
            return true;
    return false;
}

/* ---- Calls ---- */

static bool is_list_or_tuple(const struct pickle_value *value)
{
    return value && (value->type == PICKLE_LIST || value->type == PICKLE_TUPLE);
}

/* The calls that make plain values. Other arguments than these are malformed, not left as calls:
 * what costs time to look at must also cost memory, which is bounded. */

/* OrderedDict() and OrderedDict([[key, value], ...]) */
static struct pickle_value *call_dict(struct pickle *pickle, const struct pickle_value *arguments,
                                      bool *malformed)
{
    const struct pickle_value *pairs = pickle_item(arguments, 0);
    struct pickle_value *dict = pickle_new(pickle, PICKLE_DICT);
    *malformed = arguments->as.items.n > 1 || (pairs && !is_list_or_tuple(pairs));
    for (int64_t i = 0; dict && !*malformed && pairs && i < pairs->as.items.n; i++) {
        const struct pickle_value *pair = pairs->as.items.values[i];
        if (!is_list_or_tuple(pair) || pair->as.items.n != 2)
            *malformed = true;
        else if (!pickle_extend(pickle, dict, pair->as.items.values, 2))
            dict = NULL;
    }
    return dict;
}

/* set() and set([value, ...]) */
static struct pickle_value *call_set(struct pickle *pickle, const struct pickle_value *arguments,
                                     bool *malformed)
{
    const struct pickle_value *values = pickle_item(arguments, 0);
    *malformed = arguments->as.items.n > 1 || (values && !is_list_or_tuple(values));
    if (*malformed || !values)
        return pickle_new(pickle, PICKLE_SET);
    return pickle_new_items(pickle, PICKLE_SET, values->as.items.values, values->as.items.n);
}

/* encode(text, "latin1") */
static struct pickle_value *call_encode(struct pickle *pickle, const struct pickle_value *arguments,
                                        bool *malformed)
{
    const struct pickle_value *text = pickle_item(arguments, 0);
    *malformed = arguments->as.items.n != 2 || text->type != PICKLE_TEXT ||
                 !pickle_is_text(pickle_item(arguments, 1), "latin1");
    if (*malformed)
        return NULL;
    return pickle_new_latin1(pickle, text->as.bytes.data, text->as.bytes.size, malformed);
}

/* Any other call is kept as what was asked for. */
static struct pickle_value *new_call(struct pickle *pickle, struct pickle_value *callable,
                                     struct pickle_value *arguments, bool *malformed)
{
    static const struct {
        const char *name;
        struct pickle_value *(*call)(struct pickle *, const struct pickle_value *, bool *);
    } plain[] = {
        {"collections.OrderedDict", call_dict},
        {"_codecs.encode", call_encode},
        {"builtins.set", call_set},
        {"builtins.frozenset", call_set},
        {"__builtin__.set", call_set},
        {"__builtin__.frozenset", call_set},
    };
    *malformed = false;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (pickle_is_global(callable, plain[i].name))
            return plain[i].call(pickle, arguments, malformed);
    struct pickle_value *object = pickle_new(pickle, PICKLE_OBJECT);
    if (object) {
        object->as.object.callable = callable;
        object->as.object.arguments = arguments;
    }
    return object;
}

/* ---- Operations ---- */

static void push_global(struct machine *m, const char *module, size_t module_size, const char *name,
                        size_t name_size)
{
    struct text text = {.maximum = 4096};
    text_append(&text, module, module_size);
    text_append(&text, ".", 1);
    text_append(&text, name, name_size);
    if (text.no_memory)
        machine_no_memory(m);
    else if (text.failed || !is_utf8(text.data, text.length) || strlen(text.data) != text.length)
        machine_malformed(m, "the name of a class or function is too long or not a text");
    else if (!is_known(text.data) && !m->keep_unknown && !m->status)
        m->status =
            fail(m->error, VALENCE_ERROR_UNSUPPORTED,
                 "%s: pickle, byte %llu: refused: %.300s (only tensors, arrays and plain values "
                 "are read; nothing is executed)",
                 m->name, (unsigned long long)m->opcode_at, text.data);
    if (!m->status) {
        struct pickle_value *value =
            pickle_new_copy(m->pickle, PICKLE_GLOBAL, text.data, text.length);
        if (value && !is_known(text.data) &&
            !pickle_extend(m->pickle, m->pickle->unknown, &value, 1))
            value = NULL;
        machine_push(m, value);
    }
    text_free(&text);
}

static void push_global_lines(struct machine *m)
{
    size_t module_size, name_size;
    struct text module = {.maximum = 4096}; /* the first line goes when the second comes */
    const char *line = machine_take_line(m, &module_size);
    if (line)
        text_append(&module, line, module_size);
    const char *name = line ? machine_take_line(m, &name_size) : NULL;
    if (module.no_memory)
        machine_no_memory(m);
    else if (module.failed)
        machine_malformed(m, "the name of a class or function is too long or not a text");
    if (name && !m->status)
        push_global(m, module.data, module.length, name, name_size);
    text_free(&module);
}

static void push_global_from_stack(struct machine *m)
{
    const struct pickle_value *name = machine_pop(m), *module = machine_pop(m);
    if (!m->status && (name->type != PICKLE_TEXT || module->type != PICKLE_TEXT))
        machine_malformed(m, "the name of a class or function is not a text");
    if (!m->status)
        push_global(m, module->as.bytes.data, module->as.bytes.size, name->as.bytes.data,
                    name->as.bytes.size);
}

static void push_call(struct machine *m, struct pickle_value *callable,
                      struct pickle_value *arguments)
{
    if (m->status)
        return;
    if ((callable->type != PICKLE_GLOBAL && callable->type != PICKLE_OBJECT) ||
        arguments->type != PICKLE_TUPLE) {
        machine_malformed(m, "a call of something that is not a class or function");
        return;
    }
    bool malformed;
    struct pickle_value *made = new_call(m->pickle, callable, arguments, &malformed);
    if (malformed)
        machine_malformed(m, "a dict, set or bytes made of something else than they are made of");
    else
        machine_push(m, made);
}

/* REDUCE, NEWOBJ: callable, tuple of arguments. */
static void call(struct machine *m)
{
    struct pickle_value *arguments = machine_pop(m), *callable = machine_pop(m);
    push_call(m, callable, arguments);
}

/* NEWOBJ_EX: also a dict of named arguments, which only unknown classes have; they are dropped. */
static void call_with_names(struct machine *m)
{
    struct pickle_value *names = machine_pop(m);
    if (names && names->type != PICKLE_DICT)
        machine_malformed(m, "named arguments that are not a dict");
    call(m);
}

/* INST: the class's name follows, the arguments are marked. OBJ: the class is the first of what is
 * marked. */
static void call_marked(struct machine *m, bool class_follows)
{
    int64_t n;
    struct pickle_value **values = machine_pop_marked(m, &n);
    if (!class_follows && n == 0)
        machine_malformed(m, "an object without a class");
    if (m->status)
        return;
    struct pickle_value *callable = class_follows ? NULL : values[0];
    int64_t skipped = class_follows ? 0 : 1;
    struct pickle_value *arguments = pickle_new_items(
        m->pickle, PICKLE_TUPLE, n > skipped ? values + skipped : NULL, n - skipped);
    if (!arguments) {
        machine_out_of_room(m);
        return;
    }
    if (class_follows) {
        push_global_lines(m);
        callable = machine_pop(m);
    }
    push_call(m, callable, arguments);
}

/* BUILD: the state of an object. A dict's (OrderedDict has attributes) says nothing about its
 * items. */
static void build(struct machine *m)
{
    struct pickle_value *state = machine_pop(m), *object = machine_top(m);
    if (m->status)
        return;
    if (object->type == PICKLE_OBJECT)
        object->as.object.state = state;
    else if (object->type != PICKLE_DICT)
        machine_malformed(m, "a state for an object that takes no state");
}

static void push_persistent(struct machine *m, struct pickle_value *identifier)
{
    if (m->status)
        return;
    struct pickle_value *value = pickle_new(m->pickle, PICKLE_PERSISTENT);
    if (value) {
        value->as.object.arguments = identifier;
        if (!pickle_extend(m->pickle, m->pickle->persistents, &value, 1))
            value = NULL;
    }
    machine_push(m, value);
}

static void push_persistent_line(struct machine *m)
{
    size_t length;
    const char *line = machine_take_line(m, &length);
    struct pickle_value *identifier =
        line ? pickle_new_copy(m->pickle, PICKLE_BYTES, line, length) : NULL;
    if (line && !identifier)
        machine_out_of_room(m);
    push_persistent(m, identifier);
}

bool machine_run_call(struct machine *m, int opcode)
{
    switch (opcode) {
    case 'c':
        push_global_lines(m);
        return true;
    case 0x93: /* STACK_GLOBAL */
        push_global_from_stack(m);
        return true;
    case 'R':
    case 0x81: /* NEWOBJ */
        call(m);
        return true;
    case 0x92: /* NEWOBJ_EX */
        call_with_names(m);
        return true;
    case 'i':
    case 'o':
        call_marked(m, opcode == 'i');
        return true;
    case 'b':
        build(m);
        return true;
    case 'P':
        push_persistent_line(m);
        return true;
    case 'Q':
        push_persistent(m, machine_pop(m));
        return true;
    }
    return false;
}
