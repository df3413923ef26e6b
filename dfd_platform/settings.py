"""Django settings. Every value a deployment may change comes from the environment.

``.env.example`` lists the variables. Any of them may be given as ``NAME_FILE=/path`` instead, so
secrets can be mounted as files.
"""

from __future__ import annotations

import logging
import os
import sys
from datetime import timedelta
from pathlib import Path

import django_stubs_ext
import environ
from csp.constants import NONCE, NONE, SELF

from dfd_platform.conf import PlatformSettings, embedded_redis_socket, generated_secret
from dfd_platform.logs import logging_config

# Lets annotated classes such as ModelAdmin[Case] exist at run time.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.FileAwareEnv()
environ.Env.read_env(os.environ.get("DFD_ENV_FILE", str(BASE_DIR / ".env")))

# --- the platform's own settings

DATA_DIR = Path(env.str("DFD_DATA_DIR", default=str(BASE_DIR / "var"))).expanduser().resolve()
WEIGHTS_DIR = env.str("DFD_WEIGHTS_DIR", default="")
INBOX_DIR = env.str("DFD_INBOX_DIR", default="")

DFD = PlatformSettings(
    data_dir=DATA_DIR,
    evidence_location=env.str("DFD_EVIDENCE_STORE", default=""),
    artefact_location=env.str("DFD_ARTEFACT_STORE", default=""),
    max_upload_bytes=env.int("DFD_MAX_UPLOAD_BYTES", default=20 * 1024**3),
    case_quota_bytes=env.int("DFD_CASE_QUOTA_BYTES", default=0),
    upload_expiry_hours=env.int("DFD_UPLOAD_EXPIRY_HOURS", default=24),
    clamd=env.str("DFD_CLAMD", default=""),
    keep_derived=env.bool("DFD_KEEP_DERIVED", default=False),
    weights_dir=Path(WEIGHTS_DIR) if WEIGHTS_DIR else None,
    inbox_dir=Path(INBOX_DIR) if INBOX_DIR else None,
    device=env.str("DFD_DEVICE", default="auto"),
    profile=env.str("DFD_PROFILE", default="standard"),
    require_approved_weights=env.bool("DFD_REQUIRE_APPROVED_WEIGHTS", default=False),
    heartbeat_s=env.float("DFD_HEARTBEAT_S", default=5.0),
    analysis_timeout_s=env.int("DFD_ANALYSIS_TIMEOUT_S", default=3600),
    shutdown_grace_s=env.float("DFD_SHUTDOWN_GRACE_S", default=6.0),
    max_attempts=env.int("DFD_MAX_ATTEMPTS", default=3),
    ledger_origin=env.str("DFD_LEDGER_ORIGIN", default="dfd-platform.local/ledger"),
    ledger_key=env.str("DFD_LEDGER_KEY", default=""),
    checkpoint_every=env.int("DFD_CHECKPOINT_EVERY", default=1000),
    timestamp_authority=env.str("DFD_TIMESTAMP_AUTHORITY", default=""),
    timestamp_roots=env.str("DFD_TIMESTAMP_ROOTS", default=""),
    api_key_peppers=env.str("DFD_API_KEY_PEPPERS", default=""),
    quotas={
        "bytes": env.int("DFD_QUOTA_BYTES", default=0),
        "analyses": env.int("DFD_QUOTA_ANALYSES", default=0),
    },
    # A site behind TLS is one that people work on; on one's own machine a password will do.
    require_mfa=env.bool("DFD_REQUIRE_MFA", default=env.bool("DFD_HTTPS", default=False)),
    trusted_proxies=tuple(env.list("DFD_TRUSTED_PROXIES", default=[])),
    webhook_http=env.bool("DFD_WEBHOOK_HTTP", default=False),
    webhook_ports=tuple(int(port) for port in env.list("DFD_WEBHOOK_PORTS", default=[443, 8443])),
    webhook_networks=tuple(env.list("DFD_WEBHOOK_NETWORKS", default=[])),
    report_certificate=env.str("DFD_REPORT_CERTIFICATE", default=""),
    report_certificate_passphrase=env.str("DFD_REPORT_CERTIFICATE_PASSPHRASE", default=""),
)

# Where the site listens; PORT stays text so that a bad one gets a plain message.
HOST = env.str("HOST", default="127.0.0.1")
PORT = env.str("PORT", default="8000")

# --- Django

SECRET_KEY = env.str("DFD_SECRET_KEY", default="") or generated_secret(
    DATA_DIR / "keys" / "django-secret-key"
)
DEBUG = env.bool("DFD_DEBUG", default=False)
ALLOWED_HOSTS = env.list("DFD_ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("DFD_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "dfd_platform",
    "webhooks",
    "reports",
    "detection",
    "cases",
    "audit",
    "accounts",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "axes",
    "csp",
    "django_filters",
    "django_htmx",
    "django_rq",
    "django_structlog",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "dfd_platform.middleware.request_id_header",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.RecordRefusals",
    "accounts.middleware.require_second_factor",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "dfd_platform.urls"
WSGI_APPLICATION = "dfd_platform.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [DATA_DIR / "templates", BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
            ],
        },
    }
]

