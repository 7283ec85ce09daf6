#!/usr/bin/env bash
# Shows that a package can depend on Sfumato by URL and version: tags a clone of what is committed here as 0.1.0, makes a
# package beside it that asks for it from a file:// URL, builds that with the program of Examples/Downstream, and runs it.
# LIBTORCH is not set: libtorch is found as a user's package finds it, through `.libtorch` in that package.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."
torch=$(cd -P "${LIBTORCH:-.libtorch}" && pwd)
unset LIBTORCH

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
git clone --quiet --no-local . "$folder/sfumato"
git -C "$folder/sfumato" -c user.name=downstream -c user.email=downstream@localhost tag --force -m 'for this test' 0.1.0

mkdir "$folder/user"
cp -R Examples/Downstream/Sources "$folder/user/Sources"
sed "s|\.package(name: \"Sfumato\", path: \"../..\")|.package(url: \"file://$folder/sfumato\", from: \"0.1.0\")|
     s|package: \"Sfumato\"|package: \"sfumato\"|" Examples/Downstream/Package.swift >"$folder/user/Package.swift"
grep -q 'from: "0.1.0")\],' "$folder/user/Package.swift" # the line was found
ln -s "$torch" "$folder/user/.libtorch"

printf '==> a package that depends on file://.../sfumato from 0.1.0\n' >&2
# What SwiftPM remembers of a package's address is of no use later: the address is gone.
swift build --package-path "$folder/user" --disable-dependency-cache --security-path "$folder/security"
env -u LD_LIBRARY_PATH "$folder/user/.build/debug/downstream" "$folder/sfumato/models/digits.safetensors" "$folder/digits.png"
