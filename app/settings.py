"""Every setting: its name, type, description, range and default are written once, as a field of `Settings`.

An environment variable (`PRESSRELAY_PORT`) wins over the TOML file, the file over the default.
"""

import ipaddress
import os
import re
import ssl
import tempfile
import tomllib
from collections.abc import Mapping
from datetime import time
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import FieldInfo, replace

from app.cache.address import SENTINEL, CacheAddress, of_file, parse
from app.errors import Misconfigured
from app.text.embargo_wording import Hours
from app.text.masking import learn, secrets_in
from app.text.zones import EXPECTED, is_zone

PREFIX = "PRESSRELAY_"
# Files with credentials for the cache. The embedded Valkey needs none.
REDIS_FILES = ("redis_user_file", "redis_password_file", "redis_ca", "redis_certificate", "redis_key")
SENTINEL_FILES = ("sentinel_user_file", "sentinel_password_file")
# Every URL that the server gives out begins with it, in headers too.
BASE = re.compile(r"https?://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?(/[A-Za-z0-9/._~-]*)?")


class Range(NamedTuple):
    """The whole numbers that a setting accepts, both ends included."""

    low: int
    high: int


class Settings(Struct, frozen=True):
    """The settings in force. Each field is one setting with its type, its description, its range (if it has one) and its default."""

    data_dir: Annotated[str, "Directory of the embedded database and cache; created if it does not exist."] = "data"
    host: Annotated[str, "Address to listen on."] = "127.0.0.1"
    port: Annotated[int, "TCP port to listen on.", Range(1, 65535)] = 8080
    base_url: Annotated[str, "Public URL of this server, without a slash at the end; empty: http://HOST:PORT."] = ""
    workers: Annotated[int, "Web worker processes.", Range(1, 256)] = 2
    threads: Annotated[int, "Threads of each web worker.", Range(1, 512)] = 8
    database_url: Annotated[
        str,
        "URL of a PostgreSQL, postgresql+psycopg://user:password@host:5432/name, or with several hosts between commas; empty:"
        " SQLite in the data directory.",
    ] = ""
    read_database_url: Annotated[
        str, "URL of a standby of that PostgreSQL from which public feeds and search are read; empty: none."
    ] = ""
    database_pool: Annotated[
        int, "Most connections of one process to PostgreSQL; 0: twice the threads.", Range(0, 1000)
    ] = 0
    lock_seconds: Annotated[
        int, "Seconds that a write of a web request waits for other writers in PostgreSQL; 0: no limit.", Range(0, 60)
    ] = 4
    redis_url: Annotated[
        str,
        "A Redis or Valkey: redis://…, unix://…, redis+sentinel://… or redis+cluster://…, with rediss instead of redis for TLS; empty:"
        " the embedded Valkey.",
    ] = ""
    redis_user_file: Annotated[str, "File with the user at that cache; empty: the one in the URL, or none."] = ""
    redis_password_file: Annotated[str, "File with the password at that cache; empty: the one in the URL, or none."] = (
        ""
    )
    redis_ca: Annotated[
        str, "File with the certificate authority of that cache and of Sentinel (PEM); empty: those of this machine."
    ] = ""
    redis_certificate: Annotated[
        str, "File with the certificate that this server shows there (PEM); empty: it shows none."
    ] = ""
    redis_key: Annotated[str, "File with the key of that certificate; empty: the key is in the same file."] = ""
    sentinel_user_file: Annotated[str, "File with the user at Sentinel itself; empty: none."] = ""
    sentinel_password_file: Annotated[str, "File with the password at Sentinel itself; empty: none."] = ""
    cache_memory: Annotated[
        str, "Memory that the embedded Valkey may use; if it is full, the least recently used entries are removed."
    ] = "256mb"
    hot_memory: Annotated[
        int,
        "Bytes of feeds that each web worker keeps in memory; the least recently used are removed first; 0: none.",
        Range(0, 2**40),
    ] = 96 * 1024 * 1024
    max_body: Annotated[
        int,
        "Largest release, in bytes. Reading the most expensive release of the default size keeps a core busy for about a second.",
        Range(1, 2**31),
    ] = 3 * 1024 * 1024
    max_depth: Annotated[int, "Deepest nesting of elements in a release."] = 100
    max_articles: Annotated[int, "Largest number of articles in one release.", Range(1, 10**5)] = 1000
    max_file: Annotated[int, "Largest file that comes with a release, in bytes.", Range(1, 2**31)] = 50 * 1024 * 1024
    max_upload: Annotated[int, "Largest push of a release together with its files, in bytes.", Range(1, 2**33)] = (
        200 * 1024 * 1024
    )
    max_files: Annotated[int, "Largest number of files with one release.", Range(0, 1000)] = 20
    s3_bucket: Annotated[str, "Bucket of an S3-compatible store for files; empty: files are in the data directory."] = (
        ""
    )
    s3_endpoint: Annotated[str, "URL of the S3-compatible store; empty: Amazon's."] = ""
    s3_region: Annotated[str, "Region of the bucket."] = "us-east-1"
    s3_access_key: Annotated[str, "Access key of the store; empty: the value of AWS_ACCESS_KEY_ID."] = ""
    s3_secret_key: Annotated[str, "Secret key of the store; empty: the value of AWS_SECRET_ACCESS_KEY."] = ""
    edition_morning: Annotated[str, "When the morning edition (조간) may report: HH:MM, Seoul time."] = "06:00"
    edition_evening: Annotated[str, "When the evening edition (석간) may report: HH:MM, Seoul time."] = "12:00"
    timezone: Annotated[
        str,
        "IANA time zone of dates without a zone, if office and source have none; empty: UTC, and embargoes are held.",
    ] = ""
    token_rate: Annotated[
        str, "Most requests with one token: COUNT/second, /minute, /hour or /day; 0/minute: no limit."
    ] = "6000/minute"
    address_rate: Annotated[
        str, "Most requests from one address, written as token_rate; most requests for feeds are not counted."
    ] = "6000/minute"
    statement_seconds: Annotated[int, "Seconds that one database query of a web request may take; 0: no limit."] = 2
    hub_lease: Annotated[
        int, "Length of a WebSub lease in seconds if the subscriber does not ask for one.", Range(60, 30 * 86400)
    ] = 10 * 86400
    hub_signature: Annotated[
        str, "How deliveries to WebSub subscribers are signed: sha256, sha384, sha512, or sha1 for old subscribers."
    ] = "sha256"
    hub_rate: Annotated[str, "Most requests to the hub from one address, written as token_rate."] = "1000/hour"
    hub_failures: Annotated[
        int,
        "How many callbacks of one domain may fail to confirm a request within an hour; 0: any number.",
        Range(0, 10**6),
    ] = 20
    deliverers: Annotated[int, "Processes that deliver to subscribers; 0: none on this host.", Range(0, 64)] = 1
    push_http: Annotated[int, "1: callbacks may use plain http; 0: they must use https.", Range(0, 1)] = 0
    push_ports: Annotated[
        str, "Ports that callbacks may use, and ranges: 443 8000-8999. Port 80 is added if plain http is allowed."
    ] = "443 8443"
    push_private: Annotated[
        str, "Networks that may be called even though they are not public: 10.0.0.0/8 fd00::/8."
    ] = ""
    push_describe: Annotated[
        int,
        "1: the self-test of callbacks describes hosts in these networks too; 0: it says only that no answer came.",
        Range(0, 1),
    ] = 0
    push_flight: Annotated[int, "Deliveries that one process makes at the same time.", Range(1, 10_000)] = 400
    push_host: Annotated[int, "At most this many of them go to one host.", Range(1, 1000)] = 8
    push_subscriptions: Annotated[int, "Largest number of WebSub subscriptions of one host.", Range(1, 10**7)] = 1000
    push_retry: Annotated[
        int, "Seconds until a failed delivery is tried again; the wait doubles after each failure.", Range(1, 3600)
    ] = 5
    push_hours: Annotated[int, "Hours after which a delivery that keeps failing is given up.", Range(1, 24 * 30)] = 24
    push_pause: Annotated[int, "Days without a successful delivery after which a webhook is paused.", Range(1, 365)] = 3
    purge_url: Annotated[
        str,
        "Caches in front that are told at once what was withdrawn or corrected: their URLs, separated by spaces, in which {key} stands"
        " for article/ID; empty: none.",
    ] = ""
    purge_method: Annotated[str, "Method of these requests: PURGE, BAN, POST or DELETE."] = "PURGE"
    purge_header: Annotated[str, "A header of these requests, such as Fastly-Key: TOKEN; empty: none."] = ""
    smtp_url: Annotated[
        str, "Mail server for e-mail alerts: smtp://user:password@host:587 or smtps://…; empty: no alerts."
    ] = ""
    mail_from: Annotated[str, "Sender address of the alerts."] = ""
    alerts_hour: Annotated[
        int, "Most confirmation mails for e-mail alerts in an hour; 0: any number.", Range(0, 10**6)
    ] = 200
    digest_at: Annotated[str, "When daily alerts are sent: HH:MM with its UTC offset."] = "07:00+09:00"
    reach_days: Annotated[
        int, "Days for which counts of polls and of pages seen are kept; 0: nothing is counted.", Range(0, 3650)
    ] = 30
    reach_seconds: Annotated[int, "Seconds between two writings of these counts.", Range(1, 3600)] = 60
    drain_seconds: Annotated[
        int,
        "Seconds between SIGTERM and the end of the web workers, in which /readyz answers 503 and requests are still answered.",
        Range(0, 300),
    ] = 2
    metrics_address: Annotated[
        str, "HOST:PORT where the metrics can be read without a token; empty: they are at /metrics, for a token."
    ] = ""
    traces_url: Annotated[
        str,
        "URL of an OpenTelemetry collector that takes traces by OTLP over HTTP, such as http://127.0.0.1:4318; empty: that of the"
        " OTEL_* variables, if any; none: no traces.",
    ] = ""
    proxies: Annotated[
        int,
        "Number of proxies in front of the server that add to X-Forwarded-For; 0: the header is ignored.",
        Range(0, 10),
    ] = 0
    secret_key: Annotated[
        str,
        "Key that encrypts the secrets of subscribers, at least 32 characters; empty: secret.key in the data directory.",
    ] = ""
    site_name: Annotated[str, "Name of this server in feeds and pages."] = "Pressrelay"
    site_color: Annotated[
        str,
        "Colour of links and buttons on pages, as #rrggbb; it must be dark enough to be read on white; empty: KRDS blue.",
    ] = ""
    site_logo: Annotated[str, "File with a logo for the head of the pages: PNG, WebP or JPEG; empty: none."] = ""
    site_timezone: Annotated[str, "IANA time zone in which pages show times."] = "Asia/Seoul"
    language: Annotated[
        str,
        "Language of the titles of feeds that do not ask for one, and of mails to people whose language is not known: ko or en.",
    ] = "ko"
    oidc_issuer: Annotated[
        str,
        "Issuer of a provider of OpenID Connect by which people may sign in too, such as https://id.example.org; empty: none.",
    ] = ""
    oidc_client_id: Annotated[str, "Name of this server at that provider."] = ""
    oidc_client_secret: Annotated[
        str, "File with the secret of this server at that provider; empty: none, as a public client."
    ] = ""
    oidc_name: Annotated[str, "Name of that provider on the sign-in page; empty: its host."] = ""
    security_contact: Annotated[
        str, "Where to report a vulnerability: mailto:… or https://…; empty: no security.txt."
    ] = ""
    log_format: Annotated[str, "Form of the log lines: text or json."] = "text"

    @property
    def url(self) -> str:
        """Public URL without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.base_url.rstrip("/") or f"http://{host}:{self.port}"

    @property
    def hours(self) -> Hours:
        """The times from which the editions of newspapers may report."""
        return Hours(time.fromisoformat(self.edition_morning), time.fromisoformat(self.edition_evening))

    @property
    def database(self) -> str:
        """SQLAlchemy URL of the database."""
        return self.database_url or f"sqlite:///{Path(self.data_dir).resolve() / 'pressrelay.db'}"

    @property
    def cache(self) -> CacheAddress:
        """Where the cache is, and how to sign in there."""
        return replace(
            parse(self.redis_url or f"unix://{self.socket}"),
            user_file=self.redis_user_file,
            password_file=self.redis_password_file,
            sentinel_user_file=self.sentinel_user_file,
            sentinel_password_file=self.sentinel_password_file,
            ca=self.redis_ca,
            certificate=self.redis_certificate,
            key=self.redis_key,
        )

    @property
    def socket(self) -> str:
        """Path of the embedded Valkey's socket. It is in the temporary directory if the data directory's path is too long for
        `sun_path` (108 bytes, unix(7))."""
        path = str(Path(self.data_dir).resolve() / "valkey.sock")
        if len(path.encode()) < 100:
            return path
        return f"{tempfile.gettempdir()}/pressrelay-{sha256(path.encode()).hexdigest()[:16]}.sock"


class Setting(Struct, frozen=True):
    """A setting as messages and the documentation show it."""

    name: str
    default: str | int
    help: str
    range: Range | None


@cache
def directory_of(data_dir: str) -> Path:
    """The data directory as an absolute path. Found once: a process never changes its working directory, and the ways that ask for
    each push or delivery would look at every part of the path."""
    return Path(data_dir).resolve()


def _setting(field: FieldInfo) -> Setting:
    help, *ranges = field.type.__metadata__
    return Setting(field.name, field.default, help, ranges[0] if ranges else None)


SETTINGS = tuple(_setting(field) for field in msgspec.structs.fields(Settings))


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process. Raises Misconfigured, which names the setting and the values that it accepts."""
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
        raise Misconfigured(
            f"{config}: unknown setting {', '.join(unknown)}. The settings are {', '.join(sorted(known))}."
        )
    values.update({name: environ[PREFIX + name.upper()] for name in known if environ.get(PREFIX + name.upper())})
    learn_secrets(values)
    for name, value in values.items():
        kind = type(known[name].default)
        try:
            values[name] = kind(value)
        except (TypeError, ValueError):
            raise Misconfigured(f"{PREFIX}{name.upper()} must be a whole number, not {value!r}.") from None
    settings = msgspec.convert(values, Settings)
    _check(settings)
    return settings


