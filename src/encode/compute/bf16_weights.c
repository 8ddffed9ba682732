#include "encode/compute/bf16_weights.h"

#include "encode/compute/row_ops.h"
#include "kernels/bf16_product.h"

bool bf16_suits(enum ggml_type type, int64_t length)
{
    bool faster = type == GGML_TYPE_BF16 ? bf16_pays()
                                         : ggml_is_quantized(type) && bf16_units() == BF16_TILES;
    return faster && length % BF16_DEPTH == 0;
}

void bf16_pack_weights(enum ggml_type type, int64_t n, int64_t depth, const void *rows, float *wide,
                       uint16_t *packed)
{
    if (type == GGML_TYPE_BF16) {
        bf16_pack_rounded(n, depth, rows, depth, packed);
        return;
    }
    row_widen((int)type, n * depth, rows, wide);
    bf16_pack(n, depth, wide, depth, packed);
}
