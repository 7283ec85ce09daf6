"""Starts the program that this package contains, with the libtorch and the libvips of the packages of this interpreter."""

import importlib.metadata
import importlib.util
import os
import sys
from pathlib import Path


def torch_folder():
    """The folder of torch, which holds lib/; found without importing it, which takes seconds. None if it is not installed."""
    spec = importlib.util.find_spec("torch")
    return spec.submodule_search_locations[0] if spec and spec.submodule_search_locations else None


def vips_library():
    """The self-contained libvips of pyvips-binary; None if that is not installed, for which the program then searches."""
    try:
        files = importlib.metadata.files("pyvips-binary") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    found = [file for file in files if file.name.startswith("libvips") and ".so.42" in file.name]
    return str(found[0].locate().resolve()) if found else None


def main():
    environment = dict(os.environ)
    # What the user set is not replaced.
    for name, find in (("LIBTORCH", torch_folder), ("LIBVIPS", vips_library)):
        value = environment.get(name) or find()
        if value:
            environment[name] = value
    program = str(Path(__file__).resolve().parent / "sfumato")
    try:
        os.execve(program, [program, *sys.argv[1:]], environment)
    except OSError as error:
        sys.exit(f"error: {program} cannot be started: {error.strerror}; reinstall the package: python3 -m pip install --force-reinstall sfumato")


if __name__ == "__main__":
    main()
