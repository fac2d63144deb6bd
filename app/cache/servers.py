"""How the cache is reached: one server, the primary that Sentinel knows, or a cluster (app/cache/address.py).

Each of them answers a list of commands in one round trip, gives the answers in their order, and has a channel. A command that was
answered with an error has that error as its answer.

Sentinel and a cluster replace a primary that is gone by a replica, which may lack the last writes. `met` is called when a connection
was made again or leads elsewhere, so that the cache looks for announcements that may be missing there (app/cache/redis.py).
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol
from weakref import WeakSet

import redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, NodeCommands, PipelineCommand, RedisCluster
from redis.credentials import CredentialProvider
from redis.exceptions import AskError, ClusterDownError, MovedError, ReadOnlyError, RedisClusterException, TryAgainError
from redis.retry import Retry
from redis.sentinel import Sentinel

from app.cache.address import CLUSTER, SENTINEL, CacheAddress, of_file

TIMEOUT = 0.05  # seconds; a frozen server must not block a request
FAILURES = (redis.RedisError, RedisClusterException, OSError)  # what a server that cannot be used raises
REDIRECTIONS = (AskError, MovedError, TryAgainError)  # of a cluster that moves keys
LOST = (redis.ConnectionError, redis.TimeoutError, ClusterDownError, ReadOnlyError)  # a node may have been replaced

Commands = Sequence[tuple[Any, ...]]


class Server(Protocol):
    """A Redis or Valkey, however many servers it consists of. Threads share it."""

    publish: str  # the command that sends a message on a channel

    def ask(self, commands: Commands) -> list[Any]:
        """The answers of independent commands, each of which names one key or channel as its first argument. In a cluster only
        commands for keys in one slot are done in their order. Raises FAILURES."""

    def listen(self, *channels: str) -> Any:
        """A redis.client.PubSub that has subscribed to channels, which are in one slot of a cluster. Raises FAILURES."""

    def close(self) -> None: ...


def connect(address: CacheAddress, met: Callable[[], None]) -> Server:
    """The server of that address; nothing is sent yet."""
    if address.kind == CLUSTER:
        return Cluster(address, met)
    return Single(address, met)


class _Credentials(CredentialProvider):
    """The user and the password, read again for each connection."""

    def __init__(self, user: str, password: str, user_file: str, password_file: str) -> None:
        self._user, self._password, self._user_file, self._password_file = user, password, user_file, password_file

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        try:
            user = of_file(self._user_file) or self._user
            password = of_file(self._password_file) or self._password
        except (OSError, UnicodeDecodeError) as error:
            raise redis.AuthenticationError(f"the file of the user or the password cannot be read: {error}") from None
        return (user, password) if user else (password,)


class _Meeting:
    """Notices connections that were made again, or (where there is only one server) to another host than the last one."""

    def __init__(self, met: Callable[[], None], *, one: bool = True) -> None:
        self._met = met
        self._one = one
        self._seen: WeakSet[Any] = WeakSet()
        self._lock = threading.Lock()
        self._last: Any = None

    def __call__(self, connection: Any) -> None:
        connection.on_connect()
        where = getattr(connection, "host", None), getattr(connection, "port", None)
        with self._lock:
            again = connection in self._seen or (self._one and self._last not in (None, where))
            self._seen.add(connection)
            self._last = where
        if again:
            self._met()

    def forget(self) -> None:
        """The connections are made again, which does not count as a failover."""
        with self._lock:
            self._seen.clear()


def _options(address: CacheAddress) -> dict[str, Any]:
    options: dict[str, Any] = {"socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT}
    if address.tls:
        options |= _tls(address)
    if address.user or address.password or address.user_file or address.password_file:
        options["credential_provider"] = _Credentials(
            address.user, address.password, address.user_file, address.password_file
        )
    return options


def _tls(address: CacheAddress) -> dict[str, Any]:
    options: dict[str, Any] = {"ssl_ca_certs": address.ca} if address.ca else {}
    if address.certificate:
        options |= {"ssl_certfile": address.certificate, "ssl_keyfile": address.key or address.certificate}
    return options


class Single:
    """One server, or the primary that Sentinel knows."""

    publish = "PUBLISH"

    def __init__(self, address: CacheAddress, met: Callable[[], None]) -> None:
        options = _options(address) | {"retry": Retry(NoBackoff(), 0), "redis_connect_func": _Meeting(met)}
        if address.kind == SENTINEL:
            self._client: redis.Redis = _by_sentinel(address, options)
        else:
            self._client = redis.Redis.from_url(address.url, **options)
        self._sentinel = address.kind == SENTINEL
        self._idle: deque[Any] = deque()  # connections that have brought all answers
        self._process = os.getpid()

    def ask(self, commands: Commands) -> list[Any]:
        answers = self._once(commands, lost=True) or self._once(commands)
        if any(isinstance(answer, ReadOnlyError) for answer in answers):  # It was the primary before a failover.
            self._forget()
            answers = self._once(commands)
        return answers

    def _once(self, commands: Commands, *, lost: bool = False) -> list[Any]:
        """`lost`: the connection may have been lost long ago; then the result is empty."""
        try:
            return self._answers(commands)
        except redis.ConnectionError as error:
            # Its subclasses say that the server answered, or that there is none.
            if lost and type(error) is redis.ConnectionError:
                self._forget()
                return []
            raise

    def _answers(self, commands: Commands) -> list[Any]:
        # The same as a pipeline of redis-py, without its work for each command, which ours do not need. This takes half the
        # processor time. Nor do connections go back to the pool, which asks the kernel each time whether one is alive: `ask`
        # learns that from the answer. Only Sentinel's pool gets them back, because it closes its connections after a failover.
        connection = self._connection()
        try:
            connection.send_packed_command(connection.pack_commands(commands))
            answers = [_answer(connection) for _ in commands]
        except BaseException:  # The connection may still bring answers.
            self._give_up(connection)
            raise
        if self._sentinel:
            self._client.connection_pool.release(connection)
        else:
            self._idle.append(connection)
        return answers

    def _connection(self) -> Any:
        if self._process != os.getpid():  # The process was forked: these connections are its parent's.
            self._idle, self._process = deque(), os.getpid()
        try:
            return self._idle.pop()
        except IndexError:
            return self._client.connection_pool.get_connection()

    def _give_up(self, connection: Any) -> None:
        connection.disconnect()
        self._client.connection_pool.release(connection)

    def _forget(self) -> None:
        """Start with new connections: the idle ones are lost, or lead to a server that is no longer the primary."""
        while self._idle:
            with suppress(IndexError):  # Another thread took the last one.
                self._give_up(self._idle.pop())
        self._client.connection_pool.disconnect(inuse_connections=False)

    def listen(self, *channels: str) -> Any:
        listening = self._client.pubsub()  # type: ignore[no-untyped-call]
        try:
            listening.subscribe(*channels)
        except BaseException:
            listening.close()
            raise
        return listening

    def close(self) -> None:
        self._forget()
        self._client.close()


def _answer(connection: Any) -> Any:
    try:
        return connection.read_response()
    except redis.ResponseError as error:
        return error


def _by_sentinel(address: CacheAddress, options: dict[str, Any]) -> redis.Redis:
    own: dict[str, Any] = {"socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT}
    own["retry"] = Retry(NoBackoff(), 0)
    if address.sentinel_user_file or address.sentinel_password_file:
        own["credential_provider"] = _Credentials("", "", address.sentinel_user_file, address.sentinel_password_file)
    if address.tls:
        own |= {"ssl": True, **_tls(address)}
        options = {"ssl": True, **options}
    sentinel = Sentinel(address.hosts, sentinel_kwargs=own)  # type: ignore[no-untyped-call]
    client: redis.Redis = sentinel.master_for(address.name, db=address.db, **options)  # type: ignore[no-untyped-call]
    return client


class Cluster:
    """The nodes of a cluster. Their table of slots is read at the first command, and again after a node failed.

    Messages are sent with SPUBLISH to the node of the channel's slot, where all listeners are too. PUBLISH would reach every node by
    the bus between them, and a listener at another node could not know whether the bus brings it everything.
    """

    publish = "SPUBLISH"

    def __init__(self, address: CacheAddress, met: Callable[[], None]) -> None:
        self._address = address
        self._met = met
        self._meeting = _Meeting(met, one=False)
        self._client: RedisCluster | None = None
        self._doubtful = False  # whether the table of slots may be out of date
        self._lock = threading.Lock()  # of who reads the table

    def _joined(self) -> RedisCluster:
        """The cluster with a table of slots that no failure has put in doubt. Raises FAILURES."""
        client = self._client
        if client is not None and not self._doubtful:
            return client
        if not self._lock.acquire(timeout=TIMEOUT):  # Another thread reads the table, and waits for nodes.
            raise redis.TimeoutError("The table of slots is being read.")
        try:
            if self._client is None:
                self._client = self._new()
                self._meeting.forget()  # Its constructor closes the connections by which it read the table.
            elif self._doubtful:
                self._doubtful = False
                try:
                    self._client.nodes_manager.initialize()
                except FAILURES:  # No node can be reached: begin again with the nodes of the address.
                    self._client.close()
                    self._client = None
                    raise
                self._meeting.forget()
                self._met()
            return self._client
        finally:
            self._lock.release()

    def _new(self) -> RedisCluster:
        options = _options(self._address) | {"redis_connect_func": self._meeting}
        if self._address.tls:
            options["ssl"] = True
        nodes = [ClusterNode(host, port) for host, port in self._address.hosts]  # type: ignore[no-untyped-call]
        return RedisCluster(startup_nodes=nodes, retry=Retry(NoBackoff(), 0), require_full_coverage=False, **options)

    def ask(self, commands: Commands) -> list[Any]:
        client = self._joined()
        asked = [PipelineCommand(command, position=at) for at, command in enumerate(commands)]  # type: ignore[no-untyped-call]
        try:
            _send(client, asked)
        except FAILURES:
            self._doubtful = True
            raise
        for command in asked:
            if isinstance(command.result, REDIRECTIONS):
                self._doubtful = True
                try:
                    command.result = client.execute_command(*command.args)  # type: ignore[no-untyped-call]
                except FAILURES as error:
                    command.result = error
            elif isinstance(command.result, LOST):
                self._doubtful = True
        return [command.result for command in asked]

    def listen(self, *channels: str) -> Any:
        client = self._joined()
        node = client.get_redis_connection(_node(client, channels[0]))
        listening = node.pubsub()  # type: ignore[no-untyped-call]
        try:
            listening.ssubscribe(*channels)
        except BaseException:
            self._doubtful = True
            listening.close()
            raise
        return listening

    def close(self) -> None:
        if self._client is not None:
            self._client.close()


def _node(client: RedisCluster, key: str) -> ClusterNode:
    return client.nodes_manager.get_node_from_slot(client.keyslot(key))  # type: ignore[no-untyped-call]


def _send(client: RedisCluster, commands: Sequence[PipelineCommand]) -> None:
    """Send each command to its node, and read the answers when all nodes have theirs. Raises FAILURES."""
    batches: dict[str, NodeCommands] = {}
    answered = 0
    try:
        for command in commands:
            node = _node(client, command.args[1])
            if node.name not in batches:
                server = client.get_redis_connection(node)
                connection = server.connection_pool.get_connection()
                batches[node.name] = NodeCommands(server.parse_response, server.connection_pool, connection)
            batches[node.name].append(command)  # type: ignore[no-untyped-call]
        for batch in batches.values():
            batch.write()  # type: ignore[no-untyped-call]
        for batch in batches.values():
            batch.read()  # type: ignore[no-untyped-call]
            answered += 1
    finally:
        for at, batch in enumerate(batches.values()):
            if at >= answered:  # A later command must not get the answer of this one.
                batch.connection.disconnect()  # type: ignore[no-untyped-call]
            batch.connection_pool.release(batch.connection)
