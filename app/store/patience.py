"""Connections to PostgreSQL that give up. A server that is frozen (its machine paused, its disk hung) or cut off sends no answer,
not even a timeout, and each waiting thread would wait for ever. So a connection that has heard nothing for a while asks on another
connection whether the server still answers anybody. If it does not, the connection is closed and the caller gets an error. During
the outage one thread at a time tries to connect, and all others get the error at once, so no threads are blocked.
"""

import re
import socket
import struct
import threading
import time
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import psycopg
from psycopg.errors import _WaitTimeout as WaitTimeout
from psycopg.sql import SQL, Identifier
from psycopg.waiting import READY_NONE
from sqlalchemy import URL, Engine, event

SILENT = 1.0  # seconds without an answer after which a connection asks whether the server still answers anybody
PING = 1.5  # seconds that the server then has, if somebody waits for the answer
PING_ALONE = 5.0  # the same in processes for which nobody waits
VERDICT = 1.0  # seconds for which this answer is used for all connections of a process,
GONE = 3.0  # and for which a missing answer is used: one request may need several connections to that server
CONNECT = 2  # seconds that each host has to take a connection; libpq takes no fewer
AGAIN = 0.25  # seconds between two attempts to connect while the database does not answer
AVOID = 3.0  # seconds for which a server that did not answer is left out, if there are others
COMMIT = 4.0  # seconds that a commit may take if somebody waits for it
CHECK = 3.0  # seconds that a connection from the pool may take to show that it is alive
GRACE = 3.0  # seconds beyond the limit that PostgreSQL itself keeps
IDLE = (
    15  # seconds that a transaction may do nothing before PostgreSQL ends it: a frozen process must not keep its locks
)
SSL_REQUEST = struct.pack("!ii", 8, 80877103)  # https://www.postgresql.org/docs/current/protocol-message-formats.html
# What libpq is told unless the URL says otherwise (https://www.postgresql.org/docs/current/libpq-connect.html). The kernel ends a
# connection whose packets were not acknowledged for five seconds. Only a server that can be written to will do.
DEFAULTS = {
    "connect_timeout": CONNECT,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 5_000,
    "target_session_attrs": "read-write",
}
READ_ONLY = "25006"  # read_only_sql_transaction: another server has taken over

# How the server or libpq says why there is no connection -> what is wrong, and whether it stays so until somebody changes something.
REASONS = tuple(
    (re.compile(pattern), sentence, lasting)
    for pattern, sentence, lasting in (
        ("password authentication failed|no password supplied", "PostgreSQL refuses the user or the password", True),
        (
            "no pg_hba.conf entry|Peer authentication failed|Ident authentication failed",
            "PostgreSQL does not let this user in from this host",
            True,
        ),
        (r"role .* does not exist|no such user", "PostgreSQL does not know this user", True),
        (
            r"database .* does not exist|no such database",
            "PostgreSQL does not have this database; make it with createdb",
            True,
        ),
        (
            "certificate|does not support SSL|SSL error: (?!unexpected eof)",
            "The connection to PostgreSQL cannot be encrypted as the URL demands",
            True,
        ),
        ("invalid connection option|invalid .* value|bad value for", "A parameter of the address is wrong", True),
        ("failed to resolve host|could not translate host", "The host of PostgreSQL cannot be found", False),
        (
            "too many clients|remaining connection slots|too many connections",
            "PostgreSQL has no connection left",
            False,
        ),
        (
            "session is read-only|server is in hot standby",
            "No server of PostgreSQL that may be written to was found",
            False,
        ),
        ("server is not in hot standby", "No standby of PostgreSQL was found", False),
        ("the database system is|not yet accepting", "PostgreSQL is starting or stopping", False),
        (
            "connection failed|connection timeout expired|Multiple connection attempts",
            "PostgreSQL cannot be reached",
            False,
        ),
    )
)


def outage_reason(error: BaseException | None) -> tuple[str, bool]:
    """(what keeps this process from connecting, whether it stays so until an operator changes something); an empty text for an error
    of another kind."""
    if isinstance(error, psycopg.OperationalError) and not error.sqlstate:
        for pattern, sentence, lasting in REASONS:
            if pattern.search(str(error)):
                return sentence, lasting
    return "", False