def _check(settings: Settings) -> None:
    for setting in SETTINGS:
        value = getattr(settings, setting.name)
        if setting.range and not setting.range.low <= value <= setting.range.high:
            low, high = setting.range
            raise Misconfigured(f"{PREFIX}{setting.name.upper()} must be a number from {low} to {high}, not {value}.")
    if settings.log_format not in ("text", "json"):
        raise Misconfigured(f"PRESSRELAY_LOG_FORMAT must be text or json, not {settings.log_format!r}.")
    if settings.language not in ("ko", "en"):
        raise Misconfigured(f"PRESSRELAY_LANGUAGE must be ko or en, not {settings.language!r}.")
    if settings.s3_endpoint and not settings.s3_endpoint.startswith(("http://", "https://")):
        raise Misconfigured(f"PRESSRELAY_S3_ENDPOINT must be an http or https URL, not {settings.s3_endpoint!r}.")
    if settings.security_contact and not re.fullmatch(r"(mailto:|https://|tel:)[!-~]+", settings.security_contact):
        given = settings.security_contact
        raise Misconfigured(f"PRESSRELAY_SECURITY_CONTACT must be a mailto:, https:// or tel: URI, not {given!r}.")
    if settings.secret_key and len(settings.secret_key) < 32:
        raise Misconfigured(
            "PRESSRELAY_SECRET_KEY must have at least 32 characters. Make one with: openssl rand -base64 32"
        )
    if settings.read_database_url and not settings.database_url.startswith("postgresql"):
        raise Misconfigured(
            "PRESSRELAY_READ_DATABASE_URL names a standby, so PRESSRELAY_DATABASE_URL must name its PostgreSQL."
        )
    _check_redis(settings)
    for name in ("edition_morning", "edition_evening"):
        if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", getattr(settings, name)):
            raise Misconfigured(f"PRESSRELAY_{name.upper()} must be a time HH:MM, not {getattr(settings, name)!r}.")
    where = re.fullmatch(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]+):(\d{1,5})", settings.metrics_address)
    if settings.metrics_address and not (where and 1 <= int(where[1]) <= 65535):
        given = settings.metrics_address
        raise Misconfigured(f"PRESSRELAY_METRICS_ADDRESS must be HOST:PORT such as 127.0.0.1:9100, not {given!r}.")
    if not re.fullmatch(r"(none|https?://[^\s/@?#]+(/[^\s?#]*)?)?", settings.traces_url):
        raise Misconfigured(
            "PRESSRELAY_TRACES_URL must be none, or an http or https URL without a user, such as http://127.0.0.1:4318, not"
            f" {settings.traces_url!r}."
        )
    if settings.timezone and not is_zone(settings.timezone):
        raise Misconfigured(f"PRESSRELAY_TIMEZONE is {settings.timezone!r}; {EXPECTED}.")
    if not is_zone(settings.site_timezone):
        raise Misconfigured(f"PRESSRELAY_SITE_TIMEZONE is {settings.site_timezone!r}; {EXPECTED}.")
    _check_color(settings.site_color)
    _check_push(settings)
    _check_mail(settings)
    _check_oidc(settings)
    for name in ("token_rate", "address_rate", "hub_rate"):
        if not re.fullmatch(r"\d{1,9}/(second|minute|hour|day)", getattr(settings, name)):
            raise Misconfigured(
                f"PRESSRELAY_{name.upper()} must be a rate such as 6000/minute, not {getattr(settings, name)!r}."
            )
    if settings.base_url and not BASE.fullmatch(settings.base_url):
        raise Misconfigured(
            f"PRESSRELAY_BASE_URL must be an http or https URL in ASCII, without a user and without a query, such as"
            f" https://press.example.org, not {settings.base_url!r}."
        )


