"""Settings: everything from the environment, every variable listed in `.env.example`. Insecure defaults only in demo mode."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import dj_database_url
import structlog
from django.core.exceptions import ImproperlyConfigured
from environs import FileAwareEnv

from apps.config import database

env = FileAwareEnv()
ROOT = Path(__file__).resolve().parents[2]
VAR = Path(env.str("IMPRIMATUR_VAR", str(ROOT / "var"))).expanduser().resolve()
VERSION = "0.1.0"
MODE = env.str("IMPRIMATUR_MODE", "development")
if MODE not in {"development", "demo", "production"}:
    raise ImproperlyConfigured(f"IMPRIMATUR_MODE is {MODE!r}; it must be development, demo or production")
DEMO = MODE == "demo"
PRODUCTION = MODE == "production"


# --- Who and where -------------------------------------------------------------------------------------------------
DEBUG = False
SECRET_KEY = env.str("SECRET_KEY") if PRODUCTION else env.str("SECRET_KEY", "insecure-outside-production-" + "0" * 40)
BASE_URL = env.str("BASE_URL", "http://127.0.0.1:8000").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]", "testserver"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", [BASE_URL] if BASE_URL.startswith("https") else [])
ORGANISATION_ZONE = env.str("ORGANISATION_ZONE", "UTC")
LOG_ORIGIN = env.str("LOG_ORIGIN", "imprimatur.local/log")

INSTALLED_APPS = [
    "apps.config",
    "apps.core",
    "apps.audit",
    "apps.accounts",
    "apps.catalog",
    "apps.registry",
    "apps.lineage",
    "apps.evidence",
    "apps.policy",
    "apps.workflow",
    "apps.gate",
    "apps.dossiers",
    "apps.examination",
    "apps.console",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.mfa",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "django_htmx",
    "template_partials",
    "heroicons",
]
INSTALLED_APPS = [
    name
    for name in INSTALLED_APPS
    if not name.startswith("apps.") or (ROOT / name.replace(".", "/") / "apps.py").exists()
]

MIDDLEWARE = [
    "apps.core.errors.RequestId",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "apps.accounts.middleware.RolesReadOnce",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "apps.accounts.middleware.PasswordAge",
    "django_htmx.middleware.HtmxMiddleware",
    "apps.core.moment.TimeTravel",
    "apps.core.errors.ErrorPages",
]
ROOT_URLCONF = "apps.config.urls"
WSGI_APPLICATION = "apps.config.wsgi.application"
APPEND_SLASH = False
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "apps.console.web.context.shell",
            ],
        },
    }
]

# --- Database: PostgreSQL only -----------------------------------------------------------------------------------------
DATABASE_URL = env.str("DATABASE_URL", "") or database.address()
DATABASES = {"default": dict(dj_database_url.parse(DATABASE_URL, conn_max_age=None))}
DATABASES["default"]["CONN_MAX_AGE"] = None
DATABASES["default"]["CONN_HEALTH_CHECKS"] = env.bool("DATABASE_HEALTH_CHECKS", False)
DATABASES["default"].setdefault("OPTIONS", {})
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- People and sessions ------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCOUNT_ADAPTER = "apps.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,5/300s/key"}
PASSWORD_MAX_AGE_DAYS = env.int("PASSWORD_MAX_AGE_DAYS", 0)  # 0: a password has no age; docs/trust.md says why
ACCOUNT_RECHECK_DAYS = env.int("ACCOUNT_RECHECK_DAYS", 365)  # 0: nobody is asked to confirm accounts again
SOCIALACCOUNT_ADAPTER = "allauth.socialaccount.adapter.DefaultSocialAccountAdapter"
SOCIALACCOUNT_AUTO_SIGNUP = False
OIDC_ISSUER = env.str("OIDC_ISSUER", "")
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "APPS": [
            {
                "provider_id": "oidc",
                "name": env.str("OIDC_NAME", "Single sign-on"),
                "client_id": env.str("OIDC_CLIENT_ID", ""),
                "secret": env.str("OIDC_CLIENT_SECRET", ""),
                "settings": {"server_url": OIDC_ISSUER},
            }
        ]
        if OIDC_ISSUER
        else []
    }
}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BASE_URL.startswith("https")
CSRF_FAILURE_VIEW = "apps.core.errors.csrf_failure"
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", False)
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", 31_536_000 if BASE_URL.startswith("https") else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = False
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]  # other hosts of the domain are not ours to bind
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", False) else None
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "manifest-src": ["'self'"],
    }
}

# --- Language and time ----------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- Files ------------------------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATICFILES_DIRS = [ROOT / "static"]
STATIC_ROOT = VAR / "static"
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = False
STORAGE_URL = env.str("STORAGE_URL", f"file://{VAR / 'files'}")
MEDIA_ROOT = STORAGE_URL.removeprefix("file://")
STORAGES = {
    "default": {"BACKEND": "apps.core.files.WholeFiles", "OPTIONS": {"location": MEDIA_ROOT}},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
ALLOWED_SCORING_HOSTS: list[str] = env.list("ALLOWED_SCORING_HOSTS", [])
ALLOWED_DATA_ROOTS = env.list("ALLOWED_DATA_ROOTS", [str(ROOT / "fixtures"), str(VAR / "data")])
ALLOWED_DATA_STORES: list[str] = env.list("ALLOWED_DATA_STORES", [])
STORE_ENDPOINTS = {name: env.str(f"{name.upper()}_ENDPOINT", "") for name in ("s3", "gs", "abfs")}
S3_REGION = env.str("S3_REGION", "")
EVIDENCE_COPIES = VAR / "evidence-copies"
EVIDENCE_MOST_ROWS = env.int("EVIDENCE_MOST_ROWS", 200_000_000)
EVIDENCE_MOST_MEMORY_MB = env.int("EVIDENCE_MOST_MEMORY_MB", 2048)
EVIDENCE_MOST_SECONDS = env.int("EVIDENCE_MOST_SECONDS", 4 * 3600)
EVIDENCE_PROCESSES = env.int("EVIDENCE_PROCESSES", 1)
EVIDENCE_DASK = env.str("EVIDENCE_DASK", "")
EVIDENCE_STATES = VAR / "evidence-states"

# --- Keys -------------------------------------------------------------------------------------------------------------------
SIGNING_KEY_FILE = env.str("SIGNING_KEY_FILE", str(VAR / "keys" / "log.pem"))
SEAL_KEY_FILE = env.str("SEAL_KEY_FILE", str(VAR / "keys" / "seal.pem"))
SEAL_CERT_FILE = env.str("SEAL_CERT_FILE", str(VAR / "keys" / "seal.crt"))
TSA_URL = env.str("TSA_URL", "")
TSA_ROOTS_FILE = env.str("TSA_ROOTS_FILE", "")
ANCHOR_MAIL = env.str("ANCHOR_MAIL", "")
ANCHOR_GIT = env.str("ANCHOR_GIT", "")
ANCHOR_STORE = env.str("ANCHOR_STORE", "")
ANCHOR_AFTER = ["dossiers.issued"]  # entries after which the log's head is anchored at once
STORAGES["anchors"] = {
    "BACKEND": "apps.core.files.WholeFiles",
    "OPTIONS": {"location": ANCHOR_STORE.removeprefix("file://") or str(VAR / "anchors")},
}
EMAIL_URL = env.str("EMAIL_URL", "")
EMAIL_BACKEND = (
    "django.core.mail.backends.smtp.EmailBackend" if EMAIL_URL else "django.core.mail.backends.dummy.EmailBackend"
)
MAIL_SERVER = urlsplit(EMAIL_URL)
EMAIL_HOST, EMAIL_PORT = MAIL_SERVER.hostname or "localhost", MAIL_SERVER.port or 25
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = unquote(MAIL_SERVER.username or ""), unquote(MAIL_SERVER.password or "")
EMAIL_USE_TLS, EMAIL_USE_SSL = MAIL_SERVER.scheme == "smtp+tls", MAIL_SERVER.scheme in {"smtps", "smtp+ssl"}
EMAIL_TIMEOUT = 30
METRICS_TOKEN = env.str("METRICS_TOKEN", "")

# --- Long work --------------------------------------------------------------------------------------------------------------
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", "filesystem://localhost")
if CELERY_BROKER_URL.startswith("filesystem"):
    for folder in (VAR / "broker" / "queue", VAR / "broker" / "control"):
        folder.mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(VAR / "broker" / "queue"),
        "data_folder_out": str(VAR / "broker" / "queue"),
        "control_folder": str(VAR / "broker" / "control"),
        "polling_interval": 0.1,
    }
CELERY_TASK_ACKS_LATE = CELERY_TASK_REJECT_ON_WORKER_LOST = CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = "light"
CELERY_TASK_ROUTES = {"evidence.*": {"queue": "heavy"}, "dossiers.*": {"queue": "heavy"}}
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "core.sweep", "schedule": 15.0, "options": {"expires": 14}},
    "consume": {"task": "audit.consume", "schedule": 1.0, "options": {"expires": 1}},
    "project": {"task": "lineage.project", "schedule": 15.0, "options": {"expires": 14}},
    "expire": {"task": "gate.expire", "schedule": 60.0, "options": {"expires": 55}},
    "anchor": {"task": "audit.anchor_due", "schedule": 60.0, "options": {"expires": 55}},
    "verify": {"task": "audit.verify_daily", "schedule": 86_400.0, "options": {"expires": 3600}},
    "recheck": {"task": "accounts.recheck_due", "schedule": 3600.0, "options": {"expires": 3000}},
    "tick": {"task": "workflow.tick", "schedule": 60.0, "options": {"expires": 55}},
}
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR / "beat")

# --- API --------------------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.accounts.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["apps.accounts.api.authentication.SignedInWithScope"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "apps.core.rest.Schema",
    "DEFAULT_THROTTLE_RATES": {"anon": "60/min"},
    "EXCEPTION_HANDLER": "apps.core.rest.problem_response",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Imprimatur",
    "DESCRIPTION": "Whether a machine-learning model version may be deployed, and the proof.",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "AccountKindEnum": "apps.accounts.models.User.Kind",
        "RoleEnum": "apps.accounts.models.Role",
        "ErasureBasisEnum": "apps.accounts.models.Erasure.Basis",
        "ErasureStateEnum": "apps.accounts.models.Erasure.State",
        "BasisEnum": ["explicit", "column", "cartesian", "declared", "manual"],  # of an edge of lineage
        "DatasetKindEnum": "apps.catalog.models.Dataset.Kind",
        "DatasetStateEnum": "apps.catalog.models.Dataset.State",
        "DatasetEventKindEnum": "apps.catalog.models.DatasetEvent.Kind",
        "EvidenceSourceEnum": "apps.evidence.models.Source",
        "EvidenceMarkKindEnum": "apps.evidence.models.EvidenceMark.Kind",
        "CheckRunStateEnum": "apps.evidence.models.CheckRun.State",
        "WaiverStateEnum": "apps.policy.models.Waiver.State",
        "FrameworkChangeStateEnum": "apps.policy.models.FrameworkChoice.State",
        "VersionReasonEnum": "apps.registry.models.ModelVersion.Reason",
        "DatasetRoleEnum": "apps.registry.models.DatasetLink.Role",
        "ModelStateEnum": "apps.registry.models.Model.State",
        "DeploymentStateEnum": "apps.registry.models.Deployment.State",
        "FindingStateEnum": "apps.workflow.models.Finding.State",
        "FindingSourceEnum": "apps.workflow.models.Finding.Source",
        "CommentKindEnum": "apps.workflow.models.Comment.Kind",
        "MeaningEnum": "apps.workflow.models.Signature.Meaning",
        "GivenMeaningEnum": "apps.workflow.api.serializers.GIVEN",
        "RequestStateEnum": "apps.examination.models.InformationRequest.State",
        "JobStateEnum": "apps.core.models.JobState",
        "ReviewStateEnum": "apps.workflow.models.reviews.STATES",
        "TierEnum": "apps.registry.models.inventory.TIERS",
    },
}

# --- Log lines --------------------------------------------------------------------------------------------------------------
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *(  # never the values of local variables: among them are passwords and rows of data
            [
                structlog.processors.ExceptionRenderer(
                    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
                ),
                structlog.processors.JSONRenderer(),
            ]
            if PRODUCTION
            else [structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)]
        ),
    ],
    cache_logger_on_first_use=True,
)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {"celery": {"level": "WARNING"}, "django.request": {"level": "ERROR"}},
}
