#!/usr/bin/env python3
"""scripts/make_whisper_bin.py MODEL.gguf OUT.bin: a Whisper model that `valence convert whisper` made, as the file that whisper.cpp's
own command reads. Needs NumPy. For scripts/bench_transcribe.sh; valence itself reads the GGUF file."""
import struct
import sys

import numpy as np

SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
TEXT, ARRAY = 8, 9
TYPES = {0: np.float32, 1: np.float16}


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        value = struct.unpack_from(form, self.data, self.at)[0]
        self.at += struct.calcsize(form)
        return value

    def text(self):
        n = self.take("<Q")
        self.at += n
        return bytes(self.data[self.at - n:self.at])

    def value(self, kind):
        if kind == TEXT:
            return self.text()
        if kind == ARRAY:
            kind, n = self.take("<I"), self.take("<Q")
            return [self.value(kind) for _ in range(n)]
        return self.take(SCALARS[kind])


def read_gguf(path):
    """The settings, and the tensors in their order: name, array."""
    data = np.memmap(path, np.uint8, "r")
    r = Reader(data)
    assert r.take("<I") == 0x46554747, "is no GGUF file"
    r.take("<I")
    n_tensors, n_settings = r.take("<Q"), r.take("<Q")
    settings = {}
    for _ in range(n_settings):
        name = r.text().decode()
        settings[name] = r.value(r.take("<I"))
    heads = []
    for _ in range(n_tensors):
        name = r.text().decode()
        shape = [r.take("<Q") for _ in range(r.take("<I"))]
        heads.append((name, shape[::-1], r.take("<I"), r.take("<Q")))
    align = settings.get("general.alignment", 32)
    start = (r.at + align - 1) // align * align
    tensors = []
    for name, shape, kind, offset in heads:
        count = int(np.prod(shape))
        raw = data[start + offset:start + offset + count * np.dtype(TYPES[kind]).itemsize]
        tensors.append((name, raw.view(TYPES[kind]).reshape(shape)))
    return settings, tensors


def mel_filters(n_mels):
    """Slaney's triangles over the 201 bins of 400 samples at 16 kHz."""
    def hertz(mel):
        return np.where(mel < 15, 200 * mel / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))
    edges = hertz(np.linspace(0, 15 + 27 * np.log(8) / np.log(6.4), n_mels + 2))
    bins = 40.0 * np.arange(201)
    rise = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return (np.maximum(0, np.minimum(rise, fall)) * (2 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32)


def byte_alphabet():
    own = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in own]
    return {chr(b): b for b in own} | {chr(256 + i): b for i, b in enumerate(others)}


def main():
    settings, tensors = read_gguf(sys.argv[1])
    get = {k[len("whisper."):]: v for k, v in settings.items() if k.startswith("whisper.")}
    vocabulary = get["vocabulary"]
    n_ordinary = 50256 if vocabulary == 51864 else 50257
    is_half = dict(tensors)["encoder.blocks.0.attn.query.weight"].dtype == np.float16
    alphabet = byte_alphabet()
    with open(sys.argv[2], "wb") as out:
        out.write(struct.pack("<I11i", 0x67676d6c, vocabulary, get["encoder.context"], get["width"], get["encoder.n_heads"],
                              get["encoder.n_layers"], get["decoder.context"], get["width"], get["decoder.n_heads"],
                              get["decoder.n_layers"], get["n_mels"], int(is_half)))
        out.write(struct.pack("<2i", get["n_mels"], 201) + mel_filters(get["n_mels"]).tobytes())
        out.write(struct.pack("<i", n_ordinary))
        for token in get["tokens"][:n_ordinary]:
            characters = token.decode()
            spelled = bytes(alphabet[c] for c in characters) if all(c in alphabet for c in characters) else token
            out.write(struct.pack("<i", len(spelled)) + spelled)
        for name, values in tensors:
            shape = list(values.shape)[::-1]
            if name in ("encoder.conv1.bias", "encoder.conv2.bias"):
                shape = [1] + shape
            label = name.encode()
            out.write(struct.pack(f"<{3 + len(shape)}i", len(shape), len(label), int(values.dtype == np.float16), *shape))
            out.write(label + values.tobytes())


main()
