# An image of this run with other versions of packages. The lab makes its build context: sets.json, lock files,
# wheels and source folders, and the code that makes a folder of packages on a host, too.
ARG BASE

# hadolint ignore=DL3006
FROM ${BASE} AS made
# hadolint ignore=DL3002
USER 0:0
# Sources are built where they are, so the context may be written to; nothing of that is kept.
RUN --mount=type=bind,target=/context,rw \
    --mount=type=cache,target=/pip-cache --mount=type=secret,id=pip-config \
    PIP_CONFIG_FILE=/run/secrets/pip-config sh /context/make-folders

# hadolint ignore=DL3006
FROM ${BASE} AS client
COPY --from=made /opt/packages /opt/packages

# hadolint ignore=DL3006
FROM ${BASE} AS server
COPY --from=made /opt/packages /opt/packages
ARG NAME
ENV PATH=/opt/packages/${NAME}/bin:$PATH PYTHONPATH=$PYTHONPATH:/opt/packages/${NAME}
