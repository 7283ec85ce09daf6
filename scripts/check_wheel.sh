#!/usr/bin/env bash
# Shows that a wheel of ./dev package --wheel is all that a user without Swift installs: makes a virtual environment, lets pip install the
# wheel with what it depends on, and runs the program with nothing else on the search path. Needs the network, or PIP_FIND_LINKS.
#
# usage: check_wheel.sh WHEEL LIBTORCH
#   LIBTORCH: not used by the program here; its version, such as 2.13.0+cpu, is the build of torch that pip takes if it can
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/setup.sh
wheel=$(readlink -f "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp docs/images/photo.jpg "$folder"

say "installing ${wheel##*/} into a fresh virtual environment"
python3 -m venv "$folder/venv" || fail "python3 cannot make a virtual environment" "On Debian: apt-get install python3-venv."
pip=("$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet)
# The build for the CPU is a third of the general one. Either satisfies the wheel.
"${pip[@]}" "torch==$(torch_version "$2")" 2>/dev/null || say "pip has no torch $(torch_version "$2"): it takes the general build"
"${pip[@]}" "$wheel" || fail "pip could not install $wheel (see above)" "It needs the network, or PIP_FIND_LINKS with a folder of wheels."

# Runs a command line and prints what it said only if it fails. Nothing but the environment's programs and the system's is found.
check() {
  local said
  say "$1"
  said=$(cd "$folder" && env -i HOME="$folder" PATH="$folder/venv/bin:/usr/bin:/bin" /bin/bash -ec "$2" 2>&1) || fail "'$2' failed:" "$said"
}

check "doctor finds nothing wrong" 'sfumato doctor'
check "libtorch and libvips are those of the environment" \
  'sfumato doctor --json | python -c "
import json, sys
report = json.load(sys.stdin)
for library in report[\"libtorch\"][\"path\"], report[\"libvips\"][\"path\"]:
    assert \"/venv/\" in library, library"'
check "sample from a bundled model" 'sfumato sample digits --count 4 --steps 4 -o digits.png'
check "restore a photograph" 'sfumato restore photo.jpg -o restored.png'
check "train by the name of a bundled recipe" 'sfumato train glyphs --run run --set training.duration=64 --set data.count=360'
check "the module starts it too" 'python -m sfumato --version'
check "exit codes and arguments pass through" 'code=0; sfumato sample "no such model" -o x.png || code=$?; test $code -eq 66'
check "manual pages and completions are in the environment" \
  'test -s venv/share/man/man1/sfumato.1; test -s venv/share/bash-completion/completions/sfumato'
check "pip removes all of it" 'python -m pip --disable-pip-version-check uninstall --quiet --yes sfumato; test ! -e venv/bin/sfumato'
say "the wheel works in a fresh virtual environment"
