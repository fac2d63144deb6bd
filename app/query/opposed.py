"""Finds choices that exclude each other, so that no article can ever be in the feed. Pure."""

from collections.abc import Mapping

from app.query.query import Query, Values
from schemas import codes


def opposed_values(query: Query, above: Mapping[str, Values]) -> tuple[str, str, str] | None:
    """(parameter, a value that was chosen, the excluded one that contains it), if each value of a filter is excluded; else None.
    `above`: office -> the offices that it is part of."""
    for parameter in dict.fromkeys(name for name, _ in query.excluded):
        values = query.values(parameter)
        without = [value for name, value in query.excluded if name == parameter]
        found = [_container(parameter, value, without, above) for value in values]
        if values and all(found):
            return parameter, values[0], found[0]
    return None


def _container(parameter: str, value: str, without: list[str], above: Mapping[str, Values]) -> str:
    """The excluded value that contains this one; empty if there is none."""
    return next((one for one in without if one in _containers(parameter, value, above)), "")


def _containers(parameter: str, value: str, above: Mapping[str, Values]) -> Values:
    """The values in whose feeds every article of this one is."""
    if parameter in ("region", "topic"):
        return codes("region" if parameter == "region" else "topic").lineage(value)
    if parameter == "office":
        return (value, *above.get(value, ()))
    if parameter == "lang":
        parts = value.split("-")
        return tuple("-".join(parts[:end]) for end in range(1, len(parts) + 1))
    return (value,)
