#!/bin/sh
# The other versions of PostgreSQL that Debian has, 17 and 18, each in a Debian system in a folder: builds with
# that system's compiler without a warning (they are errors), and passes regress, isolation, trust, plans, dump and
# restore, the worker's and the HTTP service's tests (deploy/install-deps.sh adds what these need).  Run as
# root by make test-long; the folders are kept below /var/tmp.
set -eu
TOP=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source=deploy/lib.sh
. "$TOP/deploy/lib.sh"
[ "$(id -u)" -eq 0 ] || fail "postgresql_versions.sh: needs root, for chroot"

root=''
release() { [ -z "$root" ] || ! mountpoint -q "$root/proc" || umount "$root/proc"; }
trap release EXIT
trap 'exit 130' INT TERM HUP

# One Debian release with its version of PostgreSQL.
try() {
  release
  root=$("$TOP/test/chroot.sh" "$1" --server "$2")
  mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
  rm -rf "$root/versions"
  mkdir "$root/versions"
  (cd "$TOP" && tar -cf - --exclude='*.o' --exclude='*.so' --exclude='*.d' --exclude=./build --exclude='./.*' \
    --exclude=edurange_shim --exclude=edurange_instance_manager .) | tar -xf - -C "$root/versions" --no-same-owner
  for suites in 'regress isolation' tap installcheck; do
    tests=''
    case $suites in
      tap) tests='020_ 021_ 031_ 033_ 034_ 043_backups 053_upgrade 067_ 073_plans _trust_' ;;
      installcheck) suites=tap tests=046_pgxs ;;
    esac
    say "---- Debian $1, PostgreSQL $2: $suites"
    chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 EDURANGE_SANITIZE=no EDURANGE_INSTALLCHECK=all \
      make -C /versions --no-print-directory -s test "PG_CONFIG=/usr/lib/postgresql/$2/bin/pg_config" \
      "SUITES=$suites" "TESTS=$tests"
  done
}

try trixie 17
try forky 18
