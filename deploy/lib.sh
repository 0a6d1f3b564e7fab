# shellcheck shell=sh
# Shared by the scripts that run servers from this checkout (deploy/run.sh, test/run.sh): where
# things are, which user the servers run as, and what a staged PostgreSQL needs in its
# configuration.  The including script sets TOP, the checkout.

PG_CONFIG=${PG_CONFIG:-pg_config}
MAKE=${MAKE:-make}

say() { printf '%s\n' "$*"; }
fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

# A text as one word of shell.
shell_quote() { printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"; }

# A text as a value in postgresql.conf.
conf_quote() { printf "'%s'" "$(printf '%s' "$1" | sed "s/'/''/g")"; }

# PostgreSQL refuses to run as root, so root runs the servers as "postgres"; anybody else as
# themselves.  Sets SERVER_USER.
choose_user() {
  SERVER_USER=$(id -un)
  [ "$(id -u)" -ne 0 ] || SERVER_USER=postgres
}

# Runs a command as SERVER_USER, in the same process where no change of user is needed.
as_user() {
  if [ "$(id -u)" -eq 0 ]; then
    setpriv --reuid="$SERVER_USER" --regid="$SERVER_USER" --init-groups -- "$@"
  else
    "$@"
  fi
}

# Can SERVER_USER enter and read this folder?  Every folder above it counts too.
user_can_reach() { as_user test -r "$1" && as_user test -x "$1"; }

# Fails on a symbolic link and on a folder with another owner, who can have prepared it, and says $2, what else can
# be done.
check_own_dir() {
  [ ! -L "$1" ] || fail "$1 is a symbolic link; remove it${2:+, or $2}"
  if [ -e "$1" ] && [ ! -O "$1" ]; then
    fail "$1 belongs to $(stat -c %U "$1"), not to $(id -un): remove it as that user${2:+, or $2}"
  fi
}

# A folder of the caller's that nobody else can have prepared, with mode $2.
make_own_dir() {
  check_own_dir "$1"
  [ -d "$1" ] || (umask 077 && mkdir -p "$(dirname "$1")" && mkdir "$1")
  chmod "$2" "$1"
}

# Where a run directory lives that SERVER_USER cannot reach: one folder per run directory, always
# the same, so that it is found again.
var_tmp_dir() { printf '/var/tmp/edurange-%s' "$(printf '%s' "$1" | sha256sum | cut -c 1-12)"; }

# Fails where somebody else built here before, so that this user cannot.
check_buildable() {
  other=$(cd "$TOP" && find build extension shim syncworker test/instance_manager \
    \( -path 'build*' -o -name '*.[do]' -o -name '*.so' \) ! -type l ! -writable -print -quit 2>/dev/null) || true
  [ -z "$other" ] || fail "$TOP/$other belongs to $(stat -c %U "$TOP/$other"), and $(id -un) cannot build over it:" \
    "make clean as that user, or use a checkout of your own"
}

# Builds everything, naming each file, and installs it below $1; two runs from one checkout do not build at once.
# With EDURANGE_STAGE, that finished stage is copied instead.
build_and_stage() {
  if [ -n "${EDURANGE_STAGE:-}" ]; then
    rm -rf "$1"
    cp -R "$EDURANGE_STAGE" "$1"
    return
  fi
  check_buildable
  # By another name, because PGXS knows no quotes in a path.
  link=$(mktemp -d)
  mkdir -p "$1"
  ln -s "$(cd "$1" && pwd -P)" "$link/stage"
  built=0
  flock "$TOP" "$MAKE" -C "$TOP" --no-print-directory -s -j2 all simulator install "DESTDIR=$link/stage" \
    SHIM_BINDIR=/usr/local/bin SHOW=yes || built=$?
  rm -r "$link"
  [ "$built" -eq 0 ] || fail "it does not build"
  install -m 755 "$TOP/test/instance_manager/edurange_instance_manager" "$1/usr/local/bin/"
}

# Copies sources of the checkout, given by their paths in it, below $1, where they may be newer copies of
# before; a C file there that the checkout does not have any more, and none that make makes, goes with its object
# and with the libraries.
copy_sources() {
  copy=$1
  shift
  mkdir -p "$copy"
  (cd "$TOP" && cp -pu --parents "$@" "$copy/")
  (cd "$copy" && find . -name '*.[ch]' ! -name '*.made.c') | while read -r source; do
    [ -e "$TOP/$source" ] || rm -f "$copy/$source" "$copy/${source%.c}.o" "$copy/edurange.so" "$copy"/syncworker/*.so
  done
}

# Prints the settings with which PostgreSQL finds the extension below the stage $1 instead of in the
# system's folders.
staged_conf() {
  if "$("$PG_CONFIG" --bindir)/postgres" --describe-config |
    cut -f 1 | grep -x extension_destdir >/dev/null; then
    say "extension_destdir = $(conf_quote "$1")"
  else
    say "extension_control_path = $(conf_quote "$1$("$PG_CONFIG" --sharedir):\$system")"
  fi
  say "dynamic_library_path = $(conf_quote "$1$("$PG_CONFIG" --pkglibdir):\$libdir")"
  say "shared_preload_libraries = 'edurange'"
}

# Of lines "ADDRESS PORT VARIABLE" says which cannot be listened on, why, and what to set: VARIABLE, or EDURANGE_HOST
# where it is the address.  Listens for a moment, as SERVER_USER where that is installed already, which is the only true
# answer.
unusable_ports() {
  whoever=as_user
  id "$SERVER_USER" >/dev/null 2>&1 || whoever=''
  # shellcheck disable=SC2016 # those are Perl's
  $whoever perl -MIO::Socket::IP -ne '
    my ($address, $port, $variable) = split;
    next if IO::Socket::IP->new(LocalHost => $address, LocalPort => $port, Listen => 1, ReuseAddr => 1);
    my $why = $!{EACCES} ? "ports below 1024 need rights that are not used here" : $!;
    # where no port can be had, it is the address
    print IO::Socket::IP->new(LocalHost => $address, Listen => 1)
      ? "port $port on $address cannot be used ($why): set $variable to another port\n"
      : "$address cannot be used ($@): set EDURANGE_HOST to an address of this machine\n"'
}
