#!/usr/bin/env bash
# Does a wrong sign fail a test? Each mutation changes one place of a copy of the sources. At least one of the tests of
# src/kernels and src/model must then fail, or of src/train or src/evaluate for their files. Products in bf16 need a processor
# that has them: elsewhere their mutations are not noticed. On one with AVX-512 alone that is so for AMX's tiles.
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
src/kernels/linear.c|true, gradient.weight, layer->in|false, gradient.weight, layer->in
src/kernels/linear.c|layer->in, true, dx, dx_stride|layer->in, false, dx, dx_stride
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
src/kernels/attention.c|vector_add_scaled(d, 1, share.weight_gradient|vector_add_scaled(d, -1, share.weight_gradient
src/kernels/attention.c|key_gradient.bias[j] += share|key_gradient.bias[j] -= share
src/kernels/attention.c|vector_add_scaled(tile.n * d, 1, memory.keys|vector_add_scaled(tile.n * d, -1, memory.keys
src/kernels/panel.c|sums[i][0] += row[i][k] * b0|sums[i][0] -= row[i][k] * b0
src/kernels/panel.c|sums[i][1] += *(const NAME|sums[i][1] -= *(const NAME
src/kernels/panel.c|sums[i][0] += *(const NAME|sums[i][0] -= *(const NAME
src/kernels/panel.c|a[i] + shape->offsets[t]|a[i] - shape->offsets[t]
src/kernels/panel.c|k += step, b += PANEL|k += 1, b += PANEL
src/kernels/panel.c|a[i < n ? i : n - 1]|a[i < n ? i : 0]
src/kernels/panel.c|if (n - i > GROUP * 2 / 3)|if (n - i > GROUP)
src/kernels/panel.c|packed[i * PANEL + j] = row[i]|packed[i * PANEL + j] = -row[i]
src/kernels/panel.c|weights + (first + j) * stride|weights + j * stride
src/kernels/panel.c|weights + k * stride + first|weights + k * stride
src/kernels/panel.c|memset(packed + n, 0,|memset(packed + n, 1,
src/kernels/panel_gemm.c|k > 0 || (full && add)|k > 0 && (full && add)
src/kernels/panel_gemm.c|left_row(left, first + i) + k * step|left_row(left, first + i)
src/kernels/panel_gemm.c|panel + k * PANEL, out|panel, out
src/kernels/panel_gemm.c|a + i * lda + first|a + i * lda
src/kernels/panel_gemm.c|b + column * left->k, add|b, add
src/kernels/panel_gemm.c|c + row * ldc + column|c + row * ldc
src/kernels/panel_gemm.c|multiply_rows(left, row, smaller|multiply_rows(left, 0, smaller
src/kernels/panel_gemm.c|GROUP * left->k + i % GROUP|GROUP * left->k - i % GROUP
src/kernels/panel_gemm.c|: 0) + edge|: 0) - edge
src/kernels/attention.c|layer->weight + column, d, packed|layer->weight, d, packed
src/kernels/attention.c|layer->weight + column * d, d, packed|layer->weight, d, packed
src/kernels/attention.c|d, scratch->weights, true, memory|d, scratch->weights, false, memory
src/kernels/attention.c|dkeys, d, values, d, true, dw|dkeys, d, values, d, false, dw
src/kernels/projection.c|y[j] = (x[j] - mean[j]) * scale[j]|y[j] = (x[j] + mean[j]) * scale[j]
src/kernels/projection.c|panel_gemm_right_size(piece.column, layer->out), true|panel_gemm_right_size(piece.column, layer->out), false
src/kernels/projection.c|layer->in, packed + panel_gemm_right_size(column, layer->out)|layer->in, packed
src/kernels/projection.c|panels + column * piece->n + i * PANEL|panels + column * piece->n
src/kernels/projection.c|vector_add_scaled(layer->in, 1, share|vector_add_scaled(layer->in, -1, share
src/kernels/projection.c|gradient.bias[j] += share|gradient.bias[j] -= share
src/kernels/bf16_gemm.c|_mm512_cvtne2ps_pbh(high, low)|_mm512_cvtne2ps_pbh(low, high)
src/kernels/bf16_gemm.c|_mm512_cvtne2ps_pbh(second, first)|_mm512_cvtne2ps_pbh(first, second)
src/kernels/bf16_gemm.c|p->a + depth * p->lda + row|p->a + depth * p->lda
src/kernels/bf16_gemm.c|p->a + row * p->lda + depth|p->a + row * p->lda
src/kernels/bf16_gemm.c|p->b + depth * p->ldb + column|p->b + depth * p->ldb
src/kernels/bf16_gemm.c|p->b + column * p->ldb + depth|p->b + column * p->ldb
src/kernels/bf16_gemm.c|p->add || depth > 0|p->add && depth > 0
src/kernels/bf16_gemm.c|columns + j * padded|columns
src/kernels/bf16_product.c|_tile_dpbf16ps(3, 5, 7)|_tile_dpbf16ps(3, 5, 6)
src/kernels/bf16_product.c|_tile_dpbf16ps(2, 5, 6)|_tile_dpbf16ps(2, 4, 6)
src/kernels/bf16_product.c|partial && !first && i < n|partial && first && i < n
src/kernels/bf16_product.c|&& !shape->add, &part, x + i|&& shape->add, &part, x + i
src/kernels/bf16_product.c|&& !shape->add, &part, x + whole|&& shape->add, &part, x + whole
src/kernels/bf16_product.c|packed + k * BF16_COLUMNS|packed
src/kernels/bf16_product.c|_mm512_dpbf16_ps(left[i], values, (__m512bh)first)|_mm512_dpbf16_ps(left[i], values, (__m512bh)second)
src/kernels/bf16_product.c|shape->add ? _mm512_loadu_ps(y + i * y_stride + TILE)|shape->add ? _mm512_loadu_ps(y + i * y_stride)
src/kernels/bf16_product.c|shape->add && row < n|!shape->add && row < n
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
src/model/parameters.c|(real)1 / (real)weights[i].out|(real)-1 / (real)weights[i].out
src/model/reliability.c|(double)(region->n + 1) * level|(double)region->n * level
src/model/reliability.c|(int64_t)k - 1 : 0|(int64_t)k - 2 : 0
src/model/reliability.c|first = next;|first = end;
src/model/reliability.c|clipped >= reliability->regions|clipped > 1 + reliability->regions
src/model/reliability.c|fmax(clipped - half|fmax(clipped + half
src/model/losses.c|network->flows[0], weights->complete)|network->flows[0], weights->missing)
src/model/losses.c|flow->dfeature, network->flows[0].dfeature|flow->dfeature, NULL
src/model/losses.c|double part = share / __builtin_popcount(flow->missing)|double part = share * __builtin_popcount(flow->missing)
src/model/losses.c|double part = share / __builtin_popcount(flows[f])|double part = share * __builtin_popcount(flows[f])
src/model/losses.c|weights->rnc * terms->rnc|-weights->rnc * terms->rnc
src/model/losses.c|sqrt(sum / ((double)n_clips * (double)elements))|sqrt(sum / (double)elements)
src/model/losses.c|own + error_of_outputs|own - error_of_outputs
src/model/losses.c|1.0 / (n_flows - 1), sum = 0|1.0 / n_flows, sum = 0
src/model/network_forward.c|relu_forward(rows, width, state->transition[0]|relu_forward(0, width, state->transition[0]
src/model/network_forward.c|from_transition ? state->transition[1]|from_transition ? state->transition[0]
src/model/network_backward.c|vector_clear(width, dseen + i * stride|vector_clear(0, dseen + i * stride
src/model/checkpoint.c|? 1.0f / deviation : 0|? deviation : 0
src/model/checkpoint.c|(columns->minimum[j] - mean) * scale|(columns->minimum[j] + mean) * scale
src/train/schedule.c|(double)(epoch + 1) /|(double)epoch /
src/train/schedule.c|(epoch + 1 - schedule->warm_up_epochs)|(epoch + 1 + schedule->warm_up_epochs)
src/train/trainer_labels.c|t->labels.factor = (float)sqrt(square)|t->labels.factor = (float)square
src/train/trainer_labels.c|t->labels.offset = (float)mean|t->labels.offset = (float)-mean
src/train/trainer_step.c|(label - t->labels.offset)|(label + t->labels.offset)
src/train/trainer_step.c|t->labels.offset) / t->labels.factor|t->labels.offset) * t->labels.factor
src/train/trainer_step.c|factor * t->batch_gradients[i]|-factor * t->batch_gradients[i]
src/train/trainer_step.c|limit / *norm : 1.0|*norm / limit : 1.0
src/train/trainer.c|.weight + i] *= t->labels.factor|.weight + i] /= t->labels.factor
src/train/trainer.c|*bias * t->labels.factor + t->labels.offset|*bias * t->labels.factor - t->labels.offset
src/train/initial_weights.c|(values[i] - (bias|(values[i] + (bias
src/train/initial_weights.c|t->labels.offset : 0)) / t->labels.factor|t->labels.offset : 0)) * t->labels.factor
src/train/validation.c|* v->labels->factor + v->labels->offset|* v->labels->factor - v->labels->offset
src/train/validation.c|score[i] * v->labels->factor|score[i] / v->labels->factor
src/train/schedule.c|pow(schedule->gamma,|pow(1 / schedule->gamma,
src/train/trainer.c|learning_rate * schedule_factor|learning_rate / schedule_factor
src/train/trainer.c|since_best >= t->config->early_stopping|since_best > t->config->early_stopping
src/train/trainer.c|is_best ? 0 : state->since_best + 1|is_best ? state->since_best : state->since_best + 1
src/train/epoch_record.c|value < state->best_value|value > state->best_value
src/train/epoch_record.c|best ? state->epoch + 1|best ? state->epoch
src/train/epoch_record.c|sums->total / n|sums->total
src/train/epoch_record.c|state->norm_sum / (double)state->n_clips|state->norm_sum
src/train/train_config.c|select == TRAIN_MISSING ? 1 : 0|select == TRAIN_MISSING ? 0 : 0
src/train/train_config.c|select == TRAIN_COMPLETE ? 1 : n_flows|select == TRAIN_COMPLETE ? n_flows : n_flows
src/train/trainer_step.c|*norm > limit ? limit|*norm < limit ? limit
src/train/trainer_step.c|n_clips / (double)sums->n_clips|1 / (double)sums->n_clips
src/train/trainer_step.c|weight * terms->total|terms->total
src/train/validation.c|fabs((double)to->score - (double)labels[i])|fabs((double)to->score + (double)labels[i])
src/train/validation.c|mae[f] /= (double)v->n|mae[f] /= 2
src/evaluate/metrics.c|(t >= 0 ? LABEL_AT_LEAST_0|(t > 0 ? LABEL_AT_LEAST_0
src/evaluate/metrics.c|(p >= 0 ? PREDICTED_AT_LEAST_0|(p > 0 ? PREDICTED_AT_LEAST_0
src/evaluate/metrics.c|(t != 0 ? LABEL_NOT_0|(t >= 0 ? LABEL_NOT_0
src/evaluate/metrics.c|rint(fmin(fmax(x, -limit), limit))|round(fmin(fmax(x, -limit), limit))
src/evaluate/metrics.c|bin(p, 2) == bin(t, 2)|bin(p, 3) == bin(t, 3)
src/evaluate/metrics.c|fmin(ceil(fabs(x)), 3.0)|fmin(floor(fabs(x)), 3.0)
src/evaluate/metrics.c|above += x > bounds[i]|above += x >= bounds[i]
src/evaluate/metrics.c|f1_yes * (both + missed)|f1_yes * (both + false_alarms)
src/evaluate/metrics.c|label * 2 * right|predicted * 2 * right
src/evaluate/metrics.c|macro / n_seen|macro / n_true
src/evaluate/metrics.c|recall / n_true|recall / n_seen
src/evaluate/metrics.c|covariance / sqrt(variance_p * variance_t)|-covariance / sqrt(variance_p * variance_t)
src/evaluate/metrics.c|sums->product - sums->predicted * sums->label / n|sums->product
src/evaluate/metrics.c|sqrt(sums->squared_error / n)|sums->squared_error / n
src/evaluate/metrics.c|metrics->values[VALENCE_METRIC_CORR] = NAN|metrics->values[VALENCE_METRIC_CORR] = 0
src/evaluate/bootstrap.c|percentile(values, n, (1 - level) / 2)|percentile(values, n, 1 - level)
src/evaluate/bootstrap.c|(at - whole) * (sorted[i + 1]|(whole - at) * (sorted[i + 1]
src/evaluate/bootstrap.c|samples[at] - (others|samples[at] + (others
src/evaluate/bootstrap.c|(uint64_t)n >> 32|(uint64_t)n >> 33
src/evaluate/comparison.c|sqrt(squares / (n - 1))|sqrt(squares / n)
src/evaluate/comparison.c|+= sign / n * resampling->room[j]|+= sign * resampling->room[j]
END
}

work=$(mktemp -d /tmp/valence-mutate-XXXXXX)
trap 'rm -rf "$work"' EXIT
cp -r "$root"/{CMakeLists.txt,LICENSE,cmake,src,include,cli,tests,fuzz,bench} "$work" || exit 1

# Fast ones first. A kernel is tested by the network, too, whose own sources the kernels' tests know nothing of.
kernel_tests=()
for name in vector linear distance rank-n-contrast dropout panel attention projection adam; do
    kernel_tests+=("double-$name" "test-$name")
done
kernel_tests+=(test-bf16-product test-bf16-gemm)
model_tests=(double-gather test-gather test-reliability test-parameters test-checkpoint golden-fusion test-network
    double-network-gradients)
training_tests=(test-schedule test-gradient-clipping test-epochs test-label-scales test-train-options test-training test-ranks)
evaluate_tests=(test-metrics test-evaluation)
tests_of() { # tests_of FILE: of a kernel those of its own name first
    local name test own=() others=()
    name=$(basename "${1%.*}" | tr _ -)
    case $1 in
    src/model/*) printf '%s\n' "${model_tests[@]}"; return ;;
    src/train/*) printf '%s\n' "${training_tests[@]}"; return ;;
    src/evaluate/*) printf '%s\n' "${evaluate_tests[@]}"; return ;;
    esac
    for test in "${kernel_tests[@]}" "${model_tests[@]}"; do
        if [[ $name == "${test#*-}"* ]]; then own+=("$test"); else others+=("$test"); fi
    done
    printf '%s\n' "${own[@]}" "${others[@]}"
}
noticed_by() { # noticed_by TEST...: the first that fails, "the compiler" before one that cannot be built, or nothing
    local test
    for test; do
        cmake --build "$work/build" --target "$test" >"$work/log" 2>&1 </dev/null || { echo "the compiler"; return; }
        # Seconds of processor time: a busy machine fails no test.
        (ulimit -t 600 && exec ctest --test-dir "$work/build" -R "^(kernels|model|train|evaluate)/$test\$") >"$work/log" 2>&1 </dev/null || { echo "$test"; return; }
    done
}

export CCACHE_BASEDIR=$work # where ccache compiles: the same files in another folder are the same
cmake -S "$work" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DVALENCE_ENCODERS=OFF >"$work/log" ||
    { cat "$work/log"; exit 1; }
mapfile -t needed < <(mutations | grep -F -- "$only" | cut -d'|' -f1 | sort -u |
    while IFS= read -r file; do tests_of "$file"; done | sort -u)
before=$(noticed_by "${needed[@]}")
[ -z "$before" ] || { cat "$work/log"; echo "before anything is changed, this fails: $before"; exit 1; }

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
    mapfile -t here < <(tests_of "$file")
    by=$(noticed_by "${here[@]}")
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
