# Sourced by ./dev, with scripts/portable.sh: the archive and the wheel of the programs, and their checks.

package_limit=$((90 * 1000 * 1000)) # bytes

# ./dev package [--wheel] [--check]
package() {
  local kind=archive check='' option
  for option; do
    case $option in
      --wheel) kind=wheel ;;
      --check) check=yes ;;
      *) fail "unknown option '$option' of ./dev package" "Known: --wheel, --check." ;;
    esac
  done
  build_portable
  "make_$kind"
  say "$made: $(($(stat -c %s "$made") / 1000000)) MB"
  [ "$(stat -c %s "$made")" -le "$package_limit" ] || fail "$made is larger than $((package_limit / 1000000)) MB"
  [ -z "$check" ] || "scripts/check_$kind.sh" "$made" "$LIBTORCH"
}

# The time of everything in a package, so that the same sources give the same bytes.
package_time() { printf '%s' "${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 1577836800)}"; }

# Stages the portable programs with the licenses of what is in them, and sets `staged`.
make_stage() {
  staged=$portable_scratch/stage/$1
  rm -rf "$portable_scratch/stage"
  stage "$portable_programs" "$staged"
  scripts/notices.sh "$staged/share/doc/sfumato/licenses"
}

# Sets `made` to dist/sfumato-VERSION-linux-MACHINE.tar.gz.
make_archive() {
  local name
  name=sfumato-$(sfumato_version)-linux-$(uname -m)
  make_stage "$name"
  mkdir -p dist
  made=dist/$name.tar.gz
  say "packing $made"
  tar -C "$portable_scratch/stage" --sort=name --format=gnu --mtime="@$(package_time)" --owner=0 --group=0 --numeric-owner -cf - "$name" |
    gzip -9n >"$made.part"
  mv "$made.part" "$made"
}

# Sets `made` to the wheel in dist/.
make_wheel() {
  local torch
  make_stage wheel
  mkdir -p dist
  torch=$(torch_version "$LIBTORCH")
  say "packing a wheel for torch ${torch%%+*}"
  made=$(SOURCE_DATE_EPOCH=$(package_time) python3 scripts/wheel/make_wheel.py "$staged" dist --version "$(sfumato_version)" --torch "${torch%%+*}" \
    --vips "$vips_version")
}

# ./dev install [PREFIX]
install_programs() {
  local prefix=${1:-${HOME:?}/.local}
  [ $# -le 1 ] || fail "./dev install takes one prefix, found: $*"
  build_portable
  make_stage prefix
  mkdir -p "$prefix" 2>/dev/null || fail "cannot make $prefix" "Give a prefix that you may write to, or run this as an administrator."
  prefix=$(cd -P "$prefix" && pwd)
  install_staged "$staged" "$prefix"
  rm -rf "$portable_scratch/stage"
  say "installed $prefix/bin/sfumato, with libtorch in $LIBTORCH"
  case ":$PATH:" in *":$prefix/bin:"*) ;; *) say "to use it: export PATH=\"$prefix/bin:\$PATH\"" ;; esac
  say "zsh finds its completions after: fpath+=($prefix/share/zsh/site-functions); bash and fish know the folder"
}

# ./dev uninstall [PREFIX]
uninstall_programs() {
  local prefix=${1:-${HOME:?}/.local}
  [ -f "$prefix/$installed_list" ] || fail "there is no installation below $prefix: $installed_list was not found" "Give the prefix that was given to ./dev install."
  remove_installed "$prefix"
  say "removed Sfumato from $prefix"
}
