#include "format/elements.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/half.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "the formats are little-endian, and so is every machine this builds for");

static const struct {
    const char *name;
    size_t bytes;
    char numpy_kind;
} types[N_ELEMENT_TYPES] = {
#define ELEMENT_TYPE_ROW(name, bytes, kind) {#name, bytes, kind},
    ELEMENT_TYPE_MAP(ELEMENT_TYPE_ROW)
#undef ELEMENT_TYPE_ROW
};

const char *element_type_name(enum element_type type)
{
    return types[type].name;
}

size_t element_type_size(enum element_type type)
{
    return types[type].bytes;
}

int element_type_from_name(const char *name)
{
    for (int i = 0; i < N_ELEMENT_TYPES; i++)
        if (strcmp(types[i].name, name) == 0)
            return i;
    return -1;
}

int element_type_from_numpy(char kind, int64_t bytes)
{
    for (int i = 0; i < N_ELEMENT_TYPES; i++)
        if (kind != '?' && types[i].numpy_kind == kind && (int64_t)types[i].bytes == bytes)
            return i;
    return -1;
}

char element_type_numpy_kind(enum element_type type)
{
    return types[type].numpy_kind;
}

bool shape_count(const int64_t *shape, int n_dims, int64_t *count)
{
    int64_t product = 1;
    bool has_zero = false;
    for (int i = 0; i < n_dims; i++) {
        if (shape[i] < 0)
            return false;
        has_zero |= shape[i] == 0;
    }
    /* (huge, huge, 0) is an empty array, not an overflow. */
    for (int i = 0; i < n_dims && !has_zero; i++)
        if (__builtin_mul_overflow(product, shape[i], &product))
            return false;
    *count = has_zero ? 0 : product;
    return true;
}

const char *shape_text(const int64_t *shape, int n_dims, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "(");
    for (int i = 0; i < n_dims && used < size; i++)
        used +=
            (size_t)snprintf(text + used, size - used, i ? ", %lld" : "%lld", (long long)shape[i]);
    if (used < size)
        snprintf(text + used, size - used, n_dims == 1 ? ",)" : ")");
    return text;
}

/* ---- Conversion ---- */

static uint8_t swap8(uint8_t bits)
{
    return bits;
}

static float float_from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static double double_from_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

#define FOR_ELEMENTS(bits_type, swap, store)                                                       \
    for (int64_t i = 0; i < n; i++) {                                                              \
        bits_type bits;                                                                            \
        memcpy(&bits, at + (size_t)i * sizeof bits, sizeof bits);                                  \
        if (swapped)                                                                               \
            bits = swap(bits);                                                                     \
        store;                                                                                     \
    }                                                                                              \
    break

/* Applies STORE to the value of each of the n elements of `type` at `at`, as a number of C. */
#define CONVERT_ELEMENTS(STORE)                                                                    \
    switch (type) {                                                                                \
    case ELEMENT_BOOL:                                                                             \
        FOR_ELEMENTS(uint8_t, swap8, STORE(bits != 0));                                            \
    case ELEMENT_U8:                                                                               \
        FOR_ELEMENTS(uint8_t, swap8, STORE(bits));                                                 \
    case ELEMENT_I8:                                                                               \
        FOR_ELEMENTS(uint8_t, swap8, STORE((int8_t)bits));                                         \
    case ELEMENT_U16:                                                                              \
        FOR_ELEMENTS(uint16_t, __builtin_bswap16, STORE(bits));                                    \
    case ELEMENT_I16:                                                                              \
        FOR_ELEMENTS(uint16_t, __builtin_bswap16, STORE((int16_t)bits));                           \
    case ELEMENT_U32:                                                                              \
        FOR_ELEMENTS(uint32_t, __builtin_bswap32, STORE(bits));                                    \
    case ELEMENT_I32:                                                                              \
        FOR_ELEMENTS(uint32_t, __builtin_bswap32, STORE((int32_t)bits));                           \
    case ELEMENT_U64:                                                                              \
        FOR_ELEMENTS(uint64_t, __builtin_bswap64, STORE(bits));                                    \
    case ELEMENT_I64:                                                                              \
        FOR_ELEMENTS(uint64_t, __builtin_bswap64, STORE((int64_t)bits));                           \
    case ELEMENT_F16:                                                                              \
        FOR_ELEMENTS(uint16_t, __builtin_bswap16, STORE(half_to_float(bits)));                     \
    case ELEMENT_BF16:                                                                             \
        FOR_ELEMENTS(uint16_t, __builtin_bswap16, STORE(float_from_bits((uint32_t)bits << 16)));   \
    case ELEMENT_F32:                                                                              \
        FOR_ELEMENTS(uint32_t, __builtin_bswap32, STORE(float_from_bits(bits)));                   \
    case ELEMENT_F64:                                                                              \
        FOR_ELEMENTS(uint64_t, __builtin_bswap64, STORE(double_from_bits(bits)));                  \
    case N_ELEMENT_TYPES:                                                                          \
        break;                                                                                     \
    }

void elements_to_float(enum element_type type, bool swapped, const void *data, int64_t n,
                       float *out)
{
    const unsigned char *at = data;
#define STORE_FLOAT(value) out[i] = (float)(value)
    CONVERT_ELEMENTS(STORE_FLOAT)
#undef STORE_FLOAT
}

void elements_to_double(enum element_type type, bool swapped, const void *data, int64_t n,
                        double *out)
{
    const unsigned char *at = data;
#define STORE_DOUBLE(value) out[i] = (double)(value)
    CONVERT_ELEMENTS(STORE_DOUBLE)
#undef STORE_DOUBLE
}

static bool int64_from_double(double value, int64_t *out)
{
    if (!(value >= -0x1p63 && value < 0x1p63) || value != floor(value))
        return false;
    *out = (int64_t)value;
    return true;
}

static bool int64_from_unsigned(uint64_t value, int64_t *out)
{
    *out = (int64_t)value;
    return value <= INT64_MAX;
}

static bool int64_from_signed(int64_t value, int64_t *out)
{
    *out = value;
    return true;
}

bool elements_to_int64(enum element_type type, bool swapped, const void *data, int64_t n,
                       int64_t *out)
{
    const unsigned char *at = data;
    bool fits = true;
#define STORE_INT64(value)                                                                         \
    fits &= _Generic((value), float                                                                \
                     : int64_from_double, double                                                   \
                     : int64_from_double, uint64_t                                                 \
                     : int64_from_unsigned, default                                                \
                     : int64_from_signed)(value, out + i)
    CONVERT_ELEMENTS(STORE_INT64)
#undef STORE_INT64
    return fits;
}
