"""The PyTorch side of `sfumato bench`: the ADM UNet, its super-resolution form and the restoration UNet in plain PyTorch, timed on request.

`sfumato bench` starts it as a child process with one JSON argument:

    {"network": {a recipe's network section}, "batch": 16, "height": 32, "width": 32, "threads": 2}

It answers with a line of JSON, {"torch": …, "python": …, "parameters": …}, and then one line for each line on standard input:

    {"workload": "forward" or "training", "precision": "float32" or "bfloat16", "mode": "eager" or "compiled", "count": 3}
    {"seconds": [0.41, 0.40, 0.40], "preparation": 1.2}

Each request runs once untimed, then `count` times; `preparation` is the time before the timed runs: building and compiling,
where the request is the first of its kind. An error is answered as {"failure": "…"}. The process ends with its input.

PyTorch gets every optimisation that a user has: channels-last memory, weights cast to bfloat16 (norms too) and frozen for
inference, fused AdamW, multi-tensor averages.
"""

import gc
import json
import math
import platform
import sys
import time

try:
    import torch
    import torch.nn.functional as F
    import torch.utils.checkpoint
    from torch import nn
except ImportError as error:
    print(json.dumps({"failure": f"import torch: {error}"}), flush=True)
    sys.exit(0)


# Known keys of a recipe's network section. Unknown ones are refused: the networks would differ.
RESTORATION_OPTIONS = set("type in_channels out_channels num_corruptions model_channels channel_mult num_res_blocks patch_size".split())
OPTIONS = set(
    "type image_size in_channels out_channels model_channels channel_mult num_res_blocks attention_resolutions num_heads"
    " num_head_channels num_heads_upsample use_new_attention_order use_scale_shift_norm resblock_updown conv_resample dropout"
    " normalization num_classes context_dim augment_dim use_checkpoint".split()
)


def norm(channels, options):
    groups = 32
    if options.get("normalization", "openai") == "dlas":
        groups = 8 if channels <= 16 else 16 if channels <= 64 else 32
        while channels % groups:
            groups //= 2
    return nn.GroupNorm(groups, channels)


def embedded(timesteps, width):
    """Cosines and sines of the timesteps."""
    half = width // 2
    frequencies = torch.exp(torch.arange(half, dtype=torch.float32) * (-math.log(10_000) / half))
    angles = timesteps[:, None].float() * frequencies[None]
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


class ResBlock(nn.Module):
    def __init__(self, inputs, outputs, width, resampling, options):
        super().__init__()
        self.scale_shift = options["use_scale_shift_norm"]
        self.resampling = resampling
        self.in_layers = nn.Sequential(norm(inputs, options), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(width, outputs * (2 if self.scale_shift else 1)))
        self.out_layers = nn.Sequential(
            norm(outputs, options), nn.SiLU(), nn.Dropout(options["dropout"]), nn.Conv2d(outputs, outputs, 3, padding=1)
        )
        self.skip_connection = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def resample(self, x):
        if self.resampling == "down":
            return F.avg_pool2d(x, 2)
        return F.interpolate(x, scale_factor=2.0, mode="nearest") if self.resampling == "up" else x

    def forward(self, x, emb):
        norm, activation, convolution = self.in_layers
        h = convolution(self.resample(activation(norm(x))))
        modulation = self.emb_layers(emb)[:, :, None, None]
        norm, *rest = self.out_layers
        if self.scale_shift:
            scale, shift = modulation.chunk(2, dim=1)
            h = norm(h) * (1 + scale) + shift
        else:
            h = norm(h + modulation)
        for layer in rest:
            h = layer(h)
        return self.skip_connection(self.resample(x)) + h


