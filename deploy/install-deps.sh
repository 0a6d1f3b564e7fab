#!/bin/sh
# Installs what building, running and testing need, from Debian's packages: install-deps.sh
# [build|fuzz|test|long|bench|lint-fast|lint|deb].  Looks for the files themselves, not for package names,
# so that anything that is there in another way counts; when all is there it neither calls apt nor uses the
# network.
set -eu
TOP=$(cd "$(dirname "$0")/.." && pwd -P)
# shellcheck source=deploy/lib.sh
. "$TOP/deploy/lib.sh"

purpose=${1:-build}

# what|how to look for it|package that brings it
needs_build='
C compiler|command cc|gcc
C library headers|header stdio.h|libc6-dev
make|command make|make
curl|command curl|curl
perl with its standard modules|perl HTTP::Tiny|perl
libpq headers|header libpq-fe.h|libpq-dev
libcurl headers|header curl/curl.h|libcurl4-openssl-dev
jansson headers|header jansson.h|libjansson-dev
libmicrohttpd headers|header microhttpd.h|libmicrohttpd-dev
libunistring headers|header unistr.h|libunistring-dev
zlib headers|header zlib.h|zlib1g-dev
pkg-config|command pkg-config|pkg-config'
needs_fuzz='
clang|command clang|clang
libFuzzer|fuzzer -|libclang-rt-dev'
needs_test='
prove|command prove|perl
IPC::Run|perl IPC::Run|libipc-run-perl
YAML::XS|perl YAML::XS|libyaml-libyaml-perl
JSON Schema test suite|file /usr/share/json-schema-test-suite|json-schema-test-suite
pgrep|command pgrep|procps
zip|command zip|zip
7z|command 7z|p7zip-full
bsdtar|command bsdtar|libarchive-tools
Chromium|browser -|chromium-headless-shell'
needs_long='
patroni|command patroni|patroni
numpy|python numpy|python3-numpy
requests for Python|python requests|python3-requests
its client of etcd|python etcd|python3-etcd
etcd|command etcd|etcd-server
etcdctl|command etcdctl|etcd-client
debootstrap|command debootstrap|debootstrap
buildah|command buildah|buildah
crun|command crun|crun
seccomp profile of containers|file /usr/share/containers/seccomp.json|golang-github-containers-common
ip|command ip|iproute2
lintian|command lintian|lintian
systemd-nspawn|command systemd-nspawn|systemd-container
valgrind|command valgrind|valgrind
jar|command jar|default-jdk-headless
promtool|command promtool|prometheus'
needs_deb='
build-essential|file /usr/share/build-essential|build-essential
dpkg-buildpackage|command dpkg-buildpackage|dpkg-dev
debhelper|command dh|debhelper'
needs_bench='
wrk|command wrk|wrk
gunicorn|command gunicorn|gunicorn
Flask and psycopg2|python flask,psycopg2|python3-flask python3-psycopg2
jsonschema for Python|python jsonschema|python3-jsonschema
IPC::Run|perl IPC::Run|libipc-run-perl'
needs_analysers='
clang-tidy|command clang-tidy|clang-tidy
scan-build|command scan-build|clang-tools'
needs_lint='
clang-format|command clang-format|clang-format
cppcheck|command cppcheck|cppcheck
shellcheck|command shellcheck|shellcheck
nm|command nm|binutils'

# Is one row of the tables above satisfied?
have() {
  case $1 in
    command) command -v "$2" >/dev/null 2>&1 ;;
    file) [ -e "$2" ] ;;
    perl) perl -M"$2" -e 1 >/dev/null 2>&1 ;;
    # of use only to what npm brings
    browser) command -v chromium >/dev/null 2>&1 || command -v chromium-headless-shell >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1 ;;
    python) /usr/bin/python3 -c "import $2" >/dev/null 2>&1 ;;
    fuzzer)
      echo 'int LLVMFuzzerTestOneInput(const char *d, long n) { return d != 0 && n < 0; }' |
        clang -x c -fsanitize=fuzzer -o /dev/null - >/dev/null 2>&1
      ;;
    header)
      include_pq=$(pg_config --includedir 2>/dev/null || echo /usr/include/postgresql)
      printf '#include <%s>\n' "$2" |
        cc -E -I"$include_pq" -I/usr/include/postgresql - >/dev/null 2>&1
      ;;
  esac
}

