# Makes dit.safetensors: weights, inputs and outputs of a tiny diffusion transformer (Peebles and Xie 2023), written down from the paper and
# the names of the published checkpoints in PyTorch alone, attention by an explicit softmax. Needs torch; writes into the working folder.
import json
import math
import struct

import torch
import torch.nn.functional as F
from torch import nn

CHANNELS, SIDE, PATCH, WIDTH, HEADS, DEPTH, CLASSES = 3, 8, 2, 8, 2, 2, 3


class Linear(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight, self.bias = nn.Parameter(0.3 * torch.randn(outputs, inputs)), nn.Parameter(0.1 * torch.randn(outputs))

    def forward(self, x):
        return x @ self.weight.T + self.bias


def numbered(**layers):
    """A container whose layers have numbers for names, as those of an nn.Sequential with activations between them."""
    box = nn.Module()
    for number, layer in layers.items():
        box.add_module(number.lstrip("_"), layer)
    return box


def normalised(x):
    centred = x - x.mean(-1, keepdim=True)
    return centred / torch.sqrt((centred**2).mean(-1, keepdim=True) + 1e-6)


def named(**parts):
    box = nn.Module()
    for name, part in parts.items():
        box.add_module(name, part)
    return box


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.attn = named(qkv=Linear(WIDTH, 3 * WIDTH), proj=Linear(WIDTH, WIDTH))
        self.mlp = named(fc1=Linear(WIDTH, 4 * WIDTH), fc2=Linear(4 * WIDTH, WIDTH))
        self.adaLN_modulation = numbered(_1=Linear(WIDTH, 6 * WIDTH))

    def attention(self, x):
        n, length, _ = x.shape
        q, k, v = self.attn.qkv(x).reshape(n, length, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-1, -2) / math.sqrt(WIDTH // HEADS)).softmax(-1)
        return self.attn.proj((weights @ v).transpose(1, 2).reshape(n, length, WIDTH))

    def forward(self, x, c):
        parts = self.adaLN_modulation.get_submodule("1")(F.silu(c))[:, None].split(WIDTH, dim=-1)
        shift1, scale1, gate1, shift2, scale2, gate2 = parts
        x = x + gate1 * self.attention(normalised(x) * (1 + scale1) + shift1)
        h = self.mlp.fc1(normalised(x) * (1 + scale2) + shift2)
        h = 0.5 * h * (1 + torch.tanh(math.sqrt(2 / math.pi) * (h + 0.044715 * h**3)))
        return x + gate2 * self.mlp.fc2(h)


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        grid, quarter = SIDE // PATCH, WIDTH // 4
        positions = torch.zeros(grid, grid, WIDTH, dtype=torch.float64)
        for row in range(grid):
            for column in range(grid):
                for i in range(quarter):
                    rate = 10000 ** (-i / quarter)
                    for place, value in enumerate([math.sin(column * rate), math.cos(column * rate), math.sin(row * rate), math.cos(row * rate)]):
                        positions[row, column, place * quarter + i] = value
        self.pos_embed = nn.Parameter(positions.reshape(1, grid * grid, WIDTH).float(), requires_grad=False)
        self.x_embedder = named(proj=nn.Conv2d(CHANNELS, WIDTH, PATCH, stride=PATCH))
        self.t_embedder = named(mlp=numbered(_0=Linear(256, WIDTH), _2=Linear(WIDTH, WIDTH)))
        self.y_embedder = named(embedding_table=nn.Embedding(CLASSES + 1, WIDTH))
        self.blocks = nn.ModuleList(Block() for _ in range(DEPTH))
        outputs = PATCH * PATCH * 2 * CHANNELS
        self.final_layer = named(linear=Linear(WIDTH, outputs), adaLN_modulation=numbered(_1=Linear(WIDTH, 2 * WIDTH)))

    def forward(self, x, t, y):
        rates = torch.exp(-math.log(10000) * torch.arange(128, dtype=torch.float32) / 128)
        waves = t[:, None] * rates
        mlp = self.t_embedder.mlp
        c = mlp.get_submodule("2")(F.silu(mlp.get_submodule("0")(torch.cat([waves.cos(), waves.sin()], dim=-1))))
        c = c + self.y_embedder.embedding_table(y)
        h = self.x_embedder.proj(x).flatten(2).transpose(1, 2) + self.pos_embed
        for block in self.blocks:
            h = block(h, c)
        shift, scale = self.final_layer.adaLN_modulation.get_submodule("1")(F.silu(c))[:, None].split(WIDTH, dim=-1)
        h = self.final_layer.linear(normalised(h) * (1 + scale) + shift)
        grid, image = SIDE // PATCH, torch.zeros(len(x), 2 * CHANNELS, SIDE, SIDE)
        for row in range(grid):
            for column in range(grid):
                patch = h[:, row * grid + column].reshape(-1, PATCH, PATCH, 2 * CHANNELS).permute(0, 3, 1, 2)
                image[:, :, row * PATCH : (row + 1) * PATCH, column * PATCH : (column + 1) * PATCH] = patch
        return image


torch.manual_seed(0)
net = Transformer()
x, t, y = torch.randn(2, CHANNELS, SIDE, SIDE), torch.tensor([3.0, 800.0]), torch.tensor([1, 3])
tensors = {f"state/{name}": value for name, value in net.state_dict().items()}
tensors.update(x=x, t=t, labels=y, y=net(x, t, y))

header, data = {}, b""
for name, value in tensors.items():
    part = value.detach().contiguous().numpy().tobytes()
    dtype = "I64" if value.dtype == torch.int64 else "F32"
    header[name] = {"dtype": dtype, "shape": list(value.shape), "data_offsets": [len(data), len(data) + len(part)]}
    data += part
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
with open("dit.safetensors", "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + data)
