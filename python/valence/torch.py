"""The network in PyTorch, for people who want to extend it: weights from and to valence's checkpoints, the same scores.

    network = valence.torch.DoubleFlow.from_checkpoint("run/best.safetensors")
    batch = valence.torch.pad({"audio": [...], "text": [...]})      # lists of (T, D), None where a clip lacks the stream
    output = network(batch, "text_missing")
    loss = valence.torch.losses(network(batch), output, labels, weights)["total"]
    network.save("extended.safetensors")                            # valence.Model("extended.safetensors") scores with it

Source: arXiv 2410.15029, section 2; docs/architecture.md has the formulas. Parameters have the published names. Clips are padded
to the longest here, and padding is masked, so that a clip's result does not depend on the others.
"""
from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pathlib
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Union

import numpy as np
import torch
from torch import Tensor, nn

from valence._library import names
from valence._options import flow_name, flow_number, modalities
from valence.errors import ArgumentError, FormatError

MODALITIES = names("valence_modality_names")
VIEWS = {"fused": (0, 1, 2), "at": (0, 1), "tv": (1, 2), "av": (0, 2), "audio": (0,), "text": (1,), "video": (2,)}
SHARPNESS = 0.3  # of both attentions' softmax
TEMPERATURE, TIE = 2.0, 1e-4  # of rank-n-contrast

Batch = Mapping[str, tuple[Tensor, Tensor]]


@dataclasses.dataclass
class Output:
    """Of B clips: o is the output width, d the model's."""

    score: Tensor  # (B,), or (B, classes)
    feature: Tensor  # (B, o)
    contrast: Tensor  # (B, o / 2): what rank-n-contrast compares
    queries: Tensor  # (B, 7, d), by view
    gathered: Tensor  # (B, 3, 7, o): each view's answer of each modality
    modality_weights: Tensor  # (B, 3)
    view_weights: Tensor  # (B, 7)


def pad(streams: Mapping[str, Sequence[Any]], dtype: torch.dtype = torch.float32) -> dict[str, tuple[Tensor, Tensor]]:
    """Lists of (T, D) as padded rows (B, T, D) with their lengths (B,). None is a clip without the stream."""
    batch = {}
    for name, clips in streams.items():
        rows = [None if clip is None else torch.as_tensor(clip).to(dtype) for clip in clips]
        width = next((r.shape[1] for r in rows if r is not None), 0)
        filled = [torch.zeros(0, width, dtype=dtype) if r is None else r for r in rows]
        batch[name] = (nn.utils.rnn.pad_sequence(filled, batch_first=True), torch.tensor([len(r) for r in filled]))
    return batch


def attend(scores: Tensor, there: Tensor) -> Tensor:
    """Softmax over the last axis where a row is there; all zeros for a clip without rows."""
    scores = (SHARPNESS * scores).masked_fill(~there, -torch.inf)
    return torch.softmax(scores, -1).nan_to_num(0.0)


