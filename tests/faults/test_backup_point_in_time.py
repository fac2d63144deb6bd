"""PostgreSQL is set back to a point in time by the very commands of docs/backup.md, and what then runs on it knows that."""

import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import text

from app import store
from tests.backups import programs
from tests.conftest import ROOT, until
from tests.test_store import article, put

DOCS = (ROOT / "docs" / "backup.md").read_text("utf-8").partition("## PostgreSQL to a point in time")[2]
SETTINGS, BASE, PUT_BACK, RECOVERY = (block.partition("```")[0] for block in DOCS.split("\n```\n")[1::2])


@pytest.mark.slow
def test_a_point_in_time(postgres: str) -> None:
    owner = Path(postgres.partition("host=")[2]).owner() if os.geteuid() == 0 else None  # it does not run as root
    with TemporaryDirectory(prefix="pressrelay-point-") as made:
        directory, data = Path(made), Path(made) / "data"
        (directory / "backup/wal").mkdir(parents=True)
        if owner:
            for path in (directory, directory / "backup", directory / "backup/wal"):
                shutil.chown(path, owner)
        environ = os.environ | {"PATH": f"{programs()}:{os.environ['PATH']}", "PGHOST": made, "PGUSER": "postgres"}

        def run(command: str) -> None:
            here = command.replace("/backup/", f"{made}/backup/").replace("/var/lib/postgresql/data", str(data))
            done = subprocess.run(
                ["sh", "-ec", here], user=owner, env=environ, cwd=made, capture_output=True, text=True, timeout=60
            )
            assert done.returncode == 0, (here, done.stderr)

        def configure(lines: str) -> None:
            with (data / "postgresql.auto.conf").open("a") as file:
                file.write(lines.replace("/backup/", f"{made}/backup/"))

        start, stop = f"pg_ctl -D {data} -w -l {made}/log start >/dev/null", f"pg_ctl -D {data} -w -m fast stop"
        run(f"initdb -D {data} -U postgres -A trust -N >/dev/null")
        configure(f"{SETTINGS}\nunix_socket_directories = '{made}'\nlisten_addresses = ''\n")
        run(start)
        try:
            url = f"postgresql+psycopg://postgres@/postgres?host={made}"
            engine = store.connect(url)
            store.upgrade(engine)
            name = store.identity.renew(engine, store.identity.instance(engine), older=False)
            run(BASE)
            put(engine, article("tag:kept"))
            point = now_of(engine)
            until(lambda: now_of(engine) > point, 5)
            put(engine, article("tag:lost"))
            seen = store.identity.head(engine)
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                segment = connection.execute(text("SELECT pg_walfile_name(pg_switch_wal())")).scalar_one()
            until(lambda: (directory / "backup/wal" / str(segment)).exists(), 20)
            engine.dispose()
            run(stop)
            shutil.move(data, directory / "lost")
            run(PUT_BACK)
            configure(RECOVERY.replace("2027-03-09 10:15:00+09:00", point.isoformat(" ")))
            run(start)
            standby = store.connect(url, replica=True)  # until its recovery ends, nobody can write there
            until(lambda: not recovering(standby), 30)
            standby.dispose()
            assert [row.kind for row in store.articles.log(engine, store.identity.START, 10)] == ["published"]
            assert not store.identity.holds(engine, seen.mark), "the later change is gone"
            assert store.identity.moved(engine), "its timeline is another one"
            assert store.identity.renew(engine, name, older=False) != name
            assert store.operation.now_holds(engine).held, "it delivers to nobody"
            engine.dispose()
        finally:
            run(stop)


def now_of(engine: store.Engine) -> datetime:
    with engine.connect() as connection:
        return connection.execute(text("SELECT clock_timestamp()")).scalar_one().astimezone(UTC)  # type: ignore[no-any-return]


def recovering(engine: store.Engine) -> bool:
    with engine.connect().execution_options(reading=True) as connection:
        return bool(connection.execute(text("SELECT pg_is_in_recovery()")).scalar_one())
