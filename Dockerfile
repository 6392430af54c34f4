# One image for every role: the command says which (worker, alerting, replay, doctor, ...).
FROM python:3.12-slim AS build
WORKDIR /src
RUN python -m venv /opt/heartline
COPY requirements/runtime.txt requirements/runtime.txt
RUN apt-get update \
 && apt-get install -y --no-install-recommends gcc libc6-dev \
 && /opt/heartline/bin/pip install --no-cache-dir --require-hashes -r requirements/runtime.txt \
 && /opt/heartline/bin/pip install --no-cache-dir "hatchling>=1.27"
COPY pyproject.toml README.md LICENSE ./
COPY stream stream
COPY alerts alerts
COPY consumers consumers
COPY heartline heartline
RUN /opt/heartline/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/heartline --create-home heartline \
 && install --directory --owner heartline --mode 700 /var/lib/board
COPY --from=build /opt/heartline /opt/heartline
ENV PATH=/opt/heartline/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
WORKDIR /var/lib/heartline
ENTRYPOINT ["heartline"]
CMD ["--help"]
