"""Settings: defaults that hold, secrets that stay, folders that must be writable."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from accounts.models import User
from dfd_platform.conf import MAX_SOCKET_PATH, embedded_redis_socket, generated_secret


def test_generated_secret_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "key"

    first = generated_secret(path)

    assert len(first) >= 48
    assert generated_secret(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["key"]


def test_generated_secret_names_the_folder_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(ImproperlyConfigured, match="DFD_DATA_DIR"):
        generated_secret(tmp_path / "file" / "key")


def test_long_data_dir_gets_a_short_socket_path(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)

    socket = embedded_redis_socket(deep)

    assert len(os.fsencode(socket)) <= MAX_SOCKET_PATH
    assert socket != embedded_redis_socket(deep / "other")
    assert embedded_redis_socket(Path("/srv/dfd")) == Path("/srv/dfd/redis.sock")


def test_redis_fixture_answers(redis_server: str) -> None:
    import django_rq

    queue = django_rq.get_queue("inference")
    job = queue.enqueue("os.getcwd")

    assert queue.job_ids == [job.id]


@pytest.mark.django_db(transaction=True)
def test_transactional_test_leaves_rows_behind(alice: User) -> None:
    assert User.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_next_transactional_test_starts_from_the_migrated_database() -> None:
    assert User.objects.count() == 0


@pytest.mark.parametrize(
    ("environment", "demanded"),
    [
        ({}, "False"),
        ({"DFD_HTTPS": "True"}, "True"),
        ({"DFD_HTTPS": "True", "DFD_REQUIRE_MFA": "False"}, "False"),
        ({"DFD_REQUIRE_MFA": "True"}, "True"),
    ],
)
def test_a_site_behind_tls_demands_a_second_factor(
    environment: dict[str, str], demanded: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from dfd_platform.settings import DFD; print(DFD.require_mfa)"],
        env={"PATH": os.environ["PATH"], "DFD_ENV_FILE": "", "DFD_DATA_DIR": str(tmp_path)}
        | environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == demanded
