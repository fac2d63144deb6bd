"""Every setting: name, default, help, in one table. Environment (`PRESSRELAY_PORT`) wins over the TOML file, that over the default."""

import ipaddress
import os
import re
import tempfile
import tomllib
from collections.abc import Mapping
from datetime import time
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from app.errors import Misconfigured
from app.text.embargo_wording import Hours
from app.text.masking import learn, secrets_in


class Setting(Struct, frozen=True):
    name: str
    default: str | int
    help: str


SETTINGS = (
    Setting("data_dir", "data", "Directory of the embedded database and cache; made when missing."),
    Setting("host", "127.0.0.1", "Address to listen on."),
    Setting("port", 8080, "TCP port to listen on."),
    Setting("base_url", "", "Public URL of this server, without a slash at the end; empty: http://HOST:PORT."),
    Setting("workers", 2, "Web worker processes."),
    Setting("threads", 8, "Threads a web worker."),
    Setting("database_url", "", "SQLAlchemy URL, postgresql+psycopg://…; empty: SQLite in the data directory."),
    Setting("redis_url", "", "redis://… or unix://… of a Redis or Valkey; empty: the embedded Valkey."),
    Setting("cache_memory", "256mb", "Most memory the embedded Valkey uses; the least recently used goes first."),
    Setting(
        "hot_memory",
        96 * 1024 * 1024,
        "Bytes of feeds that each web worker keeps ready; the least recently used go first; 0: none.",
    ),
    Setting("max_body", 10 * 1024 * 1024, "Largest release, in bytes."),
    Setting("max_depth", 100, "Deepest nesting of elements in a release."),
    Setting("max_articles", 1000, "Most articles in one release."),
    Setting("max_file", 50 * 1024 * 1024, "Largest file that comes with a release, in bytes."),
    Setting("max_upload", 200 * 1024 * 1024, "Largest push of a release with its files, in bytes."),
    Setting("max_files", 20, "Most files with one release."),
    Setting("s3_bucket", "", "Bucket of an S3-compatible store for files; empty: the data directory."),
    Setting("s3_endpoint", "", "URL of that store; empty: Amazon's."),
    Setting("s3_region", "us-east-1", "Its region."),
    Setting("s3_access_key", "", "Its access key; empty: as AWS_ACCESS_KEY_ID says."),
    Setting("s3_secret_key", "", "Its secret key; empty: as AWS_SECRET_ACCESS_KEY says."),
    Setting("edition_morning", "06:00", "When 조간, the morning edition, may report: HH:MM in Seoul."),
    Setting("edition_evening", "12:00", "When 석간, the evening edition, may report: HH:MM in Seoul."),
    Setting(
        "token_rate", "6000/minute", "Requests with one token: COUNT/second, /minute, /hour or /day; none: 0/minute."
    ),
    Setting("address_rate", "6000/minute", "Requests from one address, likewise; most feeds are not counted."),
    Setting(
        "statement_seconds", 2, "Seconds that a question to the database may take for a web request; 0: without end."
    ),
    Setting("hub_lease", 10 * 86400, "Seconds of a WebSub lease where the subscriber asks for none."),
    Setting("hub_signature", "sha256", "How deliveries to WebSub subscribers are signed: sha256, sha384 or sha512."),
    Setting("hub_rate", "1000/hour", "Requests to the hub from one address, as token_rate."),
    Setting(
        "hub_failures", 20, "Callbacks of one domain within an hour that may fail to confirm a request; 0: any number."
    ),
    Setting("deliverers", 1, "Processes that deliver to subscribers; 0: none on this host."),
    Setting("push_http", 0, "1: callbacks may be plain http; 0: https alone."),
    Setting(
        "push_ports", "443 8443", "Ports of callbacks, and ranges: 443 8000-8999. 80 is one where http is allowed."
    ),
    Setting("push_private", "", "Networks that may be called although they are not public: 10.0.0.0/8 fd00::/8."),
    Setting("push_flight", 400, "Deliveries in flight at once in a process."),
    Setting("push_host", 8, "Of these, to one host."),
    Setting("push_subscriptions", 1000, "Most WebSub subscriptions of one host."),
    Setting("push_retry", 5, "Seconds until a delivery that failed is tried again; then twice as long each time."),
    Setting("push_hours", 24, "Hours after which such a delivery is given up."),
    Setting("push_pause", 3, "Days without a success after which a webhook is paused."),
    Setting(
        "smtp_url", "", "Mail server for e-mail alerts, smtp://user:password@host:587 or smtps://…; empty: no alerts."
    ),
    Setting("mail_from", "", "Address that alerts come from."),
    Setting("alerts_hour", 200, "Most mails within an hour that ask whether alerts are meant; 0: any number."),
    Setting("digest_at", "07:00+09:00", "When daily alerts are sent: HH:MM with its UTC offset."),
    Setting(
        "metrics_address", "", "HOST:PORT that tells the metrics without a token; empty: /metrics tells them with one."
    ),
    Setting("proxies", 0, "Proxies in front that add to X-Forwarded-For; 0: it is not believed."),
    Setting(
        "secret_key",
        "",
        "Key that subscribers' secrets are sealed under, 32 characters or more; empty: secret.key in the data directory.",
    ),
    Setting("site_name", "Pressrelay", "What feeds and pages call this server."),
    Setting("language", "ko", "Of the titles of feeds that ask for no language: ko or en."),
    Setting("security_contact", "", "Where to report a hole, mailto:… or https://…; empty: no security.txt."),
    Setting("log_format", "text", "text or json."),
)
PREFIX = "PRESSRELAY_"
REDIS = ("redis", "rediss", "unix")
# Every address that the server tells begins with it, in headers too.
BASE = re.compile(r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?(/[A-Za-z0-9/._~-]*)?")


class Settings(Struct, frozen=True):
    """The settings in force; each field is described in SETTINGS."""

    data_dir: str = "data"
    host: str = "127.0.0.1"
    port: int = 8080
    base_url: str = ""
    workers: int = 2
    threads: int = 8
    database_url: str = ""
    redis_url: str = ""
    cache_memory: str = "256mb"
    hot_memory: int = 96 * 1024 * 1024
    max_body: int = 10 * 1024 * 1024
    max_depth: int = 100
    max_articles: int = 1000
    max_file: int = 50 * 1024 * 1024
    max_upload: int = 200 * 1024 * 1024
    max_files: int = 20
    s3_bucket: str = ""
    s3_endpoint: str = ""
    s3_region: str = "us-east-1"
    s3_access_key: str = ""
    s3_secret_key: str = ""
    edition_morning: str = "06:00"
    edition_evening: str = "12:00"
    token_rate: str = "6000/minute"
    address_rate: str = "6000/minute"
    statement_seconds: int = 2
    hub_lease: int = 10 * 86400
    hub_signature: str = "sha256"
    hub_rate: str = "1000/hour"
    hub_failures: int = 20
    deliverers: int = 1
    push_http: int = 0
    push_ports: str = "443 8443"
    push_private: str = ""
    push_flight: int = 400
    push_host: int = 8
    push_subscriptions: int = 1000
    push_retry: int = 5
    push_hours: int = 24
    push_pause: int = 3
    smtp_url: str = ""
    mail_from: str = ""
    alerts_hour: int = 200
    digest_at: str = "07:00+09:00"
    metrics_address: str = ""
    proxies: int = 0
    secret_key: str = ""
    site_name: str = "Pressrelay"
    language: str = "ko"
    security_contact: str = ""
    log_format: str = "text"

    @property
    def url(self) -> str:
        """Public URL without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.base_url.rstrip("/") or f"http://{host}:{self.port}"

    @property
    def hours(self) -> Hours:
        """When the editions of newspapers may report."""
        return Hours(time.fromisoformat(self.edition_morning), time.fromisoformat(self.edition_evening))

    @property
    def database(self) -> str:
        """SQLAlchemy URL of the database."""
        return self.database_url or f"sqlite:///{Path(self.data_dir).resolve() / 'pressrelay.db'}"

    @property
    def redis(self) -> str:
        """URL of the cache."""
        return self.redis_url or f"unix://{self.socket}"

    @property
    def socket(self) -> str:
        """Path of the embedded Valkey's socket; in the temporary directory where the data directory's path is too long
        for `sun_path` (108 bytes, unix(7))."""
        path = str(Path(self.data_dir).resolve() / "valkey.sock")
        if len(path.encode()) < 100:
            return path
        return f"{tempfile.gettempdir()}/pressrelay-{sha256(path.encode()).hexdigest()[:16]}.sock"


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process. Raises Misconfigured, naming the setting and what it takes."""
    environ = os.environ if environ is None else environ
    known = {setting.name: setting for setting in SETTINGS}
    values: dict[str, Any] = {}
    config = environ.get(PREFIX + "CONFIG")
    if config:
        try:
            values.update(tomllib.loads(Path(config).read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise Misconfigured(f"PRESSRELAY_CONFIG: {config} cannot be read: {error}.") from None
    if unknown := sorted(set(values) - set(known)):
        raise Misconfigured(f"{config}: unknown setting {', '.join(unknown)}; known are {', '.join(sorted(known))}.")
    values.update({name: environ[PREFIX + name.upper()] for name in known if environ.get(PREFIX + name.upper())})
    learn_secrets(values)
    for name, value in values.items():
        kind = type(known[name].default)
        try:
            values[name] = kind(value)
        except (TypeError, ValueError):
            raise Misconfigured(f"{PREFIX}{name.upper()} takes a whole number, not {value!r}.") from None
    settings = msgspec.convert(values, Settings)
    _check(settings)
    return settings


def _check(settings: Settings) -> None:
    bounds = {
        "port": (1, 65535),
        "workers": (1, 256),
        "threads": (1, 512),
        "hot_memory": (0, 2**40),
        "max_body": (1, 2**31),
        "max_articles": (1, 10**5),
        "max_file": (1, 2**31),
        "max_upload": (1, 2**33),
        "max_files": (0, 1000),
        "proxies": (0, 10),
        "hub_lease": (60, 30 * 86400),
        "deliverers": (0, 64),
        "push_http": (0, 1),
        "push_flight": (1, 10_000),
        "push_host": (1, 1000),
        "push_subscriptions": (1, 10**7),
        "push_retry": (1, 3600),
        "push_hours": (1, 24 * 30),
        "push_pause": (1, 365),
        "alerts_hour": (0, 10**6),
        "hub_failures": (0, 10**6),
    }
    for name, (low, high) in bounds.items():
        if not low <= getattr(settings, name) <= high:
            raise Misconfigured(f"{PREFIX}{name.upper()} takes {low} to {high}, not {getattr(settings, name)}.")
    if settings.log_format not in ("text", "json"):
        raise Misconfigured(f"PRESSRELAY_LOG_FORMAT takes text or json, not {settings.log_format!r}.")
    if settings.language not in ("ko", "en"):
        raise Misconfigured(f"PRESSRELAY_LANGUAGE takes ko or en, not {settings.language!r}.")
    if settings.s3_endpoint and not settings.s3_endpoint.startswith(("http://", "https://")):
        raise Misconfigured(f"PRESSRELAY_S3_ENDPOINT takes an http or https URL, not {settings.s3_endpoint!r}.")
    if settings.security_contact and not re.fullmatch(r"(mailto:|https://|tel:)[!-~]+", settings.security_contact):
        given = settings.security_contact
        raise Misconfigured(f"PRESSRELAY_SECURITY_CONTACT takes a mailto:, https:// or tel: URI, not {given!r}.")
    if settings.secret_key and len(settings.secret_key) < 32:
        raise Misconfigured("PRESSRELAY_SECRET_KEY takes at least 32 characters: openssl rand -base64 32 makes one.")
    _check_redis(settings.redis_url)
    for name in ("edition_morning", "edition_evening"):
        if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", getattr(settings, name)):
            raise Misconfigured(f"PRESSRELAY_{name.upper()} takes HH:MM, not {getattr(settings, name)!r}.")
    where = re.fullmatch(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]+):(\d{1,5})", settings.metrics_address)
    if settings.metrics_address and not (where and 1 <= int(where[1]) <= 65535):
        given = settings.metrics_address
        raise Misconfigured(f"PRESSRELAY_METRICS_ADDRESS takes HOST:PORT such as 127.0.0.1:9100, not {given!r}.")
    _check_push(settings)
    _check_mail(settings)
    for name in ("token_rate", "address_rate", "hub_rate"):
        if not re.fullmatch(r"\d{1,9}/(second|minute|hour|day)", getattr(settings, name)):
            raise Misconfigured(f"PRESSRELAY_{name.upper()} takes 6000/minute, not {getattr(settings, name)!r}.")
    if settings.base_url and not BASE.fullmatch(settings.base_url):
        raise Misconfigured(
            f"PRESSRELAY_BASE_URL takes an http or https URL such as https://press.example.org, in ASCII, with neither a user nor a"
            f" query, not {settings.base_url!r}."
        )


def learn_secrets(values: Mapping[str, Any]) -> None:
    """Have the secrets among these settings left out of logs and messages."""
    learn(str(values[name]) for name in ("s3_access_key", "s3_secret_key", "secret_key") if values.get(name))
    for name in ("database_url", "redis_url", "smtp_url", "s3_endpoint", "base_url"):
        learn(secrets_in(str(values.get(name, ""))))


def _check_redis(url: str) -> None:
    """Raises Misconfigured, without a word of the URL: what is wrong in it may be a part of the password."""
    try:
        parts = urlsplit(url)
        good = not url or (parts.scheme in REDIS and (parts.port is None or parts.port > 0) and not parts.fragment)
    except ValueError:
        good = False
    if not good:
        raise Misconfigured(
            "PRESSRELAY_REDIS_URL takes redis://user:password@host:6379/0, rediss://… or unix://…; in a password, characters such"
            " as # / : and @ are written as %23 %2F %3A and %40."
        )


def _check_mail(settings: Settings) -> None:
    if settings.smtp_url and not re.fullmatch(r"smtps?://([^@\s]+@)?[^@\s/:]+(:\d{1,5})?/?", settings.smtp_url):
        raise Misconfigured("PRESSRELAY_SMTP_URL takes smtp://user:password@host:587 or smtps://host.")
    if settings.smtp_url and not re.fullmatch(r"[!-?A-~]++@(?:[!-,\-/-?A-~]++\.)++[!-,\-/-?A-~]++", settings.mail_from):
        raise Misconfigured(f"PRESSRELAY_MAIL_FROM takes an e-mail address, not {settings.mail_from!r}.")
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d[+-](0\d|1[0-4]):[0-5]\d", settings.digest_at):
        raise Misconfigured(f"PRESSRELAY_DIGEST_AT takes HH:MM+HH:MM such as 07:00+09:00, not {settings.digest_at!r}.")


def _check_push(settings: Settings) -> None:
    if settings.hub_signature not in ("sha256", "sha384", "sha512"):
        raise Misconfigured(f"PRESSRELAY_HUB_SIGNATURE takes sha256, sha384 or sha512, not {settings.hub_signature!r}.")
    for part in settings.push_ports.split():
        numbers = [int(one) for one in part.split("-")] if re.fullmatch(r"\d{1,5}(-\d{1,5})?", part) else []
        if not numbers or not 1 <= numbers[0] <= numbers[-1] <= 65535:
            raise Misconfigured(f"PRESSRELAY_PUSH_PORTS takes ports and ranges such as 443 8000-8999, not {part!r}.")
    for part in settings.push_private.split():
        try:
            ipaddress.ip_network(part)
        except ValueError:
            raise Misconfigured(f"PRESSRELAY_PUSH_PRIVATE takes networks such as 10.0.0.0/8, not {part!r}.") from None
