#!/usr/bin/env bash
# Builds the documentation of the library into .build/docs: the articles of Sources/Sfumato/Sfumato.docc, and every public symbol of
# every module that `import Sfumato` brings. Warnings are errors. Called by `./dev docs`, which has set up libtorch.
#
# The toolchain's own docc does it. It takes one module at a time, so that a module's documentation links to symbols of that module;
# those of others stand as code. The archives are merged into one.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.."
output=.build/docs partial=.build/docs.part

# Comments leave out parameters whose names say everything, and may describe two in one line (`t, s: noise levels`); docc would
# have a line for each.
accepted="^warning: Parameter '[^']*' is missing documentation|^warning: Return value is missing documentation|^warning: Parameter '[A-Za-z0-9]+(, [A-Za-z0-9]+)+' not found"

modules() {
  sed -n 's/^@_exported import //p' Sources/Sfumato/Sfumato.swift
  echo Sfumato
}

# The flags with which a compiler finds the modules: where they are, and the C modules below them.
module_flags() {
  local map folder
  printf -- '-I\n%s/Modules\n' "$build"
  for folder in Sources/*/include .build/checkouts/*/Sources/*/include; do [ ! -d "$folder" ] || printf -- '-I\n%s\n' "$folder"; done
  for map in Sources/*/module.modulemap "$build"/*.build/module.modulemap; do [ ! -f "$map" ] || printf -- '-Xcc\n-fmodule-map-file=%s\n' "$map"; done
  [ "$(uname -s)" != Darwin ] || printf -- '-sdk\n%s\n' "$(xcrun --show-sdk-path)"
}

# Makes partial/MODULE.doccarchive and prints the warnings that are not accepted.
document() {
  local module=$1 catalogue=() log="$partial/$1.log"
  mkdir -p "$partial/$module"
  swift symbolgraph-extract -module-name "$module" "${flags[@]}" -target "$triple" -minimum-access-level public \
    -skip-synthesized-members -output-dir "$partial/$module" >"$log" 2>&1 || failed "$log"
  [ "$module" != Sfumato ] || catalogue=(Sources/Sfumato/Sfumato.docc)
  docc convert ${catalogue[@]+"${catalogue[@]}"} --fallback-display-name "$module" --fallback-bundle-identifier "$module" \
    --additional-symbol-graph-dir "$partial/$module" --output-path "$partial/$module.doccarchive" >"$log" 2>&1 || failed "$log"
  grep -E -A1 '^(warning|error): ' "$log" | grep -v '^--$' | paste - - | grep -vE "$accepted" | sed "s/^/$module: /" || true
}

failed() {
  cat "$1" >&2
  exit 1
}

printf '==> building the library\n' >&2
swift build --target Sfumato >/dev/null
build=$(swift build --show-bin-path)
triple=$(swift -print-target-info | sed -n 's/^ *"triple" *: *"\(.*\)",*$/\1/p' | head -n 1)
flags=()
while IFS= read -r flag; do flags+=("$flag"); done < <(module_flags)

rm -rf "$partial"
mkdir -p "$partial"
warnings=''
for module in $(modules); do
  printf '==> %s\n' "$module" >&2
  found=$(document "$module")
  [ -z "$found" ] || warnings+=$found$'\n'
done
if [ -n "$warnings" ]; then
  printf 'error: the documentation has warnings:\n%s' "$warnings" >&2
  exit 1
fi
docc merge "$partial"/*.doccarchive --synthesized-landing-page-name Sfumato --output-path "$partial/all"
rm -rf "$output"
mv "$partial/all" "$output"
rm -rf "$partial"
printf '==> %s: to read it, run python3 -m http.server --directory %s and open http://localhost:8000/documentation\n' "$output" "$output" >&2
