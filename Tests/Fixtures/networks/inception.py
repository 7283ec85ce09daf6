# Makes inception.safetensors: what every block of InceptionV3, as pt_inception-2015-12-05-6726825d.pth has it, makes of a picture. The network is
# written down here from the paper and the shapes of that file, a sixteenth as wide, with weights by a formula that the test repeats. Needs
# torch; writes into the working folder.
import json
import math
import struct

import torch
import torch.nn.functional as F


def shapes(narrowing=1, classes=1008):
    """Names of convolutions with their kernels [O, I, K, L], and of the last map."""
    kernels = {}

    def n(channels):
        return channels // narrowing

    def put(name, inputs, outputs, height, width=None):
        kernels[name] = [n(outputs), 3 if inputs == 3 else n(inputs), height, width or height]

    put("Conv2d_1a_3x3", 3, 32, 3)
    put("Conv2d_2a_3x3", 32, 32, 3)
    put("Conv2d_2b_3x3", 32, 64, 3)
    put("Conv2d_3b_1x1", 64, 80, 1)
    put("Conv2d_4a_3x3", 80, 192, 3)
    for block, inputs, pool in [("5b", 192, 32), ("5c", 256, 64), ("5d", 288, 64)]:
        p = f"Mixed_{block}."
        put(p + "branch1x1", inputs, 64, 1)
        put(p + "branch5x5_1", inputs, 48, 1)
        put(p + "branch5x5_2", 48, 64, 5)
        put(p + "branch3x3dbl_1", inputs, 64, 1)
        put(p + "branch3x3dbl_2", 64, 96, 3)
        put(p + "branch3x3dbl_3", 96, 96, 3)
        put(p + "branch_pool", inputs, pool, 1)
    put("Mixed_6a.branch3x3", 288, 384, 3)
    put("Mixed_6a.branch3x3dbl_1", 288, 64, 1)
    put("Mixed_6a.branch3x3dbl_2", 64, 96, 3)
    put("Mixed_6a.branch3x3dbl_3", 96, 96, 3)
    for block, c in [("6b", 128), ("6c", 160), ("6d", 160), ("6e", 192)]:
        p = f"Mixed_{block}."
        put(p + "branch1x1", 768, 192, 1)
        put(p + "branch7x7_1", 768, c, 1)
        put(p + "branch7x7_2", c, c, 1, 7)
        put(p + "branch7x7_3", c, 192, 7, 1)
        put(p + "branch7x7dbl_1", 768, c, 1)
        put(p + "branch7x7dbl_2", c, c, 7, 1)
        put(p + "branch7x7dbl_3", c, c, 1, 7)
        put(p + "branch7x7dbl_4", c, c, 7, 1)
        put(p + "branch7x7dbl_5", c, 192, 1, 7)
        put(p + "branch_pool", 768, 192, 1)
    put("Mixed_7a.branch3x3_1", 768, 192, 1)
    put("Mixed_7a.branch3x3_2", 192, 320, 3)
    put("Mixed_7a.branch7x7x3_1", 768, 192, 1)
    put("Mixed_7a.branch7x7x3_2", 192, 192, 1, 7)
    put("Mixed_7a.branch7x7x3_3", 192, 192, 7, 1)
    put("Mixed_7a.branch7x7x3_4", 192, 192, 3)
    for block, inputs in [("7b", 1280), ("7c", 2048)]:
        p = f"Mixed_{block}."
        put(p + "branch1x1", inputs, 320, 1)
        put(p + "branch3x3_1", inputs, 384, 1)
        put(p + "branch3x3_2a", 384, 384, 1, 3)
        put(p + "branch3x3_2b", 384, 384, 3, 1)
        put(p + "branch3x3dbl_1", inputs, 448, 1)
        put(p + "branch3x3dbl_2", 448, 384, 3)
        put(p + "branch3x3dbl_3a", 384, 384, 1, 3)
        put(p + "branch3x3dbl_3b", 384, 384, 3, 1)
        put(p + "branch_pool", inputs, 192, 1)
    found = {}
    for name, shape in kernels.items():
        found[name + ".conv.weight"] = shape
        for part in ["weight", "bias", "running_mean", "running_var"]:
            found[f"{name}.bn.{part}"] = [shape[0]]
    return found | {"fc.weight": [classes, n(2048)], "fc.bias": [classes]}


def uniform(count, seed):
    """Numbers in [0, 1) by hashing their places."""
    u = (torch.arange(count, dtype=torch.int64) * 2654435761 + seed * 40503 + 12345) & 0xFFFFFFFF
    for shift, factor in [(15, 2246822519), (13, 3266489917)]:
        u = u ^ (u >> shift)
        # The product of 32 and 32 bits, in halves, modulo 2^32.
        u = ((u & 0xFFFF) * factor + (((u >> 16) * factor & 0xFFFF) << 16)) & 0xFFFFFFFF
    return (u ^ (u >> 16)).double() / 2**32


