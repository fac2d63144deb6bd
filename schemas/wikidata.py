"""Places by their Wikidata ids. https://www.wikidata.org/wiki/Wikidata:Data_access"""

from functools import cache

from schemas.tables import rows


@cache
def _regions() -> dict[str, str]:
    return {row["id"]: row["region"] for row in rows("wikidata-places.csv")}


def place_of(id: str) -> str:
    """The code of the region with a Wikidata id such as Q884, or its ISO 3166-2 code if units followed one another; empty if we do not
    know it."""
    return _regions().get(id.strip(), "")
