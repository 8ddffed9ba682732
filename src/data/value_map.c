#include "data/value_map.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/text.h"

/* ---- Lists of values ---- */

int values_check(const char *list, const char *key, struct valence_error *error)
{
    while (list && *list) {
        size_t item = strcspn(list, ","), from = strcspn(list, "=");
        if (from >= item || item >= VALUE_BYTES)
            return fail_key(error, VALENCE_ERROR_ARGUMENT, key, "'%.*s' is not FROM=TO",
                            (int)(item < 80 ? item : 80), list);
        list += item + (list[item] == ',');
    }
    return VALENCE_OK;
}

/* The next item of a list: FROM, and TO to `room`; false at the end. */
static bool next_item(const char **list, char from[VALUE_BYTES], char room[VALUE_BYTES])
{
    if (!*list || !**list)
        return false;
    size_t item = strcspn(*list, ","), divider = strcspn(*list, "=");
    snprintf(from, VALUE_BYTES, "%.*s", (int)divider, *list);
    snprintf(room, VALUE_BYTES, "%.*s", (int)(item - divider - 1), *list + divider + 1);
    *list += item + ((*list)[item] == ',');
    return true;
}

const char *values_meaning_of_number(const char *list, double value, char room[VALUE_BYTES])
{
    char from[VALUE_BYTES];
    double number;
    while (next_item(&list, from, room))
        if (parse_double(from, &number) && (float)number == (float)value)
            return room;
    return NULL;
}

const char *values_meaning(const char *list, const char *value, char room[VALUE_BYTES])
{
    char from[VALUE_BYTES];
    double number;
    for (const char *rest = list; next_item(&rest, from, room);)
        if (strcmp(from, value) == 0)
            return room;
    const char *to =
        parse_double(value, &number) ? values_meaning_of_number(list, number, room) : NULL;
    return to ? to : value;
}

/* ---- Formulas ---- */

/* Recursive descent: sum = product {(+|-) product}, product = factor {(*|/) factor}, factor = -
 * factor | number | x | ( sum ). `what` is why it fails. */
struct parser {
    const char *at;
    int depth;
    const char *what;
};

#define MAX_DEPTH 32

static struct affine parse_sum(struct parser *parser);

static struct affine refuse(struct parser *parser, const char *what)
{
    if (!parser->what)
        parser->what = what;
    return (struct affine){0, 0};
}

static char peek(struct parser *parser)
{
    while (*parser->at == ' ')
        parser->at++;
    return *parser->at;
}

static struct affine parse_number(struct parser *parser)
{
    char digits[VALUE_BYTES];
    size_t length = strspn(parser->at, "0123456789."), sign;
    if (length > 0 && (parser->at[length] == 'e' || parser->at[length] == 'E')) {
        sign = parser->at[length + 1] == '-' || parser->at[length + 1] == '+';
        size_t exponent = strspn(parser->at + length + 1 + sign, "0123456789");
        length += exponent ? 1 + sign + exponent : 0;
    }
    double number;
    snprintf(digits, sizeof digits, "%.*s", (int)(length < sizeof digits ? length : 0), parser->at);
    if (!parse_double(digits, &number))
        return refuse(parser, "a number, x or '(' is expected");
    parser->at += length;
    return (struct affine){0, number};
}

static struct affine parse_factor(struct parser *parser)
{
    struct affine inner;
    char next = peek(parser);
    if (parser->what || ++parser->depth > MAX_DEPTH)
        return refuse(parser, "it is nested too deep");
    if (next == '-') {
        parser->at++;
        inner = parse_factor(parser);
        inner = (struct affine){-inner.scale, -inner.offset};
    } else if (next == 'x') {
        parser->at++;
        inner = (struct affine){1, 0};
    } else if (next == '(') {
        parser->at++;
        inner = parse_sum(parser);
        if (peek(parser) == ')')
            parser->at++;
        else
            inner = refuse(parser, "a ')' is missing");
    } else {
        inner = parse_number(parser);
    }
    parser->depth--;
    return inner;
}

static struct affine parse_product(struct parser *parser)
{
    struct affine left = parse_factor(parser);
    for (char sign; !parser->what && ((sign = peek(parser)) == '*' || sign == '/');) {
        parser->at++;
        struct affine right = parse_factor(parser);
        if (sign == '/' && right.scale != 0)
            left = refuse(parser, "it divides by x");
        else if (sign == '/')
            left = (struct affine){left.scale / right.offset, left.offset / right.offset};
        else if (left.scale != 0 && right.scale != 0)
            left = refuse(parser, "it multiplies x by x");
        else
            left = (struct affine){left.scale * right.offset + right.scale * left.offset,
                                   left.offset * right.offset};
    }
    return left;
}

static struct affine parse_sum(struct parser *parser)
{
    struct affine left = parse_product(parser);
    for (char sign; !parser->what && ((sign = peek(parser)) == '+' || sign == '-');) {
        parser->at++;
        struct affine right = parse_product(parser);
        double factor = sign == '+' ? 1 : -1;
        left =
            (struct affine){left.scale + factor * right.scale, left.offset + factor * right.offset};
    }
    return left;
}

int affine_parse(const char *formula, struct affine *affine, struct valence_error *error)
{
    struct parser parser = {.at = formula};
    *affine = parse_sum(&parser);
    if (!parser.what && peek(&parser) != '\0')
        refuse(&parser, "an operator is expected");
    if (!parser.what && !(isfinite(affine->scale) && isfinite(affine->offset)))
        refuse(&parser, "its numbers are not finite");
    if (!parser.what && affine->scale == 0)
        refuse(&parser, "it does not depend on x");
    return parser.what ? fail_key(error, VALENCE_ERROR_ARGUMENT, "label_map",
                                  "'%.80s' is not a formula a x + b: at '%.20s' %s", formula,
                                  parser.at, parser.what)
                       : VALENCE_OK;
}
