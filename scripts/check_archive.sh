#!/usr/bin/env bash
# Shows that an archive of ./dev package runs on a Debian that has neither Swift nor any of this machine's libraries: makes a bare root with
# debootstrap once, in the cache folder, and runs the program in it, without a network, with only libtorch and the archive brought in.
# Needs root. Nothing in the bare root or outside it changes: what is written lies in memory, in mounts that end with this script.
#
# usage: check_archive.sh ARCHIVE LIBTORCH [SUITE]
#   SUITE: a release of Debian, such as trixie; by default this machine's, or bookworm
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/setup.sh

if [ "${1:-}" != --inside ]; then
  archive=$(readlink -f "$1") torch=$(readlink -f "$2")
  suite=${3:-$(. /etc/os-release && [ "$ID" = debian ] && echo "${VERSION_CODENAME:-bookworm}" || echo bookworm)}
  root=$cache/bare-$suite
  [ "$(id -u)" -eq 0 ] || fail "a bare root needs the rights of an administrator" "Run this again with sudo --preserve-env=HOME,PATH."
  if [ ! -f "$root/complete" ]; then
    command -v debootstrap >/dev/null || apt_install debootstrap
    say "making a bare Debian $suite in $root"
    rm -rf "$root"
    mkdir -p "$cache"
    quietly debootstrap --variant=minbase "$suite" "$root" || fail "debootstrap could not make $root (see above)" "It needs the network."
    touch "$root/complete"
  fi
  exec unshare --mount --net -- "${BASH_SOURCE[0]}" --inside "$archive" "$torch" "$root"
fi

# ---- In mounts and a network of its own
archive=$2 torch=$3 root=$4
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
for folder in opt tmp; do mount -t tmpfs tmpfs "$root/$folder"; done
mkdir "$root/opt/torch" "$root/opt/sfumato"
mount --bind "$torch" "$root/opt/torch"
tar -C "$root/opt/sfumato" --strip-components=1 --no-same-owner -xzf "$archive"
cp docs/images/photo.jpg "$root/tmp"

in_root() { chroot "$root" /usr/bin/env -i HOME=/tmp PATH=/opt/sfumato/bin:/usr/bin:/bin "$@"; }

# Runs a command line in the root's /tmp and prints what it said only if it fails.
check() {
  local title=$1 said
  say "$title"
  said=$(in_root /bin/bash -ec "cd /tmp; $2" 2>&1) || fail "in a bare root, '$2' failed:" "$said"
}

# The same for a command that must end with exit code STATUS and say TEXT.
check_refusal() {
  local title=$1 status=$2 text=$3 said found=0
  say "$title"
  said=$(in_root "${@:4}" 2>&1) || found=$?
  [ "$found" -eq "$status" ] || fail "in a bare root, '${*:4}' ended with $found, expected $status:" "$said"
  [[ $said == *"$text"* ]] || fail "in a bare root, '${*:4}' did not say '$text':" "$said"
}

! in_root /bin/sh -c 'command -v swift || ls /usr/lib/*/libarchive.so* /usr/lib/*/libvips*' >/dev/null 2>&1 ||
  fail "$root is not bare: it has Swift, libarchive or libvips" "Remove it, then run this again."
programs=/opt/sfumato/lib/sfumato
check_refusal "without libtorch, doctor says what to do" 66 "ln -sfn" sfumato doctor
check_refusal "without libtorch, a command is refused" 66 "Looked for lib/libtorch_cpu.so in" sfumato sample digits -o x.png
mkdir -p "$root/opt/other/lib"
touch "$root/opt/other/lib/libtorch_cpu.so"
echo "__version__ = '1.0.0'" >"$root/opt/other/version.py"
check_refusal "a libtorch of another version is refused" 65 "which is not compatible" LIBTORCH=/opt/other sfumato doctor

check "with LIBTORCH, doctor finds nothing wrong" 'LIBTORCH=/opt/torch sfumato doctor'
in_root ln -s /opt/torch "$programs/.libtorch" # from here on as doctor advised
check "a link beside the program serves as well" 'sfumato doctor'
check "sample from a bundled model" 'sfumato sample digits --count 4 --steps 4 --seed 1 -o digits.png --animation steps.webp && test -s steps.webp'
check "restore a photograph" 'sfumato restore photo.jpg -o restored.png --report restored.html && test -s restored.html'
check "train and resume by the name of a bundled recipe" \
  'sfumato train glyphs --run run --set training.duration=64 --set data.count=360 --set training.checkpoint_every=32
   sfumato resume run --set training.duration=96 && sfumato sample run --count 1 --steps 2 -o run.png'
check "read archives" 'sfumato data export glyphs --set count=36 -o glyphs.npz && sfumato data inspect glyphs.npz'
check "manual pages and completions are there" \
  "test -s $programs/../../share/man/man1/sfumato-sample.1 && bash -n $programs/../../share/bash-completion/completions/sfumato"
say "the archive works in a bare Debian: $(in_root sfumato --version)"
