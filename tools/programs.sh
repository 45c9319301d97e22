#!/usr/bin/env bash
# Looks for the system programs that tests need, and installs what is missing where it may: as root on
# a machine with apt-get. Elsewhere it prints the line that does it, and those tests are skipped.
# Quick when all is there.
set -euo pipefail

# program, the packages of Debian and Ubuntu that bring it, and what it is for: one a line.
NEEDED='
povray|povray povray-includes|the renderer povray
zsh|zsh|completion in a shell
fish|fish|completion in a shell
'
LOCK_WAIT_S=300
APT=(apt-get -o "DPkg::Lock::Timeout=$LOCK_WAIT_S" -o Acquire::Retries=3)

say() { printf 'programs: %s\n' "$*" >&2; }

missing_packages() {
    local program packages purpose
    while IFS='|' read -r program packages purpose; do
        if [ -n "$program" ] && ! command -v "$program" >/dev/null; then
            say "$program is missing ($purpose)"
            printf '%s\n' $packages
        fi
    done <<<"$NEEDED"
}

install() {
    DEBIAN_FRONTEND=noninteractive "${APT[@]}" -qq install -y --no-install-recommends "$@" >"$log" 2>&1
}

packages=$(missing_packages | sort -u | tr '\n' ' ')
[ -n "$packages" ] || exit 0
line="apt-get install --no-install-recommends $packages"
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    say "tests that need them are skipped. On Debian and Ubuntu this installs them:"
    say "    sudo $line"
    exit 0
fi
say "installing: $packages"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The lists of a fresh machine are empty or old: then they are fetched, and it is tried again.
# shellcheck disable=SC2086
if ! install $packages && ! { "${APT[@]}" -qq update >"$log" 2>&1 && install $packages; }; then
    sed 's/^/    /' "$log" >&2
    say "that did not work; tests that need them are skipped. By hand: $line"
    exit 0
fi
say "ready"
