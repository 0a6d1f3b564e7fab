#!/bin/sh
# The build stage of both images: the Debian packages, with everything that makes them.
set -eu
cd "$(dirname "$0")/../.."
export DEBIAN_FRONTEND=noninteractive DEB_BUILD_OPTIONS=noautodbgsym
apt-get -q update
apt-get -q -y --no-install-recommends install make
make deb
