#!/usr/bin/env bash
# Does a wrong sign fail a test? Each mutation changes one place of a copy of the sources; at least one of the tests of
# src/kernels and src/model, built from that copy, must then fail.
#
#   scripts/mutate.sh [WORD]     only mutations whose line contains WORD
#
# The last line is "N noticed, N not noticed". Needs minutes, and is no part of `make test`.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
only=${1:-}

# file | what is there, exactly once | what takes its place. Read from below.
mutations() {
    cat <<'END'
src/kernels/vector.c|y[j] += factor * x[j]|y[j] -= factor * x[j]
src/kernels/vector.c|sums[i] += x[j + i] * y[j + i]|sums[i] -= x[j + i] * y[j + i]
src/kernels/vector.c|sum += x[j] * y[j]|sum -= x[j] * y[j]
src/kernels/vector.c|sums[j] += x[i * stride + j]|sums[j] -= x[i * stride + j]
src/kernels/gemm.c|alpha, a, (blasint)lda|-alpha, a, (blasint)lda
src/kernels/linear.c|y[j] < 0 ? 0 : y[j]|y[j] > 0 ? 0 : y[j]
src/kernels/linear.c|y[j] > 0 ? dy[j] * scale : 0|y[j] > 0 ? -dy[j] * scale : 0
src/kernels/linear.c|true, gradient.weight, layer.in|false, gradient.weight, layer.in
src/kernels/linear.c|layer.in, true, dx, dx_stride|layer.in, false, dx, dx_stride
src/kernels/dropout.c|word >> j & 1 ? x * scale : 0|word >> j & 1 ? 0 : x * scale
src/kernels/dropout.c|y[w * 32 + j] += masked|y[w * 32 + j] -= masked
src/kernels/dropout.c|y[j] += masked|y[j] -= masked
src/kernels/dropout.c|one ? kept[w][i] | fair[w][i] : kept[w][i] & fair[w][i]|one ? kept[w][i] & fair[w][i] : kept[w][i] | fair[w][i]
src/kernels/dropout.c|row * blocks_per_row + place.block|row + place.block
src/model/gather.c|= vector_dot(o, df|= -vector_dot(o, df
src/model/gather.c|factor * dm[j]|-factor * dm[j]
src/model/gather.c|dw[b * M + m] += vector_dot|dw[b * M + m] -= vector_dot
src/model/gather.c|dw[row / n_views * M + m] += vector_dot|dw[row / n_views * M + m] -= vector_dot
src/kernels/distance.c|weight * 2.0 * difference|weight * -2.0 * difference
src/kernels/distance.c|dx[i * x.stride + j] += step|dx[i * x.stride + j] -= step
src/kernels/distance.c|dy[i * y.stride + j] -= step|dy[i * y.stride + j] += step
src/kernels/rank_n_contrast.c|exp(others[j].logit + log_sum_value(&inverse)) - 1|exp(others[j].logit + log_sum_value(&inverse)) + 1
src/kernels/rank_n_contrast.c|= -dlogit / RNC_TEMPERATURE|= dlogit / RNC_TEMPERATURE
src/kernels/rank_n_contrast.c|loss += others[k].log_denominator - others[k].logit|loss += others[k].log_denominator + others[k].logit
src/kernels/rank_n_contrast.c|.logit = -length|.logit = length
src/kernels/rank_n_contrast.c|others[k].gap - RNC_TIE_TOLERANCE|others[k].gap + RNC_TIE_TOLERANCE
src/kernels/rank_n_contrast.c|others[k - 1].gap - RNC_TIE_TOLERANCE|others[k - 1].gap + RNC_TIE_TOLERANCE
src/kernels/rank_n_contrast.c|dz[c] += step|dz[c] -= step
src/kernels/attention.c|segment.n, d, (real)ATTENTION_SOFTMAX_SCALE|segment.n, d, -(real)ATTENTION_SOFTMAX_SCALE
src/kernels/attention.c|scores[t] - mean) * (real)|scores[t] + mean) * (real)
src/kernels/attention.c|1 - k[j] * k[j]|1 + k[j] * k[j]
src/kernels/attention.c|extremes[0] - maximum|maximum - extremes[0]
src/kernels/attention.c|here - maximum)) / sum|maximum - here)) / sum
src/kernels/attention.c|+ bias[j])|- bias[j])
src/kernels/attention.c|n_queries, 1, weights, length, dy|n_queries, -1, weights, length, dy
src/kernels/attention.c|n_queries, 1, scores, n, queries|n_queries, -1, scores, n, queries
src/kernels/attention.c|vector_add_scaled(query_size, 1,|vector_add_scaled(query_size, -1,
src/kernels/attention.c|vector_add_scaled(d * d, 1, share|vector_add_scaled(d * d, -1, share
src/kernels/attention.c|vector_add_scaled(tile.n * d, 1, memory.keys|vector_add_scaled(tile.n * d, -1, memory.keys
src/kernels/panel.c|sums[i][0] += row[i][k] * b0|sums[i][0] -= row[i][k] * b0
src/kernels/panel.c|sums[i][1] += *(const NAME|sums[i][1] -= *(const NAME
src/kernels/panel_gemm.c|GROUP * left->k + i % GROUP|GROUP * left->k - i % GROUP
src/kernels/panel_gemm.c|: 0) + edge|: 0) - edge
src/kernels/attention.c|d, scratch->weights, true, memory|d, scratch->weights, false, memory
src/kernels/projection.c|y[j] = (x[j] - mean[j]) * scale[j]|y[j] = (x[j] + mean[j]) * scale[j]
src/kernels/projection.c|true, dw + column, layer->in|false, dw + column, layer->in
src/kernels/projection.c|panel_gemm_right_size(column, layer->out), true|panel_gemm_right_size(column, layer->out), false
src/kernels/projection.c|vector_add_scaled(layer->in, 1, share|vector_add_scaled(layer->in, -1, share
src/kernels/projection.c|gradient.bias[j] += share|gradient.bias[j] -= share
src/kernels/simd.h|x < 0 ? -quotient : quotient|x < 0 ? quotient : quotient
src/kernels/simd.h|x + x * square * series|x - x * square * series
src/kernels/simd.h|shifted - shift|shift - shifted
src/kernels/adam.c|u.shrink * p[i] - u.rate|u.shrink * p[i] + u.rate
src/kernels/adam.c|u.gradient_scale * g[i] + u.decay|u.gradient_scale * g[i] - u.decay
src/kernels/adam.c|1.0 - options->learning_rate * decay|1.0 + options->learning_rate * decay
src/model/network_backward.c|vector_add_scaled(width, 1, dout|vector_add_scaled(width, -1, dout
src/model/network_backward.c|vector_add_scaled(n_cross, 1, b->dseen_cross|vector_add_scaled(n_cross, -1, b->dseen_cross
src/model/network_forward.c|j] += residual[|j] -= residual[
src/model/losses.c|weights->feature * share,|weights->feature * -share,
src/model/losses.c|weight * share, gradients[0]|weight * -share, gradients[0]
src/model/losses.c|weights->rep * part|weights->rep * -part
src/model/losses.c|weights->cross * part|weights->cross * -part
src/model/losses.c|weights->missing * share|weights->missing * -share
src/model/reliability.c|(double)(region->n + 1) * level|(double)region->n * level
src/model/reliability.c|(int64_t)k - 1 : 0|(int64_t)k - 2 : 0
src/model/reliability.c|first = next;|first = end;
src/model/reliability.c|clipped >= reliability->regions|clipped > 1 + reliability->regions
src/model/reliability.c|fmax(clipped - half|fmax(clipped + half
END
}

work=$(mktemp -d /tmp/valence-mutate-XXXXXX)
trap 'rm -rf "$work"' EXIT
cp -r "$root"/{CMakeLists.txt,LICENSE,cmake,src,include,cli,tests,fuzz,bench} "$work" || exit 1

# Fast ones first: the first failure is enough.
tests=()
for name in vector linear gather distance rank-n-contrast dropout panel attention projection adam; do
    tests+=("double-$name" "test-$name")
done
tests+=(test-reliability test-network double-network-gradients)

build() { cmake --build "$work/build" --target "${tests[@]}" >"$work/log" 2>&1 </dev/null; }
failing() { # the first test that fails, or nothing
    local name
    for name in "${tests[@]}"; do
        timeout 300 "$work/build/tests/$name" >"$work/log" 2>&1 </dev/null ||
            { echo "$name"; return; }
    done
}

cmake -S "$work" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DVALENCE_ENCODERS=OFF >"$work/log" &&
    build || { cat "$work/log"; exit 1; }
[ -z "$(failing)" ] || { echo "a test fails before anything is changed: $(failing)"; exit 1; }

noticed=0 unnoticed=0
while IFS= read -r line; do
    [[ $line == *"$only"* ]] || continue
    file=${line%%|*} change=${line#*|}
    python3 - "$work/$file" "$change" <<'END' || { echo "NOT APPLIED  $line"; unnoticed=$((unnoticed + 1)); continue; }
import sys
path, change = sys.argv[1:]
text = open(path).read()
bars = [i for i, c in enumerate(change) if c == "|"]
middle = bars[len(bars) // 2]
old, new = change[:middle], change[middle + 1:]
if text.count(old) != 1:
    sys.exit(1)
open(path, "w").write(text.replace(old, new))
END
    if build; then by=$(failing); else by="the compiler"; fi
    if [ -n "$by" ]; then
        noticed=$((noticed + 1))
        printf '%-26s  %s\n' "$by" "$line"
    else
        unnoticed=$((unnoticed + 1))
        printf '%-26s  %s\n' "NOT NOTICED" "$line"
    fi
    cp "$root/$file" "$work/$file"
done < <(mutations)
echo "$noticed noticed, $unnoticed not noticed"
[ "$unnoticed" -eq 0 ]
