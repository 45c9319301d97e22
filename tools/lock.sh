#!/usr/bin/env bash
# Resolves pyproject.toml again into the two lock files: hashes, no host names, Python 3.11 and up.
# Arguments go to uv: tools/lock.sh --upgrade, tools/lock.sh --upgrade-package httpx
set -euo pipefail
cd "$(dirname "$0")/.."

compile() {
    .venv/bin/uv pip compile --universal --python-version 3.11 --generate-hashes \
        --no-header --no-emit-find-links --no-annotate --quiet "$@" >/dev/null
}

compile --group pyproject.toml:build --output-file requirements-build.lock "$@"
compile pyproject.toml --all-extras --group dev --constraint requirements-build.lock \
    --output-file requirements.lock "$@"
