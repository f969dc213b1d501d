# What the scripts share. To be sourced; leaves the shell in the repository's root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
tools=$root/.tools

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }
fail() { printf '\033[1;31mpharos: %s\033[0m\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# A test that cannot run: said aloud, counted, and a failure where everything is required.
skip() {
    printf 'SKIP %s: %s\n' "$1" "$2"
    if [ "${PHAROS_REQUIRE_ALL:-0}" = 1 ]; then tally "$1" 0 1 0; else tally "$1" 0 0 1; fi
}

# Adds to the counts of this run: tally WHAT PASSED FAILED SKIPPED
tally() { if [ -n "${PHAROS_TALLY:-}" ]; then echo "$2 $3 $4 $1" >>"$PHAROS_TALLY"; fi; }

# The last line of a run: N passed, N failed, N skipped.
summary() {
    awk '{ p += $1; f += $2; s += $3 } END { printf "%d passed, %d failed, %d skipped\n", p, f, s }' "$1"
}

# Installs Debian packages, if there are any to install: need_packages PACKAGE...
need_packages() {
    [ $# -gt 0 ] || return 0
    local list="$*"
    have apt-get || fail "please install these packages (or what your system calls them): $list"
    local sudo=()
    if [ "$(id -u)" -ne 0 ]; then
        have sudo || fail "please install these packages as root: apt-get install $list"
        sudo=(sudo)
    fi
    say "installing Debian packages: $list"
    "${sudo[@]}" apt-get update -qq </dev/null
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" </dev/null
}

# Looks for the programs and headers that the build cannot do without, installs what is missing.
need_build_tools() {
    local missing=()
    have git || missing+=(git)
    have make || missing+=(make)
    [ -e /usr/include/stdio.h ] || missing+=(libc6-dev)
    [ -e /usr/include/zlib.h ] || missing+=(zlib1g-dev)
    [ -e /usr/include/openssl/decoder.h ] || missing+=(libssl-dev)
    [ -e /usr/include/nghttp2/nghttp2.h ] || missing+=(libnghttp2-dev)
    compgen -G '/usr/lib/gcc/*/*/libgcc.a' >/dev/null || missing+=(libgcc-12-dev)
    compgen -G '/usr/include/c++/*/vector' >/dev/null || missing+=(libstdc++-12-dev)
    [ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
    need_packages ${missing[@]+"${missing[@]}"}
    need_swift 6 3
}

# need_swift MAJOR MINOR
need_swift() {
    have swift || fail "Swift $1.$2 or newer is needed and was not found: https://www.swift.org/install/linux"
    local version
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -1)
    [ -n "$version" ] || fail "'swift --version' does not say which version it is"
    if [ "${version%%.*}" -lt "$1" ] || { [ "${version%%.*}" -eq "$1" ] && [ "${version##*.}" -lt "$2" ]; }; then
        fail "Swift $1.$2 or newer is needed, this is $version: https://www.swift.org/install/linux"
    fi
}

# The server, as people run it: the Swift libraries inside, so that it starts faster and needs nothing else, and without
# debug information: that builds faster and makes a much smaller file.
build_configured() {
    local flags=()
    if [ "$1" = release ]; then
        release_flags
        flags+=(-debug-info-format none)
        export PHAROS_COMMIT
        PHAROS_COMMIT=$(commit)
    fi
    swift build -c "$1" ${flags[@]+"${flags[@]}"} --product pharos
}

# Adds to `flags` what makes a release small, and what a linker can do for its safety: functions that nothing calls stay
# out, equal ones are one, relocations are packed and read-only before the first line runs. None of it changes the code.
release_flags() {
    flags+=(--static-swift-stdlib -Xswiftc -Xfrontend -Xswiftc -function-sections -Xcc -ffunction-sections -Xcc -fdata-sections
        -Xswiftc -use-ld=lld)
    local each
    for each in --no-export-dynamic --icf=all -z pack-relative-relocs -z now; do flags+=(-Xlinker "$each"); done
    # Foundation's texts for all languages, which are more than half of it otherwise.
    local data=$root/.build/icu_data.o name
    mkdir -p .build
    if have python3 && name=$(python3 scripts/packing/icu_data.py "$data"); then
        flags+=(-Xlinker "--wrap=$name" -Xlinker "$data")
    else
        say "linking all of ICU's data: the server is 30 MB larger, and does the same"
    fi
}

# The server that scripts/package packs: with debug information, which goes into a file of its own.
build_packaged() {
    local flags=()
    release_flags
    export PHAROS_COMMIT
    PHAROS_COMMIT=$(commit)
    swift build -c release --scratch-path .build/package ${flags[@]+"${flags[@]}"} --product pharos
}

# What is built: the commit, and whether there is more in the files than it has. Nothing outside of a clone.
commit() {
    local name
    name=$(git rev-parse --short=12 HEAD 2>/dev/null) || return 0
    [ -z "$(git status --porcelain --untracked-files=no)" ] || name+=-changed
    echo "$name"
}

# Python packages of the tests, in an environment of their own; made again when the list changes.
need_python() {
    local python=${PYTHON:-python3} list=$root/scripts/requirements.txt
    have "$python" || need_packages python3 python3-venv
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "the tests need Python 3.11 or newer"
    "$python" -c 'import ensurepip' 2>/dev/null || need_packages python3-venv
    if [ ! -x "$tools/venv/bin/pytest" ] || ! cmp -s "$list" "$tools/venv/requirements.txt"; then
        say "installing Python packages into .tools/venv"
        "$python" -m venv --clear "$tools/venv"
        "$tools/venv/bin/pip" install --disable-pip-version-check --no-input -q -r "$list" </dev/null
        cp "$list" "$tools/venv/requirements.txt"
    fi
    export PATH="$tools/venv/bin:$PATH" TEST_PYTHON="$tools/venv/bin/python"
}

# The checker of metrics that comes with Prometheus. The Debian package is only unpacked: installing it would start a server.
need_promtool() {
    if ! have promtool && [ ! -x "$tools/promtool" ] && have apt-get && have dpkg-deb; then
        say "unpacking promtool from Debian's prometheus"
        local sudo=() folder
        [ "$(id -u)" -eq 0 ] || sudo=(sudo)
        folder=$(mktemp -d)
        "${sudo[@]}" apt-get update -qq </dev/null || true
        (cd "$folder" && apt-get download -qq prometheus && dpkg-deb -x prometheus_*.deb .) </dev/null || true
        mkdir -p "$tools"
        [ ! -x "$folder/usr/bin/promtool" ] || cp "$folder/usr/bin/promtool" "$tools/promtool"
        rm -rf "$folder"
    fi
    [ ! -x "$tools/promtool" ] || export PROMTOOL=$tools/promtool
}

# The brokers that tests start.
need_brokers() { need_redis && need_nats; }

# Debian's redis-tools has Redis' server under another name, and starts none when it is installed.
need_redis() {
    PHAROS_REDIS_SERVER=$(command -v redis-server) || PHAROS_REDIS_SERVER=$tools/redis-server
    if [ ! -x "$PHAROS_REDIS_SERVER" ]; then
        [ -x /usr/bin/redis-check-rdb ] || need_packages redis-tools
        mkdir -p "$tools"
        ln -sf /usr/bin/redis-check-rdb "$PHAROS_REDIS_SERVER"
    fi
    export PHAROS_REDIS_SERVER
    [ -x "$PHAROS_REDIS_SERVER" ] || fail "redis-server is needed"
}

# It comes with the Python packages: need_python goes before.
need_nats() {
    export PHAROS_NATS_SERVER=$tools/venv/bin/nats-server
    [ -x "$PHAROS_NATS_SERVER" ] || fail "nats-server is needed, which scripts/requirements.txt names"
}

# Helm's library and the schemas of Kubernetes, in an environment of their own.
need_charts() {
    local python=${PYTHON:-python3} list=$root/scripts/requirements-charts.txt folder=$tools/venv-charts
    if ! cmp -s "$list" "$folder/requirements.txt"; then
        say "installing Python packages into .tools/venv-charts"
        "$python" -m venv --clear "$folder"
        "$folder/bin/pip" install --disable-pip-version-check --no-input -q -r "$list" </dev/null
        cp "$list" "$folder/requirements.txt"
    fi
    export PHAROS_CHARTS_PYTHON=$folder/bin/python
}

# The proxies that docs/deployment.md has configurations of. Those that Debian has no package of are left out, and said so.
need_proxies() {
    local missing=() each
    for each in nginx:nginx-light haproxy:haproxy caddy:caddy; do
        PATH=$PATH:/usr/sbin have "${each%%:*}" || missing+=("${each##*:}")
    done
    need_packages ${missing[@]+"${missing[@]}"} || true
}

# What packages are made and tried with: roots of Debian, a checker of packages.
need_package_tools() {
    local missing=() each
    for each in dpkg-shlibdeps:dpkg-dev objcopy:binutils mmdebstrap:mmdebstrap lintian:lintian \
        podman:podman runc:runc; do
        have "${each%%:*}" || missing+=("${each##*:}")
    done
    need_packages ${missing[@]+"${missing[@]}"}
}

# Runs a command and tells how long it took: timed WHAT COMMAND...
timed() {
    local what=$1 began=$SECONDS
    shift
    "$@" || return $?
    say "$what: $((SECONDS - began)) s"
}
