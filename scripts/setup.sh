# Sourced by ./dev: finds or downloads what Sfumato needs. Nothing is done twice, and no partial download remains: it is
# unpacked beside its final place and renamed when complete.
#
# Sets LIBTORCH to the real folder of the libtorch to build against, because SwiftPM notices a changed environment
# variable but not a changed link target.

torch_default=2.13.0                          # installed if no libtorch is found
torch_supported='2.11 2.12 2.13 2.14 2.15'
torch_cpu_index=https://download.pytorch.org/whl/cpu
vips_version=8.18.7                           # of the package pyvips-binary: one self-contained library
cache="${XDG_CACHE_HOME:-${HOME:-~}/.cache}/sfumato"
case $(uname -s) in Darwin) library=dylib ;; *) library=so ;; esac

say() { printf '==> %s\n' "$*" >&2; }

fail() {
  printf 'error: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf '       %s\n' "${@:2}" >&2
  exit 1
}

# Runs a command: with its output on a terminal, else silently unless it fails.
quietly() {
  if [ -t 1 ]; then
    "$@"
    return
  fi
  local log status=0
  log=$(mktemp)
  "$@" >"$log" 2>&1 || status=$?
  [ $status -eq 0 ] || cat "$log" >&2
  rm -f "$log"
  return $status
}

# - arguments: of `swift build`, for what is compiled while libtorch is downloaded; without any, nothing is.
setup() {
  ahead=("$@")
  require_swift
  setup_system_packages
  setup_torch
  setup_vips
}

summarize() {
  say "ready: Swift $(swift_version), libtorch $(torch_version "$LIBTORCH") in $LIBTORCH, libvips: $vips_found"
}

# ---- Swift

swift_version() { swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9.]*\).*/\1/p'; }

# `swift --version` takes longer than all the rest: the result is cached with the size and date of the compiler.
require_swift() {
  local program identity known='' version major minor
  program=$(command -v swift) ||
    fail "swift is not on the PATH; Sfumato needs Swift 6.2 or later" "Install it from https://www.swift.org/install/ and open a new shell."
  identity=$(ls -lL "$program")
  [ ! -f .build/swift-accepted ] || known=$(<.build/swift-accepted)
  [ "$known" != "$identity" ] || return 0
  version=$(swift_version)
  IFS=. read -r major minor _ <<<"$version"
  ((${major:-0} > 6 || (${major:-0} == 6 && ${minor:-0} >= 2))) ||
    fail "swift on the PATH ($program) is version ${version:-unknown}; Sfumato needs 6.2 or later" \
      "Install it from https://www.swift.org/install/ and put it first on the PATH."
  mkdir -p .build
  printf '%s' "$identity" >.build/swift-accepted
}

# ---- System packages

