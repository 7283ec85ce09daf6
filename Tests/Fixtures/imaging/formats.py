"""Small pictures in formats that the tests cannot write themselves, and what Pillow decodes them to: python3 formats.py > formats.json

Every picture is 24 x 16 pixels: a ramp to the right, a ramp downwards, and a bright square in the upper left corner.
"""
import base64
import io
import json

import numpy
from PIL import Image

ROWS, COLUMNS = numpy.mgrid[0:16, 0:24]
SAMPLES = numpy.stack([COLUMNS * 10, ROWS * 15, 255 - COLUMNS * 5 - ROWS * 5, COLUMNS * 11], 2).astype(numpy.uint8)
SAMPLES[:4, :4] = 250
RGB, RGBA, GREY = Image.fromarray(SAMPLES[:, :, :3]), Image.fromarray(SAMPLES), Image.fromarray(SAMPLES[:, :, 0])
GREY_ALPHA = Image.fromarray(SAMPLES[:, :, [0, 3]], "LA")
PALETTE = RGB.quantize(7, dither=Image.Dither.NONE)


def encode(image, format, **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def progressive_jpeg(image, **options):
    return encode(image, "JPEG", quality=90, progressive=True, **options)


def ycck(jpeg):
    """A CMYK JPEG whose Adobe segment says that its numbers are YCCK."""
    at = jpeg.index(b"Adobe") + 11
    return jpeg[:at] + b"\x02" + jpeg[at + 1:]


PICTURES = {
    "jpeg_baseline_444": encode(RGB, "JPEG", quality=90, subsampling=0),
    "jpeg_baseline_422": encode(RGB, "JPEG", quality=90, subsampling=1),
    "jpeg_baseline_420": encode(RGB, "JPEG", quality=90, subsampling=2),
    "jpeg_progressive": progressive_jpeg(RGB),
    "jpeg_grey": encode(GREY, "JPEG", quality=90),
    "jpeg_grey_progressive": progressive_jpeg(GREY),
    "jpeg_restart": encode(RGB, "JPEG", quality=90, restart_marker_blocks=1),
    "png_interlace_free_grey16": encode(Image.fromarray(SAMPLES[:, :, 0].astype(numpy.uint16) * 257), "PNG"),
    "png_palette": encode(PALETTE, "PNG"),
    "png_palette_trns": encode(PALETTE, "PNG", transparency=bytes([0, 128, 255, 40])),
    "png_grey_trns": encode(GREY, "PNG", transparency=250),
    "png_rgb_trns": encode(RGB, "PNG", transparency=(250, 250, 250)),
    "gif": encode(PALETTE, "GIF"),
    "gif_transparent": encode(PALETTE, "GIF", transparency=2),
    "gif_animated": encode(PALETTE, "GIF", save_all=True, append_images=[PALETTE.rotate(180)], duration=50),
    "webp_lossless_alpha": encode(RGBA, "WebP", lossless=True, exact=True),
    "webp_animated": encode(RGB, "WebP", lossless=True, save_all=True, append_images=[RGB.rotate(180)]),
    "tiff_raw": encode(RGB, "TIFF"),
    "tiff_lzw": encode(RGB, "TIFF", compression="tiff_lzw"),
    "tiff_deflate_alpha": encode(RGBA, "TIFF", compression="tiff_deflate"),
    "tiff_palette": encode(PALETTE, "TIFF"),
    "tiff_1bit": encode(GREY.point(lambda v: 255 * (v > 99)).convert("1"), "TIFF", compression="group4"),
    "tiff_16bit": encode(Image.fromarray(SAMPLES[:, :, 0].astype(numpy.uint16) * 257), "TIFF"),
    "tiff_pages": encode(RGB, "TIFF", save_all=True, append_images=[RGB.rotate(180)]),
}
LIKE = {  # where Pillow shows another mode than 8-bit samples
    "png_interlace_free_grey16": GREY, "tiff_16bit": GREY,
}
ONLY_ENCODED = {
    "jpeg_cmyk": encode(RGB.convert("CMYK"), "JPEG", quality=95),
    "jpeg_ycck": ycck(encode(RGB.convert("CMYK"), "JPEG", quality=95)),
    "avif": encode(RGB, "AVIF", quality=95),
    "tiff_float": encode(Image.fromarray(SAMPLES[:, :, 0].astype(numpy.float32)), "TIFF"),
    "bmp": encode(RGB, "BMP"),
}


def decoded(name, encoded):
    image = LIKE.get(name) or Image.open(io.BytesIO(encoded))
    if "transparency" in image.info and image.mode != "RGBA":
        image = image.convert("LA" if image.mode == "L" else "RGBA")
    elif image.mode == "P":
        image = image.convert("RGB")
    return image.convert("L") if image.mode == "1" else image


def text(data):
    return base64.b64encode(data).decode()


result = {}
for name, encoded in PICTURES.items():
    image = decoded(name, encoded)
    result[name] = {"file": text(encoded), "channels": len(image.getbands()), "pixels": text(image.tobytes())}
for name, encoded in ONLY_ENCODED.items():
    result[name] = {"file": text(encoded)}
print(json.dumps(result, indent=1))
