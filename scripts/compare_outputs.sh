#!/usr/bin/env bash
# Compares two built programs, command by command: scripts/compare_outputs.sh OLD NEW
#
# Both run the same commands, in a folder of the same path, on data that OLD generates. Compared are exit codes, every byte of every
# file written, and JSON results. Ends with 0 when all of them are equal, with 1 and a list when something differs, with 2 when it
# could not compare.
#
# Listed apart, and no reason for 1, are differences that a change of words or of versions makes: messages; the notes inside PNG
# files, whose pixels are equal; recipe and provenance inside model files, whose tensors are equal; further files, and further keys
# in JSON and recipes; commands that failed before. Times and rates are left out.
set -uo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
clone=$PWD

die() {
  printf 'error: %s\n' "$1" >&2
  exit 2
}

[ $# -eq 2 ] || die "expected two programs, found $# arguments; usage: scripts/compare_outputs.sh OLD NEW"
old=$(realpath "$1") && [ -x "$old" ] || die "$1 is not a program; build it, or name another"
new=$(realpath "$2") && [ -x "$new" ] || die "$2 is not a program; build it, or name another"

scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/old" "$scratch/new" "$scratch/logs"
different=() reworded=() cases=0

# ---- Input that both programs read

make_input() {
  local input=$1 fixtures="$clone/Tests/Fixtures"
  mkdir -p "$input"
  cp "$clone/models/digits.safetensors" "$input/digits.safetensors"
  cp "$fixtures/reference/upscaler/rrdbnet_x4.pth" "$input/x4.pth"
  cp "$fixtures/reference/unets/b_adm.weights.safetensors" "$input/adm.safetensors"
  cp -R "$fixtures/reference/diffusers_model/ddpm_class_conditional" "$input/pipeline"
  cp -R "$fixtures/0.1.0/run" "$input/run"
  cat >"$input/tiny.yaml" <<'YAML'
data: { type: glyphs, size: 8, classes: digits, count: 100 }
network: { type: adm_unet, normalization: dlas, model_channels: 8, channel_mult: [1, 2], num_res_blocks: 1, attention_resolutions: [4] }
sampling: { steps: 5, guidance_scale: 2 }
training:
  { batch_size: 4, warmup_images: 40, decay: cosine, duration: 800, log_every: 40, preview_every: 400, checkpoint_every: 200, keep_checkpoints: 99 }
YAML
  # The same with another network, and on pictures.
  sed 's/^network:.*/network: { type: context_unet, model_channels: 8, channel_mult: [1, 1], num_res_blocks: 1 }/' \
    "$input/tiny.yaml" >"$input/context.yaml"
  sed 's/^network:.*/network: { type: nice_unet, model_channels: 32, channel_mult: [1, 1], num_res_blocks: 1, attention_resolutions: [] }/' \
    "$input/tiny.yaml" >"$input/nice.yaml"
  sed 's/^data:.*/data: { type: folder, path: in\/pictures }\nimages: { size: 8, channels: 1, flip: horizontal }/' \
    "$input/tiny.yaml" >"$input/pictures.yaml"
  cat >"$input/restore.yaml" <<'YAML'
data: { type: glyphs, size: 16, classes: digits, count: 100 }
corruptions: { fixed: [gaussian_blur, jpeg], random: [noise, saturation], scale: 2 }
loading: { validation: 0.1 }
network:
  type: super_resolution_unet
  unet: { normalization: dlas, model_channels: 8, channel_mult: [1], num_res_blocks: 1, attention_resolutions: [] }
training: { batch_size: 4, duration: 40, log_every: 20, preview_every: 20, checkpoint_every: 20, keep_checkpoints: 99 }
YAML
  grep '^corruptions:' "$input/restore.yaml" >"$input/corruptions.yaml"
  cat >"$input/adm.yaml" <<'YAML'
data: { channels: 3, height: 16, width: 16 }
network: { model_channels: 32, channel_mult: [1, 1], num_res_blocks: 1, attention_resolutions: [8], num_head_channels: 16 }
process: { parameterization: epsilon, variance: learned_range }
YAML
  (cd "$input" && "$old" data export glyphs --set count=60 --set size=16 --set paper=natural --set ink=natural -o pictures -q &&
    "$old" sample digits.safetensors --class 7 --count 1 --columns 1 -o seven.png --steps 4 -q --no-notes) >"$scratch/logs/input" 2>&1 ||
    die "OLD could not make the input: $(cat "$scratch/logs/input")"
}

# ---- Running

# try NAME ARGUMENT...: both programs, each in its folder, which stands at the same path while it runs.
try() {
  local name=$1 side
  shift
  cases=$((cases + 1))
  for side in old new; do
    mv "$scratch/$side" "$scratch/here"
    (cd "$scratch/here" && "${!side}" "$@" >"$scratch/logs/$side.out" 2>"$scratch/logs/$side.err" </dev/null)
    echo $? >"$scratch/logs/$side.status"
    mv "$scratch/here" "$scratch/$side"
  done
  compare_results "$name" "$*"
}

compare_results() {
  local name=$1 command=$2 before after
  before=$(<"$scratch/logs/old.status") after=$(<"$scratch/logs/new.status")
  if [ "$before" != 0 ] && [ "$after" = 0 ]; then
    reworded+=("$name: works now; failed before: $(tail -n 1 "$scratch/logs/old.err")")
  elif [ "$before" != "$after" ]; then
    different+=("$name: exit code $after, before $before: sfumato $command: $(tail -n 1 "$scratch/logs/new.err")")
  elif [ "$after" != 0 ] && [[ $name != *-wrong && $name != *-bfloat16 ]]; then
    different+=("$name: failed with both, so nothing was compared: sfumato $command: $(tail -n 1 "$scratch/logs/new.err")")
  elif [[ " $command " == *" --json "* || $name == recipe-show* ]]; then
    compare_entries "$name: results of sfumato $command" <(timeless "$scratch/logs/old.out") <(timeless "$scratch/logs/new.out")
  else
    same_text out || reworded+=("$name: standard output$(first_difference out)")
  fi
  same_text err || reworded+=("$name: standard error$(first_difference err)")
}

# compare_entries WHAT OLD NEW: what OLD has, NEW must have too, line by line; what NEW has beyond that is only mentioned.
compare_entries() {
  local before after lost added
  before=$(sed 's/,$//' "$2" | sort) after=$(sed 's/,$//' "$3" | sort)
  lost=$(comm -23 <(cat <<<"$before") <(cat <<<"$after")) added=$(comm -13 <(cat <<<"$before") <(cat <<<"$after"))
  if [ -n "$lost" ]; then
    different+=("$1: changed or lost: $(head -n 3 <<<"$lost" | tr -s ' \n' ' ')")
  elif [ -n "$added" ]; then
    reworded+=("$1: new: $(head -n 3 <<<"$added" | tr -s ' \n' ' ')")
  fi
}

# What was printed, without what a clock decides. Lines of progress come when a second has passed.
timeless() {
  sed -E -e '/(training|sampling|upscaling|reading|writing): +[0-9]+%/d' -e '/[Ss]econds"? *:/d' -e '/_per_second"? *:/d' \
    -e 's/ in [0-9.]+ ?(s|ms)\b//' "$1"
}

same_text() { [ "$(timeless "$scratch/logs/old.$1")" = "$(timeless "$scratch/logs/new.$1")" ]; }

first_difference() {
  diff <(timeless "$scratch/logs/old.$1") <(timeless "$scratch/logs/new.$1") | sed -n '2,4p' | sed 's/^/\n      /' | tr -d '\r' | head -c 600
}

# ---- Comparing files

compare_files() {
  local path
  while read -r path; do
    if [ ! -e "$scratch/new/$path" ]; then
      different+=("$path: no longer written")
    elif [ ! -e "$scratch/old/$path" ]; then
      reworded+=("$path: was not written before")
    else
      cmp -s "$scratch/old/$path" "$scratch/new/$path" || compare_contents "$path"
    fi
  done < <(cd "$scratch" && (cd old && find . -type f; cd ../new && find . -type f) | sed 's|^\./||' | sort -u)
}

# Two files that differ in some byte.
compare_contents() {
  local path=$1
  case $path in
    *.safetensors) compare_by "$path" tensors "recipe, provenance or other metadata" ;;
    *.png) compare_by "$path" pixels "notes inside the PNG file" ;;
    *.json | *.jsonl) compare_entries "$path" <(entries "$scratch/old/$path") <(entries "$scratch/new/$path") ;;
    *.yaml) compare_entries "$path" "$scratch/old/$path" "$scratch/new/$path" ;;
    *) different+=("$path: other bytes") ;;
  esac
}

