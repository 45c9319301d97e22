#!/usr/bin/env bash
# Makes .venv and installs Rushlight with everything that its lock files name; quick when nothing
# changed. PYTHON=... chooses the interpreter; without it, python3, or else a python3.x that fits.
set -euo pipefail
cd "$(dirname "$0")/.."

VENV=.venv
STAMP=$VENV/.bootstrapped
BUILD_LOCK=requirements-build.lock
LOCK=requirements.lock
TRIES=3

say() { printf 'bootstrap: %s\n' "$*" >&2; }

die() {
    say "$@"
    exit 1
}

fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

choose_python() {
    if [ -n "${PYTHON:-}" ]; then
        fits "$PYTHON" || die "PYTHON=$PYTHON does not run, or is older than 3.11."
        printf '%s\n' "$PYTHON"
        return
    fi
    local candidate
    for candidate in python3 python3.13 python3.12 python3.11 python3.14; do
        if fits "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    die "Rushlight needs Python 3.11 or newer and none is on PATH." \
        "Install one (Debian, Ubuntu: apt-get install python3 python3-venv; macOS: brew install" \
        "python) or name it: make dev PYTHON=/path/to/python3.11"
}

has_pip() { "$VENV/bin/python" -m pip --version >/dev/null 2>&1; }

# Debian ships Python without ensurepip; pip, where there is one, can fill the environment instead.
make_venv() {
    local python=$1 log
    log=$(mktemp)
    rm -rf "$VENV"
    if "$python" -m venv "$VENV" >"$log" 2>&1 && has_pip; then
        rm -f "$log"
        return
    fi
    say "$python cannot make an environment with pip by itself; trying its own pip."
    rm -rf "$VENV"
    if "$python" -m venv --without-pip "$VENV" >>"$log" 2>&1 &&
        "$python" -m pip --python "$VENV/bin/python" install --quiet pip >>"$log" 2>&1 && has_pip; then
        rm -f "$log"
        return
    fi
    rm -rf "$VENV"
    if "$python" -m virtualenv "$VENV" >>"$log" 2>&1 && has_pip; then
        rm -f "$log"
        return
    fi
    rm -rf "$VENV"
    sed 's/^/    /' "$log" >&2
    rm -f "$log"
    die "$python has neither ensurepip nor pip nor virtualenv." \
        "Debian, Ubuntu: apt-get install python3-venv. Elsewhere, name another interpreter:" \
        "make dev PYTHON=/path/to/python3.11"
}

pip_install() { "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }

# The network has its moods.
pip_fetch() {
    local try
    for ((try = 1; ; try++)); do
        pip_install --require-hashes "$@" && return
        [ "$try" -lt "$TRIES" ] || die "pip failed $TRIES times; its last words are above."
        say "pip failed (try $try of $TRIES); once more in $((try * 5)) s."
        sleep $((try * 5))
    done
}

fingerprint() {
    "$VENV/bin/python" - "$BUILD_LOCK" "$LOCK" pyproject.toml tools/bootstrap.sh <<'PYTHON_END'
import hashlib, os, sys
digest = hashlib.sha256(os.getcwd().encode())
for name in sys.argv[1:]:
    with open(name, "rb") as file:
        digest.update(file.read())
print(digest.hexdigest())
PYTHON_END
}

differs() { # from the interpreter that the caller named
    [ -n "${PYTHON:-}" ] &&
        [ "$("$PYTHON" -c 'import sys; print(sys.version_info[:2])')" != \
            "$("$VENV/bin/python" -c 'import sys; print(sys.version_info[:2])')" ]
}

if ! fits "$VENV/bin/python" || ! has_pip || differs; then
    if [ -e "$VENV" ] && [ ! -e "$VENV/pyvenv.cfg" ] && [ -n "$(ls -A "$VENV")" ]; then
        die "$VENV is there but is no Python environment; move it away first."
    fi
    python=$(choose_python)
    say "making $VENV with $("$python" --version) ($python)"
    make_venv "$python"
fi

wanted=$(fingerprint)
if [ "$(cat "$STAMP" 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi
say "installing what $LOCK names (about 500 MB on disk)"
rm -f "$STAMP"
pip_fetch --requirement "$BUILD_LOCK"
pip_fetch --no-build-isolation --requirement "$LOCK"
pip_install --no-deps --no-build-isolation --editable .
printf '%s\n' "$wanted" >"$STAMP"
say "ready: $VENV/bin/rushlight"
