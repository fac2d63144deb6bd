"""Topics: IPTC Media Topics (https://iptc.org/standards/media-topics/) and Korea's policy fields, mapped to them."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date

from schemas.tables import Code, Table, folded, rows

URI = "http://cv.iptc.org/newscodes/mediatopic/"


def table() -> Table:
    """Every topic: `medtop:20000498`, `brm11`."""
    medtops, fields = list(_media_topics()), list(_policy_fields())
    # If several codes have a name, the first kind wins. A Media Topic wins over a policy field of the same name (education, 환경),
    # whose lineage includes the topic anyway. And a keyword of a field must not make the name of a topic ambiguous.
    names = _bearers(medtops, lambda code: code.names.values())
    for weaker in (
        _bearers(fields, lambda code: code.names.values()),
        _bearers([*medtops, *fields], lambda code: code.aliases),
    ):
        names = weaker | names
    return Table([*medtops, *fields], names)


def _bearers(codes: Iterable[Code], named: Callable[[Code], Iterable[str]]) -> dict[str, list[str]]:
    """Folded name -> the codes that have it."""
    found: dict[str, list[str]] = {}
    for code in codes:
        for name in {folded(name) for name in named(code) if name}:
            found.setdefault(name, []).append(code.code)
    return found


def _media_topics() -> Iterator[Code]:
    """IPTC's topics, with the Korean names that we propose, because IPTC has none."""
    korean = {row["qcode"]: row for row in rows("mediatopics-ko.csv")}
    for row in rows("mediatopics.csv"):
        number = row["qcode"].partition(":")[2]
        names: dict[str, str] = {"en": row["name_en"]}
        others: tuple[str, ...] = ()
        if proposed := korean.get(row["qcode"]):
            names["ko"] = proposed["name_ko_proposed"]
            others = _spellings(names["ko"], proposed["aliases_ko"])
        yield Code(
            scheme="medtop",
            code=row["qcode"],
            names=names,
            parent=row["parent"],
            aliases=(number, f"{URI}{number}", row["subjectcode"], *others),
            retired=date.fromisoformat(row["retired"]) if row["retired"] else None,
            level=row["level"],
        )


def _spellings(name: str, aliases: str) -> tuple[str, ...]:
    """Other names in use, and the name without spaces, which Korean may leave out in terms."""
    found = (name.replace(" ", ""), *aliases.split("|"))
    return tuple(dict.fromkeys(one for one in found if one and one != name))


def _policy_fields() -> Iterator[Code]:
    for row in rows("policy-fields-kr.csv"):
        yield Code(
            scheme="brm",
            code=row["code"],
            names={"ko": row["name_ko"], "en": row["name_en"]},
            aliases=tuple(row["keywords_ko"].split("|")),
            maps_to=tuple(row["medtop"].split("|")),
        )
