"""Sfumato, a program that trains Gaussian diffusion models and samples from them. `sfumato` on the command line, or `python -m sfumato`."""
