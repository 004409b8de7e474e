# Sourced by ./demo, ./test and ./bench: what they need besides the source, installed when possible.
# A function returns when the need is met, and otherwise exits with a line that says what to install.

_needs_fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

# The server itself and the program that makes its system tables; they may sit in sbin folders that are not in PATH.
_needs_mariadb_found() {
    PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
    { command -v mariadbd || command -v mysqld; } >/dev/null 2>&1 \
        && { command -v mariadb-install-db || command -v mysql_install_db; } >/dev/null 2>&1
}

# MariaDB's server programs. No system service is needed: each command starts a private server of its own.
need_mariadb() {
    _needs_mariadb_found && return 0
    if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
        echo "Installing mariadb-server …" >&2
        # No service is started by the installation: a policy of 101 forbids it, if the machine has no policy yet.
        local policy=/usr/sbin/policy-rc.d ours=
        if [ ! -e "$policy" ]; then
            ours=yes
            printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"
        fi
        # A new machine has no list of packages yet; one without a network may have the package all the same.
        apt-get update >/dev/null 2>&1 || true
        DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends mariadb-server >/dev/null \
            || { [ -z "$ours" ] || rm -f "$policy"; _needs_fail "apt-get could not install mariadb-server; see above"; }
        [ -z "$ours" ] || rm -f "$policy"
        _needs_mariadb_found && return 0
    fi
    _needs_fail "MariaDB's server (10.6 or newer) is missing. Install it, no service needs to run:" \
        "    Debian, Ubuntu:  sudo apt-get install mariadb-server" \
        "    Fedora, RHEL:    sudo dnf install mariadb-server"
}

# cargo, and with it the compiler that rust-version in Cargo.toml asks for.
need_rust() {
    command -v cargo >/dev/null 2>&1 || { [ -r "$HOME/.cargo/env" ] && . "$HOME/.cargo/env"; }
    command -v cargo >/dev/null 2>&1 \
        || _needs_fail "cargo is missing. Install Rust from https://rustup.rs, or your distribution's package."
}

# Programs from PyPI that tests read datasets with, and a server that speaks S3, in a folder of their own: nothing of the
# system's Python is changed. All clones of one user share it; the number in its name changes with the list.
# Tests look for it there, or at $COBBLESTONE_TEST_PYTHON.
need_python() {
    [ -z "${COBBLESTONE_TEST_PYTHON:-}" ] || return 0
    local tools="${XDG_CACHE_HOME:-$HOME/.cache}/cobblestone/test-tools-2"
    [ ! -x "$tools/bin/python" ] || [ ! -e "$tools/complete" ] || return 0
    command -v python3 >/dev/null 2>&1 || _needs_fail "python3 (3.10 or newer) is missing. Install it with its venv module:" \
        "    Debian, Ubuntu:  sudo apt-get install python3-venv" \
        "    Fedora, RHEL:    sudo dnf install python3"
    echo "Installing duckdb, pandas, polars, pyarrow and moto from PyPI to $tools …" >&2
    rm -rf -- "$tools"
    mkdir -p -- "$tools"
    python3 -m venv "$tools" >/dev/null 2>&1 || {
        if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
            apt-get update >/dev/null 2>&1 || true
            DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3-venv >/dev/null || true
        fi
        python3 -m venv "$tools" || _needs_fail "Python's module venv is missing: sudo apt-get install python3-venv"
    }
    "$tools/bin/pip" install --quiet --disable-pip-version-check duckdb pandas polars pyarrow 'moto[server]' \
        || _needs_fail "pip could not install duckdb, pandas, polars, pyarrow and moto from PyPI; see above"
    touch "$tools/complete"
}
