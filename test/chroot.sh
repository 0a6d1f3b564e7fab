#!/bin/sh
# A Debian system in a folder, for tests that install packages: test/chroot.sh SUITE PACKAGE..., or
# test/chroot.sh SUITE --server VERSION for that PostgreSQL with all that building needs.
# Prints the folder.  It is made once for a suite and set of packages and kept below /var/tmp between
# runs (`rm -rf /var/tmp/edurange-chroot-*` frees the space); a test works in a copy of it, or cleans up
# after itself.  Needs root and debootstrap.
set -eu
suite=$1
shift
if [ "${1:-}" = --server ]; then
  set -- "postgresql-$2" "postgresql-server-dev-$2" gcc make perl pkg-config libpq-dev libcurl4-openssl-dev \
    libjansson-dev libmicrohttpd-dev libssl-dev libunistring-dev zlib1g-dev
fi
key=$(printf '%s\n' "$@" | sort | sha256sum | cut -c 1-8)
root=/var/tmp/edurange-chroot-$suite-$key
mirror=$(sed -n 's/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\).*/\2/p; s/^URIs: *\([^ ]*\).*/\1/p' \
  /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1)

# Of the release that this machine has, the same packages as here: with updates.
security=$(sed -n 's/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*security[^ ]*\) .*/\2/p; s/^URIs: *\([^ ]*security[^ ]*\).*/\1/p' \
  /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1)
here=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)

[ -n "$mirror" ] || { echo "chroot.sh: no Debian mirror in /etc/apt" >&2; exit 1; }
exec 7>"/var/tmp/edurange-chroot-$suite.lock"
flock 7
if [ ! -f "$root/complete" ]; then
  rm -rf "$root"
  # A suite that is younger than debootstrap is made as unstable is.
  script=/usr/share/debootstrap/scripts/$suite
  [ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
  debootstrap --variant=minbase "$suite" "$root" "$mirror" "$script" >&2
  # Nothing starts a server while packages are installed.
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod 755 "$root/usr/sbin/policy-rc.d"
  for file in /etc/apt/apt.conf.d/*proxy*; do
    [ ! -f "$file" ] || cp "$file" "$root/etc/apt/apt.conf.d/"
  done
  # A mirror may be a picture of an earlier day.
  echo 'Acquire::Check-Valid-Until "false";' >"$root/etc/apt/apt.conf.d/90-mirror"
  # Some packages read /proc while they are configured.
  mount -t proc proc "$root/proc"
  trap 'umount "$root/proc"' EXIT
  trap 'exit 130' INT TERM HUP
  if [ "$suite" = "$here" ] && [ -n "$security" ]; then
    printf 'deb %s %s main\n' "$mirror" "$suite-updates" "$security" "$suite-security" >>"$root/etc/apt/sources.list"
    chroot "$root" apt-get -q update >&2
    env DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get -q -y --no-install-recommends upgrade >&2
  fi
  [ $# -eq 0 ] || env DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get -q -y --no-install-recommends install \
    "$@" >&2
  umount "$root/proc"
  trap - EXIT
  touch "$root/complete"
fi
printf '%s\n' "$root"
