#!/bin/sh
# Creates .venv and installs one pinned set into it: install.sh runtime|dev. Run by make, from the checkout's root.
set -eu

set_name=${1:?usage: install.sh runtime|dev}
venv=.venv
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_USER=0 PIP_NO_INPUT=1
unset PIP_TARGET PIP_PREFIX PYTHONHOME 2>/dev/null || true

fail() {
    printf '\n%s\n' "$*" >&2
    exit 1
}

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    for name in ${PYTHON:-python3.11 python3.12 python3.13 python3.14 python3 python}; do
        if command -v "$name" >/dev/null 2>&1 && is_new_enough "$name"; then
            command -v "$name"
            return
        fi
    done
    fail "Accrual needs Python 3.11 or later, and none was found (looked for ${PYTHON:-python3.11 to python3.14, python3, python}).
Install one, or name it: make setup PYTHON=/path/to/python3"
}

python=$(find_python)
here=$(pwd -P)

# A venv of a moved checkout, of a removed Python or of an interrupted run is made anew; it holds nothing else.
# Its scripts name the place where it was made, so .home keeps that place.
if [ "$("$venv/bin/python" -c "print(open('$venv/.home').read())" 2>/dev/null || true)" != "$here" ]; then
    rm -rf "$venv"
    if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        "$python" -m venv "$venv" || fail "Could not create $here/$venv; the message above says why."
    elif "$python" -c 'import pip, venv' 2>/dev/null; then
        "$python" -m venv --without-pip "$venv" # Debian parts ensurepip from Python; an outside pip does as well
    else
        fail "$python can make no virtual environment with pip in it: its modules ensurepip and pip are both missing.
On Debian and Ubuntu: apt-get install python3-venv (or python3-pip)"
    fi
    printf '%s' "$here" >"$venv/.home"
fi

pip() {
    if [ -e "$venv/bin/pip" ]; then
        "$venv/bin/python" -m pip "$@"
    else
        "$python" -m pip --python "$venv/bin/python" "$@"
    fi
}

if [ -t 1 ]; then quiet=; else quiet=--quiet; fi

case $set_name in
runtime) files='-r requirements/runtime.txt -r requirements/build.txt' ;;
dev) files='-r requirements/dev.txt' ;;
*) fail "unknown set: $set_name" ;;
esac

rm -f "$venv/.$set_name"
echo "Installing the pinned $set_name packages into $venv (once; about a minute on a slow line) ..."
# shellcheck disable=SC2086 # both hold several words or none
pip install $quiet --require-hashes $files ||
    fail "The pinned packages could not be installed; the last lines above say why. Run the same command again to go on."

if [ "$set_name" = runtime ]; then
    # shellcheck disable=SC2086
    pip install $quiet --no-deps --no-build-isolation --no-index -e . || fail "Accrual itself could not be installed; see above."
fi

touch "$venv/.$set_name"
