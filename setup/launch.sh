#!/usr/bin/env bash
# What the first cell of launcher.ipynb does, once the repository is there: all output as it is.
#
#   setup/launch.sh [PYTHON]      PYTHON: the kernel's, which gets requirements.txt (nothing named: python3)
#
# Takes up what is new in the repository, installs what is missing on the machine, builds the engine, or takes the one
# that $PINOKIOCLOUD names. Harmless when run again: what is there is left as it is. Exit status 0 when the launcher
# can go on.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${1:-python3}
programs=(pinokiocloud pinokiocloud-runner pinokiocloud-keeper pinokiocloud-gate)

say() { printf '%s\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# What is new is worth having, but no reason to stop: a clone without a server, or with changes of its own, stays as it is.
update() {
  if ! git -C "$root" rev-parse --verify --quiet '@{upstream}' >/dev/null 2>&1; then return; fi
  if [ -n "$(git -C "$root" status --porcelain --untracked-files=no)" ]; then
    say "==> The files in $root were changed here: no update"
    return
  fi
  say "==> Looking for what is new"
  GIT_TERMINAL_PROMPT=0 timeout 120 git -C "$root" pull --ff-only ||
    say "==> No update: git's own words are above. Going on with what is here"
}

build() {
  if [ -n "${PINOKIOCLOUD:-}" ]; then
    local version
    version=$("$PINOKIOCLOUD" --version) || die "\$PINOKIOCLOUD names $PINOKIOCLOUD, which is no engine"
    say "==> The engine is $PINOKIOCLOUD: $version"
    return
  fi
  say "==> Installing what the engine needs"
  local -a groups=(run)
  if command -v npm >/dev/null; then groups+=(notebook); fi # else pages take xterm.js from a public server
  "$root/setup/install.sh" "${groups[@]}" 2>&1
  say "==> Building the engine"
  if [ ! -f "$root/build/build.ninja" ]; then meson setup "$root/build" "$root"; fi
  ninja -C "$root/build" "${programs[@]}"
}

# Asked first: pip takes seconds to say that all is there.
packages_there() {
  "$python" - "$root/requirements.txt" <<'PYTHON'
import sys
from importlib import metadata

try:
    from packaging.requirements import Requirement
except ImportError:
    sys.exit(1)
for line in open(sys.argv[1], encoding="utf-8"):
    line = line.strip()
    if line and not line.startswith("#"):
        wanted = Requirement(line)
        try:
            there = metadata.version(wanted.name) in wanted.specifier
        except metadata.PackageNotFoundError:
            there = False
        if not there:
            sys.exit(1)
PYTHON
}

install_packages() {
  if packages_there; then return; fi
  say "==> Installing what the notebook needs"
  if "$python" -m pip install --disable-pip-version-check --root-user-action=ignore -r "$root/requirements.txt" ||
    "$python" -c 'import ipywidgets'; then return; fi
  die "pip could not install requirements.txt for $python (its own words are above), and without ipywidgets nothing can be shown"
}

command -v "$python" >/dev/null || die "there is no $python"
update
build
install_packages
say "==> Ready: run the next cell"