# --- data

DATABASES = {
    "default": env.db_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'db.sqlite3'}"),
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # IMMEDIATE takes the write lock at BEGIN: a busy database makes writers wait, never fail
    # half-way. FULL: a ledger row that was acknowledged survives a power cut.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 30,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

EMBEDDED_REDIS = not env.str("REDIS_URL", default="")
REDIS_URL = env.str("REDIS_URL", default="") or f"unix://{embedded_redis_socket(DATA_DIR)}"

RQ_SERIALIZER = "rq.serializers.JSONSerializer"
RQ_QUEUES = {
    "inference": {
        "URL": REDIS_URL,
        # The worker stops an analysis itself and says why; RQ's limit is only the backstop.
        "DEFAULT_TIMEOUT": DFD.analysis_timeout_s + 300,
        "SERIALIZER": RQ_SERIALIZER,
    },
    "light": {"URL": REDIS_URL, "DEFAULT_TIMEOUT": 600, "SERIALIZER": RQ_SERIALIZER},
}
RQ = {"COMMIT_MODE": "on_db_commit"}

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "cache",
    }
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024**2
FILE_UPLOAD_TEMP_DIR = env.str("DFD_UPLOAD_TEMP_DIR", default="") or None

# --- people

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "accounts.adapters.SocialAccountAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = "DFD Platform"
# allauth guards against strangers who sign up with another's address; here nobody signs up, and a
# site without a mail server could never verify one.
MFA_ALLOW_UNVERIFIED_EMAIL = True
SOCIALACCOUNT_ONLY = False
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {"APPS": env.json("DFD_OIDC_APPS", default=[])},
}
AXES_USERNAME_CALLABLE = "accounts.lockout.attempted_name"
AXES_CLIENT_IP_CALLABLE = "accounts.addresses.client_ip"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=30)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_HTTP_RESPONSE_CODE = 429
AXES_LOCKOUT_TEMPLATE = "429.html"
AXES_VERBOSE = False

EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
DEFAULT_FROM_EMAIL = env.str("DFD_FROM_EMAIL", default="dfd@localhost")

# --- language and time

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- static files

STATIC_URL = "static/"
STATIC_ROOT = env.str("DFD_STATIC_ROOT", default=str(BASE_DIR / "staticfiles"))
STATICFILES_DIRS = [BASE_DIR / "static"] if (BASE_DIR / "static").is_dir() else []
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "dfd_platform.static_files.HashedStaticFiles"},
}

# --- security

HTTPS = env.bool("DFD_HTTPS", default=False)
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        # The nonce is for wavesurfer's one <style> inside its shadow root.
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:", "blob:"],
        "media-src": [SELF, "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
        "manifest-src": [SELF],
    }
}

# --- API

API_RATES = {
    # Everything a key or a person asks for, and the routes that analyse in one request.
    "requests": env.str("DFD_RATE_REQUESTS", default="6000/hour"),
    "detections": env.str("DFD_RATE_DETECTIONS", default="100/hour"),
}
# Longest time that ``Prefer: wait=N`` is heeded, and the time without it.
API_MAX_WAIT_S = env.int("DFD_API_MAX_WAIT_S", default=60)
API_DEFAULT_WAIT_S = env.int("DFD_API_DEFAULT_WAIT_S", default=30)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.ApiKeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": [
        "accounts.api.parsers.Json",
        "rest_framework.parsers.FormParser",
        "accounts.api.parsers.Multipart",
    ],
    "DEFAULT_THROTTLE_CLASSES": ["accounts.api.throttles.CallerRate"],
    "DEFAULT_PAGINATION_CLASS": "accounts.api.pages.Pages",
    "DEFAULT_FILTER_BACKENDS": ["accounts.api.filters.Filters"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "accounts.api.problems.handle",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "DFD Platform API",
    "DESCRIPTION": "Cases, evidence, analyses and findings of the deepfake detection platform.",
    "VERSION": "1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "SERVERS": [{"url": "/"}],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "dfd_platform.api.schema.describe_errors",
    ],
    "PREPROCESSING_HOOKS": ["dfd_platform.api.schema.leave_out_doubles"],
    "ENUM_NAME_OVERRIDES": {
        "CaseStatus": "cases.models.Case.Status",
        "AnalysisStatus": "detection.models.AnalysisStatus",
        "MediaKind": "cases.models.Exhibit.Kind",
        "CustodyKind": "cases.models.CustodyEvent.Kind",
        "ReviewKind": "detection.models.ReviewKind",
    },
}

# --- logs

LOG_FORMAT = env.str("DFD_LOG_FORMAT", default="console" if sys.stderr.isatty() else "json")
# A refused request is the caller's business: information here, an entry in the ledger there.
DJANGO_STRUCTLOG_STATUS_4XX_LOG_LEVEL = logging.INFO
LOGGING = logging_config(log_format=LOG_FORMAT, level=env.str("DFD_LOG_LEVEL", default="INFO"))
