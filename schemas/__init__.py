"""XML schemas and code tables: `xsd(name)` and `codes(scheme)`. Pure: no clock, no environment.

Any number of threads may call both at once. A code table never changes once it is made. But a compiled schema does: each validation
writes its faults into the schema's own log. A thread that used another thread's schema could lose a fault, or read the faults of
another office's release. So every thread has its own.
"""

from errno import EMFILE
from functools import cache
from importlib.resources import as_file, files
from threading import Lock, local
from typing import Literal

from lxml import etree

from schemas import regions, topics
from schemas.tables import Code, Table, UnknownCode, folded, rows

TABLES = {"region": regions.table, "topic": topics.table}
SCHEMAS = ("press-release", "newsml", "nitf", "atom", "rss", "korea")


class _Compiled(local):
    """The schemas of one thread."""

    def __init__(self) -> None:
        self.schemas: dict[str, etree.XMLSchema] = {}


_compiled = _Compiled()
# libxml2 creates its type tables at the first compilation in a process, without a lock. Threads that compile at the same time could
# corrupt them or crash, so only one thread compiles at a time.
_compiling = Lock()


@cache
def codes(scheme: Literal["region", "topic"]) -> Table:
    """The code table of a dimension, read once."""
    return TABLES[scheme]()


def xsd(name: str) -> etree.XMLSchema:
    """This thread's own copy of a schema in `schemas/xsd`, compiled at the first call in about 2 ms. Do not pass it to another thread.
    Raises OSError, such as for a missing file descriptor; a failure is not remembered."""
    schema = _compiled.schemas.get(name)
    if schema is None:
        with _compiling:
            schema = _compiled.schemas[name] = _compile(name)
    return schema


def prepare() -> None:
    """Read all tables and compile all schemas now. A server calls this before it starts threads or forks."""
    codes("region")
    codes("topic")
    for name in SCHEMAS:
        xsd(name)


def _compile(name: str) -> etree.XMLSchema:
    """Raises OSError: the files are ours and valid, so only reading them can fail."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    with as_file(files("schemas") / "xsd") as directory:
        path = directory / f"{name}.xsd"
        try:
            return etree.XMLSchema(etree.parse(str(path), parser))
        except (OSError, etree.XMLSchemaParseError) as error:
            path.read_bytes()  # raises the error that libxml2 hides
            raise OSError(EMFILE, f"A schema that {name} imports could not be read") from error


def agencies() -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """(our code, Korean name, short and former names) of each central agency of Korea."""
    return tuple(
        (row["code"], row["name_ko"], tuple(filter(None, row["aliases"].split("|"))))
        for row in rows("orgs-kr-central.csv")
    )


__all__ = ["SCHEMAS", "Code", "Table", "UnknownCode", "agencies", "codes", "folded", "prepare", "xsd"]
