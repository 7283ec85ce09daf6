#!/usr/bin/env python3
"""Prints the names and shapes of a safetensors file's tensors, one a line, by name.

    python3 keys.py b_adm.weights.safetensors > adm_unet.txt

The two lists here are of state dicts that guided-diffusion (b_adm) and improved-diffusion (a_improved) made. The
configurations stand in NetworksTests/TinyNetworks.swift.
"""
import json
import struct
import sys

with open(sys.argv[1], "rb") as file:
    header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
header.pop("__metadata__", None)
for name in sorted(header):
    print(name, *header[name]["shape"])
