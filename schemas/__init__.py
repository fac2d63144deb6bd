"""What the door checks and what codes mean: `xsd(name)` and `codes(scheme)`. Pure tables: no clock, no environment."""

from functools import cache
from importlib.resources import as_file, files
from typing import Literal

from lxml import etree

from schemas import regions, topics
from schemas.tables import Code, Table, UnknownCode, rows

TABLES = {"region": regions.table, "topic": topics.table}


@cache
def codes(scheme: Literal["region", "topic"]) -> Table:
    """The code table of a dimension, read once."""
    return TABLES[scheme]()


@cache
def xsd(name: str) -> etree.XMLSchema:
    """The compiled schema of that name in `schemas/xsd`, compiled once. Raises etree.XMLSchemaParseError."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    with as_file(files("schemas") / "xsd") as directory:
        return etree.XMLSchema(etree.parse(str(directory / f"{name}.xsd"), parser))


def agencies() -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """(our code, Korean name, short and former names) of each central agency of Korea."""
    return tuple(
        (row["code"], row["name_ko"], tuple(filter(None, row["aliases"].split("|"))))
        for row in rows("orgs-kr-central.csv")
    )


__all__ = ["Code", "Table", "UnknownCode", "agencies", "codes", "xsd"]
