#include "report/figures/canvas.h"

#include <cairo-ft.h>
#include <fontconfig/fontconfig.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ELLIPSIS "\u2026"
#define FONT     "Helvetica"

void canvas_set_up(cairo_t *cr)
{
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    cairo_set_font_options(cr, options);
    cairo_font_options_destroy(options);
    cairo_select_font_face(cr, FONT, CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cr, TEXT_SIZE);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
}

void set_colour(cairo_t *cr, struct colour colour, double opacity)
{
    cairo_set_source_rgba(cr, colour.red, colour.green, colour.blue, opacity);
}

void draw_line(cairo_t *cr, double x1, double y1, double x2, double y2)
{
    cairo_move_to(cr, x1, y1);
    cairo_line_to(cr, x2, y2);
    cairo_stroke(cr);
}

double at_x(const struct figure *figure, double value)
{
    const struct box *plot = &figure->plot;
    return plot->left + (plot->right - plot->left) * scale_place(&figure->x, value);
}

double at_y(const struct figure *figure, double value)
{
    const struct box *plot = &figure->plot;
    return plot->bottom - (plot->bottom - plot->top) * scale_place(&figure->y, value);
}

/* ---- Fonts ---- */

/* The letters of a text that are not ASCII; NULL where there are none, or memory is short. */
static FcCharSet *special_letters(const char *text)
{
    FcCharSet *letters = NULL;
    FcChar32 letter;
    int length = (int)strnlen(text, 1 << 20), n;
    for (const FcChar8 *at = (const FcChar8 *)text; length > 0; at += n, length -= n) {
        n = FcUtf8ToUcs4(at, &letter, length);
        if (n <= 0)
            break;
        if (letter < 128)
            continue;
        if (!letters && !(letters = FcCharSetCreate()))
            return NULL;
        FcCharSetAddChar(letters, letter);
    }
    return letters;
}

/* The font that has most of these letters, and is nearest to the usual one. */
static cairo_font_face_t *find_face(const FcCharSet *letters)
{
    FcResult result;
    FcPattern *wanted = FcPatternBuild(NULL, FC_FAMILY, FcTypeString, FONT, FC_CHARSET,
                                       FcTypeCharSet, letters, (char *)NULL);
    bool is_ready = wanted && FcConfigSubstitute(NULL, wanted, FcMatchPattern);
    if (is_ready)
        FcDefaultSubstitute(wanted);
    FcPattern *found = is_ready ? FcFontMatch(NULL, wanted, &result) : NULL;
    cairo_font_face_t *face = found ? cairo_ft_font_face_create_for_pattern(found) : NULL;
    if (found)
        FcPatternDestroy(found);
    if (wanted)
        FcPatternDestroy(wanted);
    return face;
}

/* Takes the font for a text: the usual one, or where it has letters beyond ASCII, one that has
 * them. Ends with cairo_restore(). */
static void begin_text(cairo_t *cr, const char *text)
{
    cairo_save(cr);
    FcCharSet *letters = special_letters(text);
    cairo_font_face_t *face = letters ? find_face(letters) : NULL;
    if (face) {
        cairo_set_font_face(cr, face);
        cairo_font_face_destroy(face);
    }
    if (letters)
        FcCharSetDestroy(letters);
}

/* ---- Text ---- */

static double advance(cairo_t *cr, const char *text)
{
    cairo_text_extents_t extents;
    cairo_text_extents(cr, text, &extents);
    return extents.x_advance;
}

#define RAISED_SIZE 0.72 /* of an exponent */

/* Where the exponent of "10^-6" or "2x10^6" begins; NULL for other texts. */
static const char *exponent_of(const char *text)
{
    const char *power = strstr(text, "10^");
    bool is_power = power && (power == text || strncmp(power - 2, "\u00d7", 2) == 0);
    return is_power ? power + 3 : NULL;
}

/* What stands before the '^', in part[MAX_POWER]. */
#define MAX_POWER 40
static const char *power_base(const char *text, const char *exponent, char part[MAX_POWER])
{
    size_t length = (size_t)(exponent - 1 - text);
    length = length < MAX_POWER ? length : MAX_POWER - 1;
    memcpy(part, text, length);
    part[length] = '\0';
    return part;
}

/* In the font that is taken. */
static double width_of(cairo_t *cr, const char *text)
{
    char part[MAX_POWER];
    const char *exponent = exponent_of(text);
    return exponent
               ? advance(cr, power_base(text, exponent, part)) + RAISED_SIZE * advance(cr, exponent)
               : advance(cr, text);
}

double text_width(cairo_t *cr, const char *text)
{
    begin_text(cr, text);
    double width = width_of(cr, text);
    cairo_restore(cr);
    return width;
}

/* The longest beginning that has room with an ellipsis, in fresh memory; NULL if memory is short.
 */
static char *cut_text(cairo_t *cr, const char *text, double room)
{
    size_t length = strlen(text);
    char *cut = malloc(length + sizeof ELLIPSIS);
    for (; cut && length > 0; length--) {
        if (((unsigned char)text[length] & 0xc0) == 0x80)
            continue; /* inside a character */
        memcpy(cut, text, length);
        strcpy(cut + length, ELLIPSIS);
        if (advance(cr, cut) <= room)
            return cut;
    }
    if (cut)
        strcpy(cut, ELLIPSIS);
    return cut;
}

