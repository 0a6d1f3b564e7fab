#!/bin/sh
# The last stage of the image of the shim: its package, under the user id that the image names, and the question
# whether it lives.
set -eu
export DEBIAN_FRONTEND=noninteractive
addgroup --quiet --system --gid 10001 edurange_shim
adduser --quiet --system --uid 10001 --gid 10001 --no-create-home --home /nonexistent edurange_shim
apt-get -q update
apt-get -q -y --no-install-recommends install /packages/edurange-shim_*.deb
install -m 755 /packages/shim-health.sh /usr/local/bin/edurange-shim-health
apt-get clean
rm -rf /packages /var/lib/apt/lists/*
