# Sourced by ./dev: finds or gets what Sfumato needs. Nothing is done twice, and nothing is left half done: a download is
# unpacked beside its final place and renamed when it is complete.
#
# Sets LIBTORCH to the real folder of the libtorch that is built against, because SwiftPM notices a changed environment
# variable but not a libtorch that appears or changes behind a link.

torch_default=2.13.0                          # what is installed when no libtorch is at hand
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

# Runs a command: openly on a terminal, else silently unless it fails.
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

setup() {
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

# Asking a compiler for its version takes longer than all the rest: the answer is kept with the compiler's size and date.
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
  fi # gloo serves training on several machines only; without it the program says that it has none.
}

has_header() {
  local folder
  for folder in /usr/include /usr/local/include /opt/homebrew/opt/libarchive/include; do
    [ ! -f "$folder/$1" ] || return 0
  done
  return 1
}

apt_install() {
  say "installing $* with apt, which may also upgrade packages that they need"
  command -v apt-get >/dev/null || fail "$* is missing and this system has no apt-get" "Install it by the means of your system, then run this again."
  local root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "installing $* needs root, and there is no sudo" "Let an administrator run: apt-get install $*"
    root=(sudo)
    [ -t 0 ] || root+=(-n)
  fi
  apt_get() { quietly ${root[@]+"${root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get "$@"; }
  # The lists may never have been fetched, or be too old to name a file that is still there.
  { quietly_try apt_get install --yes --no-install-recommends "$@"; } ||
    { apt_get update && apt_get install --yes --no-install-recommends "$@"; } ||
    fail "apt could not install $* (its reason is above)" "Without network or rights: let an administrator run: apt-get install $*"
}

quietly_try() { "$@" >/dev/null 2>&1; }

# ---- libtorch

# Prints the version of the libtorch in a folder, as in `2.13.0+cpu`: wheels say it in version.py, archives in build-version.
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
      fail "LIBTORCH=$LIBTORCH holds no libtorch: include/ATen/ATen.h or lib/libtorch_cpu.$library is not there" \
        "Set it to the folder that holds include/ and lib/ of $wanted, or unset it."
    torch_is_supported "$LIBTORCH" ||
      fail "LIBTORCH=$LIBTORCH is libtorch '$(torch_version "$LIBTORCH")'; expected $wanted" "Set it to one of these, or unset it."
    [ -e .libtorch ] || link_folder .libtorch "$LIBTORCH"
  elif torch_usable .libtorch; then
    LIBTORCH=.libtorch
  else
    [ ! -d .libtorch ] || [ -L .libtorch ] || fail ".libtorch is a folder but not $wanted" "Move it away, then run this again."
    find_torch || install_torch "$torch_default"
    link_folder .libtorch "$LIBTORCH"
  fi
  LIBTORCH=$(cd -P "$LIBTORCH" && pwd)
  export LIBTORCH
}

# Sets LIBTORCH to what Python imports, else to what an earlier setup left in the cache folder.
find_torch() {
  local folder
  folder=$(python3 -c 'from importlib.util import find_spec; print(find_spec("torch").submodule_search_locations[0])' 2>/dev/null) || folder=''
  if [ -n "$folder" ] && torch_complete "$folder"; then
    if torch_is_supported "$folder"; then
      say "using the libtorch of Python's torch $(torch_version "$folder")"
      LIBTORCH=$folder
      return
    fi
    say "Python's torch $(torch_version "$folder") is not one of ${torch_supported// /, }: looking further"
  fi
  for folder in "$cache/libtorch-$torch_default/torch" "$cache"/libtorch-*/torch; do
    if torch_usable "$folder"; then
      LIBTORCH=$folder
      return
    fi
  done
  return 1
}

# Gets libtorch VERSION into the cache folder and sets LIBTORCH. The build for CPUs (190 MB) is on PyTorch's own index, and
# may be at hand where pip is pointed; the general index has the one for CUDA (530 MB), of which the CPU part is kept.
install_torch() {
  local version=$1 home="$cache/libtorch-$1"
  say "getting libtorch $version (Python's package torch, without its dependencies) into $home"
  [ ! -e /dev/nvidia0 ] ||
    say "there is an NVIDIA GPU; this libtorch runs on the CPU. For the GPU: pip install torch==$version, remove .libtorch, run this again"
  begin_install "$home"
  if [ "$library" = dylib ] || ! get_torch_for_cpu "$version"; then
    say "getting the plain build (530 MB)"
    pip_install --no-deps "torch===$version" || pip_failed "libtorch $version" "Or set LIBTORCH to the folder that holds include/ and lib/ of one that is there."
    [ ! -f "$partial/torch/lib/libtorch_cuda.so" ] || keep_cpu_part
  fi
  check_loads "$partial/torch/lib/libtorch_cpu.$library"
  finish_install "$home"
  LIBTORCH="$home/torch"
}

get_torch_for_cpu() {
  say "trying $1+cpu where pip is pointed"
  pip_install --no-deps "torch==$1+cpu" && return
  say "trying $1+cpu on PyTorch's index of CPU wheels"
  pip_install --no-deps --index-url "$torch_cpu_index" --retries 0 --timeout 10 "torch==$1+cpu"
}

# The CUDA build's libtorch_cpu needs two small libraries of the CUDA toolkit, also where there is no GPU. The toolkit's
# metapackage pins their versions; its own version stands in torch's requirements.
keep_cpu_part() {
  local toolkit
  toolkit=$(sed -n 's/^Requires-Dist: cuda-toolkit\[[^]]*\]\(==[0-9.]*\).*/\1/p' "$partial"/torch-*.dist-info/METADATA)
  [ -n "$toolkit" ] || fail "the metadata of this torch names no cuda-toolkit, so the CUDA run-time that it needs is not known"
  say "getting the CUDA run-time that it is linked to (cuda-toolkit$toolkit)"
  pip_install "cuda-toolkit[cudart,cupti]$toolkit" || pip_failed "the run-time of cuda-toolkit$toolkit"
  (cd "$partial/torch/lib" && rm -f libtorch_cuda*.so libc10_cuda.so libtorch_nvshmem.so libcaffe2_nvrtc.so)
}

check_loads() {
  local reason
  reason=$("$python" -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "$1" 2>&1) ||
    fail "the downloaded ${1##*/} does not load on this system" "$(tail -n 1 <<<"$reason")"
}

# Sets matrix_torch to a libtorch of exactly this version.
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
    say "getting libvips (Python's package pyvips-binary $vips_version, 8 MB) into $home"
    begin_install "$home"
    if ! pip_install --no-deps "pyvips-binary==$vips_version"; then
      vips_found="the system's"
      system_vips || pip_failed "libvips" "Or install your system's libvips (libvips42 on Debian)."
      say "that failed; using the system's libvips"
      return 0
    fi
    finish_install "$home"
  fi
  link_folder .libvips "$(vips_folder "$home")"
}