def weights(shapes):
    found = {}
    for seed, name in enumerate(sorted(shapes)):
        shape = shapes[name]
        u = uniform(math.prod(shape), seed)
        if name.endswith("conv.weight"):
            u = (2 * u - 1) * math.sqrt(6 / math.prod(shape[1:]))
        elif name == "fc.weight":
            u = (2 * u - 1) / 4
        elif name.endswith("running_mean") or name.endswith("bias"):
            u = (u - 0.5) / 4
        else:
            u = u + 0.5
        found[name] = u.reshape(shape).float()
    return found


def picture(side):
    row, column, channel = torch.arange(side)[:, None, None], torch.arange(side)[None, :, None], torch.arange(3)
    place = (row * side + column) * 3 + channel
    return (row * 3 + column * 2 + channel * 40 + (row // 9 + column // 7) % 2 * 60 + place * 7919 % 41) % 256


def stages(w, x):
    """The outputs of layers and blocks in order. x: [N, 3, H, W] in [-1, 1]."""

    def conv(name, x, stride=1, padding=0):
        y = F.conv2d(x, w[name + ".conv.weight"], stride=stride, padding=padding)
        mean, variance = w[name + ".bn.running_mean"], w[name + ".bn.running_var"]
        return F.relu(F.batch_norm(y, mean, variance, w[name + ".bn.weight"], w[name + ".bn.bias"], False, 0, 0.001))

    def chain(x, *steps):
        for name, padding in steps:
            x = conv(name, x, padding=padding)
        return x

    def means(x):
        return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)

    x = conv("Conv2d_1a_3x3", x, stride=2)
    x = chain(x, ("Conv2d_2a_3x3", 0), ("Conv2d_2b_3x3", 1))
    x = F.max_pool2d(x, 3, stride=2)
    yield "pool1", x
    x = F.max_pool2d(chain(x, ("Conv2d_3b_1x1", 0), ("Conv2d_4a_3x3", 0)), 3, stride=2)
    yield "pool2", x
    for block in ["Mixed_5b", "Mixed_5c", "Mixed_5d"]:
        p = block + "."
        x = torch.cat([
            conv(p + "branch1x1", x), chain(x, (p + "branch5x5_1", 0), (p + "branch5x5_2", 2)),
            chain(x, (p + "branch3x3dbl_1", 0), (p + "branch3x3dbl_2", 1), (p + "branch3x3dbl_3", 1)), conv(p + "branch_pool", means(x)),
        ], 1)
        yield block, x
    p = "Mixed_6a."
    double = conv(p + "branch3x3dbl_3", chain(x, (p + "branch3x3dbl_1", 0), (p + "branch3x3dbl_2", 1)), stride=2)
    x = torch.cat([conv(p + "branch3x3", x, stride=2), double, F.max_pool2d(x, 3, stride=2)], 1)
    yield "Mixed_6a", x
    row, column = (0, 3), (3, 0)
    for block in ["Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"]:
        p = block + "."
        d = p + "branch7x7dbl_"
        x = torch.cat([
            conv(p + "branch1x1", x), chain(x, (p + "branch7x7_1", 0), (p + "branch7x7_2", row), (p + "branch7x7_3", column)),
            chain(x, (d + "1", 0), (d + "2", column), (d + "3", row), (d + "4", column), (d + "5", row)), conv(p + "branch_pool", means(x)),
        ], 1)
        yield block, x
    p = "Mixed_7a."
    three = conv(p + "branch3x3_2", conv(p + "branch3x3_1", x), stride=2)
    seven = chain(x, (p + "branch7x7x3_1", 0), (p + "branch7x7x3_2", row), (p + "branch7x7x3_3", column))
    x = torch.cat([three, conv(p + "branch7x7x3_4", seven, stride=2), F.max_pool2d(x, 3, stride=2)], 1)
    yield "Mixed_7a", x
    for block in ["Mixed_7b", "Mixed_7c"]:
        p = block + "."
        single = conv(p + "branch3x3_1", x)
        double = chain(x, (p + "branch3x3dbl_1", 0), (p + "branch3x3dbl_2", 1))
        pooled = means(x) if block == "Mixed_7b" else F.max_pool2d(x, 3, stride=1, padding=1)
        x = torch.cat([
            conv(p + "branch1x1", x), conv(p + "branch3x3_2a", single, padding=(0, 1)), conv(p + "branch3x3_2b", single, padding=(1, 0)),
            conv(p + "branch3x3dbl_3a", double, padding=(0, 1)), conv(p + "branch3x3dbl_3b", double, padding=(1, 0)),
            conv(p + "branch_pool", pooled),
        ], 1)
        yield block, x
    x = x.mean((2, 3))
    yield "features", x
    yield "logits", x @ w["fc.weight"].T


def save(path, tensors):
    header, data = {}, b""
    for name, tensor in tensors.items():
        raw = tensor.contiguous().numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


if __name__ == "__main__":
    torch.set_num_threads(1)
    x = picture(139).permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.no_grad():
        save("inception.safetensors", dict(stages(weights(shapes(narrowing=16)), x)))
