#!/bin/sh
# Make .venv with exactly what requirements.lock names, and the project itself.
# Needs Python >= 3.11 and a package index. Does nothing if that is done already.
set -eu
cd "$(dirname "$0")/.."

READY=.venv/.ready

# What an environment depends on: the lock, the project's entry points, and where it stands
# (scripts in a virtual environment name its path).
wanted() {
    pwd -P
    cksum requirements.lock pyproject.toml infra/setup.sh
}

if [ -f "$READY" ] && [ "$(cat "$READY")" = "$(wanted)" ] && .venv/bin/python -c '' 2>/dev/null; then
    exit 0
fi

say() { printf '%s\n' "$*" >&2; }

suits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

newest_python() {
    for name in python3.14 python3.13 python3.12 python3.11 python3 python; do
        if command -v "$name" >/dev/null && suits "$name"; then
            echo "$name"
            return
        fi
    done
    say 'Patriot needs Python 3.11 or newer, and there is none on the PATH.'
    say 'Install it (python.org, your package manager, or pyenv) and run the command again.'
    exit 1
}

python=$(newest_python)
if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    say "$("$python" --version) cannot make virtual environments: its venv package is missing."
    say 'On Debian and Ubuntu: apt install python3-venv'
    exit 1
fi

unset PYTHONHOME PYTHONPATH
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0

say "Setting up .venv with $("$python" --version), once"
say '  1/3 virtual environment'
"$python" -m venv --clear .venv
say "  2/3 packages from requirements.lock ($(grep -c '==' requirements.lock))"
.venv/bin/python -m pip install -qq --require-hashes -r requirements.lock
say '  3/3 the project'
.venv/bin/python -m pip install -qq --no-deps --no-build-isolation --no-index -e .
wanted >"$READY"
say '  ready'
