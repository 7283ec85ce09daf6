# Makes pairs.json: PSNR, SSIM (Wang et al. 2004) and MS-SSIM (Wang et al. 2003) of ten pairs of pictures that the test makes by the same
# formula, with windows as whole matrices. Needs numpy; writes into the working folder.
import json

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def pair(k):
    """A picture and the same paler and noisy, [H, W, 3]."""
    height, width = 170 + 3 * k, 169 + 7 * k
    r, c, ch = np.arange(height)[:, None, None], np.arange(width)[None, :, None], np.arange(3)
    original = (r * (3 + k) + c * 2 + ch * (40 + k) + (r // (5 + k) + c // 7) % 2 * 60 + r * c % 97) % 256
    noise = (r * 7919 + c * 104729 + ch * 31 + k * 31337) % (11 + 4 * k) - (5 + 2 * k)
    return np.clip(original * (10 - k % 5) // 10 + noise, 0, 255), original


def window():
    axis = np.arange(-5, 6)
    w = np.exp(-(axis[:, None] ** 2 + axis[None, :] ** 2) / (2 * 1.5**2))
    return w / w.sum()


def parts(a, b):
    """Mean similarity, and the mean of its factor of contrast and structure, over the windows that fit."""
    w = window()
    mean = lambda x: np.einsum("ijkl,kl->ij", sliding_window_view(x, (11, 11)), w)
    ma, mb = mean(a), mean(b)
    va, vb, cov = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
    contrast = (2 * cov + (0.03 * 255) ** 2) / (va + vb + (0.03 * 255) ** 2)
    luminance = (2 * ma * mb + (0.01 * 255) ** 2) / (ma**2 + mb**2 + (0.01 * 255) ** 2)
    return (luminance * contrast).mean(), contrast.mean()


def halved(x):
    # What lies beyond an odd edge repeats it, as a filter with symmetric borders has it.
    x = np.pad(x, [(0, x.shape[0] % 2), (0, x.shape[1] % 2)], "symmetric")
    return (x[::2, ::2] + x[1::2, ::2] + x[::2, 1::2] + x[1::2, 1::2]) / 4


def multiscale(a, b):
    product = 1.0
    for scale, weight in enumerate([0.0448, 0.2856, 0.3001, 0.2363, 0.1333]):
        whole, contrast = parts(a, b)
        product *= max(whole if scale == 4 else contrast, 0) ** weight
        a, b = halved(a), halved(b)
    return product


def figures(a, b):
    """Of planes [P, H, W]."""
    error = np.mean((a - b) ** 2)
    return [10 * np.log10(255**2 / error), np.mean([parts(*p)[0] for p in zip(a, b)]), np.mean([multiscale(*p) for p in zip(a, b)])]


def luma(planes):
    return (np.array([65.481, 128.553, 24.966]) @ planes.reshape(3, -1) / 255 + 16).reshape(1, *planes.shape[1:])


rows = []
for k in range(10):
    a, b = [x.transpose(2, 0, 1).astype(float) for x in pair(k)]
    cut = [x[:, 4:-4, 4:-4] for x in (a, b)]
    rows.append({"rgb": figures(a, b), "y_crop_4": figures(luma(cut[0]), luma(cut[1]))})
with open("pairs.json", "w") as file:
    json.dump(rows, file, indent=1)