# The major version of the PostgreSQL server that is installed, nothing when there is none.
installed_server() {
  for server in /usr/lib/postgresql/*/bin/initdb; do
    [ ! -x "$server" ] || echo "$server" | cut -d / -f 5
  done | sort -n | tail -n 1
}

# Prints the packages that bring a server and its headers of the same version, where one is missing.
# ANY stands for the version that Debian offers, which only apt knows.
missing_postgresql() {
  pgxs=$("$PG_CONFIG" --pgxs 2>/dev/null || true)
  headers=$("$PG_CONFIG" --includedir-server 2>/dev/null || true)
  # The client package alone brings the makefiles: only the headers tell that all is there.
  if [ -f "$pgxs" ] && [ -f "$headers/postgres.h" ]; then
    bindir=$("$PG_CONFIG" --bindir)
    if [ ! -x "$bindir/initdb" ] || [ ! -x "$bindir/postgres" ] || [ ! -x "$bindir/psql" ]; then
      "$PG_CONFIG" --version | sed 's/^[^0-9]*\([0-9]*\).*/postgresql-\1/'
    fi
    return
  fi
  version=$(installed_server)
  if [ -n "$version" ]; then
    echo "postgresql-server-dev-$version"
  else
    echo 'postgresql-ANY postgresql-server-dev-ANY'
  fi
}

# Prints the names of all missing packages, one a line.
missing_packages() {
  case $purpose in
    build) needs=$needs_build ;;
    fuzz) needs=$needs_build$needs_fuzz ;;
    test) needs=$needs_build$needs_fuzz$needs_test ;;
    long) needs=$needs_build$needs_fuzz$needs_test$needs_long ;;
    deb) needs=$needs_build$needs_deb ;;
    bench) needs=$needs_build$needs_bench ;;
    lint-fast) needs=$needs_build$needs_fuzz$needs_test$needs_lint ;;
    lint) needs=$needs_build$needs_fuzz$needs_test$needs_lint$needs_analysers ;;
    *)
      echo "install-deps.sh: unknown purpose \"$purpose\"; build, fuzz, test, long, bench, lint-fast, lint or deb" >&2
      exit 2
      ;;
  esac
  echo "$needs" | while IFS='|' read -r what look package; do
    # shellcheck disable=SC2086 # look is two words
    [ -z "$what" ] || have $look || echo "$package"
  done | sort -u
  missing_postgresql | tr ' ' '\n'
}

# Runs apt-get as root, through sudo where that is needed.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    env DEBIAN_FRONTEND=noninteractive "$@"
  else
    sudo env DEBIAN_FRONTEND=noninteractive "$@"
  fi
}

# What was given is not to be installed but to be corrected; make gives its default, too.
case $PG_CONFIG-$("$PG_CONFIG" --version 2>/dev/null) in
  pg_config-* | *-PostgreSQL*) ;;
  *) fail "PG_CONFIG names $PG_CONFIG, which is no pg_config" ;;
esac
packages=$(missing_packages)
[ -n "$packages" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "install-deps.sh: not Debian (no apt-get); missing, by Debian's names: $packages" >&2
  exit 1
fi
if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null 2>&1; then
  echo "install-deps.sh: some packages are missing, and there is no sudo to install them with.  As root:" >&2
  echo "    $(shell_quote "$TOP/deploy/install-deps.sh") $purpose" >&2
  echo "which installs: $(echo "$packages" | sed 's/-ANY//' | tr '\n' ' ')" >&2
  exit 1
fi
as_root apt-get -q update
case $packages in
  *ANY*)
    version=$(apt-cache depends postgresql | sed -n 's/.*Depends: postgresql-\([0-9][0-9]*\)$/\1/p')
    packages=$(echo "$packages" | sed "s/ANY/$version/")
    ;;
esac
echo "installing Debian packages: $(echo "$packages" | tr '\n' ' ')"
# shellcheck disable=SC2086 # one word a package
as_root apt-get -q -y --no-install-recommends install $packages

packages=$(missing_packages)
if [ -n "$packages" ]; then
  echo "install-deps.sh: still missing after the installation: $(echo "$packages" | tr '\n' ' ')" >&2
  exit 1
fi