setup_system_packages() {
  local missing=()
  has_header archive.h || missing+=(libarchive-dev)
  has_header gloo/allreduce.h || missing+=(libgloo-dev)
  [ ${#missing[@]} -gt 0 ] || return 0
  if command -v apt-get >/dev/null; then
    apt_install "${missing[@]}"
    has_header archive.h || fail "apt installed libarchive-dev, but archive.h is not in /usr/include"
  elif [[ " ${missing[*]} " == *" libarchive-dev "* ]]; then
    fail "archive.h was not found" "Install libarchive with its headers: 'brew install libarchive', or your system's libarchive-devel."
  fi # gloo is optional: only training on several machines needs it.
}

has_header() {
  local folder
  for folder in /usr/include /usr/local/include /opt/homebrew/opt/libarchive/include; do
    [ ! -f "$folder/$1" ] || return 0
  done
  return 1
}

apt_install() {
  say "installing $* with apt, which may upgrade packages that they depend on"
  command -v apt-get >/dev/null || fail "$* is missing and this system has no apt-get" "Install it with your system's package manager, then run this again."
  local root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "installing $* needs root, and there is no sudo" "Ask an administrator to run: apt-get install $*"
    root=(sudo)
    [ -t 0 ] || root+=(-n)
  fi
  apt_get() { quietly ${root[@]+"${root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get "$@"; }
  # The package lists may be missing or outdated.
  { quietly_try apt_get install --yes --no-install-recommends "$@"; } ||
    { apt_get update && apt_get install --yes --no-install-recommends "$@"; } ||
    fail "apt could not install $* (see its output above)" "Check the network, or ask an administrator to run: apt-get install $*"
}

quietly_try() { "$@" >/dev/null 2>&1; }

# ---- libtorch

# Prints the version of the libtorch in a folder, as `2.13.0+cpu`: from version.py of a wheel or build-version of an archive.
torch_version() {
  if [ -f "$1/version.py" ]; then
    sed -n "s/^__version__ = ['\"]\([^'\"]*\)['\"].*/\1/p" "$1/version.py"
  elif [ -f "$1/build-version" ]; then
    cat "$1/build-version"
  fi
}

torch_complete() { [ -f "$1/include/ATen/ATen.h" ] && [ -f "$1/lib/libtorch_cpu.$library" ]; }

torch_is_supported() {
  local version
  version=$(torch_version "$1")
  [[ $version =~ ^([0-9]+\.[0-9]+)\. ]] && [[ " $torch_supported " == *" ${BASH_REMATCH[1]} "* ]]
}

torch_usable() { torch_complete "$1" && torch_is_supported "$1"; }

setup_torch() {
  local wanted="a libtorch of version ${torch_supported// /, }"
  if [ -n "${LIBTORCH:-}" ]; then
    torch_complete "$LIBTORCH" ||
      fail "LIBTORCH=$LIBTORCH contains no libtorch: include/ATen/ATen.h or lib/libtorch_cpu.$library is missing" \
        "Set it to the folder that contains include/ and lib/ of $wanted, or unset it."
    torch_is_supported "$LIBTORCH" ||
      fail "LIBTORCH=$LIBTORCH is libtorch '$(torch_version "$LIBTORCH")'; expected $wanted" "Set it to one of these, or unset it."
    [ -e .libtorch ] || link_folder .libtorch "$LIBTORCH"
  elif torch_usable .libtorch; then
    LIBTORCH=.libtorch
  else
    [ ! -d .libtorch ] || [ -L .libtorch ] || fail ".libtorch is a folder but does not contain $wanted" "Move it away, then run this again."
    find_torch || install_torch "$torch_default"
    link_folder .libtorch "$LIBTORCH"
  fi
  LIBTORCH=$(cd -P "$LIBTORCH" && pwd)
  export LIBTORCH
}

# Sets LIBTORCH to the libtorch of Python's torch, else to one that an earlier setup put into the cache folder.
find_torch() {
  local folder
  folder=$(python3 -c 'from importlib.util import find_spec; print(find_spec("torch").submodule_search_locations[0])' 2>/dev/null) || folder=''
  if [ -n "$folder" ] && torch_complete "$folder"; then
    if torch_is_supported "$folder"; then
      say "using the libtorch of Python's torch $(torch_version "$folder")"
      LIBTORCH=$folder
      return
    fi
    say "Python's torch $(torch_version "$folder") is not supported (${torch_supported// /, } are): searching further"
  fi
  for folder in "$cache/libtorch-$torch_default/torch" "$cache"/libtorch-*/torch; do
    if torch_usable "$folder"; then
      LIBTORCH=$folder
      return
    fi
  done
  return 1
}

# Downloads libtorch VERSION into the cache folder and sets LIBTORCH. The CPU build (190 MB) is on PyTorch's own index, and
# perhaps on the index that pip is configured for; the general index has the CUDA build (530 MB), whose CPU part is kept.
install_torch() {
  local version=$1 home="$cache/libtorch-$1"
  say "downloading libtorch $version (Python's package torch, without its dependencies) into $home"
  [ ! -e /dev/nvidia0 ] ||
    say "this libtorch does not use the NVIDIA GPU. To use it: pip install torch==$version, remove .libtorch, run this again"
  begin_install "$home"
  compile_ahead
  if [ "$library" = dylib ] || ! get_torch_for_cpu "$version"; then
    say "downloading the general build (530 MB)"
    pip_install --no-deps "torch===$version" || pip_failed "libtorch $version" "Or set LIBTORCH to the folder that contains include/ and lib/ of an installed one."
    [ ! -f "$partial/torch/lib/libtorch_cuda.so" ] || keep_cpu_part
  fi
  check_loads "$partial/torch/lib/libtorch_cpu.$library"
  finish_install "$home"
  LIBTORCH="$home/torch"
  wait
}

# Compiles in the background what needs no libtorch, a fifth of the first build. What fails here is reported by the build proper.
compile_ahead() {
  [ ${#ahead[@]} -gt 0 ] || return 0
  {
    swift build "${ahead[@]}" --target Datasets
    swift build "${ahead[@]}" --target ArgumentParser
  } >/dev/null 2>&1 &
}

get_torch_for_cpu() {
  say "trying $1+cpu on the index that pip is configured for"
  pip_install --no-deps "torch==$1+cpu" && return
  say "trying $1+cpu on PyTorch's index of CPU wheels"
  pip_install --no-deps --index-url "$torch_cpu_index" --retries 0 --timeout 10 "torch==$1+cpu"
}

# libtorch_cpu of the CUDA build needs two small libraries of the CUDA toolkit even without a GPU. The toolkit's metapackage
# pins their versions; torch's requirements contain its version.
keep_cpu_part() {
  local toolkit
  toolkit=$(sed -n 's/^Requires-Dist: cuda-toolkit\[[^]]*\]\(==[0-9.]*\).*/\1/p' "$partial"/torch-*.dist-info/METADATA)
  [ -n "$toolkit" ] || fail "the metadata of this torch names no cuda-toolkit, so the CUDA runtime that it needs is unknown"
  say "downloading the CUDA runtime that it is linked to (cuda-toolkit$toolkit)"
  pip_install "cuda-toolkit[cudart,cupti]$toolkit" || pip_failed "the runtime of cuda-toolkit$toolkit"
  (cd "$partial/torch/lib" && rm -f libtorch_cuda*.so libc10_cuda.so libtorch_nvshmem.so libcaffe2_nvrtc.so)
}

check_loads() {
  local reason
  reason=$("$python" -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "$1" 2>&1) ||
    fail "the downloaded ${1##*/} does not load on this system" "$(tail -n 1 <<<"$reason")"
}

# Sets matrix_torch to a libtorch of exactly VERSION.
ensure_torch_version() {
  local LIBTORCH=.libtorch
  if [[ $(torch_version .libtorch) != "$1" && $(torch_version .libtorch) != "$1+"* ]]; then
    LIBTORCH="$cache/libtorch-$1/torch"
    torch_usable "$LIBTORCH" || install_torch "$1"
  fi
  matrix_torch=$(cd -P "$LIBTORCH" && pwd)
}

# ---- libvips

setup_vips() {
  local home="$cache/libvips-$vips_version"
  vips_found='.libvips'
  [ -z "$(vips_folder .libvips/)" ] || return 0
  if [ -z "$(vips_folder "$home")" ]; then
    say "downloading libvips (Python's package pyvips-binary $vips_version, 8 MB) into $home"
    begin_install "$home"
    if ! pip_install --no-deps "pyvips-binary==$vips_version"; then
      vips_found="the system's"
      system_vips || pip_failed "libvips" "Or install your system's libvips (libvips42 on Debian)."
      say "the download failed; using the system's libvips"
      return 0
    fi
    finish_install "$home"
  fi
  link_folder .libvips "$(vips_folder "$home")"
}

# Prints the folder in or below FOLDER that contains the library; nothing if there is none.
vips_folder() {
  local found
  [ -d "$1" ] || return 0
  found=$(find "$1" -name 'libvips*.so.42*' -o -name 'libvips*.42.dylib' | head -n 1)
  [ -z "$found" ] || dirname "$found"
}

system_vips() { [[ $(ldconfig -p 2>/dev/null) == *libvips.so.42* ]] || [ -f /opt/homebrew/lib/libvips.42.dylib ]; }

# ---- Installing

# Creates `partial`, the folder that `finish_install` renames to HOME. It is removed if the script ends before that.
begin_install() {
  local old
  mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ] || fail "cannot write to the cache folder $cache" "Set XDG_CACHE_HOME to a writable folder."
  for old in "$cache"/.partial-*; do # left by a killed process
    [ ! -d "$old" ] || kill -0 "${old##*-}" 2>/dev/null || rm -rf "$old"
  done
  find_pip
  partial="$cache/.partial-${1##*/}-$$"
  trap 'rm -rf "$partial"' EXIT
  trap 'exit 130' INT TERM HUP
  mkdir "$partial"
}

finish_install() {
  rm -rf "$partial/log" "$partial/tmp"
  [ ! -e "$1" ] || rm -rf "$1" # incomplete, else it would have been used
  mv "$partial" "$1"
}

# Runs pip with `partial` as target; `pip_failed` shows its log. Wheels for any Python will do, because no Python loads them.
pip_install() {
  local options=(--target "$partial" --upgrade --only-binary=:all: --no-compile --no-cache-dir --disable-pip-version-check --no-input)
  mkdir -p "$partial/tmp"
  "$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 14))' || options+=(--python-version 3.12)
  # Undoes user settings that conflict with --target, and avoids a small /tmp.
  PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 PIP_ROOT_USER_ACTION=ignore TMPDIR="$partial/tmp" \
    "$python" -m pip install "${options[@]}" "$@" >"$partial/log" 2>&1
}

pip_failed() {
  tail -n 5 "$partial/log" >&2
  fail "pip could not download $1 (see its output above)" "It needs the network, or PIP_FIND_LINKS with a folder of wheels." "${@:2}"
}

# Sets `python` to one with pip: the one on the PATH, else the system's, for which pip is installed if it is missing.
find_pip() {
  for python in python3 /usr/bin/python3; do
    if "$python" -m pip --version >/dev/null 2>&1; then return; fi
  done
  command -v apt-get >/dev/null || fail "no python3 with pip was found" "Install Python 3 with pip, which is needed only to download libraries."
  apt_install python3-pip
  "$python" -m pip --version >/dev/null 2>&1 || fail "python3-pip was installed, but $python -m pip fails"
}

link_folder() {
  ln -sfn "$(cd -P "$2" && pwd)" "$1" || fail "cannot write the link $PWD/$1"
  say "$1 -> $(readlink "$1")"
}