# Prints the folder in or below FOLDER that holds the library; nothing when there is none.
vips_folder() {
  local found
  [ -d "$1" ] || return 0
  found=$(find "$1" -name 'libvips*.so.42*' -o -name 'libvips*.42.dylib' | head -n 1)
  [ -z "$found" ] || dirname "$found"
}

system_vips() { [[ $(ldconfig -p 2>/dev/null) == *libvips.so.42* ]] || [ -f /opt/homebrew/lib/libvips.42.dylib ]; }

# ---- Installing

# Makes `partial`, the folder that `finish_install` renames to HOME. It goes when this script ends before that.
begin_install() {
  local old
  mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ] || fail "cannot write to the cache folder $cache" "Set XDG_CACHE_HOME to a folder that can be written."
  for old in "$cache"/.partial-*; do # left by a run that was killed
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
  [ ! -e "$1" ] || rm -rf "$1" # incomplete, or it would have been used
  mv "$partial" "$1"
}

# pip, into `partial`. What it says is kept for `pip_failed`. Wheels of other Pythons serve as well, for no Python runs them.
pip_install() {
  local options=(--target "$partial" --upgrade --only-binary=:all: --no-compile --no-cache-dir --disable-pip-version-check --no-input)
  mkdir -p "$partial/tmp"
  "$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 14))' || options+=(--python-version 3.12)
  # Settings that do not go with --target, should the user have them, are undone; a small /tmp is spared.
  PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 PIP_ROOT_USER_ACTION=ignore TMPDIR="$partial/tmp" \
    "$python" -m pip install "${options[@]}" "$@" >"$partial/log" 2>&1
}

pip_failed() {
  tail -n 5 "$partial/log" >&2
  fail "pip could not get $1 (its last words are above)" "It needs the network, or a folder of wheels named by PIP_FIND_LINKS." "${@:2}"
}

# Sets `python` to one that has pip: the one on the PATH, else the system's, for which pip is installed when it is missing.
find_pip() {
  for python in python3 /usr/bin/python3; do
    if "$python" -m pip --version >/dev/null 2>&1; then return; fi
  done
  command -v apt-get >/dev/null || fail "no python3 with pip was found" "Install Python 3 with pip (it is needed only to download libraries)."
  apt_install python3-pip
  "$python" -m pip --version >/dev/null 2>&1 || fail "python3-pip was installed, but $python -m pip does not run"
}

link_folder() {
  ln -sfn "$(cd -P "$2" && pwd)" "$1" || fail "cannot write the link $PWD/$1"
  say "$1 -> $(readlink "$1")"
}
