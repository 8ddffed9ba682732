#!/usr/bin/env python3
"""The encoders in PyTorch, timed: what scripts/bench_encoders.sh and scripts/bench_quantised.sh compare with.

    encoders_pytorch.py wavlm FOLDER SECONDS REPEATS [TYPE]
    encoders_pytorch.py manet FILE.pth PICTURES REPEATS [TYPE]

Prints one line a repeat: seconds of the clock and of the processors. With REPEATS 0 it waits for a line of standard input
before each. TYPE is f32, bf16 (autocast) or int8 (dynamic quantisation of linear layers but those of the attention). Two
threads, or BENCH_THREADS; inference mode.
"""
import contextlib
import os
import sys
import time

import torch
import torch.nn.functional as F


def manet(w, x):
    """The network of tests/golden/manet with the checkpoint's names; gives the embedding."""
    def conv(name, v, stride=1):
        k = w[name + ".weight"]
        return F.conv2d(v, k, stride=stride, padding=k.shape[-1] // 2)

    def norm(name, v):
        return F.batch_norm(v, w[name + ".running_mean"], w[name + ".running_var"], w[name + ".weight"],
                            w[name + ".bias"])

    def chain(at, number, v):
        done, carry = [], 0
        for i, part in enumerate(v.chunk(4, 1), 1):
            part = norm(f"{at}.bn{number}_2_{i}", conv(f"{at}.conv{number}_2_{i}", part + carry))
            carry = part.relu()
            done.append(part)
        return torch.cat(done, 1)

    def gates(at, v):
        def mlp(s):
            s = F.linear(s, w[at + ".ChannelGate.mlp.1.weight"], w[at + ".ChannelGate.mlp.1.bias"]).relu()
            return F.linear(s, w[at + ".ChannelGate.mlp.3.weight"], w[at + ".ChannelGate.mlp.3.bias"])
        v = v * (mlp(v.mean((2, 3))) + mlp(v.amax((2, 3)))).sigmoid()[:, :, None, None]
        planes = torch.cat([v.amax(1, True), v.mean(1, True)], 1)
        spatial = at + ".SpatialGate.spatial"
        return v * norm(spatial + ".bn", conv(spatial + ".conv", planes)).sigmoid()

    def stage(name, v, stride):
        for at, s in ((name + ".0", stride), (name + ".1", 1)):
            y = norm(at + ".bn1", conv(at + ".conv1", v, s)).relu()
            if at + ".conv2.weight" in w:
                y = norm(at + ".bn2", conv(at + ".conv2", y))
            else:
                y = chain(at, 1, y) + chain(at, 2, y)
            if at + ".cbam.ChannelGate.mlp.1.weight" in w:
                y = gates(at + ".cbam", y)
            if at + ".downsample.0.weight" in w:
                v = norm(at + ".downsample.1", conv(at + ".downsample.0", v, s))
            v = (y + v).relu()
        return v

    x = F.max_pool2d(norm("bn1", conv("conv1", x, 2)).relu(), 3, 2, 1)
    x = stage("layer2", stage("layer1", x, 1), 2)
    half, rows = x.shape[-1] // 2, []
    for r in range(2):
        quarters = [x[:, :, r * half:(r + 1) * half, c * half:(c + 1) * half] for c in range(2)]
        rows.append(torch.cat([stage(f"layer4_1_p{2 * r + c + 1}", stage(f"layer3_1_p{2 * r + c + 1}", q, 2), 1)
                               for c, q in enumerate(quarters)], 3))
    whole = stage("layer4_2", stage("layer3_2", x, 2), 2)
    return torch.cat([torch.cat(rows, 2).mean((2, 3)), whole.mean((2, 3))], 1)


def main():
    kind, path, size, repeats = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
    kind_of_number = sys.argv[5] if len(sys.argv) > 5 else "f32"
    torch.set_num_threads(int(os.environ.get("BENCH_THREADS", "2")))
    torch.manual_seed(1)
    if kind == "wavlm":
        from transformers import WavLMModel
        model = WavLMModel.from_pretrained(path).eval()
        if kind_of_number == "int8":
            # The attention of transformers takes its projections' weights as tensors, so they stay in f32.
            names = {name for name, module in model.named_modules()
                     if isinstance(module, torch.nn.Linear) and "attention" not in name}
            model = torch.ao.quantization.quantize_dynamic(model, names, dtype=torch.qint8)
        samples = torch.randn(1, int(size * 16000)) * 0.1

        def run():
            model(samples)
    else:
        weights = {name.removeprefix("module."): value for name, value in
                   torch.load(path, map_location="cpu", weights_only=True)["state_dict"].items()}
        pictures = torch.rand(int(size), 3, 224, 224)

        def run():
            manet(weights, pictures)
    half = torch.autocast("cpu", torch.bfloat16) if kind_of_number == "bf16" else contextlib.nullcontext()
    with torch.inference_mode(), half:
        for _ in range(repeats) if repeats else sys.stdin:
            begin, used = time.perf_counter(), time.process_time()
            run()
            print(f"{time.perf_counter() - begin:.4f} {time.process_time() - used:.4f}", flush=True)



if __name__ == "__main__":
    main()
