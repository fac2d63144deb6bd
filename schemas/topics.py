"""Topics: IPTC Media Topics (https://iptc.org/standards/media-topics/) and Korea's policy fields, mapped to them."""

from collections.abc import Iterator
from datetime import date

from schemas.tables import Code, Table, folded, rows

URI = "http://cv.iptc.org/newscodes/mediatopic/"


def table() -> Table:
    """Every topic: `medtop:20000498`, `brm11`."""
    medtops, fields = list(_media_topics()), list(_policy_fields())
    names: dict[str, list[str]] = {}
    for code in (*medtops, *fields):
        for name in {folded(name) for name in code.names.values()}:
            names.setdefault(name, []).append(code.code)
    # A name outranks an alias: a policy field's keyword must not make a topic's own name ambiguous.
    aliases: dict[str, list[str]] = {}
    for code in (*medtops, *fields):
        for alias in {folded(alias) for alias in code.aliases if alias}:
            aliases.setdefault(alias, []).append(code.code)
    for alias, bearers in aliases.items():
        names.setdefault(alias, bearers)
    return Table([*medtops, *fields], names)


def _media_topics() -> Iterator[Code]:
    korean = {row["qcode"]: row["name_ko_proposed"] for row in rows("mediatopics-ko-top.csv")}
    for row in rows("mediatopics.csv"):
        number = row["qcode"].partition(":")[2]
        names = {"en": row["name_en"]}
        if row["qcode"] in korean:
            names["ko"] = korean[row["qcode"]]
        yield Code(
            scheme="medtop",
            code=row["qcode"],
            names=names,
            parent=row["parent"],
            aliases=(number, f"{URI}{number}", row["subjectcode"]),
            retired=date.fromisoformat(row["retired"]) if row["retired"] else None,
            level=row["level"],
        )


def _policy_fields() -> Iterator[Code]:
    for row in rows("policy-fields-kr.csv"):
        yield Code(
            scheme="brm",
            code=row["code"],
            names={"ko": row["name_ko"], "en": row["name_en"]},
            aliases=tuple(row["keywords_ko"].split("|")),
            maps_to=tuple(row["medtop"].split("|")),
        )