def mlp(dropout: float, *widths: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for into, out in zip(widths, widths[1:]):
        layers += [nn.Linear(into, out), nn.ReLU(), nn.Dropout(dropout)]
    return nn.Sequential(*layers)


class Pooling(nn.Module):
    def __init__(self, d: int, dropout: float) -> None:
        super().__init__()
        self.attention_context_vector = nn.Parameter(nn.init.xavier_normal_(torch.empty(1, d)))
        self.input_proj = nn.Linear(d, d)
        self.drop = nn.Dropout(dropout)

    def forward(self, rows: Tensor, there: Tensor) -> Tensor:
        rows = self.drop(rows)
        weights = attend(torch.tanh(self.input_proj(rows)) @ self.attention_context_vector[0], there)
        pooled: Tensor = self.drop(torch.einsum("bt,btd->bd", weights, rows))
        return pooled


class CrossAttention(nn.Module):
    def __init__(self, d: int, dropout: float) -> None:
        super().__init__()
        self.query_proj, self.input_proj = nn.Linear(d, d), nn.Linear(d, d)
        self.drop = nn.Dropout(dropout)

    def forward(self, queries: Tensor, rows: Tensor, there: Tensor) -> Tensor:
        rows = self.drop(rows)
        scores = self.query_proj(queries) @ torch.tanh(self.input_proj(rows)).transpose(1, 2)
        gathered: Tensor = self.drop(attend(scores, there[:, None]) @ rows)
        return gathered


class Imagination(nn.Module):
    """What is missing, from what was seen of all three modalities."""

    def __init__(self, width: int, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.transition = nn.Sequential(nn.Linear(3 * width, width), nn.ReLU(), nn.Linear(width, width))
        self.encoder_0 = nn.Sequential(nn.Linear(width, width // 2))
        self.decoder_0 = nn.Sequential(nn.Linear(width // 2, width))

    def forward(self, seen: Sequence[Tensor], own: Tensor) -> Tensor:
        x = self.transition(torch.cat(list(seen), -1))
        imagined: Tensor = self.decoder_0(self.encoder_0(x)) + (x if self.kind == "transition" else own)
        return imagined


class DoubleFlow(nn.Module):
    """The published network: its fusion is cross_attention, with all views and learned weights."""

    def __init__(self, widths: Mapping[str, int], d: int = 256, o: int = 128, *, flows: Sequence[str] = ("complete", "text_missing"),
                 imagination: str = "transition", dropout: float = 0.3, attention_dropout: float = 0.5, n_classes: int = 0) -> None:
        super().__init__()
        if imagination not in names("valence_imagination_names"):
            raise ArgumentError(f"imagination: '{imagination}' is none of {', '.join(names('valence_imagination_names'))}")
        self.config: dict[str, Any] = {
            "widths": {name: int(widths.get(name, 0)) for name in MODALITIES}, "d": d, "o": o, "imagination": imagination,
            "dropout": dropout, "attention_dropout": attention_dropout, "flows": list(flows)}
        if n_classes:
            self.config["classes"] = n_classes
        self.metadata: dict[str, str] = {}  # of the checkpoint it comes from
        self.imagined = 0
        for flow in flows if imagination != "off" else ():
            self.imagined |= flow_number(flow)
        for i, name in enumerate(MODALITIES):
            setattr(self, f"frame_dim_reshape_{i}", nn.Linear(self.config["widths"][name], d))
            setattr(self, f"fra2utt_{i}", Pooling(d, attention_dropout))
            setattr(self, f"cross_att_fra2utt_{i}", CrossAttention(d, attention_dropout))
            setattr(self, f"{name}_mlp", mlp(dropout, d, d, d))
            setattr(self, f"cross_{name}_mlp", mlp(dropout, d, 2 * o, o))
            if self.imagined >> i & 1:
                setattr(self, f"missing_{name}_imagination_mlp", Imagination(d, imagination))
                setattr(self, f"missing_cross_{name}_query_imagination_mlp", Imagination(o, imagination))
        for view in VIEWS:
            setattr(self, f"cross_{view}_query_mlp", mlp(dropout, d, d))
        self.attention_mlp, self.fc_att = mlp(dropout, 3 * d, d, d), nn.Linear(d, 3)
        self.cross_attention_mlp, self.cross_fc_att = mlp(dropout, 7 * o, 2 * o, o), nn.Linear(o, 7)
        self.fc_out_v = nn.Linear(o, n_classes or 1)
        self.orgin_linear_change = nn.Sequential(nn.Linear(o, o // 2), nn.ReLU(), nn.Linear(o // 2, o // 2))

    # ---- Standardisation ----

    def set_standardisation(self, stream: str, **values: Tensor) -> None:
        """Rows of a stream enter as (row - mean) * scale, cut to low ... high: tensors (width,)."""
        for name, value in values.items():
            self.register_buffer(f"standardisation_{stream}_{name}", torch.as_tensor(value, dtype=torch.float32))

    def standardised(self, rows: Tensor, stream: str) -> Tensor:
        def value(name: str) -> Any:
            return getattr(self, f"standardisation_{stream}_{name}", None)

        if value("mean") is not None:
            rows = (rows - value("mean").to(rows)) * value("scale").to(rows)
        if value("low") is not None:
            rows = torch.minimum(torch.maximum(rows, value("low").to(rows)), value("high").to(rows))
        return rows

    # ---- Forward ----

    def forward(self, batch: Batch, flow: Union[str, Iterable[str]] = "complete") -> Output:
        missing = flow_number(flow)
        projected = [self.project(batch, i, missing) for i in range(3)]
        seen = [getattr(self, f"{name}_mlp")(getattr(self, f"fra2utt_{i}")(*projected[i])) for i, name in enumerate(MODALITIES)]
        known = self.complete(seen, missing, "missing_{}_imagination_mlp")
        weights = self.fc_att(self.attention_mlp(torch.cat(known, -1)))
        views = []
        for view, members in VIEWS.items():
            weighted = [known[i] if len(members) == 1 else weights[:, i, None] * known[i] for i in members]
            views.append(getattr(self, f"cross_{view}_query_mlp")(torch.stack(weighted).sum(0)))
        queries = torch.stack(views, 1)
        answers = [getattr(self, f"cross_{name}_mlp")(getattr(self, f"cross_att_fra2utt_{i}")(queries, *projected[i]))
                   for i, name in enumerate(MODALITIES)]
        gathered = torch.stack(self.complete(answers, missing, "missing_cross_{}_query_imagination_mlp"), 1)
        mixed = torch.einsum("bm,bmqo->bqo", weights, gathered)
        view_weights = self.cross_fc_att(self.cross_attention_mlp(mixed.flatten(1)))
        feature = torch.einsum("bq,bqo->bo", view_weights, mixed)
        score = self.fc_out_v(feature)
        return Output(score if "classes" in self.config else score[:, 0], feature, self.orgin_linear_change(feature), queries, gathered,
                      weights, view_weights)

    def project(self, batch: Batch, modality: int, missing: int) -> tuple[Tensor, Tensor]:
        """Rows of the width d, and which of them are there. What the flow misses has none but simulated text."""
        name, width = MODALITIES[modality], self.config["widths"][MODALITIES[modality]]
        if missing >> modality & 1:
            name = "simulated_text" if name == "text" else ""
        first, lengths = next(iter(batch.values()))
        n = len(lengths)
        rows, lengths = batch.get(name, (first.new_zeros(n, 0, width), torch.zeros(n, dtype=torch.long, device=first.device)))
        there = torch.arange(rows.shape[1], device=rows.device)[None] < lengths.to(rows.device)[:, None]
        return getattr(self, f"frame_dim_reshape_{modality}")(self.standardised(rows, name)), there

    def complete(self, seen: list[Tensor], missing: int, place: str) -> list[Tensor]:
        """Each modality as it was seen or, where the flow misses it and some trained flow does, imagined."""
        bits = missing & self.imagined
        return [getattr(self, place.format(name))(seen, seen[i]) if bits >> i & 1 else seen[i] for i, name in enumerate(MODALITIES)]

    # ---- Checkpoints ----

    @classmethod
    def from_checkpoint(cls, path: str | os.PathLike[str]) -> DoubleFlow:
        """valence's checkpoint, of one seed."""
        tensors, metadata = read_safetensors(path)
        if metadata.get("format") != "valence-checkpoint":
            raise FormatError(f"{path}: this is no checkpoint of valence; from_published() reads the authors' weights")
        config = json.loads(metadata["config"])
        for key in ("views", "modality_weights", "view_weights", "fusion"):
            if config.get(key, None) not in (None, "all", "learned", "cross_attention"):
                raise FormatError(f"{path}: a network with {key} {config[key]}; DoubleFlow is the published one")
        known = ("d", "o", "flows", "imagination", "dropout", "attention_dropout")
        network = cls(config["widths"], n_classes=len(tensors["fc_out_v.bias"]) if "classes" in json.dumps(config) else 0,
                      **{key: config[key] for key in known})
        network.config, network.metadata = config, metadata
        network.take(tensors, path)
        return network

    @classmethod
    def from_published(cls, path: str | os.PathLike[str], imagination: str = "transition", **more: Any) -> DoubleFlow:
        """The authors' weights, as safetensors, whose sizes follow from the shapes. Layers that the model never uses are left
        out."""
        tensors, _ = read_safetensors(path)
        widths = {name: tensors[f"frame_dim_reshape_{i}.weight"].shape[1] for i, name in enumerate(MODALITIES)}
        d, o = len(tensors["frame_dim_reshape_0.bias"]), tensors["fc_out_v.weight"].shape[1]
        network = cls(widths, d, o, imagination=imagination, **more)
        network.take({name: value for name, value in tensors.items() if name in network.state_dict()}, path)
        return network

    def take(self, tensors: Mapping[str, Tensor], path: str | os.PathLike[str]) -> None:
        for name, value in tensors.items():
            if name.startswith("standardisation."):
                self.set_standardisation(name.split(".")[1], **{name.split(".")[2]: value})
        state = {name.replace(".", "_") if name.startswith("standardisation.") else name: value for name, value in tensors.items()
                 if not name.startswith(("calibration.", "novelty.", "optimizer."))}
        try:
            self.load_state_dict(state)
        except RuntimeError as error:
            raise FormatError(f"{path}: {error}") from None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a checkpoint that valence reads. It has no calibration, so that its scores have no intervals: that belonged to the
        weights that were loaded."""
        tensors = {}
        for name, value in self.state_dict().items():
            if name.startswith("standardisation_"):
                stream, figure = name[len("standardisation_"):].rsplit("_", 1)
                name = f"standardisation.{stream}.{figure}"
            tensors[name] = value.detach().to("cpu", torch.float32).contiguous()
        streams = {name: name for name in [*MODALITIES, "simulated_text"] if self.config["widths"].get(name, 1)}
        metadata = {"format": "valence-checkpoint", "version": "1", "config": json.dumps(self.config),
                    "streams": self.metadata.get("streams", json.dumps(streams))}
        if "provenance" in self.metadata:
            metadata["provenance"] = self.metadata["provenance"]
        write_safetensors(path, tensors, metadata)


# ---- Losses ----


def root_mean_square(a: Tensor, b: Tensor) -> Tensor:
    return torch.sqrt(torch.mean((a - b) ** 2))


def rank_n_contrast(views: Sequence[Tensor], labels: Tensor) -> Tensor:
    """Every pair is compared with all samples whose labels lie at least as far away (temperature 2)."""
    points, y = torch.cat(list(views)), labels.repeat(len(views))
    n = len(y)
    others = ~torch.eye(n, dtype=torch.bool, device=y.device)
    differences = (points[:, None] - points[None])[others].view(n, n - 1, -1)
    nearness: Tensor = -torch.linalg.vector_norm(differences, dim=-1) / TEMPERATURE
    distance = (y[:, None] - y[None]).abs()[others].view(n, n - 1)
    as_far = distance[:, None, :] >= distance[:, :, None] - TIE
    bound = torch.logsumexp(nearness[:, None, :].expand(n, n - 1, n - 1).masked_fill(~as_far, -torch.inf), -1)
    return (bound - nearness).mean()


def losses(complete: Output, missing: Output, labels: Tensor, weights: Mapping[str, float], flow: str = "text_missing") -> dict[str, Tensor]:
    """The terms of docs/architecture.md and their weighted sum, "total", for one flow that misses something."""
    number = flow_number(flow)
    if number.bit_count() != 1:
        raise ArgumentError(f"flow: '{flow_name(number)}' misses {len(modalities(number))} modalities; here it is one", "flow")
    i = number.bit_length() - 1
    own = list(VIEWS).index(MODALITIES[i])
    terms = {
        "complete": torch.mean((complete.score - labels) ** 2),
        "missing": torch.mean((missing.score - labels) ** 2),
        "rep": root_mean_square(missing.queries[:, own], complete.queries[:, own].detach()),
        "cross": root_mean_square(missing.gathered[:, i], complete.gathered[:, i].detach()),
        "feature": root_mean_square(missing.feature, complete.feature),
        "rnc": rank_n_contrast([complete.contrast, missing.contrast], labels),
    }
    total = sum((weights[name] * term for name, term in terms.items() if name in weights), torch.zeros_like(terms["complete"]))
    return {**terms, "total": total}


# ---- Files ----


def read_safetensors(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    data = pathlib.Path(path).read_bytes()
    try:
        (size,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8:8 + size])
        metadata = header.pop("__metadata__", None) or {}
        tensors = {}
        for name, entry in header.items():
            if entry["dtype"] not in ("F32", "F64"):
                continue  # counters of layers that the network does not use
            begin, end = entry["data_offsets"]
            values = np.frombuffer(data[8 + size + begin:8 + size + end], "<f4" if entry["dtype"] == "F32" else "<f8")
            tensors[name] = torch.from_numpy(values.reshape(entry["shape"]).astype(np.float32))
    except (ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise FormatError(f"{path}: this is no safetensors file ({error})") from None
    return tensors, metadata


def write_safetensors(path: str | os.PathLike[str], tensors: Mapping[str, Tensor], metadata: dict[str, str]) -> None:
    """Through a temporary file, with the digest that docs/file-formats.md describes."""
    header: dict[str, Any] = {}
    offset, blocks = 0, []
    for name, value in tensors.items():
        block = value.numpy().astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [offset, offset + len(block)]}
        offset += len(block)
        blocks.append(block)
    digest = hashlib.sha256(b"".join(blocks))
    for key in ("config", "streams", "provenance", "training"):
        if key in metadata:
            digest.update(metadata[key].encode() + b"\0")
    text = json.dumps({"__metadata__": {**metadata, "digest": digest.hexdigest()}, **header}).encode()
    text += b" " * (-len(text) % 8)
    target = pathlib.Path(path)
    part = target.with_name(f"{target.name}.tmp-{os.getpid()}")
    try:
        part.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blocks))
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
