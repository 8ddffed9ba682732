#!/usr/bin/env python3
"""scripts/draw_face.py SOUND.wav >FRAMES: a drawn face that says the sound (16-bit mono), as raw RGB pictures of 320 x 240, 25 a second.

The mouth opens with the level of the sound, and the eyes blink every three seconds. Nothing but Python's own library is used.
"""
import array
import math
import sys
import wave

WIDTH, HEIGHT, FPS = 320, 240, 25
SKY, SKIN, WHITE, DARK, LIPS, HAIR = (96, 112, 128), (224, 180, 150), (245, 245, 245), (40, 30, 30), (150, 50, 60), (70, 45, 30)


def levels(path):
    """The sound's level for each picture, 0 ... 1."""
    with wave.open(path) as sound:
        if sound.getsampwidth() != 2 or sound.getnchannels() != 1:
            sys.exit(f"{path}: is not 16-bit mono")
        samples = array.array("h", sound.readframes(sound.getnframes()))
        size = sound.getframerate() // FPS
    for start in range(0, len(samples), size):
        piece = samples[start : start + size]
        yield min(1.0, math.sqrt(sum(s * s for s in piece) / len(piece)) / 6000)


def ellipse(picture, x, y, a, b, colour):
    for row in range(max(0, int(y - b)), min(HEIGHT, int(y + b) + 1)):
        rest = 1 - ((row - y) / b) ** 2
        if rest <= 0:
            continue
        half = a * math.sqrt(rest)
        first, end = max(0, int(x - half)), min(WIDTH, int(x + half) + 1)
        picture[3 * (row * WIDTH + first) : 3 * (row * WIDTH + end)] = bytes(colour) * (end - first)


def draw(level, is_blinking):
    picture = bytearray(bytes(SKY) * (WIDTH * HEIGHT))
    ellipse(picture, 160, 105, 78, 95, HAIR)
    ellipse(picture, 160, 125, 68, 88, SKIN)
    for side in (-1, 1):
        x = 160 + 27 * side
        ellipse(picture, x, 88, 16, 3, HAIR)  # brow
        ellipse(picture, x, 107, 12, 1.5 if is_blinking else 8, DARK if is_blinking else WHITE)
        if not is_blinking:
            ellipse(picture, x, 107, 5, 5, DARK)
    ellipse(picture, 160, 134, 8, 12, (205, 155, 128))  # nose
    ellipse(picture, 160, 172, 26, 5 + 14 * level, LIPS)
    ellipse(picture, 160, 172, 19, 1 + 10 * level, DARK)
    return picture


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.split("\n", 1)[0])
    for i, level in enumerate(levels(sys.argv[1])):
        sys.stdout.buffer.write(draw(level, i % (3 * FPS) < 4))


main()
