#!/bin/sh
# make deb: the Debian packages of this checkout for the PostgreSQL of PG_CONFIG, made in build/deb/ from a copy
# of the sources and deploy/debian/.  DEBFULLNAME and DEBEMAIL name the maintainer; SOURCE_DATE_EPOCH dates them.
set -eu
umask 022
TOP=$(cd "$(dirname "$0")/.." && pwd -P)
# shellcheck source=deploy/lib.sh
. "$TOP/deploy/lib.sh"

"$TOP/deploy/install-deps.sh" deb
PGVERSION=$("$PG_CONFIG" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
version=$(sed -n "s/^default_version = '\(.*\)'/\1/p" "$TOP/edurange.control")
maintainer="${DEBFULLNAME:-the edurange authors} <${DEBEMAIL:-edurange@$(hostname -f 2>/dev/null || hostname)}>"
epoch=${SOURCE_DATE_EPOCH:-$(git -C "$TOP" log -1 --format=%ct 2>/dev/null || stat -c %Y "$TOP/CHANGELOG.md")}
out=$TOP/build/deb
tree=$out/edurange-$version

# The tree to build in: sources alone, without what was built from them.
rm -rf "$out"
mkdir -p "$tree/debian"
(cd "$TOP" && tar -cf - --exclude='*.o' --exclude='*.so' --exclude='*.d' --exclude='*.bc' --exclude='*.a' \
  --exclude='*.made.c' --exclude=make_documents --exclude=edurange_shim --exclude=.built-with \
  Makefile edurange.control LICENSE README.md CHANGELOG.md extension schema shim syncworker docs deploy) | tar -xf - -C "$tree"

fill() {
  sed -e "s|@PGVERSION@|$PGVERSION|g" -e "s|@MAINTAINER@|$maintainer|g" "$1"
}
cp -R "$TOP/deploy/debian/." "$tree/debian/"
rm "$tree/debian"/*.in
for file in "$TOP/deploy/debian"/*.in; do
  name=$(basename "$file" .in)
  fill "$file" >"$tree/debian/$(printf '%s' "$name" | sed "s/^postgresql-extension/postgresql-$PGVERSION-edurange/")"
done

# What LICENSE and CHANGELOG.md say already is taken from there.
sed -n 's/^Copyright (c) /Copyright: /p' "$TOP/LICENSE" >"$out/copyright"
sed '1,/^Copyright/d' "$TOP/LICENSE" | sed '1{/^$/d}; s/^$/./; s/^/ /' >"$out/license"
sed -i -e "/@COPYRIGHT@/{r $out/copyright
d}" -e "/@LICENSE@/{r $out/license
d}" "$tree/debian/copyright"
cat >"$tree/debian/changelog" <<TXT
edurange ($version-1) unstable; urgency=medium

  * Version $version; /usr/share/doc/edurange-shim/changelog.gz says what is new.

 -- $maintainer  $(date -u -R -d "@$epoch")
TXT

cd "$tree"
SOURCE_DATE_EPOCH=$epoch dpkg-buildpackage --build=binary --no-sign --jobs-try=2
say "packages:"
ls "$out"/*.deb
