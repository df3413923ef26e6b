"""Settings of the test run: the platform's own, on a throw-away folder and without ``.env``."""

import atexit
import os
import shutil
import tempfile

TEST_DIR = tempfile.mkdtemp(prefix="dfd-test-")
atexit.register(shutil.rmtree, TEST_DIR, ignore_errors=True)

os.environ.update(
    DFD_ENV_FILE="",
    DFD_DATA_DIR=TEST_DIR,
    DFD_SECRET_KEY="test-secret-key-of-no-value-whatsoever-0123456789",
    DFD_API_KEY_PEPPERS="1:" + "5e" * 32,
    DFD_LOG_LEVEL="WARNING",
    OMP_NUM_THREADS="1",
)

from dfd_platform.settings import *  # noqa: E402, F403

# A file, so that worker processes of a test can share it; it need not survive a power cut.
DATABASES["default"]["TEST"] = {"NAME": f"{TEST_DIR}/test.sqlite3"}  # noqa: F405
DATABASES["default"]["OPTIONS"]["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"  # noqa: F405
# Manifests belong to collectstatic, which the unit tests do not run.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
