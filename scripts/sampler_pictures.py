#!/usr/bin/env python3
"""Makes the pictures of docs/samplers.md with the bundled digits model, and prints the numbers of its tables.

    ./dev build && scripts/sampler_pictures.py

Needs only Python: arrays are read from the .npz that `sfumato sample` writes, pictures are written as PNG.
"""
import ast
import math
import os
import struct
import subprocess
import tempfile
import zipfile
import zlib

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
IMAGES = os.path.join(ROOT, "docs", "images", "samplers")
STEPS = [5, 10, 20, 50]
# Name, whether it follows the ODE, evaluations per step.
SAMPLERS = [
    ("dpmpp_2m", True, 1), ("dpmpp_3m", True, 1), ("unipc", True, 1), ("dpmpp_1", True, 1), ("ddim", True, 1), ("euler", True, 1),
    ("dpmsolver_2m", True, 1), ("dpmsolver_3m", True, 1), ("pndm", True, 1), ("heun", True, 2), ("edm", True, 2), ("dpmpp_2s", True, 2),
    ("dpmpp_3s", True, 3), ("dpmpp_2m_sde", False, 1), ("dpmpp_3m_sde", False, 1), ("euler_ancestral", False, 1), ("ddpm", False, 1),
]


def sample(*flags, count=20):
    """The samples as (height, width, list of bytes of each image)."""
    with tempfile.TemporaryDirectory() as folder:
        npz = os.path.join(folder, "x.npz")
        subprocess.run(
            [os.path.join(ROOT, ".build/release/sfumato"), "sample", os.path.join(ROOT, "models/digits.safetensors"), "--quiet",
             "--count", str(count), "--class", "all", "--npz", npz, "-o", os.path.join(folder, "x.png"), *flags],
            check=True, stdout=subprocess.DEVNULL)
        with zipfile.ZipFile(npz) as archive:
            data = archive.read("arr_0.npy")
    start = 10 + struct.unpack("<H", data[8:10])[0]
    count, height, width, _ = ast.literal_eval(data[10:start].decode())["shape"]
    size = height * width
    return height, width, [data[start + i * size:start + (i + 1) * size] for i in range(count)]


def sheet(blocks, columns, scale=2, gap=2, between=14):
    """Blocks of images side by side, as rows of grey bytes."""
    height, width, _ = blocks[0]
    pictures = [images for _, _, images in blocks]
    rows = math.ceil(len(pictures[0]) / columns)
    out = []
    for row in range(rows):
        for y in range(height * scale + gap):
            line = bytearray()
            for number, images in enumerate(pictures):
                line += bytes([255]) * (between if number else 0)
                for column in range(columns):
                    if y < height * scale:
                        source = images[row * columns + column][(y // scale) * width:(y // scale + 1) * width]
                        line += bytes(value for value in source for _ in range(scale))
                    else:
                        line += bytes(width * scale)
                    line += bytes(gap)
            out.append(bytes(line))
    return out


def write_png(path, rows):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 0, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b""))


def distance(a, b):
    """Root mean square over all pixels, as a fraction of the range."""
    total = sum((x - y) ** 2 for p, q in zip(a[2], b[2]) for x, y in zip(p, q))
    return math.sqrt(total / sum(len(p) for p in a[2])) / 255


def main():
    os.makedirs(IMAGES, exist_ok=True)
    exact = sample("--sampler", "dpmpp_3m", "--steps", "400")
    for name, follows, evaluations in SAMPLERS:
        blocks = [sample("--sampler", name, "--steps", str(steps)) for steps in STEPS]
        write_png(os.path.join(IMAGES, f"{name}.png"), sheet([(h, w, images[:5]) for h, w, images in blocks], 5))
        errors = [f"{distance(block, exact):.3f}" if follows else "–" for block in blocks]
        print(f"| `{name}` | {evaluations} | " + " | ".join(errors) + " |", flush=True)
    stops = [sample("--sampler", "ddpm", "--steps", "20", "--noise-until", str(k)) for k in (1, 3, 6, 10, 19)]
    write_png(os.path.join(IMAGES, "noise_until.png"), sheet([(h, w, images[:10]) for h, w, images in stops], 5))


if __name__ == "__main__":
    main()
