# Sourced by ./dev: builds programs that run in another folder and on other machines, and lays them out as they are installed.
#
# They have Swift's run-time and libarchive inside, and contain no path of this machine: no run path but their own folder, no folder of
# libtorch (`Package.swift` reads SFUMATO_PORTABLE), and sources under relative names in messages. What they still need beside the C
# library of the system: libtorch of the version that they were built with, and what lies beside them (`stage`).

portable_scratch=.build-portable
portable_programs=$portable_scratch/release

build_portable() {
  [ "$(uname -s)" = Linux ] || fail "portable programs are built on Linux only" "On macOS use ./dev build and .build/release/sfumato."
  setup
  setup_static_libraries
  set_map_flags
  say "building programs that run anywhere, into $portable_scratch: the first time takes some minutes"
  build_product sfumato-main "${static_flags[@]}"
  build_product sfumato-studio "${static_flags[@]}"
  build_product sfumato
  refuse_paths_of_this_machine "$portable_programs/sfumato" "$portable_programs/sfumato-main" "$portable_programs/sfumato-studio"
}

build_product() {
  SFUMATO_PORTABLE=1 quietly swift build "${release[@]}" --scratch-path "$portable_scratch" --product "$1" "${map_flags[@]}" \
    --static-swift-stdlib -Xswiftc -use-ld=lld -Xlinker --strip-all -Xlinker "$PWD/$portable_scratch/static/arc4random.o" "${@:2}"
}

# The folder of Swift's toolchain.
swift_toolchain() { swift -print-target-info | sed -n 's|.*"runtimeResourcePath" *: *"\(.*\)/lib/swift".*|\1|p' | head -n 1; }

# Sets `map_flags`, by which compilers write `sfumato/…` and `libtorch/…` for the folders of this machine.
set_map_flags() {
  local map
  map_flags=()
  for map in "$PWD/$portable_scratch=build" "$PWD=sfumato" "$LIBTORCH=libtorch"; do
    map_flags+=(-Xswiftc -file-prefix-map -Xswiftc "$map" -Xcc "-ffile-prefix-map=$map" -Xcxx "-ffile-prefix-map=$map")
  done
}