class Attention(nn.Module):
    def __init__(self, channels, heads, options):
        super().__init__()
        self.heads, self.split_first = heads, options["use_new_attention_order"]
        self.norm = norm(channels, options)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = nn.Conv1d(channels, channels, 1)

    def forward(self, x, emb):
        n, c, height, width = x.shape
        # Convolutions of kernel 1 as linear maps of positions: the fastest form on a CPU.
        h = self.norm(x).permute(0, 2, 3, 1).reshape(n, height * width, c)
        h = F.linear(h, self.qkv.weight[:, :, 0], self.qkv.bias)
        if self.split_first:
            q, k, v = h.view(n, -1, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        else:
            q, k, v = h.view(n, -1, self.heads, 3, c // self.heads).permute(3, 0, 2, 1, 4)
        h = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, height * width, c)
        h = F.linear(h, self.proj_out.weight[:, :, 0], self.proj_out.bias)
        return x + h.view(n, height, width, c).permute(0, 3, 1, 2)


class Resample(nn.Module):
    """A layer of its own that halves or doubles the resolution."""

    def __init__(self, channels, resampling, convolution):
        super().__init__()
        self.resampling = resampling
        name = "op" if resampling == "down" else "conv"
        if convolution:
            setattr(self, name, nn.Conv2d(channels, channels, 3, padding=1, stride=2 if resampling == "down" else 1))

    def forward(self, x, emb):
        if self.resampling == "down":
            return self.op(x) if hasattr(self, "op") else F.avg_pool2d(x, 2)
        x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        return self.conv(x) if hasattr(self, "conv") else x


class InputConvolution(nn.Conv2d):
    def forward(self, x, emb):
        return super().forward(x)


class ADMUNet(nn.Module):
    """The UNet of Dhariwal and Nichol 2021 with the options of a recipe's network section, and its state-dict names."""

    def __init__(self, o):
        super().__init__()
        base, width = o["model_channels"], 4 * o["model_channels"]
        channels = [int(m * base) for m in o["channel_mult"]]
        inputs = o.get("in_channels") or 3
        self.step = 2 ** (len(channels) - 1)  # heights and widths are padded to multiples of it
        height = ((o.get("image_size") or 64) + self.step - 1) // self.step * self.step
        factors = [height // r for r in o["attention_resolutions"]]
        self.base, self.recompute = base, o.get("use_checkpoint", False)
        self.time_embed = nn.Sequential(nn.Linear(base, width), nn.SiLU(), nn.Linear(width, width))
        self.label_emb = nn.Embedding(o["num_classes"], width) if o.get("num_classes") else None
        self.context_emb = nn.Linear(o["context_dim"], width) if o.get("context_dim") else None
        # Not used, since no picture is augmented here.
        self.map_augment = nn.Linear(o["augment_dim"], base, bias=False) if o.get("augment_dim") else None

        def residual(a, b, resampling=None):
            return ResBlock(a, b, width, resampling, o)

        def attention(c, wanted):
            heads = c // o["num_head_channels"] if o["num_head_channels"] > 0 else wanted
            return Attention(c, heads, o)

        def change(c, resampling):
            return residual(c, c, resampling) if o["resblock_updown"] else Resample(c, resampling, o["conv_resample"])

        current, skips = channels[0], [channels[0]]
        self.input_blocks = nn.ModuleList([nn.ModuleList([InputConvolution(inputs, current, 3, padding=1)])])
        for level, c in enumerate(channels):
            for _ in range(o["num_res_blocks"]):
                block = [residual(current, c)] + ([attention(c, o["num_heads"])] if 2**level in factors else [])
                self.input_blocks.append(nn.ModuleList(block))
                current = c
                skips.append(c)
            if level < len(channels) - 1:
                self.input_blocks.append(nn.ModuleList([change(current, "down")]))
                skips.append(current)
        self.middle_block = nn.ModuleList(
            [residual(current, current), attention(current, o["num_heads"]), residual(current, current)]
        )
        decoder_heads = o["num_heads_upsample"] if o["num_heads_upsample"] > 0 else o["num_heads"]
        self.output_blocks = nn.ModuleList()
        for level, c in reversed(list(enumerate(channels))):
            for i in range(o["num_res_blocks"] + 1):
                block = [residual(current + skips.pop(), c)] + ([attention(c, decoder_heads)] if 2**level in factors else [])
                current = c
                if level > 0 and i == o["num_res_blocks"]:
                    block.append(change(c, "up"))
                self.output_blocks.append(nn.ModuleList(block))
        self.out = nn.Sequential(
            norm(current, o), nn.SiLU(), nn.Conv2d(current, o.get("out_channels") or inputs, 3, padding=1)
        )

    def run(self, layer, h, emb):
        if self.recompute and self.training and isinstance(layer, (ResBlock, Attention)):
            return torch.utils.checkpoint.checkpoint(layer, h, emb, use_reentrant=False)
        return layer(h, emb)

    def forward(self, x, timesteps, labels=None, context=None):
        emb = self.time_embed(embedded(timesteps, self.base).to(self.time_embed[0].weight.dtype))
        if self.label_emb is not None:
            emb = emb + self.label_emb(labels)
        if self.context_emb is not None:
            emb = emb + self.context_emb(context.to(emb.dtype))
        height, width = x.shape[2:]
        right, bottom = -width % self.step, -height % self.step
        h, skips = F.pad(x, (0, right, 0, bottom), mode="replicate") if right or bottom else x, []
        for block in self.input_blocks:
            for layer in block:
                h = self.run(layer, h, emb)
            skips.append(h)
        for layer in self.middle_block:
            h = self.run(layer, h, emb)
        for block in self.output_blocks:
            h = torch.cat([h, skips.pop()], dim=1)
            for layer in block:
                h = self.run(layer, h, emb)
        return self.out(h)[:, :, :height, :width]


class SuperResolutionUNet(ADMUNet):
    """The ADM UNet that reads a picture, bilinearly enlarged, and the strengths of its corruptions as planes of zeros."""

    def __init__(self, o, corruptions):
        channels = o.get("in_channels") or 3
        super().__init__({**o, "in_channels": 2 * channels + corruptions, "out_channels": o.get("out_channels") or channels})
        self.corruptions = corruptions

    def forward(self, x, timesteps, labels=None, context=None, picture=None):
        enlarged = F.interpolate(picture, size=x.shape[2:], mode="bilinear")
        planes = x.new_zeros(x.shape[0], self.corruptions, *x.shape[2:])
        return super().forward(torch.cat([x, enlarged, planes], dim=1), timesteps, labels, context)


class PixelNorm(nn.Module):
    """Layer norm over the channels of each pixel, scaled and shifted, and SiLU."""

    def __init__(self, channels):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x, scale=None, shift=None):
        y = F.layer_norm(x.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias).permute(0, 3, 1, 2)
        return F.silu(y if scale is None else y * (1 + scale) + shift)


class PixelNormBlock(nn.Module):
    def __init__(self, inputs, outputs, width):
        super().__init__()
        self.norm1, self.conv1 = PixelNorm(inputs), nn.Conv2d(inputs, outputs, 3, padding=1)
        self.embedding = nn.Linear(width, 2 * outputs)
        self.norm2, self.conv2 = PixelNorm(outputs), nn.Conv2d(outputs, outputs, 3, padding=1)
        self.skip = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x, emb):
        scale, shift = self.embedding(emb)[:, :, None, None].chunk(2, dim=1)
        return self.skip(x) + self.conv2(self.norm2(self.conv1(self.norm1(x)), scale, shift))


