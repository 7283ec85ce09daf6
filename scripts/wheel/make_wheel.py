#!/usr/bin/env python3
"""Makes a wheel of a staged installation: a zip with metadata, without network and without packages of Python.

usage: make_wheel.py STAGE FOLDER --version 0.1.0 --torch 2.13.0 --vips 8.18.7

The programs, models and recipes become the package `sfumato`; manual pages and completions go to share/ of the environment. libtorch and
libvips are not inside: the wheel depends on torch of exactly the version that the programs were built with, and on the package that
brings libvips. The time of all entries is SOURCE_DATE_EPOCH, so that the same tree gives the same bytes. Prints the path of the wheel.
"""

import argparse
import base64
import hashlib
import os
import platform
import re
import subprocess
import time
import zipfile
from pathlib import Path

here = Path(__file__).resolve().parent

# What the programs contain, and nettle, which lies beside them; THIRD-PARTY.md says which is which.
licenses = (
    "Apache-2.0 AND MIT AND BSD-2-Clause AND BSD-3-Clause AND Zlib AND bzip2-1.0.6 AND Unicode-3.0"
    " AND (LGPL-3.0-or-later OR GPL-2.0-or-later)"
)


def license_files(stage):
    """The licenses of what is in the wheel: all that are staged but those of libvips, which has a wheel of its own."""
    documents = stage / "share/doc/sfumato"
    staged = sorted((documents / "licenses").iterdir())
    others = [path for path in staged if path.name not in ("libvips.txt", "LGPL-2.1.txt", "MPL-2.0.txt")]
    return [documents / "LICENSE", documents / "THIRD-PARTY.md", *others]


def glibc_version(program):
    """The newest version of the C library of which a program needs a symbol: what the tag of the platform promises."""
    listing = subprocess.run(["readelf", "--version-info", "--wide", program], capture_output=True, text=True, check=True).stdout
    found = {tuple(map(int, version.split("."))) for version in re.findall(r"Name: GLIBC_([0-9.]+)", listing)}
    if not found:
        raise SystemExit(f"error: {program} names no version of the C library; expected a program for Linux with glibc")
    return max(found)


def platform_tag(programs):
    major, minor = max(glibc_version(program)[:2] for program in programs)
    return f"manylinux_{major}_{minor}_{platform.machine()}"


def metadata(arguments):
    oldest = ".".join(arguments.vips.split(".")[:2])
    lines = [
        "Metadata-Version: 2.4", "Name: sfumato", f"Version: {arguments.version}",
        "Summary: Trains Gaussian diffusion models and samples from them", f"License-Expression: {licenses}",
        *(f"License-File: {path.name}" for path in license_files(arguments.stage)),
        "Requires-Python: >=3.10", f"Requires-Dist: torch=={arguments.torch}", f"Requires-Dist: pyvips-binary>={oldest}",
        "Description-Content-Type: text/markdown", "", (arguments.stage / "share/doc/sfumato/docs/installing.md").read_text(),
    ]
    return "\n".join(lines)


def entries(arguments, tag):
    """Name in the wheel, contents, and whether it is a program; without RECORD."""
    stage, info, data = arguments.stage, f"sfumato-{arguments.version}.dist-info", f"sfumato-{arguments.version}.data"
    home, share = stage / "lib/sfumato", stage / "share"
    for source in sorted(here.glob("__*__.py")):
        yield f"sfumato/{source.name}", source.read_bytes(), False
    for file in sorted(home.rglob("*")):
        # libvips comes with its own wheel.
        if file.is_file() and ".libvips" not in file.parts:
            yield f"sfumato/{file.relative_to(home)}", file.read_bytes(), os.access(file, os.X_OK)
    for folder in ("man", "bash-completion", "zsh", "fish"):
        for file in sorted((share / folder).rglob("*")):
            if file.is_file():
                yield f"{data}/data/share/{file.relative_to(share)}", file.read_bytes(), False
    for file in license_files(stage):
        yield f"{info}/licenses/{file.name}", file.read_bytes(), False
    yield f"{info}/METADATA", metadata(arguments).encode(), False
    yield f"{info}/WHEEL", f"Wheel-Version: 1.0\nGenerator: sfumato\nRoot-Is-Purelib: false\nTag: py3-none-{tag}\n".encode(), False
    yield f"{info}/entry_points.txt", b"[console_scripts]\nsfumato = sfumato.__main__:main\n", False


def write(path, arguments, tag):
    moment = time.gmtime(max(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), 315532800))[:6]  # zip knows no time before 1980
    record = []

    def add(archive, name, contents, is_program):
        entry = zipfile.ZipInfo(name, moment)
        entry.external_attr = (0o100755 if is_program else 0o100644) << 16
        entry.create_system = 3  # Unix: the rights above count
        archive.writestr(entry, contents, zipfile.ZIP_DEFLATED, compresslevel=9)

    with zipfile.ZipFile(path, "w") as archive:
        for name, contents, is_program in entries(arguments, tag):
            add(archive, name, contents, is_program)
            digest = base64.urlsafe_b64encode(hashlib.sha256(contents).digest()).rstrip(b"=").decode()
            record.append(f"{name},sha256={digest},{len(contents)}\n")
        name = f"sfumato-{arguments.version}.dist-info/RECORD"
        add(archive, name, "".join([*record, f"{name},,\n"]), False)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("stage", type=Path)
    parser.add_argument("folder", type=Path)
    for name in ("--version", "--torch", "--vips"):
        parser.add_argument(name, required=True)
    arguments = parser.parse_args()
    home = arguments.stage / "lib/sfumato"
    tag = platform_tag([home / "sfumato", home / "sfumato-main"])
    path = arguments.folder / f"sfumato-{arguments.version}-py3-none-{tag}.whl"
    partial = path.with_suffix(".part")
    write(partial, arguments, tag)
    partial.replace(path)
    print(path)


main()
