"""What Pillow makes of small pictures, for ResamplingTests: python3 pillow.py > pillow.json

Pictures are noise of a linear congruential generator over a gradient, which the tests draw again. The crops follow
guided-diffusion's center_crop_arr and random_crop_arr. Resizing goes along the rows first, which is asked for here in two steps,
since newer versions of Pillow choose the order themselves.
"""
import base64
import json
import math

import numpy
import PIL
from PIL import Image

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
FILTERS = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos3": Image.LANCZOS}


def picture(width, height, channels):
    """Sample i is 3/4 of a ramp and 1/4 of noise."""
    state, samples = 1, []
    for i in range(width * height * channels):
        state = (state * 1103515245 + 12345) % 2**31
        ramp = (i // channels % width) * 255 // width
        samples.append((3 * ramp + (state >> 16) % 256) // 4)
    array = numpy.array(samples, numpy.uint8).reshape(height, width, channels)
    return Image.fromarray(array.squeeze(-1) if channels == 1 else array, MODES[channels])


def resize(image, width, height, filter):
    mode = image.mode
    multiplied = image.convert({"LA": "La", "RGBA": "RGBa"}.get(mode, mode))
    return multiplied.resize((width, image.size[1]), filter).resize((width, height), filter).convert(mode)


def cover(image, shorter):
    while min(image.size) >= 2 * shorter:
        image = resize(image, *(x // 2 for x in image.size), Image.BOX)
    scale = shorter / min(image.size)
    return resize(image, *(round(x * scale) for x in image.size), Image.BICUBIC)


def center_crop(image, size):
    image = cover(image, size)
    x, y = (image.size[0] - size) // 2, (image.size[1] - size) // 2
    return image.crop((x, y, x + size, y + size))


def case(kind, image, result, **more):
    return {
        "kind": kind, "from": [image.size[0], image.size[1], len(image.getbands())],
        "to": list(result.size), **more, "bytes": base64.b64encode(result.tobytes()).decode(),
    }


cases = []
for name, filter in FILTERS.items():
    for width, height, channels, new in [(37, 23, 3, (11, 9)), (9, 13, 1, (20, 31)), (17, 40, 4, (24, 7)), (12, 12, 2, (5, 17))]:
        image = picture(width, height, channels)
        cases.append(case("resize", image, resize(image, *new, filter), filter=name))
for width, height, channels, size in [(67, 50, 3, 16), (41, 99, 1, 20), (12, 9, 3, 16), (33, 32, 3, 16), (128, 64, 1, 8)]:
    image = picture(width, height, channels)
    cases.append(case("center", image, center_crop(image, size)))
for shorter in (16, 18, 20):
    image = picture(67, 45, 3)
    cases.append(case("cover", image, cover(image, shorter), shorter=shorter))
print(json.dumps({"pillow": PIL.__version__, "cases": cases}, indent=1))
