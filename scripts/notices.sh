#!/usr/bin/env bash
# Collects into FOLDER the licenses of the software that a portable program contains, and of the libraries that are installed beside it, from
# where each was built from: the checkouts of Swift packages, the toolchain, and Debian's notices of its own packages. THIRD-PARTY.md
# says how each is used.
#
# usage: notices.sh FOLDER
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."
folder=$1
source scripts/setup.sh
source scripts/portable.sh
mkdir -p "$folder"

# Copies the first FILE that exists as NAME.
notice() {
  local name=$1 file
  for file in "${@:2}"; do
    [ -f "$file" ] || continue
    install -m 644 "$file" "$folder/$name"
    return
  done
  fail "the license of ${name%.txt} was not found: expected ${*:2}"
}

notice swift-argument-parser.txt "$portable_scratch/checkouts/swift-argument-parser/LICENSE.txt"
notice Yams.txt "$portable_scratch/checkouts/Yams/LICENSE"
notice FlyingFox.txt "$portable_scratch/checkouts/FlyingFox/LICENSE"
notice libyaml.txt scripts/notices/libyaml.txt
notice swift.txt "$(swift_toolchain)/share/swift/LICENSE.txt"
notice unicode-icu.txt scripts/notices/unicode-icu.txt
notice libarchive.txt /usr/share/doc/libarchive-dev/copyright
notice zlib.txt /usr/share/doc/zlib1g-dev/copyright
notice bzip2.txt /usr/share/doc/libbz2-dev/copyright
notice xz.txt /usr/share/doc/liblzma-dev/copyright
notice lz4.txt /usr/share/doc/liblz4-dev/copyright
notice zstd.txt /usr/share/doc/libzstd-dev/copyright
notice nettle.txt /usr/share/doc/libnettle*/copyright
notice libvips.txt scripts/notices/libvips.txt
# Only where the program was built with its headers.
[ ! -f /usr/include/gloo/algorithm.h ] || notice gloo.txt /usr/share/doc/libgloo-dev/copyright
for text in Apache-2.0 GPL-2 GPL-3 LGPL-2.1 LGPL-3 MPL-2.0; do notice "$text.txt" "/usr/share/common-licenses/$text"; done
