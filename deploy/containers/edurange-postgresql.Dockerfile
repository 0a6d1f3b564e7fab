# PostgreSQL with the extension and its worker, and the program that prepares a database.  Build it from the top
# of the checkout:
#   docker build -f deploy/containers/edurange-postgresql.Dockerfile -t edurange-postgresql .
# BASE is Debian 12 or a descendant of it; both stages use the same.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
COPY . /src
RUN /src/deploy/containers/build.sh

FROM ${BASE}
COPY --from=build /src/build/deb/postgresql-*-edurange_*.deb /packages/
COPY deploy/containers/install-postgresql.sh deploy/containers/postgresql-entrypoint.sh deploy/containers/migrate.sh /packages/
RUN /packages/install-postgresql.sh
USER 10002:10002
ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin
ENV PGDATA=/var/lib/postgresql/data/pgdata
EXPOSE 5432
STOPSIGNAL SIGINT
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["pg_isready", "-q", "-h", "/run/postgresql"]
ENTRYPOINT ["/usr/local/bin/edurange-postgresql"]