# compare_by PATH READER WORDS: what READER prints of both files decides; else WORDS differ, if any.
compare_by() {
  local path=$1 reader=$2 words=$3
  if [ "$("$reader" "$scratch/old/$path" | cksum)" != "$("$reader" "$scratch/new/$path" | cksum)" ]; then
    different+=("$path: other $reader")
  elif [ -n "$words" ]; then
    reworded+=("$path: $words")
  fi
}

# A safetensors file without its metadata: eight bytes with the length of the header, the header, the numbers.
tensors() {
  local length
  length=$(od -An -tu8 -N8 "$1" | tr -d ' ')
  head -c $((8 + length)) "$1" | tail -c "$length" | sed -E 's/"__metadata__" *: *\{("([^"\\]|\\.)*" *: *"([^"\\]|\\.)*" *,? *)*\} *,?//; s/ *$//'
  tail -c +$((9 + length)) "$1"
}

# The chunks of a PNG file that hold pixels, each with its size: no tEXt, zTXt, iTXt, eXIf or time.
pixels() {
  local offset=8 size total kind
  total=$(wc -c <"$1")
  while [ $((offset + 8)) -le "$total" ]; do
    size=$((16#$(od -An -tx1 -j "$offset" -N4 "$1" | tr -d ' \n')))
    kind=$(tail -c +$((offset + 5)) "$1" | head -c 4)
    case $kind in IHDR | PLTE | tRNS | IDAT) tail -c +$((offset + 1)) "$1" | head -c $((size + 12)) ;; esac
    offset=$((offset + size + 12))
  done
}

# The members of JSON objects, one a line after the number of their line, without times.
entries() {
  sed -E 's/"(seconds|images_per_second)" *: *[-0-9.e+]+,?//g' "$1" |
    awk '{ gsub(/[{} ]/, ""); count = split($0, members, ","); for (i = 1; i <= count; i++) if (members[i] != "") print NR, members[i] }'
}

# ---- The commands

try_training() {
  try recipe-show recipe show in/tiny.yaml
  try recipe-show-defaults recipe show
  try recipe-show-set recipe show in/nice.yaml --set training.duration=2h --set sampler.type=ddim
  try recipe-check recipe check in/tiny.yaml
  try recipe-check-wrong recipe check in/tiny.yaml --set trainng.seed=1
  try train train in/tiny.yaml --run train -q
  try train-half train in/tiny.yaml --run half -q --set training.duration=160 --set training.decay=none
  try resume resume half -q --set training.duration=240
  try resume-run-of-0.1.0 resume in/run -q
  try train-bfloat16 train in/tiny.yaml --run bfloat16 -q --set training.precision=bfloat16 --set training.duration=80 \
    --set process.variance=learned_range --set training.loss=hybrid --set augmentation.probability=0.2 --set training.timestep_sampling=loss_second_moment
  try train-context train in/context.yaml --run context -q --set training.duration=80 --set process.parameterization=epsilon
  try train-nice train in/nice.yaml --run nice -q --set training.duration=40
  try train-restore train in/restore.yaml --run restore -q
  try train-pictures train in/pictures.yaml --run pictures -q --set training.duration=40
}

try_sampling() {
  local sampler
  for sampler in dpmpp_1 dpmpp_2m dpmpp_3m dpmpp_2m_sde dpmpp_3m_sde dpmpp_2s dpmpp_3s dpmsolver_2m dpmsolver_3m unipc pndm ddim ddpm \
    euler euler_ancestral heun edm; do
    try "sample-$sampler" sample train --count 4 --sampler "$sampler" --npz "$sampler.npz" -o "$sampler.png" --no-notes -q
  done
  try sample-digits sample in/digits.safetensors --count 4 --class 3,7 --guidance 3 --steps 5 --seed 2 -o digits.png --npz digits.npz -q
  try sample-batch sample train --count 6 --noise-order batch --spacing karras:sigma_max=80 --steps 7 -o batch.png --no-notes -q
  try sample-respaced sample train --count 4 --spacing ddim50 --sampler ddim --eta 0.5 -o respaced.png --no-notes -q
  try sample-guided sample train --count 4 --class all --guidance-rescale 0.7 --guidance-interval 0.2,5 -o guided.png --no-notes -q
  try sample-noise sample train --count 4 --sampler ddpm --noise-until 2 --noise-window 0.05,50 -o noise.png --no-notes -q
  try sample-animation sample train --count 4 --animation steps.webp --frames 3 -o frames.png --no-notes -q
  try sample-gif sample train --count 4 --animation steps.gif --show estimate -o gif.png --no-notes -q
  try sample-denoising sample train --count 3 --denoising denoising.png --captions class,number -o captions.png --no-notes -q
  try sample-second sample train --count 4 --best-of 2 --second-pass 0.5 --captions score -o second.png --no-notes -q
  try sample-init sample in/digits.safetensors --class 3 --count 2 --steps 4 --init in/seven.png --strength 0.8 -o init.png --no-notes -q
  try sample-mask sample in/digits.safetensors --class 3 --count 1 --steps 4 --init in/seven.png --mask in/seven.png \
    --set sampling.jump_n_sample=2 --set sampling.jump_length=1 -o mask.png --no-notes -q
  try sample-webp sample train --count 4 -o grid.webp --json
  try sample-context sample context --count 4 -o context.png --no-notes -q
  # Fails with both where the processor lacks what oneDNN needs.
  try sample-bfloat16 sample bfloat16 --count 4 --precision bfloat16 -o bfloat16.png --no-notes -q
  try sample-pipeline sample in/pipeline --count 2 --steps 4 -o pipeline.png --no-notes -q
  try sample-wrong sample train --class 12 -o wrong.png
}

try_data() {
  try data-inspect data inspect glyphs --set count=36 -o glyphs.png --json
  try data-inspect-pictures data inspect in/pictures -o contact.png
  try data-export-npz data export in/pictures -o pictures.npz --json
  try data-export-idx data export in/pictures -o small-images-idx3-ubyte.gz --size 12
  try data-export-folder data export pictures.npz -o folder --count 20
  try data-inspect-npz data inspect pictures.npz --json
  try data-corruptions data corruptions in/seven.png -o corruptions.png
  try data-corruptions-recipe data corruptions in/seven.png in/corruptions.yaml -o corruptions-recipe.png
}

try_models() {
  try inspect-digits inspect in/digits.safetensors --json --tensors
  try inspect-run inspect train --json
  try inspect-restore inspect restore --json
  try inspect-upscaler inspect in/x4.pth --json
  try inspect-checkpoint inspect in/adm.safetensors --json
  try inspect-pipeline inspect in/pipeline --json
  try inspect-picture inspect denoising.png --json
  try convert-recipe convert in/adm.safetensors adm.safetensors --recipe in/adm.yaml -q
  try convert-pipeline convert in/pipeline pipeline.safetensors -q
  try convert-pytorch convert adm.safetensors weights.safetensors --to pytorch --json
  try convert-diffusers convert pipeline.safetensors diffusers --to diffusers -q
  try convert-upscaler convert in/x4.pth x4.safetensors -q
  try convert-presets convert --list-presets --json
  try upscale upscale in/x4.pth in/seven.png -o large.png --compare details.png --tile 16 --overlap 4 -q
  try upscale-folder upscale in/x4.pth in/pictures/A -o large -q
}

make_input "$scratch/old/in"
cp -R "$scratch/old/in" "$scratch/new/in"
try_training
try_sampling
try_data
try_models
compare_files

printf '%d commands, %d files compared in %d s\n' "$cases" "$(find "$scratch/new" -type f | wc -l)" "$SECONDS"
if [ ${#reworded[@]} -gt 0 ]; then
  printf '\nother words, versions or additions, the same numbers (%d):\n' ${#reworded[@]}
  printf '  %s\n' "${reworded[@]}"
fi
[ ${#different[@]} -gt 0 ] || { printf '\nthe same results\n'; exit 0; }
printf '\ndifferent (%d):\n' ${#different[@]}
printf '  %s\n' "${different[@]}"
exit 1
