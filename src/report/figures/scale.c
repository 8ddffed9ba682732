#include "report/figures/scale.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define MINUS "\u2212"
#define TIMES "\u00d7"

/* ---- Ranges ---- */

void range_begin(struct range *range, bool logarithmic)
{
    *range = (struct range){INFINITY, -INFINITY, logarithmic};
}

void range_add(struct range *range, double value)
{
    if (!isfinite(value) || (range->logarithmic && value <= 0))
        return;
    range->low = fmin(range->low, value);
    range->high = fmax(range->high, value);
}

static bool is_usable(double end, bool logarithmic)
{
    return isfinite(end) && (!logarithmic || end > 0);
}

void scale_make(const struct report_axis *axis, const struct range *range, double margin,
                struct scale *scale)
{
    bool logarithmic = axis->logarithmic, empty = range->low > range->high;
    double low = empty ? (logarithmic ? 1 : 0) : range->low;
    double high = empty ? (logarithmic ? 10 : 1) : range->high;
    if (!(low < high) && logarithmic) {
        low /= 2;
        high *= 2;
    } else if (!(low < high)) {
        double around = low == 0 ? 1 : fabs(low) / 10;
        low -= around;
        high += around;
    }
    if (logarithmic) {
        double factor = pow(high / low, margin);
        low /= factor;
        high *= factor;
    } else {
        double more = (high - low) * margin;
        low -= more;
        high += more;
    }
    if (is_usable(axis->low, logarithmic) && (axis->low < high || isfinite(axis->high)))
        low = axis->low;
    if (is_usable(axis->high, logarithmic) && axis->high > low)
        high = axis->high;
    if (!(low < high))
        high = logarithmic ? low * 10 : low + 1;
    *scale = (struct scale){low, high, logarithmic};
}

double scale_place(const struct scale *scale, double value)
{
    if (!is_usable(value, scale->logarithmic))
        return NAN;
    if (scale->logarithmic)
        return log(value / scale->low) / log(scale->high / scale->low);
    return (value - scale->low) / (scale->high - scale->low);
}

/* ---- Ticks ---- */

void scale_label(double value, int decimals, char label[TICK_BYTES])
{
    char digits[64] = "";
    double shifted = fabs(value) * pow(10, decimals);
    bool fixed = shifted < 1e15 && decimals <= 12;
    if (fixed) { /* by whole numbers, so that no locale has a say */
        long long number = llround(shifted), power = llround(pow(10, decimals));
        if (decimals > 0)
            snprintf(digits, sizeof digits, "%lld.%0*lld", number / power, decimals,
                     number % power);
        else
            snprintf(digits, sizeof digits, "%lld", number);
        value = number == 0 ? 0 : value;
    } else {
        format_double(fabs(value), 6, digits);
    }
    snprintf(label, TICK_BYTES, "%s%.24s", value < 0 ? MINUS : "", digits);
}

/* A step of 1, 2 or 5 times a power of ten that gives at most `wanted` of them. */
static double nice_step(double length, int wanted)
{
    double power = pow(10, floor(log10(length / wanted)));
    static const double steps[] = {1, 2, 5, 10};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        if (length / (steps[i] * power) <= wanted)
            return steps[i] * power;
    return 20 * power;
}

/* Beyond these, numbers are written with a power of ten. */
#define PLAIN_BELOW 1e6
#define PLAIN_ABOVE 1e-4

/* "2.5x10^6" for 2.5e6 with exponent 6. */
static void label_with_power(double value, int decimals, int exponent, char label[TICK_BYTES])
{
    char factor[TICK_BYTES];
    if (value == 0) {
        snprintf(label, TICK_BYTES, "0");
        return;
    }
    scale_label(value / pow(10, exponent), decimals, factor);
    snprintf(label, TICK_BYTES, "%.12s" TIMES "10^%s%d", factor, exponent < 0 ? MINUS : "",
             abs(exponent));
}

static int decimals_for(double step)
{
    return (int)fmin(12, fmax(0, ceil(-log10(step) - 1e-9)));
}

static void linear_ticks(const struct scale *scale, bool whole, int wanted, struct ticks *ticks)
{
    double length = scale->high - scale->low, step = nice_step(length, wanted);
    double largest = fmax(fabs(scale->low), fabs(scale->high));
    bool plain = largest < PLAIN_BELOW && largest >= PLAIN_ABOVE;
    int exponent = (int)floor(log10(largest));
    if (whole && step < 1)
        step = 1;
    double first = ceil(scale->low / step - 1e-6);
    for (; ticks->n < MAX_TICKS; ticks->n++) {
        double at = (first + ticks->n) * step;
        if (!(at <= scale->high + 1e-6 * step))
            return;
        ticks->at[ticks->n] = at;
        if (plain)
            scale_label(at, decimals_for(step), ticks->labels[ticks->n]);
        else
            label_with_power(at, decimals_for(step / pow(10, exponent)), exponent,
                             ticks->labels[ticks->n]);
    }
}

static void add_power(struct ticks *ticks, bool plain, double factor, int exponent)
{
    if (ticks->n == MAX_TICKS)
        return;
    char *label = ticks->labels[ticks->n];
    double at = factor * pow(10, exponent);
    ticks->at[ticks->n++] = at;
    if (plain)
        scale_label(at, exponent < 0 ? -exponent : 0, label);
    else if (factor == 1)
        snprintf(label, TICK_BYTES, "10^%s%d", exponent < 0 ? MINUS : "", abs(exponent));
    else
        label[0] = '\0';
}

static void logarithmic_ticks(const struct scale *scale, int wanted, struct ticks *ticks)
{
    static const double factors[] = {1, 2, 5};
    int first = (int)floor(log10(scale->low) + 1e-9), last = (int)ceil(log10(scale->high) - 1e-9);
    bool few = last - first <= 2, plain = first >= -4 && last <= 5;
    int step = (last - first) / wanted + 1;
    for (int e = first; e <= last; e += step)
        for (int i = 0; i < (few ? 3 : 1); i++) {
            double place = scale_place(scale, factors[i] * pow(10, e));
            if (place > -1e-6 && place < 1 + 1e-6)
                add_power(ticks, plain, factors[i], e);
        }
}

void scale_ticks(const struct scale *scale, bool whole, int wanted, struct ticks *ticks)
{
    ticks->n = 0;
    wanted = wanted < 2 ? 2 : wanted > 10 ? 10 : wanted;
    if (scale->logarithmic)
        logarithmic_ticks(scale, wanted, ticks);
    else
        linear_ticks(scale, whole, wanted, ticks);
}
