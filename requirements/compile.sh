#!/bin/sh
# Recompiles runtime.txt, dev.txt, build.txt and audit.txt, pinned and hashed, for every platform and Python from 3.11 on.
# Pins that still fit are kept, unless called with --upgrade.
# uv is used from a throw-away environment: it is a tool of this script and not a dependency of the project.
set -eu

upgrade=${1:-}
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT INT TERM
for name in ${PYTHON:-python3.11 python3.12 python3.13 python3.14 python3}; do
    if command -v "$name" >/dev/null 2>&1; then
        "$name" -m venv "$tools/venv"
        break
    fi
done
"$tools/venv/bin/python" -m pip install --quiet --disable-pip-version-check uv

compile() {
    # shellcheck disable=SC2086 # an empty option must vanish
    "$tools/venv/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
        --no-emit-index-url --no-emit-find-links --custom-compile-command "make requirements" $upgrade "$@"
}

compile pyproject.toml -o requirements/runtime.txt
compile pyproject.toml requirements/dev.in -c requirements/runtime.txt -o requirements/dev.txt
compile requirements/build.in -c requirements/dev.txt -o requirements/build.txt
compile requirements/audit.in -c requirements/dev.txt -o requirements/audit.txt