class RestorationLevel(nn.Module):
    def __init__(self, inputs, outputs, width, stride):
        super().__init__()
        self.blocks = nn.ModuleList([PixelNormBlock(count, outputs, width) for count in inputs])
        self.resampling = nn.Conv2d(outputs, outputs, 3, padding=1, stride=stride) if stride else None


class RestorationUNet(nn.Module):
    """UNet on folded pixels without attention: reads noisy image, degraded picture, its high-pass, and strengths of corruptions of 0."""

    def __init__(self, o):
        super().__init__()
        base, width, patch = o["model_channels"], 4 * o["model_channels"], o["patch_size"]
        images, self.corruptions = o.get("in_channels") or 3, o.get("num_corruptions") or 0
        channels, blocks = [m * base for m in o["channel_mult"]], o["num_res_blocks"]
        self.base, self.patch, self.step = base, patch, patch << (len(channels) - 1)
        self.time_in, self.time_out = nn.Linear(base, width), nn.Linear(width, width)
        self.conv_in = nn.Conv2d(patch * patch * (3 * images + self.corruptions), base, 3, padding=1)
        current, skips, last = base, [base], len(channels) - 1
        self.encoder, self.decoder = nn.ModuleList(), nn.ModuleList()
        for level, c in enumerate(channels):
            self.encoder.append(RestorationLevel([current] + [c] * (blocks - 1), c, width, 2 if level < last else None))
            skips += [c] * (blocks + (level < last))
            current = c
        self.middle = nn.ModuleList([PixelNormBlock(current, current, width) for _ in range(2)])
        for level, c in reversed(list(enumerate(channels))):
            inputs = [(current if i == 0 else c) + skips.pop() for i in range(blocks + 1)]
            self.decoder.append(RestorationLevel(inputs, c, width, 1 if level > 0 else None))
            current = c
        self.norm_out = PixelNorm(current)
        self.conv_out = nn.Conv2d(current, patch * patch * (o.get("out_channels") or images), 3, padding=1)
        taps = torch.tensor([1.0, 4, 6, 4, 1]) / 16
        self.register_buffer("filter", (taps[:, None] * taps)[None, None].repeat(images, 1, 1, 1), persistent=False)

    def forward(self, x, timesteps, labels=None, context=None, picture=None):
        smooth = F.conv2d(F.pad(picture, (2, 2, 2, 2), mode="replicate"), self.filter.to(x.dtype), groups=x.shape[1])
        planes = x.new_zeros(x.shape[0], self.corruptions, *x.shape[2:])
        h = torch.cat([x, picture, 16 * (picture - smooth), planes], dim=1)
        height, width = x.shape[2:]
        h = F.pixel_unshuffle(F.pad(h, (0, -width % self.step, 0, -height % self.step), mode="replicate"), self.patch)
        emb = embedded(timesteps, self.base).to(self.time_in.weight.dtype)
        emb = F.silu(self.time_out(F.silu(self.time_in(emb))))
        h = self.conv_in(h.contiguous(memory_format=torch.channels_last))
        skips = [h]
        for level in self.encoder:
            for block in level.blocks:
                h = block(h, emb)
                skips.append(h)
            if level.resampling is not None:
                h = level.resampling(h)
                skips.append(h)
        for block in self.middle:
            h = block(h, emb)
        for level in self.decoder:
            for block in level.blocks:
                h = block(torch.cat([h, skips.pop()], dim=1), emb)
            if level.resampling is not None:
                h = level.resampling(F.interpolate(h, scale_factor=2.0, mode="nearest"))
        return F.pixel_shuffle(self.conv_out(self.norm_out(h)), self.patch)[:, :, :height, :width]


