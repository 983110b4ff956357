#!/usr/bin/env bash
# run.sh BUILD SECONDS: every fuzz target of a build for so many seconds, from the inputs that it found before.
set -euo pipefail
build=$1 seconds=$2 failed=0
for target in "$build"/tests/fuzz/fuzz-*; do
  if [ ! -x "$target" ] || [ -d "$target" ]; then continue; fi
  name=$(basename "$target")
  corpus=$build/corpus/$name
  mkdir -p "$corpus"
  echo "fuzzing: $name for $seconds s"
  if ! "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$build/$name-" "$corpus" >"$build/$name.log" 2>&1; then
    failed=1
    tail -n 60 "$build/$name.log"
    echo "FAILED: $name; its input is beside $build/$name.log"
  else
    grep -E 'number_of_executed_units' "$build/$name.log" || true
  fi
done
exit $failed
