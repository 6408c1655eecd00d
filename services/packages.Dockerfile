# An image of this run with other versions of packages. The lab makes its build context: sets.json, lock files,
# wheels and source folders, and the code that makes a folder of packages on a host, too.
ARG BASE

# hadolint ignore=DL3006
FROM ${BASE} AS made
USER 0:0
# A source may have to be compiled; the lab's images have no compiler.
RUN --mount=type=bind,target=/context \
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
