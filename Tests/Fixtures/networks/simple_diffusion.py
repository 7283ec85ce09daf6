# Makes simple_diffusion.safetensors: weights, inputs and outputs of simple-diffusion's UNet (github.com/filipbasara0/simple-diffusion,
# package simple_diffusion), written down again in PyTorch alone. Needs torch; writes into the working folder.
import json
import math
import struct

import torch
import torch.nn.functional as F
from torch import nn


class RMSNorm(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.g = nn.Parameter(torch.ones(1, channels, 1, 1))

    def forward(self, x):
        return F.normalize(x, dim=1) * self.g * x.shape[1] ** 0.5


class Attention(nn.Module):
    def __init__(self, channels, heads=4, width=32):
        super().__init__()
        self.heads, self.scale = heads, width**-0.5
        self.to_qkv = nn.Conv2d(channels, 3 * heads * width, 1, bias=False)
        self.to_out = nn.Conv2d(heads * width, channels, 1)
        self.norm = RMSNorm(channels)

    def forward(self, x):
        n, _, h, w = x.shape
        q, k, v = [part.reshape(n, self.heads, -1, h * w) for part in self.to_qkv(self.norm(x)).chunk(3, dim=1)]
        weights = torch.einsum("nhdi,nhdj->nhij", q * self.scale, k).softmax(-1)
        out = torch.einsum("nhij,nhdj->nhdi", weights, v)
        return self.to_out(out.reshape(n, -1, h, w)) + x


class Residual(nn.Module):
    def __init__(self, inputs, outputs, embedding):
        super().__init__()
        self.time_emb_proj = nn.Sequential(nn.SiLU(), nn.Linear(embedding, outputs))
        self.residual_conv = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        self.conv1, self.conv2 = nn.Conv2d(inputs, outputs, 3, padding=1), nn.Conv2d(outputs, outputs, 3, padding=1)
        self.norm1, self.norm2 = nn.GroupNorm(8, outputs), nn.GroupNorm(8, outputs)

    def forward(self, x, emb):
        h = F.silu(self.norm1(self.conv1(x))) + self.time_emb_proj(F.silu(emb))[:, :, None, None]
        return F.silu(self.norm2(self.conv2(h))) + self.residual_conv(x)


def halving(inputs, outputs, is_last):
    if is_last:
        return nn.Conv2d(inputs, outputs, 3, padding=1)
    return nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4 * inputs, outputs, 1))


def doubling(inputs, outputs, is_last):
    conv = nn.Conv2d(inputs, outputs, 3, padding=1)
    return conv if is_last else nn.Sequential(nn.Upsample(scale_factor=2, mode="nearest"), conv)


class UNet(nn.Module):
    def __init__(self, channels, dims):
        super().__init__()
        first, last, width, levels = dims[0], dims[-1], 4 * dims[0], len(dims) - 1
        self.first = first
        self.time_embedding = nn.Sequential(nn.Linear(first, width), nn.SiLU(), nn.Linear(width, width))
        self.init_conv = nn.Conv2d(channels, first, 3, padding=1)
        down, up = [], []
        for level in range(levels):
            a, b = dims[level], dims[level + 1]
            attention = Attention(a) if level > 0 else nn.Identity()
            down.append(nn.ModuleList([Residual(a, a, width), Residual(a, a, width), attention, halving(a, b, level == levels - 1)]))
        for level in reversed(range(levels)):
            a, b = dims[level + 1], dims[level]
            attention = Attention(a) if level > 0 else nn.Identity()
            up.append(nn.ModuleList([Residual(a + b, a, width), Residual(a + b, a, width), attention, doubling(a, b, level == 0)]))
        self.down_blocks, self.up_blocks = nn.ModuleList(down), nn.ModuleList(up)
        self.mid_block1, self.mid_attn, self.mid_block2 = Residual(last, last, width), Attention(last), Residual(last, last, width)
        self.out_block = Residual(2 * first, first, width)
        self.conv_out = nn.Conv2d(first, 3, 1)

    def forward(self, x, timesteps):
        half = self.first // 2
        waves = timesteps[:, None] * torch.exp(-math.log(10000) * torch.arange(half, dtype=torch.float32) / (half - 1))
        emb = self.time_embedding(torch.cat([waves.sin(), waves.cos()], dim=-1))
        x = first = self.init_conv(x)
        skips = []
        for block1, block2, attention, halve in self.down_blocks:
            x = block1(x, emb)
            skips.append(x)
            x = attention(block2(x, emb))
            skips.append(x)
            x = halve(x)
        x = self.mid_block2(self.mid_attn(self.mid_block1(x, emb)), emb)
        for block1, block2, attention, double in self.up_blocks:
            x = block1(torch.cat([x, skips.pop()], dim=1), emb)
            x = double(attention(block2(torch.cat([x, skips.pop()], dim=1), emb)))
        return self.conv_out(self.out_block(torch.cat([x, first], dim=1), emb))


torch.manual_seed(0)
net = UNet(3, [8, 16, 24])
for parameter in net.parameters():
    parameter.data += 0.05 * torch.randn(parameter.shape)
x, t = torch.randn(2, 3, 8, 8), torch.tensor([3.0, 800.0])
tensors = {f"state/{name}": value for name, value in net.state_dict().items()}
tensors.update(x=x, t=t, y=net(x, t))

header, data = {}, b""
for name, value in tensors.items():
    part = value.detach().contiguous().numpy().tobytes()
    header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [len(data), len(data) + len(part)]}
    data += part
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
with open("simple_diffusion.safetensors", "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + data)
