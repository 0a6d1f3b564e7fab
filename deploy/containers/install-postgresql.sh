#!/bin/sh
# The last stage of the image of PostgreSQL: its package with the extension, under the user id that the image
# names, and the two programs of the image.
set -eu
export DEBIAN_FRONTEND=noninteractive
addgroup --quiet --system --gid 10002 postgres
adduser --quiet --system --uid 10002 --gid 10002 --home /var/lib/postgresql --no-create-home --shell /bin/sh postgres
apt-get -q update
# The package would make a cluster; the image makes its own where PGDATA says.
mkdir -p /etc/postgresql-common
echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
apt-get -q -y --no-install-recommends -o Dpkg::Options::=--force-confold install \
  /packages/postgresql-*-edurange_*.deb
install -m 755 /packages/postgresql-entrypoint.sh /usr/local/bin/edurange-postgresql
install -m 755 /packages/migrate.sh /usr/local/bin/edurange-migrate
install -d -o postgres -g postgres -m 700 /var/lib/postgresql/data
install -d -o postgres -g postgres -m 3775 /run/postgresql
apt-get clean
rm -rf /packages /var/lib/apt/lists/*