def defaults(url: URL, *, replica: bool = False) -> dict[str, Any]:
    """The parameters of libpq that the URL leaves open. A replica may be any server."""
    own = {**DEFAULTS, "target_session_attrs": "any"} if replica else DEFAULTS
    return {name: value for name, value in own.items() if name not in url.query}


class Pulse:
    """What a process knows about the servers of one engine: whether they answer, and which one took the last connection."""

    def __init__(self, *, hurried: bool) -> None:
        """`hurried`: somebody waits for the answers."""
        self.hurried = hurried
        self._asking = threading.Lock()  # held by the thread that asks a server
        # Server -> (when it was asked, whether it answered).
        self._verdicts: dict[tuple[str, int], tuple[float, bool]] = {}
        self._trying = threading.Lock()  # held by the thread that tries to connect during an outage
        self._away: psycopg.OperationalError | None = None  # why the last attempt to connect failed; None: it did not
        self._again = 0.0  # monotonic seconds from which the next attempt may begin
        self._best = ("", "")  # host and port of the last connection
        self._worst = ("", "")  # of the last server that did not answer
        self._avoid = 0.0  # monotonic seconds until which it is not asked again, if there are others

    def answers(self, host: str, port: int, address: str) -> bool:
        """Whether that server answers anybody. All threads of a process share one question. `address`: of the host, because name
        resolution may fail too; empty for a socket."""
        with self._asking:
            asked, answered = self._verdicts.get((host, port), (0.0, False))
            if time.monotonic() > asked + (VERDICT if answered else GONE):
                answered = _answers(address or host, port, PING if self.hurried else PING_ALONE)
                self._verdicts[host, port] = time.monotonic(), answered
                if not answered:
                    self._worst, self._avoid = (host, str(port)), time.monotonic() + AVOID
                    self._note(psycopg.OperationalError("connection failed: the server answers nobody"))
            return answered

    def missed(self, why: str) -> None:
        """Note that a connection failed because of `why`, although somebody answers there: a pooler whose server is away."""
        self._note(psycopg.OperationalError(f"connection failed: {why}"))

    def connect(self, given: dict[str, Any], limits: Mapping[str, int], info: dict[Any, Any]) -> "Patient":
        """A new connection that has answered a query. While the last attempt failed, only one thread tries, and not at once. `limits`
        and `info`: as for `_limit`."""
        away = self._away
        if away is None:
            return self._connect(given, limits, info)
        if time.monotonic() < self._again or not self._trying.acquire(blocking=False):
            raise type(away)(str(away))
        try:
            return self._connect(given, limits, info)
        finally:
            self._trying.release()

    def _connect(self, given: dict[str, Any], limits: Mapping[str, int], info: dict[Any, Any]) -> "Patient":
        connection: Patient | None = None
        try:
            connection = Patient.connect(**self._ordered(given))
            connection.pulse = self
            _limit(limits, connection, info)  # A pooler takes connections also while its server is away.
        except psycopg.OperationalError as error:
            if connection is not None:
                connection.close()
            self._note(error)
            raise
        except psycopg.ProgrammingError as error:  # a parameter that libpq does not know
            raise psycopg.OperationalError(str(error)) from None
        self._away = None
        self._best = (connection.info.host, str(connection.info.port))
        if self._worst == self._best:
            self._worst = ("", "")
        return connection

    def _note(self, error: psycopg.OperationalError) -> None:
        self._again = time.monotonic() + AGAIN
        self._away = error

    def _ordered(self, given: dict[str, Any]) -> dict[str, Any]:
        """The same parameters in another order: first the host that took the last connection, last the host that did not answer.
        For a while that host is left out, because a host that is cut off costs seconds each time."""
        hosts, ports = str(given.get("host", "")).split(","), str(given.get("port", "")).split(",")
        if len(hosts) < 2:
            return given
        ports = ports if len(ports) == len(hosts) else ports * len(hosts)
        pairs = [(host, port or "5432") for host, port in zip(hosts, ports, strict=True)]
        if time.monotonic() < self._avoid:
            pairs = [pair for pair in pairs if pair != self._worst] or pairs
        pairs.sort(key=lambda pair: (pair == self._worst, pair != self._best))
        return {**given, "host": ",".join(host for host, _ in pairs), "port": ",".join(port for _, port in pairs)}


