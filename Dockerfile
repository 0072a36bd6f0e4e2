# One image for every process: web (the default), `manage.py sequencer`, and the two Celery workers. Run it with --init.
FROM debian:12-slim
RUN apt-get update -q \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
      python3 python3-venv openssl libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --create-home --home-dir /srv/imprimatur imprimatur
COPY requirements.lock /app/requirements.lock
RUN python3 -m venv /opt/imprimatur \
 && /opt/imprimatur/bin/pip install -q --no-cache-dir --no-deps --only-binary :all: --require-hashes -r /app/requirements.lock
COPY . /app
WORKDIR /app
ENV PATH=/opt/imprimatur/bin:$PATH IMPRIMATUR_BOOTSTRAP=off IMPRIMATUR_MODE=production IMPRIMATUR_VAR=/srv/imprimatur/var PYTHONUNBUFFERED=1
USER imprimatur
EXPOSE 8000
HEALTHCHECK CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=3)"]
CMD ["python", "manage.py", "serve", "--host", "0.0.0.0", "--port", "8000"]
