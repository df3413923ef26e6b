# One image for every process; docker-compose.yml chooses which one a container runs.
FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /app
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY . .

# Keys and evidence belong to the volume, never to the image: this folder is thrown away.
RUN DFD_DATA_DIR=/tmp/build DFD_STATIC_ROOT=/app/staticfiles \
        python manage.py collectstatic --no-input --verbosity 0 \
    && rm -rf /tmp/build \
    && useradd --uid 10001 --home-dir /data --shell /usr/sbin/nologin dfd \
    && install --directory --owner dfd --mode 0700 /data
USER dfd
ENV DFD_DATA_DIR=/data DFD_STATIC_ROOT=/app/staticfiles
VOLUME /data
EXPOSE 8000
CMD ["gunicorn", "--config", "deploy/gunicorn.conf.py", "--bind", "0.0.0.0:8000", "dfd_platform.wsgi:application"]