def _answers(host: str, port: int, seconds: float) -> bool:
    """Whether a server sends any answer. It is asked whether it supports TLS: it answers that to everybody, even while it starts or
    has no connection left."""
    local = host.startswith("/")
    try:
        with socket.socket(socket.AF_UNIX) if local else socket.create_connection((host, port), seconds) as asking:
            asking.settimeout(seconds)
            if local:
                asking.connect(str(PurePosixPath(host) / f".s.PGSQL.{port}"))
            asking.sendall(SSL_REQUEST)
            return bool(asking.recv(1))
    except OSError:
        return False


class Patient(psycopg.Connection[Any]):
    """A connection that is closed if the server answers nobody, or says nothing for `patience` seconds. Its last statement may or
    may not have been carried out."""

    patience = CHECK
    pulse: Pulse | None = None
    idle = True  # nobody uses it: it is only tested

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        begun, limit = time.monotonic(), self.patience
        waiting = gen
        while True:
            turn = min(SILENT, max(0.0, begun + limit - time.monotonic()))
            try:
                return super().wait(waiting, interval, turn)
            except WaitTimeout:
                pass
            if time.monotonic() >= begun + limit:
                why = f"the server did not answer for {limit:g} seconds"
                if self.pulse is not None and self.idle:
                    self.pulse.missed(why)
            elif self.pulse is None or self.pulse.answers(self.info.host, self.info.port, self.info.hostaddr):
                waiting = _continued(gen)
                continue
            else:
                why = "the server answers nobody"
            self.pgconn.finish()
            raise psycopg.OperationalError(why) from None


def _continued(gen: Any) -> Any:
    """Continue a generator of the driver that has begun already. The driver begins a wait with `next`."""
    try:
        wanted = gen.send(READY_NONE)
        while True:
            wanted = gen.send((yield wanted))
    except StopIteration as stop:
        return stop.value


def make_patient(engine: Engine, limits: Mapping[str, int], deadline: float) -> None:
    """Let every connection of the engine give up: soon after a query's `deadline` (seconds; 0: none), and when the server answers
    nobody. `limits`: PostgreSQL's own, such as statement_timeout, in milliseconds; set for the session, but not behind a pooler."""
    pulse = Pulse(hurried=bool(deadline) or "lock_timeout" in limits)
    patience = deadline or float("inf")
    event.listen(engine, "do_connect", lambda _, record, _args, given: pulse.connect(given, limits, record.info))
    event.listen(engine, "checkout", lambda connection, _record, _proxy: let(connection, patience))
    event.listen(engine, "checkin", lambda connection, _record: let(connection, CHECK - GRACE, idle=True))
    if pulse.hurried:  # A commit would wait for ever for a standby that must confirm it and does not.
        event.listen(engine, "commit", lambda connection: let(connection.connection.driver_connection, COMMIT - GRACE))
    dialect: Any = engine.dialect
    lost = dialect.is_disconnect
    dialect.is_disconnect = lambda error, connection, cursor: (
        getattr(error, "sqlstate", "") == READ_ONLY or lost(error, connection, cursor)
    )


def _limit(limits: Mapping[str, int], connection: Patient, info: dict[Any, Any]) -> None:
    """Set the limits, and find out whether a pooler is in between: then the server process is not the one that was named when the
    connection began. With a pooler in transaction mode a session belongs to nobody, so nothing may remain in it: no limits, no
    prepared statements."""
    began = connection.autocommit
    connection.autocommit = True
    with connection.cursor() as cursor:
        direct = cursor.execute("SELECT pg_backend_pid()").fetchone() == (connection.info.backend_pid,)
        if direct and limits:
            sets = [SQL("SET {} = {}").format(Identifier(name), value) for name, value in limits.items()]
            cursor.execute(SQL("; ").join(sets))
    connection.autocommit = began
    if not direct:
        connection.prepare_threshold = None
    info["pooled"] = not direct
    info["limits"] = limits


def let(connection: Any, deadline: float, *, idle: bool = False) -> None:
    """Let a connection of the driver wait a little longer than a statement may take in seconds; None is a connection that is lost.
    `idle`: nobody uses it."""
    if isinstance(connection, Patient):
        connection.patience, connection.idle = deadline + GRACE, idle
