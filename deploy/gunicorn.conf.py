"""gunicorn: a few processes with threads, so that long uploads do not block each other."""

import os

workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
worker_class = "gthread"
threads = int(os.environ.get("WEB_THREADS", "8"))
# A thread that waits for a slow client is no dead worker; the heartbeat comes from the main loop.
timeout = 120
graceful_timeout = 5
keepalive = 30
# Nothing is written outside the data folder.
worker_tmp_dir = "/dev/shm"  # noqa: S108  (unlinked as soon as it is opened)
control_socket_disable = True
accesslog = None
