"""The PyTorch side of `sfumato bench data`: a DataLoader with Pillow, timed on request.

`sfumato bench data` starts it as a child process with one JSON argument:

    {"batch": 32, "workers": 2, "threads": 2}

It answers with a line of JSON, {"torch": …, "python": …, "pillow": …}, and then one line for each line on standard input:

    {"files": ["a.jpg", …], "size": 256, "fit": "tile" or "center_crop", "batches": 20}
    {"rate": 412.5}

in pictures per second; without "files" it continues with those of the previous request. Batches that are ready before a request are
consumed untimed. An error is answered as {"failure": "…"}. The process ends with its input.

PyTorch gets every optimisation that a user has: persistent workers, bytes rather than floats between processes, one conversion
to float for a whole batch, on all threads.
"""

import json
import platform
import random
import sys
import time

try:
    import numpy
    import PIL
    import torch
    from PIL import Image
    from torch.utils.data import DataLoader, Dataset, Sampler
except ImportError as error:
    print(json.dumps({"failure": f"import: {error}"}), flush=True)
    sys.exit(0)


def colors(picture):
    """Not where it is so already: convert() would copy the picture."""
    return picture if picture.mode == "RGB" else picture.convert("RGB")


class Pictures(Dataset):
    def __init__(self, files, size, fit):
        self.files, self.size, self.fit = files, size, fit

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        with Image.open(self.files[index]) as picture:
            image = (self.tile if self.fit == "tile" else self.centered)(picture)
        return torch.from_numpy(numpy.array(image))

    def tile(self, picture):
        left = random.randrange(picture.width - self.size + 1)
        top = random.randrange(picture.height - self.size + 1)
        return colors(picture.crop((left, top, left + self.size, top + self.size)))

    def centered(self, picture):
        """Halved by boxes while it is large, then bicubic, then cropped: the usual preparation for diffusion models."""
        picture = colors(picture)
        while min(picture.size) >= 2 * self.size:
            picture = picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.BOX)
        if min(picture.size) != self.size:
            scale = self.size / min(picture.size)
            picture = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.BICUBIC)
        left, top = (picture.width - self.size) // 2, (picture.height - self.size) // 2
        return picture.crop((left, top, left + self.size, top + self.size))


class Endless(Sampler):
    """Every picture once in each pass, in random order, without an end."""

    def __init__(self, count):
        self.count = count

    def __iter__(self):
        while True:
            yield from torch.randperm(self.count).tolist()


class Bench:
    def __init__(self, setup):
        torch.set_num_threads(setup["threads"])
        self.batch, self.workers = setup["batch"], setup["workers"]
        self.iterator = None

    def take(self):
        """A batch as training gets it: float32 in [-1, 1], channels last in memory."""
        return next(self.iterator).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)

    def answer(self, request):
        if "files" in request:
            self.iterator = None
            pictures = Pictures(request["files"], request["size"], request["fit"])
            loader = DataLoader(
                pictures, self.batch, sampler=Endless(len(pictures)), num_workers=self.workers, drop_last=True, prefetch_factor=2,
            )
            self.iterator = iter(loader)
        for _ in range(2 * self.workers + 1):
            self.take()
        start = time.perf_counter()
        for _ in range(request["batches"]):
            self.take()
        return {"rate": request["batches"] * self.batch / (time.perf_counter() - start)}


def main():
    answers = sys.stdout
    sys.stdout = sys.stderr  # keeps other output out of the answers

    def say(answer):
        print(json.dumps(answer), file=answers, flush=True)

    bench = Bench(json.loads(sys.argv[1]))
    say({"torch": torch.__version__, "python": platform.python_version(), "pillow": PIL.__version__})
    for line in sys.stdin:
        try:
            say(bench.answer(json.loads(line)))
        except Exception as error:
            say({"failure": f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0][:300]}"})


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
