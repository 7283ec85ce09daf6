#!/usr/bin/env python3
"""Measures `sfumato restore` on folders of clean pictures: PSNR and SSIM on Y (BT.601), beside bicubic or the degraded picture.

usage: measure_restoration.py SFUMATO MODEL TASK FOLDER [ARGUMENT...]

TASK is 2x (reduction by two with an antialiased cubic, a = -0.5; two pixels of the border are left out), jpeg:QUALITY (4:2:0) or clean.
ARGUMENTs go to `sfumato restore`. Needs numpy and Pillow. Prints a line for each picture, and the means.
"""
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
from PIL import Image


def luma(picture):
    rgb = numpy.asarray(picture.convert("RGB"), dtype=numpy.float64)
    return 16 + rgb @ numpy.array([65.481, 128.553, 24.966]) / 255


def psnr(a, b):
    error = numpy.mean((a - b) ** 2)
    return 10 * numpy.log10(255**2 / error) if error > 0 else numpy.inf


def smooth(x):
    """Gaussian windows of 11 pixels, sigma 1.5, where they fit."""
    taps = numpy.exp(-(numpy.arange(-5, 6) ** 2) / (2 * 1.5**2))
    taps /= taps.sum()
    rows = sum(t * x[i : x.shape[0] - 10 + i] for i, t in enumerate(taps))
    return sum(t * rows[:, i : rows.shape[1] - 10 + i] for i, t in enumerate(taps))


def ssim(a, b):
    """Wang et al. 2004."""
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    ma, mb = smooth(a), smooth(b)
    va, vb, vab = smooth(a * a) - ma**2, smooth(b * b) - mb**2, smooth(a * b) - ma * mb
    return numpy.mean((2 * ma * mb + c1) * (2 * vab + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2)))


def degrade(picture, task, path):
    """Writes the degraded picture; returns what restoring is compared with, at full size."""
    if task == "2x":
        small = picture.resize((picture.width // 2, picture.height // 2), Image.BICUBIC)
        small.save(path.with_suffix(".png"))
        return small.resize(picture.size, Image.BICUBIC)
    if task.startswith("jpeg:"):
        picture.save(path.with_suffix(".jpg"), quality=int(task[5:]), subsampling=2)
        return Image.open(path.with_suffix(".jpg")).convert("RGB")
    picture.save(path.with_suffix(".png"))
    return picture


def main():
    program, model, task, folder, *arguments = sys.argv[1:]
    border = 2 if task == "2x" else 0
    with tempfile.TemporaryDirectory() as scratch:
        inputs, outputs = Path(scratch, "in"), Path(scratch, "out")
        inputs.mkdir()
        pictures = {}
        for path in sorted(Path(folder).iterdir()):
            if path.suffix.lower() not in (".png", ".bmp", ".jpg"):
                continue
            picture = Image.open(path).convert("RGB")
            picture = picture.crop((0, 0, picture.width // 2 * 2, picture.height // 2 * 2))
            pictures[path.stem] = (picture, degrade(picture, task, inputs / path.name))
        scale = "2" if task == "2x" else "1"
        command = [program, "restore", str(inputs), "-o", str(outputs), "--model", model, "--scale", scale, "--name", "{stem}.png", "-q"]
        subprocess.run(command + arguments, check=True, stdout=subprocess.DEVNULL)
        rows = []
        for stem, (picture, before) in pictures.items():
            after = Image.open(outputs / f"{stem}.png")
            cut = numpy.s_[border:-border, border:-border] if border else numpy.s_[:, :]
            want, plain, got = (luma(p)[cut] for p in (picture, before, after))
            rows.append([psnr(want, plain), psnr(want, got), ssim(want, plain), ssim(want, got)])
            print(f"{stem:24s} {rows[-1][0]:6.2f} {rows[-1][1]:6.2f} {rows[-1][1] - rows[-1][0]:+5.2f}  {rows[-1][2]:.4f} {rows[-1][3]:.4f}")
        mean = numpy.mean(rows, axis=0)
        least = min(row[1] - row[0] for row in rows)
        print(f"{'mean of ' + str(len(rows)):24s} {mean[0]:6.2f} {mean[1]:6.2f} {mean[1] - mean[0]:+5.2f}  {mean[2]:.4f} {mean[3]:.4f}  least gain {least:+.2f}")


if __name__ == "__main__":
    main()
