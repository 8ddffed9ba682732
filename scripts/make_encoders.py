#!/usr/bin/env python3
"""Makes encoder checkpoints with random weights in the published layouts, for benchmarks and tests without downloads.

    make_encoders.py OUT                 OUT/wavlm-large/ (Hugging Face), OUT/WavLM-Large.pt, OUT/manet.pth, full size
    make_encoders.py OUT --only wavlm    or manet
    make_encoders.py OUT --authors DIR   OUT/DIR.pt: the Hugging Face model in DIR in its authors' layout

Needs torch, and transformers for WavLM.
"""
import argparse
import collections
import math
import os

import torch


def randomise(model):
    """Norms, biases and gates away from their initial ones and zeros, so that nothing hides."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            if value.ndim < 2:
                value.add_(torch.randn_like(value) * 0.05)
            elif "gru_rel_pos_const" in name:
                value.copy_(1 + 0.5 * torch.randn_like(value))
            elif "rel_attn_embed" in name:
                value.copy_(torch.randn_like(value) * 0.5)


def make_wavlm(folder):
    from transformers import Wav2Vec2FeatureExtractor, WavLMConfig, WavLMModel
    config = WavLMConfig(hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096,
                         do_stable_layer_norm=True, feat_extract_norm="layer")
    model = WavLMModel(config).eval()
    randomise(model)
    model.save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=True).save_pretrained(folder)


def authors_layout(folder):
    """The dict of WavLM-*.pt: cfg and model, as microsoft/unilm names them."""
    from transformers import Wav2Vec2FeatureExtractor, WavLMModel
    model = WavLMModel.from_pretrained(folder)
    c = model.config
    convs = " + ".join(f"[({d},{k},{s})]" for d, k, s in zip(c.conv_dim, c.conv_kernel, c.conv_stride))
    cfg = {
        "extractor_mode": "layer_norm" if c.feat_extract_norm == "layer" else "default",
        "encoder_layers": c.num_hidden_layers, "encoder_embed_dim": c.hidden_size,
        "encoder_ffn_embed_dim": c.intermediate_size, "encoder_attention_heads": c.num_attention_heads,
        "activation_fn": "gelu", "layer_norm_first": c.do_stable_layer_norm, "conv_feature_layers": convs,
        "conv_bias": c.conv_bias, "feature_grad_mult": 1.0,
        "normalize": Wav2Vec2FeatureExtractor.from_pretrained(folder).do_normalize,
        "dropout": 0.0, "conv_pos": c.num_conv_pos_embeddings, "conv_pos_groups": c.num_conv_pos_embedding_groups,
        "relative_position_embedding": True, "num_buckets": c.num_buckets, "max_distance": c.max_bucket_distance,
        "gru_rel_pos": True,
    }
    names = [
        ("conv.parametrizations.weight.original0", "0.weight_g"), ("conv.parametrizations.weight.original1", "0.weight_v"),
        ("pos_conv_embed.conv.bias", "pos_conv.0.bias"), ("pos_conv_embed.", "pos_conv."),
        ("feature_projection.layer_norm", "layer_norm"), ("feature_projection.projection", "post_extract_proj"),
        ("masked_spec_embed", "mask_emb"), (".attention.gru_rel_pos_linear", ".self_attn.grep_linear"),
        (".attention.gru_rel_pos_const", ".self_attn.grep_a"),
        (".attention.rel_attn_embed", ".self_attn.relative_attention_bias"), (".attention.", ".self_attn."),
        (".feed_forward.intermediate_dense", ".fc1"), (".feed_forward.output_dense", ".fc2"),
    ]
    state = collections.OrderedDict()
    for name, value in model.state_dict().items():
        if name.startswith("feature_extractor."):
            name = name.replace(".conv.", ".0.")
            name = name.replace(".layer_norm.", ".2.1." if c.feat_extract_norm == "layer" else ".2.")
        elif ".layers." in name and ".layer_norm." in name:
            name = name.replace(".layer_norm.", ".self_attn_layer_norm.")
        else:
            for old, new in names:
                name = name.replace(old, new)
        state[name] = value
    return {"cfg": cfg, "model": state}


def add_stage(shapes, name, c, d, stride, kind):
    """Two blocks from c to d channels."""

    def norm(to, n):
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{to}.{part}"] = (n,)
        shapes[f"{to}.num_batches_tracked"] = ()
    for block in range(2):
        at = f"{name}.{block}"
        shapes[f"{at}.conv1.weight"] = (d, c if block == 0 else d, 3, 3)
        norm(f"{at}.bn1", d)
        if kind == "multi_scale":
            for chain in (1, 2):
                for group in range(1, 5):
                    shapes[f"{at}.conv{chain}_2_{group}.weight"] = (d // 4, d // 4, 3, 3)
                    norm(f"{at}.bn{chain}_2_{group}", d // 4)
        else:
            shapes[f"{at}.conv2.weight"] = (d, d, 3, 3)
            norm(f"{at}.bn2", d)
        if block == 0 and (stride != 1 or c != d):
            shapes[f"{at}.downsample.0.weight"] = (d, c, 1, 1)
            norm(f"{at}.downsample.1", d)
        if kind == "attention":
            gate = f"{at}.cbam.ChannelGate.mlp"
            shapes.update({f"{gate}.1.weight": (d // 16, d), f"{gate}.1.bias": (d // 16,),
                           f"{gate}.3.weight": (d, d // 16), f"{gate}.3.bias": (d,),
                           f"{at}.cbam.SpatialGate.spatial.conv.weight": (1, 2, 7, 7)})
            norm(f"{at}.cbam.SpatialGate.spatial.bn", 1)


def manet_checkpoint(width=64, classes=7):
    """The dict of the authors' training script, with random weights."""
    shapes = {"conv1.weight": (width, 3, 7, 7), "bn1.num_batches_tracked": ()}
    shapes.update({f"bn1.{part}": (width,) for part in ("weight", "bias", "running_mean", "running_var")})
    add_stage(shapes, "layer1", width, width, 1, "basic")
    add_stage(shapes, "layer2", width, 2 * width, 2, "basic")
    for patch in range(1, 5):
        add_stage(shapes, f"layer3_1_p{patch}", 2 * width, 4 * width, 2, "attention")
        add_stage(shapes, f"layer4_1_p{patch}", 4 * width, 8 * width, 1, "attention")
    add_stage(shapes, "layer3_2", 2 * width, 4 * width, 2, "multi_scale")
    add_stage(shapes, "layer4_2", 4 * width, 8 * width, 2, "multi_scale")
    for i in (1, 2):
        shapes.update({f"fc_{i}.weight": (classes, 8 * width), f"fc_{i}.bias": (classes,)})
    state = collections.OrderedDict()
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            value = torch.tensor(1)
        elif name.endswith("running_var"):
            value = torch.rand(shape) + 0.5
        elif len(shape) > 1:
            value = torch.randn(shape) / math.prod(shape[1:]) ** 0.5
        else:
            value = torch.randn(shape) * 0.1 + (1.0 if name.endswith(".weight") else 0.0)
        state["module." + name] = value
    return {"epoch": 1, "state_dict": state, "best_acc": torch.tensor(0.0)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--only", choices=["wavlm", "manet"])
    parser.add_argument("--authors", metavar="DIR")
    options = parser.parse_args()
    torch.manual_seed(1)
    os.makedirs(options.out, exist_ok=True)
    if options.authors:
        name = os.path.basename(os.path.normpath(options.authors)) + ".pt"
        torch.save(authors_layout(options.authors), os.path.join(options.out, name))
        return
    if options.only != "manet":
        folder = os.path.join(options.out, "wavlm-large")
        make_wavlm(folder)
        torch.save(authors_layout(folder), os.path.join(options.out, "WavLM-Large.pt"))
    if options.only != "wavlm":
        torch.save(manet_checkpoint(), os.path.join(options.out, "manet.pth"))


if __name__ == "__main__":
    main()