static void show_text(cairo_t *cr, const char *text)
{
    char part[MAX_POWER];
    const char *exponent = exponent_of(text);
    cairo_show_text(cr, exponent ? power_base(text, exponent, part) : text);
    if (!exponent)
        return;
    cairo_rel_move_to(cr, 0, -0.42 * TEXT_SIZE);
    cairo_set_font_size(cr, RAISED_SIZE * TEXT_SIZE);
    cairo_show_text(cr, exponent);
    cairo_set_font_size(cr, TEXT_SIZE);
}

void draw_text(cairo_t *cr, const char *text, double x, double y, double align, bool turned,
               double room)
{
    begin_text(cr, text);
    char *cut = width_of(cr, text) > room ? cut_text(cr, text, room) : NULL;
    const char *shown = cut ? cut : text;
    cairo_translate(cr, x, y);
    if (turned)
        cairo_rotate(cr, -acos(-1) / 2);
    /* Letters without descenders are centred. */
    cairo_move_to(cr, -align * width_of(cr, shown), 0.35 * TEXT_SIZE);
    show_text(cr, shown);
    cairo_restore(cr);
    free(cut);
}

/* ---- Lines ---- */

#define N_DASHES 4

struct colour series_colour(const struct figure *figure, int series)
{
    return figure->chart->series[series].reference
               ? figure->palette->muted
               : figure->palette->series[series % PALETTE_SERIES];
}

void set_line(struct figure *figure, int series)
{
    static const struct {
        double lengths[6];
        int n;
    } dashes[N_DASHES] = {{{0}, 0}, {{5, 2}, 2}, {{1.2, 1.6}, 2}, {{6, 1.6, 1.2, 1.6}, 4}};
    static const double reference[] = {2.5, 2.5};
    cairo_t *cr = figure->cr;
    bool is_reference = figure->chart->series[series].reference;
    set_colour(cr, series_colour(figure, series), 1);
    cairo_set_line_width(cr, is_reference ? 0.8 : 1.3);
    if (is_reference)
        cairo_set_dash(cr, reference, 2, 0);
    else
        cairo_set_dash(cr, dashes[series % N_DASHES].lengths, dashes[series % N_DASHES].n, 0);
}

/* ---- Symbols ---- */

static void polygon(cairo_t *cr, double x, double y, double size, const double (*corners)[2], int n)
{
    for (int i = 0; i < n; i++)
        cairo_line_to(cr, x + corners[i][0] * size, y + corners[i][1] * size);
    cairo_close_path(cr);
}

void draw_symbol(struct figure *figure, int series, double x, double y, double size, double opacity)
{
    static const double square[][2] = {{-0.45, -0.45}, {0.45, -0.45}, {0.45, 0.45}, {-0.45, 0.45}};
    static const double triangle[][2] = {{-0.55, 0.42}, {0.55, 0.42}, {0, -0.55}};
    static const double diamond[][2] = {{0, -0.6}, {0.6, 0}, {0, 0.6}, {-0.6, 0}};
    static const double inverse[][2] = {{-0.55, -0.42}, {0.55, -0.42}, {0, 0.55}};
    cairo_t *cr = figure->cr;
    cairo_new_path(cr);
    switch (series % 5) {
    case 1:
        polygon(cr, x, y, size, square, 4);
        break;
    case 2:
        polygon(cr, x, y, size, triangle, 3);
        break;
    case 3:
        polygon(cr, x, y, size, diamond, 4);
        break;
    case 4:
        polygon(cr, x, y, size, inverse, 3);
        break;
    default:
        cairo_arc(cr, x, y, size / 2, 0, 2 * acos(-1));
        cairo_close_path(cr);
    }
    set_colour(cr, series_colour(figure, series), opacity);
    cairo_fill(cr);
}

/* ---- Bars ---- */

/* Lines at a slope of 45 degrees, `sign` 1 or -1, inside the clip. */
static void hatch(cairo_t *cr, double x, double y, double width, double height, int sign)
{
    double step = 3.2, reach = width + height;
    for (double at = step * floor((x - height) / step); at < x + reach; at += step) {
        cairo_move_to(cr, at, sign > 0 ? y + height : y);
        cairo_line_to(cr, at + height, sign > 0 ? y : y + height);
    }
    cairo_stroke(cr);
}

void draw_bar(struct figure *figure, int series, double x, double y, double width, double height)
{
    /* plain, hatched upwards, hatched downwards, both */
    int pattern = series % 4;
    cairo_t *cr = figure->cr;
    struct colour colour = series_colour(figure, series);
    cairo_rectangle(cr, x, y, width, height);
    set_colour(cr, colour, pattern == 0 ? 0.85 : 0.22);
    cairo_fill(cr);
    cairo_save(cr);
    cairo_rectangle(cr, x, y, width, height);
    cairo_clip(cr);
    set_colour(cr, colour, 1);
    cairo_set_line_width(cr, 0.6);
    cairo_set_dash(cr, NULL, 0, 0);
    if (pattern & 1)
        hatch(cr, x, y, width, height, 1);
    if (pattern & 2)
        hatch(cr, x, y, width, height, -1);
    cairo_restore(cr);
    cairo_rectangle(cr, x, y, width, height);
    set_colour(cr, colour, 1);
    cairo_set_line_width(cr, 0.6);
    cairo_set_dash(cr, NULL, 0, 0);
    cairo_stroke(cr);
}
