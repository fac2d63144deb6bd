"""How to reach a cache: the schemes, TLS with your own authority, users and passwords from files. A failure is reported in one
sentence without a secret."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from app.cache.address import parse
from app.cache.redis import Cache
from app.errors import Misconfigured
from app.settings import load
from tests.certificates import Authority
from tests.conftest import Server, until
from tests.valkeys import NAME, Valkey, one, state_of, trio

SECRET = "s3cret-of-the-cache"


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine must not make the server count as too slow."""
    monkeypatch.setattr("app.cache.servers.TIMEOUT", 5)


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    with one(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@contextmanager
def in_tls(port: int, file: Path, clients: Path | None = None) -> Iterator[int]:
    """The server of that port behind TLS, which the wheel's Valkey does not speak; the port. `clients`: the authority of the
    certificates that it asks for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    if clients:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients)
    listening = socket.create_server(("127.0.0.1", 0))
    sockets: list[socket.socket] = []

    def carry(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    def serve(client: socket.socket) -> None:
        try:
            inside = context.wrap_socket(client, server_side=True)
        except OSError:
            client.close()
            return
        server = socket.create_connection(("127.0.0.1", port))
        sockets.extend((inside, server))
        threading.Thread(target=carry, args=(server, inside), daemon=True).start()
        carry(inside, server)

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield int(listening.getsockname()[1])
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        accepting.join(10)
        for each in sockets:
            each.close()


def said(url: str, **settings: object) -> str:
    """What a trial says about the cache of these settings; empty if it works."""
    given = {f"PRESSRELAY_{name.upper()}": str(value) for name, value in settings.items()}
    cache = Cache(load({"PRESSRELAY_REDIS_URL": url, **given}).cache, "test")
    try:
        return cache.trial()
    finally:
        cache.close()


def secret(directory: Path, text: str = SECRET) -> Path:
    file = directory / f"secret-{len(list(directory.iterdir()))}"
    file.write_text(f"{text}\n")
    return file


def test_tls_with_an_authority_of_ones_own(valkey: Valkey, authority: Authority, tmp_path: Path) -> None:
    with in_tls(valkey.port, authority.issue("localhost")) as port:
        url = f"rediss://localhost:{port}/0"
        assert said(url, redis_ca=authority.file) == ""
        assert said(url) == (
            "its certificate is not accepted (unable to get local issuer certificate); see PRESSRELAY_REDIS_CA"
        )
        assert "IP address mismatch" in said(f"rediss://127.0.0.1:{port}", redis_ca=authority.file)
        assert "expects TLS" in said(f"redis://localhost:{port}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "app.cache.servers.TIMEOUT", 0.1
        )  # A server without TLS reads the handshake as a command, and waits for its rest.
        assert "does not answer" in said(f"rediss://localhost:{valkey.port}", redis_ca=authority.file)


def test_a_certificate_of_the_client(valkey: Valkey, authority: Authority, tmp_path: Path) -> None:
    own, stranger = authority.issue("pressrelay"), Authority(tmp_path, "A stranger").issue("pressrelay")
    with in_tls(valkey.port, authority.issue("localhost"), authority.file) as port:
        url = f"rediss://localhost:{port}/0"
        assert said(url, redis_ca=authority.file, redis_certificate=own) == ""
        assert said(url, redis_ca=authority.file, redis_certificate=own, redis_key=own) == ""
        assert said(url, redis_ca=authority.file) != ""
        assert said(url, redis_ca=authority.file, redis_certificate=stranger) != ""


def test_a_cluster_in_tls(authority: Authority, tmp_path: Path) -> None:
    """Its nodes name the port at which they are reached."""
    with one(tmp_path, cluster_enabled="yes", cluster_port=0) as node:
        client = node.client
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)  # type: ignore[no-untyped-call]
        with in_tls(node.port, authority.issue("127.0.0.1")) as port:
            client.config_set("cluster-announce-port", port)
            client.config_set("cluster-announce-ip", "127.0.0.1")
            until(lambda: "cluster_state:ok" in state_of(client))
            url = f"rediss+cluster://127.0.0.1:{port}"
            assert said(url, redis_ca=authority.file) == ""
            assert "its certificate is not accepted" in said(url)


def test_a_password_from_a_file_may_change(valkey: Valkey, tmp_path: Path) -> None:
    with one(tmp_path, requirepass=SECRET) as server:
        file = secret(tmp_path)
        cache = Cache(
            load({"PRESSRELAY_REDIS_URL": server.url, "PRESSRELAY_REDIS_PASSWORD_FILE": str(file)}).cache, "x"
        )
        assert cache.trial() == ""
        wrong = secret(tmp_path, "another-password")
        refused = "it refuses the user or the password"
        assert said(server.url) == said(server.url, redis_password_file=wrong) == refused
        assert said(f"redis://:{SECRET}@127.0.0.1:{server.port}") == ""
        server.client.config_set("requirepass", "changed-meanwhile")
        server.client.client_kill_filter(_type="normal", skipme=True)  # type: ignore[no-untyped-call]
        assert cache.trial() == refused
        file.write_text("changed-meanwhile")
        assert cache.trial() == ""
        cache.close()


def test_a_user_of_ones_own(valkey: Valkey, tmp_path: Path) -> None:
    user, password = secret(tmp_path, "press"), secret(tmp_path)
    settings = {"redis_user_file": user, "redis_password_file": password}
    for rules, refused in (
        (("~pr:*", "&pr:*", "+@read", "+@write", "+@pubsub", "+@connection", "+cluster"), ""),  # docs/operating.md
        (
            ("~pr:*", "&pr:*", "+@all", "-publish"),
            "it did not send a message: the user does not have the right to do that",
        ),
        (("~pr:*", "&pr:*", "+@read", "+publish"), "it did not set a key: the user does not have the right to do that"),
    ):
        valkey.client.execute_command("ACL", "SETUSER", "press", "reset", "on", f">{SECRET}", *rules)  # type: ignore[no-untyped-call]
        assert said(valkey.url, **settings).startswith(refused) and bool(said(valkey.url, **settings)) == bool(refused)


@pytest.mark.slow
def test_sentinel_with_passwords_of_its_own(tmp_path: Path) -> None:
    with trio(tmp_path / "trio", password=SECRET, sentinel_password="s3ntinel-word") as servers:
        url = f"redis+sentinel://{servers.hosts}/{NAME}/0"
        own, sentinel = secret(tmp_path), secret(tmp_path, "s3ntinel-word")
        assert said(url, redis_password_file=own, sentinel_password_file=sentinel) == ""
        assert said(url, redis_password_file=own).startswith("Sentinel refuses the user or the password")
        assert said(url, redis_password_file=sentinel, sentinel_password_file=sentinel) == (
            "it refuses the user or the password"
        )
        assert said(url.replace(NAME, "nobody"), redis_password_file=own, sentinel_password_file=sentinel) == (
            "Sentinel knows no working primary of that name"
        )


@pytest.mark.parametrize(
    ("url", "kind", "hosts"),
    [
        ("redis+sentinel://a:1,b:2/press/3", "sentinel", (("a", 1), ("b", 2))),
        ("rediss+sentinel://u:p%40@a,[::1]:7/press", "sentinel", (("a", 26379), ("::1", 7))),
        ("redis+cluster://a:1,b", "cluster", (("a", 1), ("b", 6379))),
        ("redis://a", "single", ()),
        ("unix:///run/valkey.sock?db=1", "single", ()),
    ],
)
def test_addresses(url: str, kind: str, hosts: tuple[tuple[str, int], ...]) -> None:
    address = parse(url)
    assert (address.kind, address.hosts, address.tls) == (kind, hosts, url.startswith("rediss"))
    assert (address.name, address.db) == (("press", 3 * url.endswith("3")) if kind == "sentinel" else ("", 0))
    assert (address.user, address.password) == (("u", "p@") if "@" in url else ("", ""))


@pytest.mark.parametrize(
    "url",
    [
        f"http://:{SECRET}@a",
        f"redis+sentinel://:{SECRET}@a:1",
        f"redis+sentinel://:{SECRET}@a:0/press",
        f"redis+sentinel://:{SECRET}@a:1,/press",
        f"redis+sentinel://:{SECRET}@a:1/press/x",
        f"redis+cluster://:{SECRET}@a:1/3",
        f"redis+cluster://:{SECRET}@a:99999",
        f"redis+cluster://:{SECRET}#@a:1",
        f"redis://:{SECRET}@a:port",
    ],
)
def test_a_wrong_url_is_told_without_its_password(url: str) -> None:
    with pytest.raises(Misconfigured) as raised:
        load({"PRESSRELAY_REDIS_URL": url})
    assert str(raised.value).startswith("PRESSRELAY_REDIS_URL must ") and SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"redis_password_file": "/nowhere"}, "REDIS_PASSWORD_FILE must name a file with the secret"),
        ({"redis_password_file": "/dev/null"}, "REDIS_PASSWORD_FILE: /dev/null is empty"),
        ({"redis_ca": "/dev/null"}, "REDIS_CA needs a PRESSRELAY_REDIS_URL with TLS"),
        ({"redis_url": "rediss://a", "redis_ca": "/nowhere"}, "REDIS_CA must name a readable file in PEM"),
        ({"redis_url": "rediss://a", "redis_certificate": "/dev/null"}, "REDIS_CERTIFICATE must name a readable file"),
        ({"redis_url": "rediss://a", "redis_key": "/dev/null"}, "REDIS_KEY needs PRESSRELAY_REDIS_CERTIFICATE"),
        ({"sentinel_password_file": "/dev/null"}, "SENTINEL_PASSWORD_FILE needs a PRESSRELAY_REDIS_URL that begins"),
        ({"redis_url": "", "redis_user_file": "/dev/null"}, "REDIS_USER_FILE needs PRESSRELAY_REDIS_URL"),
        (
            {"redis_url": f"redis://:{SECRET}@a", "redis_password_file": "/dev/null"},
            "REDIS_PASSWORD_FILE and a password in PRESSRELAY_REDIS_URL: leave one",
        ),
    ],
)
def test_a_wrong_file_is_told_at_the_start(settings: dict[str, str], told: str) -> None:
    given = {"redis_url": "redis://a", **settings}
    with pytest.raises(Misconfigured, match=told):
        load({f"PRESSRELAY_{name.upper()}": value for name, value in given.items()})


def test_the_server_starts_and_says_what_its_cache_refuses(own_server: Callable[..., Server], tmp_path: Path) -> None:
    with one(tmp_path, requirepass=SECRET) as valkey:
        url = f"redis://:wr0ng-password@127.0.0.1:{valkey.port}"
        server = own_server(redis_url=url, workers="1").start()
        refused = "it refuses the user or the password"
        told = f"WARNING    The cache cannot be used: {refused}. Feeds come from"
        until(lambda: told in server.log.read_text())
        doctor = server.run("doctor")
        assert doctor.returncode == 1 and refused in doctor.stdout + doctor.stderr
        assert "wr0ng" not in server.log.read_text() + doctor.stdout + doctor.stderr
        assert "Traceback" not in server.log.read_text() + doctor.stdout + doctor.stderr
