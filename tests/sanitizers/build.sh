#!/usr/bin/env bash
# build.sh DIR SANITIZERS: an instrumented build beside the plain one, made once and then only brought up to date.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
dir=$1 sanitizers=$2
root=$PWD

if [ "$sanitizers" = thread ]; then
  # glib-tsan.c must stand before GLib in every program of this build. It is not instrumented itself: what it does for
  # GLib (poll) is GLib's doing.
  mkdir -p "$dir"
  read -ra flags < <(pkg-config --cflags --libs gio-2.0)
  # A program that calls nothing else of GIO is not linked with it, and yet the real function must be found.
  cc -std=gnu17 -O1 -g -Wall -Wextra -shared -fPIC -D_GNU_SOURCE \
    -o "$dir/libglib-tsan.so" tests/sanitizers/glib-tsan.c -Wl,--no-as-needed "${flags[@]}"
  before="-fsanitize=thread -Wl,--no-as-needed,$root/$dir/libglib-tsan.so,-rpath,$root/$dir,--as-needed"
fi

if [ ! -f "$dir/build.ninja" ]; then
  # -O1 keeps stack traces whole and compiles fast; the plain build is the one that must be free of warnings.
  meson setup "$dir" -Db_sanitize="$sanitizers" -Db_lundef=false -Doptimization=1 -Ddebug=true -Dwarning_level=0 \
    -Dc_link_args="${before:-}" >"$dir.log" 2>&1 || { cat "$dir.log"; exit 1; }
  rm -f "$dir.log"
fi
ninja -C "$dir" >"$dir/build.log" 2>&1 || { cat "$dir/build.log"; exit 1; }
# The tools of the plain build serve every build (the engine looks for tools/ beside itself).
ln -sfn ../build/tools "$dir/tools"
