"""The inference worker: an RQ worker that computes in its own process with resident models.

RQ's default forks for every job, which would load the models again each time and break CUDA.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.db import connections
from redis import Redis
from redis.client import Pipeline
from rq import Queue, SimpleWorker, Worker, worker_registration
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.worker import BaseWorker

from detection.interruption import Interruptible, Pulse, Reason

logger = logging.getLogger(__name__)

# Seconds after which Redis forgets a worker that no longer answers; RQ adds 60.
WORKER_TTL_S = 30


def worker_name(role: str) -> str:
    """``role-host-pid-xxxx``: never the name of an earlier process, even with the same pid."""
    return f"{role}-{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}"


class ReadyMixin(BaseWorker):
    """Says "worker ready" when it takes jobs and keeps its pid in ``ready_file`` meanwhile."""

    ready_file: Path | None = None

    def bootstrap(self, *arguments: Any, **options: Any) -> None:
        super().bootstrap(*arguments, **options)
        if self.ready_file is not None:
            self.ready_file.parent.mkdir(parents=True, exist_ok=True)
            self.ready_file.write_text(f"{os.getpid()}\n")
        print(f"{self.name}: worker ready", flush=True)

    def teardown(self) -> None:
        if self.ready_file is not None:
            self.ready_file.unlink(missing_ok=True)
        super().teardown()  # type: ignore[no-untyped-call]

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """Register again when Redis was flushed, then beat as usual."""
        if pipeline is None and not self.connection.sismember(self.redis_workers_keys, self.key):
            self._register_again()
        super().heartbeat(timeout, pipeline)

    def _register_again(self) -> None:
        if self.birth_date is None or self.last_heartbeat is None:
            return
        with self.connection.pipeline() as pipeline:
            pipeline.hset(self.key, mapping=self.serialize())
            pipeline.hset(self.key, "state", self.get_state())
            worker_registration.register(self, pipeline)
            pipeline.execute()


class InferenceWorker(ReadyMixin, SimpleWorker):
    """Runs analyses one after the other in this process; the models stay loaded between them."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # The beating thread must not meet a job whose record is just being cleaned up.
        self._record_lock = threading.RLock()

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run ``job`` here, with a thread that tells Redis every few seconds that we live."""
        self.prepare_execution(job)
        with Pulse(settings.DFD.heartbeat_s, lambda: self.maintain_heartbeats(job)):
            self.perform_job(job, queue)
        self.set_state("idle")

    def maintain_heartbeats(self, job: Job) -> None:
        """Beat for ``job``, unless it has ended since the thread woke up."""
        with self._record_lock:
            if self.execution is not None:
                super().maintain_heartbeats(job)

    def cleanup_execution(self, job: Job, pipeline: Pipeline) -> None:
        """Forget the record of a job that ended, never in the middle of a beat."""
        with self._record_lock:
            super().cleanup_execution(job, pipeline)

    def get_heartbeat_ttl(self, _job: Job) -> int:
        """Seconds without a beat after which the job counts as abandoned; beats come by thread."""
        return int(WORKER_TTL_S + 60)

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Warm shutdown: finish the job if it ends in time, else give it back to the queue."""
        block = Interruptible.current
        if block is not None:
            timer = threading.Timer(
                settings.DFD.shutdown_grace_s, block.interrupt, args=[Reason.STOPPING]
            )
            timer.daemon = True
            timer.start()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]


class LightWorker(ReadyMixin, Worker):
    """Runs short jobs (exports, checks), each in a fork of its own."""

    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        """Fork without open database connections: two processes must not share one."""
        connections.close_all()
        super().fork_work_horse(job, queue)


def start(worker_class: type[ReadyMixin], queue: str, ready_file: Path | None) -> None:
    """Work on ``queue`` until SIGTERM or SIGINT. Raises redis ConnectionError without Redis."""
    from django_rq import get_connection

    connection: Redis = get_connection(queue)
    connection.ping()
    worker = worker_class(
        [Queue(queue, connection=connection, serializer=JSONSerializer)],
        name=worker_name(queue),
        connection=connection,
        serializer=JSONSerializer,
        worker_ttl=WORKER_TTL_S,
        job_monitoring_interval=WORKER_TTL_S,
    )
    worker.ready_file = ready_file
    worker.work(logging_level=None)
