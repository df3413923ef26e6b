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

DATABASE = DATABASES["default"]  # noqa: F405
if DATABASE["ENGINE"].endswith("sqlite3"):
    # A file, so that worker processes of a test can share it; it need not survive a power cut.
    DATABASE["TEST"] = {"NAME": f"{TEST_DIR}/test.sqlite3"}
    DATABASE["OPTIONS"]["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
# Manifests belong to collectstatic, which the unit tests do not run.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
