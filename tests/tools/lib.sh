# shellcheck shell=bash disable=SC2034
# Common ground of the scripts beside this file; sourced, never run.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
TOOLS=$ROOT/tests/tools
CACHE=${UNIXSOCKET_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/unixsocket-access}
# Two clones on one machine share the tools and the images, and nothing else.
CHECKOUT=$CACHE/checkouts/$(printf '%s' "$ROOT" | sha256sum | cut -c1-12)
RESULTS=$CHECKOUT/results
HOSTS_PREFIX=${UNIXSOCKET_HOSTS_PREFIX:-usa-}
IMAGE_PREFIX=localhost/unixsocket-access
ANSIBLE_TREE=$CHECKOUT/collections

say() { printf '%s\n' "$*" >&2; }

die() {
  say "Error: $*"
  exit 1
}

# step WHAT COMMAND...: says what is being done, then how long it took; shows the output only when it fails.
# Inside COMMAND errexit is off (it is tested here): a function must join its commands with && or return.
step() {
  local what=$1 log started=$SECONDS
  shift
  mkdir -p "$CACHE/logs"
  log=$(mktemp "$CACHE/logs/step.XXXXXX")
  printf '  %s ... ' "$what" >&2
  if "$@" >"$log" 2>&1 </dev/null; then
    printf '%ss\n' "$((SECONDS - started))" >&2
    rm -f "$log"
  else
    printf 'failed after %ss\n' "$((SECONDS - started))" >&2
    tail -n 40 "$log" >&2
    say "  The whole output is in $log."
    return 1
  fi
}

am_root() { [ "$(id -u)" -eq 0 ]; }
# What somebody who is told to run podman writes before it.
am_root && sudo='' || sudo='sudo '

# Without a question: what calls podman for Ansible cannot ask for a password, either.
can_be_root() { am_root || { type -P sudo && sudo -n true; } >/dev/null 2>&1; }

# as_root COMMAND...: as root directly or through sudo.
as_root() {
  if am_root; then
    "$@"
  elif can_be_root; then
    sudo -n "$@"
  else
    die "This step needs root: run make as root, or as a user who may use sudo without a password."
  fi
}

# The test hosts' container engine: root's own, because the tests change owners and prove connects as many users.
podman() {
  if am_root; then
    command podman "$@"
  else
    as_root env ${CONTAINERS_CONF:+CONTAINERS_CONF="$CONTAINERS_CONF"} podman "$@"
  fi
}

# count STAGE PASSED FAILED: one line of the sum that ends a whole run.
count() {
  mkdir -p "$RESULTS"
  printf '%s %s %s\n' "$1" "$2" "$3" >>"$RESULTS/counts"
}

# venv_name NAME INTERPRETER REQUIREMENTS: the directory of a virtual environment, another one when either changes.
venv_name() {
  local key
  key=$(printf '%s\n' "$2" | cat - "$3" | sha256sum | cut -c1-12)
  printf '%s\n' "$CACHE/venv-$1-$key"
}

# make_venv VENV INTERPRETER REQUIREMENTS: makes it anew; its file "complete" says that it is whole.
make_venv() {
  rm -rf "$1" &&
    "$2" -m venv "$1" &&
    "$1/bin/python" -m pip install --quiet --disable-pip-version-check -r "$3" &&
    touch "$1/complete"
}

# load_env: makes sure that all is set up, and takes the environment that tests/tools/setup wrote.
load_env() {
  local file
  file=$("$TOOLS/setup" --quiet) || exit 1
  # shellcheck disable=SC1090
  . "$file"
}
