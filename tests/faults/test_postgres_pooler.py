"""PgBouncer in transaction mode between server and PostgreSQL: each transaction may be on another session."""

import getpass
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import store
from app.errors import TooSlow, Unavailable
from app.store.engine import lock, reading, writing
from bench.processes import free_port, program
from tests.conftest import Server, together, until
from tests.faults.clusters import Cluster, Pushing, clusters
from tests.subscriber import Subscriber

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("pgbouncer") is None, reason="there is no pgbouncer here"),
]

CONF = """
[databases]
* = host=127.0.0.1 port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
max_client_conn = 200
server_login_retry = 1
user = {user}
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with clusters() as (made,):
        yield made.make()


@pytest.fixture(scope="module")
def pooled(cluster: Cluster) -> Iterator[str]:
    """The URL of the database through the pooler, which has four sessions for everybody."""
    port = free_port()
    conf, log = cluster.directory / "pgbouncer.ini", cluster.directory / "pgbouncer.log"
    # With auth_type = any the user of the sessions stands in the file.
    text = CONF.format(server=cluster.port, port=port, user=cluster.owner or getpass.getuser())
    conf.write_text(text.replace("port={server}", "port={server} user=postgres").replace(
        f"port={cluster.port}", f"port={cluster.port} user=postgres"
    ))
    with program([str(shutil.which("pgbouncer")), str(conf)], log, port):
        yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/press"