def _check_color(color: str) -> None:
    """Raises Misconfigured unless a text in that colour has a contrast of 5 : 1 on white: then it has the 4.5 : 1 of WCAG 2.2 on our
    light greys too. https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    if not color:
        return
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", color):
        raise Misconfigured(f"PRESSRELAY_SITE_COLOR must look like #0b50d0, not {color!r}.")
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    contrast = 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)
    if contrast < 5:
        raise Misconfigured(
            f"PRESSRELAY_SITE_COLOR: a text in {color} has a contrast of {contrast:.1f} on white; at least 5 is needed."
            " Choose a darker colour."
        )


def learn_secrets(values: Mapping[str, Any]) -> None:
    """Make sure that logs and messages never show the secrets among these settings."""
    learn(
        str(values[name])
        for name in ("s3_access_key", "s3_secret_key", "secret_key", "purge_header")
        if values.get(name)
    )
    for name in ("database_url", "read_database_url", "redis_url", "smtp_url", "s3_endpoint", "base_url"):
        learn(secrets_in(str(values.get(name, ""))))


def _check_redis(settings: Settings) -> None:
    """Raises Misconfigured. The message does not quote the URL: the wrong part of it may belong to the password."""
    try:
        address = settings.cache
    except ValueError as error:
        raise Misconfigured(f"PRESSRELAY_REDIS_URL {error}.") from None
    for name in (*REDIS_FILES, *SENTINEL_FILES):
        if getattr(settings, name) and not settings.redis_url:
            raise Misconfigured(
                f"{PREFIX}{name.upper()} needs PRESSRELAY_REDIS_URL: the embedded Valkey needs no credentials."
            )
    for name in SENTINEL_FILES:
        if getattr(settings, name) and address.kind != SENTINEL:
            raise Misconfigured(
                f"{PREFIX}{name.upper()} needs a PRESSRELAY_REDIS_URL that begins with redis+sentinel://."
            )
    if settings.redis_password_file and secrets_in(settings.redis_url):
        raise Misconfigured(
            "PRESSRELAY_REDIS_PASSWORD_FILE and a password in PRESSRELAY_REDIS_URL: leave one of them out."
        )
    for name in ("redis_user_file", "redis_password_file", *SENTINEL_FILES):
        _check_secret(name, getattr(settings, name))
    _check_tls(settings, address.tls)


def _check_secret(name: str, path: str) -> None:
    """Learn the secret in a file. Raises Misconfigured if that cannot be read or is empty."""
    try:
        secret = of_file(path)
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{PREFIX}{name.upper()} must name a file with the secret: {error}.") from None
    if path and not secret:
        raise Misconfigured(f"{PREFIX}{name.upper()}: {path} is empty.")
    learn([secret])


def _check_tls(settings: Settings, tls: bool) -> None:
    """Try the files with certificates. Raises Misconfigured."""
    for name in ("redis_ca", "redis_certificate"):
        if getattr(settings, name) and not tls:
            raise Misconfigured(
                f"{PREFIX}{name.upper()} needs a PRESSRELAY_REDIS_URL with TLS, which begins with rediss."
            )
    if settings.redis_key and not settings.redis_certificate:
        raise Misconfigured("PRESSRELAY_REDIS_KEY needs PRESSRELAY_REDIS_CERTIFICATE.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    name = "REDIS_CA"
    try:
        if settings.redis_ca:
            context.load_verify_locations(settings.redis_ca)
        name = "REDIS_CERTIFICATE"
        if settings.redis_certificate:
            context.load_cert_chain(settings.redis_certificate, settings.redis_key or None, lambda: "")
    except OSError as error:  # ssl.SSLError is one too
        raise Misconfigured(f"{PREFIX}{name} must name a readable file in PEM, with its key: {error}.") from None


def _check_mail(settings: Settings) -> None:
    if settings.smtp_url and not re.fullmatch(r"smtps?://([^@\s]+@)?[^@\s/:]+(:\d{1,5})?/?", settings.smtp_url):
        raise Misconfigured("PRESSRELAY_SMTP_URL must look like smtp://user:password@host:587 or smtps://host.")
    if settings.smtp_url and not re.fullmatch(r"[!-?A-~]++@(?:[!-,\-/-?A-~]++\.)++[!-,\-/-?A-~]++", settings.mail_from):
        raise Misconfigured(f"PRESSRELAY_MAIL_FROM must be an e-mail address, not {settings.mail_from!r}.")
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d[+-](0\d|1[0-4]):[0-5]\d", settings.digest_at):
        raise Misconfigured(
            f"PRESSRELAY_DIGEST_AT must be HH:MM+HH:MM such as 07:00+09:00, not {settings.digest_at!r}."
        )


def _check_oidc(settings: Settings) -> None:
    issuer = settings.oidc_issuer
    if issuer and not re.fullmatch(
        r"(https://[^\s/?#@\\]+|http://(localhost|127\.0\.0\.1)(:\d{1,5})?)(/[!-~]*)?", issuer
    ):
        raise Misconfigured(
            f"PRESSRELAY_OIDC_ISSUER must be an https URL (http on this machine), as the provider writes it, not {issuer!r}."
        )
    if issuer and ("?" in issuer or "#" in issuer or not settings.oidc_client_id):
        raise Misconfigured(
            "PRESSRELAY_OIDC_ISSUER needs PRESSRELAY_OIDC_CLIENT_ID, and must have no query and no fragment."
        )
    if issuer:
        _check_secret("oidc_client_secret", settings.oidc_client_secret)


def _check_purge(settings: Settings) -> None:
    for url in settings.purge_url.split():
        if not re.fullmatch(r"https?://[^\s/@?#]+(/[!-~]*)?", url):
            raise Misconfigured(
                "PRESSRELAY_PURGE_URL must be http or https URLs without a user, such as http://127.0.0.1:6081/{key}, separated by"
                f" spaces; {url!r} is not one."
            )
    if settings.purge_method not in ("PURGE", "BAN", "POST", "DELETE"):
        raise Misconfigured(
            f"PRESSRELAY_PURGE_METHOD must be PURGE, BAN, POST or DELETE, not {settings.purge_method!r}."
        )
    if settings.purge_header and not re.fullmatch(r"[A-Za-z0-9-]+: [!-~]([ -~]*[!-~])?", settings.purge_header):
        raise Misconfigured("PRESSRELAY_PURGE_HEADER must be one header in ASCII, such as Fastly-Key: TOKEN.")


def _check_push(settings: Settings) -> None:
    if settings.hub_signature not in ("sha1", "sha256", "sha384", "sha512"):
        raise Misconfigured(
            f"PRESSRELAY_HUB_SIGNATURE must be sha256, sha384, sha512 or sha1, not {settings.hub_signature!r}."
        )
    _check_purge(settings)
    for part in settings.push_ports.split():
        numbers = [int(number) for number in part.split("-")] if re.fullmatch(r"\d{1,5}(-\d{1,5})?", part) else []
        if not numbers or not 1 <= numbers[0] <= numbers[-1] <= 65535:
            raise Misconfigured(
                f"PRESSRELAY_PUSH_PORTS must be ports and ranges such as 443 8000-8999; {part!r} is neither."
            )
    for part in settings.push_private.split():
        try:
            ipaddress.ip_network(part)
        except ValueError:
            raise Misconfigured(
                f"PRESSRELAY_PUSH_PRIVATE must be networks such as 10.0.0.0/8; {part!r} is not one."
            ) from None