# Makes a folder with only the static form of libarchive and of the compressors that it calls, which the linker searches first, and sets
# `static_flags`. Its cipher library, nettle, stays a shared library (LGPL), which `stage` copies. The folder also gets what older C
# libraries lack.
setup_static_libraries() {
  local folder=$PWD/$portable_scratch/static system name missing=()
  system=$(system_libraries)
  local libraries=(archive bz2 lz4 lzma z zstd) packages=(libarchive-dev libbz2-dev liblz4-dev liblzma-dev zlib1g-dev libzstd-dev)
  static_flags=(-Xlinker "-L$folder")
  mkdir -p "$folder"
  for name in "${!libraries[@]}"; do [ -f "$system/lib${libraries[name]}.a" ] || missing+=("${packages[name]}"); done
  [ -e "$system/libnettle.so" ] || missing+=(nettle-dev)
  [ ${#missing[@]} -eq 0 ] || apt_install "${missing[@]}"
  for name in "${libraries[@]}"; do
    [ -f "$system/lib$name.a" ] || fail "$system/lib$name.a was not found" "Install the development package of $name with its static library."
    ln -sf "$system/lib$name.a" "$folder/lib$name.a"
    static_flags+=(-Xlinker "-l$name")
  done
  static_flags+=(-Xlinker -lnettle)
  "$(swift_toolchain)/bin/clang" -O2 -Wall -c scripts/arc4random.c -o "$folder/arc4random.o"
}

# Where Debian and Ubuntu have their libraries.
system_libraries() { printf '/usr/lib/%s-linux-gnu' "$(uname -m)"; }

# Fails where a program contains the folder of the sources, of libtorch or of the user, or looks for libraries outside its own folder.
refuse_paths_of_this_machine() {
  local program path found
  for program; do
    for path in "$PWD" "$LIBTORCH" "${XDG_CACHE_HOME:-${HOME:-/nowhere}/.cache}/sfumato"; do
      found=$(LC_ALL=C grep -aoE -m 1 "$path[[:print:]]{0,80}" "$program" | head -n 1) || true
      [ -z "$found" ] || fail "$program contains a path of this machine: $found"
    done
    found=$(readelf -d "$program" | sed -n 's/.*(R[UN]*PATH).*\[\(.*\)\]/\1/p')
    [[ $found == '' || $found == '$ORIGIN' ]] || fail "$program searches for libraries in $found; expected its own folder alone"
  done
}

# ---- The installed layout

sfumato_version() { sed -n 's/^public let sfumatoVersion = "\(.*\)"/\1/p' Sources/Models/Version.swift; }

# Lays out the programs of a folder below ROOT as below a prefix: bin/sfumato, a link; lib/sfumato with the programs and what they look
# for beside themselves; manual pages, completions and documents in share/.
stage() {
  local programs=$1 root=$2 version
  version=$(sfumato_version)
  local home=$root/lib/sfumato share=$root/share
  umask 022 # what an administrator installs is for everyone
  mkdir -p "$root/bin" "$home/models" "$home/recipes" "$share/doc/sfumato"
  install -m 755 "$programs/sfumato" "$programs/sfumato-main" "$programs/sfumato-studio" "$home"
  ln -sfn ../lib/sfumato/sfumato "$root/bin/sfumato"
  install -m 644 models/* "$home/models"
  install -m 644 recipes/* "$home/recipes"
  stage_libraries "$home"
  stage_manual "$root/bin/sfumato" "$share" "$version"
  install -m 644 README.md CHANGELOG.md LICENSE THIRD-PARTY.md "$share/doc/sfumato"
  cp -R docs "$share/doc/sfumato" # to which README and messages of the program refer
}

# libvips, which the program searches in `.libvips` beside itself; and nettle where the program is linked to it, as its run path says.
stage_libraries() {
  local vips nettle
  vips=$(find -L .libvips -maxdepth 1 -name 'libvips*.so.42*' 2>/dev/null | head -n 1)
  [ -n "$vips" ] || fail "there is no self-contained libvips in .libvips to install with the program" "Remove .libvips and run ./dev setup with a network."
  mkdir -p "$1/.libvips"
  install -m 644 "$vips" "$1/.libvips"
  nettle=$(readelf -d "$1/sfumato-main" | sed -n 's/.*(NEEDED).*\[\(libnettle[^]]*\)\]/\1/p')
  [ -z "$nettle" ] || install -m 644 "$(system_libraries)/$nettle" "$1"
}

# What the program says of itself: manual pages, and completions where each shell looks for them.
stage_manual() {
  local program=$1 share=$2 version=$3
  mkdir -p "$share/man/man1" "$share/bash-completion/completions" "$share/zsh/site-functions" "$share/fish/vendor_completions.d"
  "$program" --generate-completion-script bash >"$share/bash-completion/completions/sfumato"
  "$program" --generate-completion-script zsh >"$share/zsh/site-functions/_sfumato"
  "$program" --generate-completion-script fish >"$share/fish/vendor_completions.d/sfumato.fish"
  "$program" --experimental-dump-help | python3 scripts/manual.py "$version" "$share/man/man1"
}

# ---- Installing

installed_list=lib/sfumato/installed-files

# Installs a staged tree below PREFIX, in place of an earlier installation, and links the libtorch of this setup.
install_staged() {
  local root=$1 prefix=$2 files
  [ ! -e "$prefix/lib/sfumato" ] || [ -f "$prefix/$installed_list" ] ||
    fail "$prefix/lib/sfumato exists, and ./dev install did not make it" "Move it away, or give another prefix."
  if [ ! -f "$prefix/$installed_list" ] && { [ -e "$prefix/bin/sfumato" ] || [ -L "$prefix/bin/sfumato" ]; }; then
    fail "$prefix/bin/sfumato exists, and ./dev install did not make it" "Move it away, or give another prefix."
  fi
  ln -sfn "$LIBTORCH" "$root/lib/sfumato/.libtorch"
  touch "$root/$installed_list"
  files=$(cd "$root" && find . ! -type d | sed 's|^\./||' | LC_ALL=C sort)
  printf '%s\n' "$files" >"$root/$installed_list"
  mkdir -p "$prefix" 2>/dev/null && [ -w "$prefix" ] || fail "cannot write to $prefix" "Give a prefix that you may write to, or run this as an administrator."
  [ ! -f "$prefix/$installed_list" ] || remove_installed "$prefix"
  # Only files: the folders of a prefix keep their owners and rights.
  tar -C "$root" --files-from="$root/$installed_list" -cf - | tar -C "$prefix" --no-same-owner -xf - ||
    fail "cannot write all files below $prefix (see above)" "Check the free space and the rights of its folders."
}

# Removes the files that the list of an installation names, and the folders that this leaves empty.
remove_installed() {
  local prefix=$1 file files
  mapfile -t files <"$prefix/$installed_list"
  for file in "${files[@]}"; do
    case "/$file/" in */../* | //*) fail "$prefix/$installed_list names '$file', which is not below $prefix" "Remove the installation by hand." ;; esac
  done
  for file in "${files[@]}"; do
    (cd "$prefix" && rm -f "$file" && { rmdir -p "$(dirname "$file")" 2>/dev/null || true; }) # fails at the first that is not empty
  done
}
