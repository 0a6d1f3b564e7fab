# The HTTP interface.  Build it from the top of the checkout:
#   docker build -f deploy/containers/edurange-shim.Dockerfile -t edurange-shim .
# BASE is Debian 12 or a descendant of it; both stages use the same.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
COPY . /src
RUN /src/deploy/containers/build.sh

FROM ${BASE}
COPY --from=build /src/build/deb/edurange-shim_*.deb /packages/
COPY deploy/containers/install-shim.sh deploy/containers/shim-health.sh /packages/
RUN /packages/install-shim.sh
USER 10001:10001
ENV EDURANGE_HOST=::
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s CMD ["/usr/local/bin/edurange-shim-health"]
ENTRYPOINT ["/usr/bin/edurange_shim"]
