# shellcheck shell=sh
# Sourced by the other scripts: goes to the checkout's root and makes its .venv ready, once per pyproject.toml.
# Needs git and a python3 of 3.10 or later; PYTHON=/path/to/python3 says which.

cd "$(dirname "$0")/.." || exit 1
export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV CONDA_PREFIX

say() { printf '%s\n' "$*" >&2; }

give_up() {
    say "error: $1"
    say "hint: $2"
    exit 6
}

# The interpreter itself, not what stands for it on the PATH: a version manager's shim costs up to a second per start.
find_python() {
    for candidate in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11 python3.10 /usr/bin/python3; do
        [ -n "$candidate" ] || continue
        "$candidate" -c 'import sys; sys.version_info >= (3, 10) or sys.exit(1); print(sys.executable)' 2>/dev/null && return
    done
    return 1
}

may_install_packages() { [ "${CI:-}" = true ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

install_packages() {
    DEBIAN_FRONTEND=noninteractive
    export DEBIAN_FRONTEND
    [ -n "${packages_updated:-}" ] || apt-get update -qq >&2
    packages_updated=yes
    apt-get install -qq -y --no-install-recommends "$@" >/dev/null 2>&1 || apt-get install -y --no-install-recommends "$@" >&2
}

# Three ways to an environment, because a bare Debian has a venv module without ensurepip.
make_environment() {
    rm -rf .venv
    "$python" -m venv .venv >/dev/null 2>&1 && return
    rm -rf .venv
    if command -v uv >/dev/null; then
        uv venv --quiet --seed --python "$python" .venv && return
    fi
    if "$python" -m pip --version >/dev/null 2>&1 && "$python" -m venv --without-pip .venv; then
        return
    fi
    may_install_packages || give_up "\`$python -m venv\` cannot make an environment: ensurepip is missing" \
        "apt install python3-venv"
    install_packages python3-venv
    "$python" -m venv .venv
}

install_uv() {
    if .venv/bin/python -m pip --version >/dev/null 2>&1; then
        .venv/bin/python -m pip install --quiet 'uv>=0.5'
    elif command -v uv >/dev/null; then
        uv pip install --quiet --python .venv/bin/python 'uv>=0.5'
    else
        # The system's own pip fills a folder; that uv then installs the real one with everything else.
        "$python" -m pip install --quiet --target .venv/bootstrap 'uv>=0.5'
    fi
}

find_uv() { if [ -x .venv/bin/uv ]; then echo .venv/bin/uv; else echo .venv/bootstrap/bin/uv; fi; }

# uv reads no pip.conf; where an index of one's own is configured only there, pip does the work.
# Certificates of the machine count as well: a proxy of a company has one of its own.
install_project() {
    export UV_SYSTEM_CERTS=true UV_NATIVE_TLS=true
    "$(find_uv)" pip install --quiet --python .venv/bin/python --editable . --group dev ||
        { .venv/bin/python -m pip install --quiet --upgrade pip &&
            .venv/bin/python -m pip install --quiet --editable . --group dev; } ||
        give_up "the packages that pyproject.toml names cannot be installed" "look at the lines above; a proxy is taken from \`https_proxy\`"
}

prepare() {
    wanted=$(cksum <pyproject.toml)
    if [ -x .venv/bin/rocmswitch ] && [ "$(cat .venv/stamp 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    python=$(find_python) || give_up "no python3 of 3.10 or later was found" \
        "apt install python3 python3-venv, or name one: PYTHON=/path/to/python3 $0"
    say "setting up .venv with $python (once)"
    .venv/bin/python -c 'import sys; sys.version_info >= (3, 10) or sys.exit(1)' 2>/dev/null || make_environment
    [ -x "$(find_uv)" ] || install_uv
    install_project
    rm -rf .venv/bootstrap
    printf '%s\n' "$wanted" >.venv/stamp
}

prepare