class Bench:
    def __init__(self, setup):
        self.setup, self.options = setup, setup["network"]
        kind, known = self.options.get("type", "adm_unet"), OPTIONS
        if kind == "adm_unet":
            self.make = lambda: ADMUNet(self.options)
        elif kind == "super_resolution_unet":
            corruptions, self.options = self.options.get("num_corruptions") or 0, self.options["unet"]
            self.make = lambda: SuperResolutionUNet(self.options, corruptions)
        elif kind == "restoration_unet":
            self.make, known = lambda: RestorationUNet(self.options), RESTORATION_OPTIONS
        else:
            raise ValueError(f"no PyTorch counterpart of the network '{kind}'")
        self.reads_picture = kind != "adm_unet"
        if unknown := sorted(set(self.options) - known):
            raise ValueError(f"no PyTorch counterpart of the option {', '.join(unknown)}")
        torch.set_num_threads(setup["threads"])
        self.key, self.runs = None, {}

    def parameters(self):
        with torch.device("meta"):
            return sum(p.numel() for p in self.make().parameters())

    def inputs(self, dtype):
        torch.manual_seed(0)
        n, o = self.setup["batch"], self.options
        x = torch.randn(n, o.get("in_channels") or 3, self.setup["height"], self.setup["width"])
        labels = torch.randint(o["num_classes"], (n,)) if o.get("num_classes") else None
        context = torch.randn(n, o["context_dim"]) if o.get("context_dim") else None
        x = x.to(dtype).contiguous(memory_format=torch.channels_last)
        return x, torch.randint(1000, (n,)), labels, context, *([torch.randn_like(x)] if self.reads_picture else [])

    def network(self, mode):
        torch.manual_seed(0)
        net = self.make().to(memory_format=torch.channels_last)
        return net, (torch.compile if mode == "compiled" else lambda x: x)

    def freeze(self, frozen):
        """Whether what is compiled next may take the weights for constants, and pack them."""
        import torch._inductor.config

        torch._inductor.config.freezing = frozen

    def forward_run(self, precision, mode):
        self.freeze(True)
        dtype = getattr(torch, precision)
        net, wrap = self.network(mode)
        call, inputs = wrap(net.eval().to(dtype)), self.inputs(dtype)

        def run():
            with torch.no_grad():
                call(*inputs)

        return run

    def training_run(self, precision, mode):
        self.freeze(False)
        net, wrap = self.network(mode)
        call, inputs = wrap(net.train()), self.inputs(torch.float32)
        parameters = list(net.parameters())
        averages = [p.detach().clone() for p in parameters]
        optimizer = torch.optim.AdamW(parameters, lr=1e-4, weight_decay=0.0, fused=True)
        outputs = self.options.get("out_channels") or inputs[0].shape[1]
        target = torch.randn(inputs[0].shape[0], outputs, *inputs[0].shape[2:]).contiguous(memory_format=torch.channels_last)

        def run():
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
                output = call(*inputs)
            (output.float() - target).square().mean().backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            with torch.no_grad():
                torch._foreach_lerp_(averages, parameters, 0.001)

        return run

    def answer(self, request):
        key = (request["workload"], request["precision"])
        if key != self.key:  # earlier ones are not requested again
            self.key, self.runs = key, {}
            gc.collect()
            torch._dynamo.reset()
        start = time.perf_counter()
        mode = request["mode"]
        if mode not in self.runs:
            build = self.forward_run if request["workload"] == "forward" else self.training_run
            self.runs[mode] = build(request["precision"], mode)
            self.runs[mode]()
        run = self.runs[mode]
        run()
        preparation = time.perf_counter() - start
        seconds = []
        for _ in range(request["count"]):
            start = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - start)
        return {"seconds": seconds, "preparation": preparation}


def shortened(error):
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:300]}"


def main():
    answers = sys.stdout
    sys.stdout = sys.stderr  # keeps other output out of the answers

    def say(answer):
        print(json.dumps(answer), file=answers, flush=True)

    try:
        bench = Bench(json.loads(sys.argv[1]))
        say({"torch": torch.__version__, "python": platform.python_version(), "parameters": bench.parameters()})
    except Exception as error:
        say({"failure": shortened(error)})
        return
    for line in sys.stdin:
        try:
            say(bench.answer(json.loads(line)))
        except Exception as error:
            say({"failure": shortened(error)})


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
