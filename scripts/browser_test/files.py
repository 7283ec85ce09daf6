"""Pictures for the tests, written with the standard library alone."""

import math
import pathlib
import random
import shutil
import struct
import zlib


def write_inputs(folder, photo):
    """A photograph, a second one, pictures of two classes, and a file that is no picture."""
    inputs = folder / "inputs"
    inputs.mkdir()
    first = inputs / f"photo{pathlib.Path(photo).suffix if photo else '.png'}"
    if photo:
        shutil.copy(photo, first)
    else:
        write_png(first, 320, 240, scene(1))
    write_png(inputs / "second.png", 160, 200, scene(2))
    (inputs / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture follows")
    classes = {}
    for name, shape in [("rings", ring), ("bars", bar)]:
        (inputs / name).mkdir()
        classes[name] = [inputs / name / f"{name}-{number:02}.png" for number in range(24)]
        for number, path in enumerate(classes[name]):
            write_png(path, 28, 28, shape(random.Random(number)), channels=1)
    return {"photo": first, "second": inputs / "second.png", "broken": inputs / "broken.png", **classes}


def scene(seed):
    chance = random.Random(seed)
    discs = [(chance.random() * 320, chance.random() * 240, 12 + chance.random() * 40, [chance.random() * 255 for _ in range(3)]) for _ in range(24)]

    def color(x, y):
        value = [90 + y / 3, 110 + x / 6, 150 - y / 4]
        for cx, cy, radius, ink in discs:
            if (x - cx) ** 2 + (y - cy) ** 2 < radius ** 2:
                value = [ink[channel] * (0.6 + 0.4 * math.sin((x + y) / 5)) for channel in range(3)]
        return [max(0, min(255, int(one + chance.gauss(0, 8)))) for one in value]

    return color


def ring(chance):
    cx, cy, radius = 14 + chance.gauss(0, 1.5), 14 + chance.gauss(0, 1.5), 6 + 4 * chance.random()
    return lambda x, y: [int(255 * max(0, 1 - abs(math.hypot(x - cx, y - cy) - radius) / 2))]


def bar(chance):
    angle, offset = chance.random() * math.pi, chance.gauss(0, 3)
    return lambda x, y: [int(255 * max(0, 1 - abs((x - 14) * math.cos(angle) + (y - 14) * math.sin(angle) - offset) / 3))]


def write_png(path, width, height, color, channels=3):
    rows = b"".join(b"\0" + bytes(value for x in range(width) for value in color(x, y)) for y in range(height))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2 if channels == 3 else 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
