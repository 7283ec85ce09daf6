"""Makes ddpm_class_conditional.fp16.bin: the weights of the reference pipeline beside it as diffusers saves them with
`variant="fp16"` and `safe_serialization=False`, which is torch.save of the state dict in half precision.

    python half_bin.py
"""

import pathlib

import torch
from safetensors.torch import load_file

here = pathlib.Path(__file__).parent
folder = here.parent / "reference/diffusers_model/ddpm_class_conditional/unet"
state = load_file(folder / "diffusion_pytorch_model.safetensors")
torch.save({name: tensor.half() for name, tensor in state.items()}, here / "ddpm_class_conditional.fp16.bin")
