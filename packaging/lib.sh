# lib.sh - what the scripts share: missing packages, apt's sources, the agent's user, the build. Sourced, from the repository's root.
# shellcheck shell=bash

say() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
}

# Lists the packages of the given files that are not installed.
missing_packages() {
    local wanted
    wanted=$(sed 's/#.*//' "$@" | tr -s '[:space:]' '\n' | sort -u)
    # shellcheck disable=SC2086,SC2016
    comm -23 <(printf '%s\n' $wanted) \
        <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null | awk '$1 == "installed" { print $2 }' | sort -u)
}

# Installs what is missing from the distribution; touches nothing when all is there.
install_packages() {
    local missing text
    if ! command -v dpkg-query >/dev/null; then
        say "this is no Debian system: the packages of $* are taken for installed"
        return 0
    fi
    missing=$(missing_packages "$@")
    [[ -n $missing ]] || return 0
    text=${missing//$'\n'/ }
    if [[ $(id -u) -ne 0 ]]; then
        say "not root, and these packages are missing: $text"
        return 1
    fi
    say "installing $text"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq </dev/null >&2
    # shellcheck disable=SC2086
    apt-get install -qq --yes --no-install-recommends $missing </dev/null >"build/apt.log" 2>&1 || {
        tail -n 30 build/apt.log >&2
        return 1
    }
}

# apt_sources SUITE KEYRING: this machine's sources of Debian's own suites, one "deb ..." line for each.
apt_sources() {
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        sort -u | awk -v suite="$1" -v keyring="$2" \
        '$2 == suite || $2 == suite "-updates" || $2 == suite "-security" { print "deb [signed-by=" keyring "] " $1, $2, $3 }'
}

# How this machine reaches them: proxies, retries and the age of lists that it accepts.
apt_options() {
    apt-config dump | grep -E '^Acquire::(Check-|Retries|ForceIPv|[a-z]+::([^ ]*::)?(Proxy|Verify|CaInfo|Timeout))' || true
}

# The system user that runletd runs as, without a home and without a shell.
ensure_user() {
    [[ $(id -u) -eq 0 ]] || return 0
    getent group runlet >/dev/null || groupadd --system runlet
    getent passwd runlet >/dev/null ||
        useradd --system --gid runlet --home-dir /var/lib/runlet --no-create-home --shell /usr/sbin/nologin runlet
}

# Configures (once, and when the presets have changed) and builds the preset. Ninja re-configures by itself when the CMake files or the list of sources change.
build_preset() {
    local preset=$1 log=build/$1.log
    mkdir -p build
    if [[ ! -f build/$preset/build.ninja || CMakePresets.json -nt build/$preset/CMakeCache.txt ]]; then
        say "configuring $preset"
        cmake --preset "$preset" >"$log" 2>&1 || {
            cat "$log" >&2
            return 1
        }
        touch "build/$preset/CMakeCache.txt" # an unchanged one is not written
    fi
    say "building $preset"
    cmake --build --preset "$preset" -- --quiet >"$log" 2>&1 || {
        cat "$log" >&2
        return 1
    }
}
