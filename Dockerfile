# One image for every role: docker run patriot:local run ROLE

FROM python:3.13-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/patriot
COPY requirements.lock ./
RUN /opt/patriot/bin/pip install --quiet --require-hashes -r requirements.lock
COPY pyproject.toml README.md ./
COPY domain domain
COPY projections projections
COPY adapters adapters
COPY api api
COPY replay replay
COPY infra infra
RUN /opt/patriot/bin/pip install --quiet --no-deps --no-build-isolation --no-index .

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home patriot && install -d -o patriot -m 0700 /data /data/snapshots
COPY --from=build /opt/patriot /opt/patriot
# What is true in a container: all its addresses are its own, and its log is read by a collector.
ENV PATH=/opt/patriot/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PATRIOT_HOST=0.0.0.0 \
    PATRIOT_DATA_DIR=/data \
    PATRIOT_LOG_JSON=true
USER patriot
WORKDIR /data
EXPOSE 8080
ENTRYPOINT ["patriot"]
CMD ["--help"]
