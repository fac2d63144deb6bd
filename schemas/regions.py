"""Regions: Korea from the table of its administrative codes with their history, other countries from ISO 3166 (pycountry)."""

from collections.abc import Iterator
from datetime import date

import pycountry
from babel import Locale

from schemas.tables import Code, Table, folded, rows


def table() -> Table:
    """Every region: `kr`, `kr:52`, `kr:52111`, `us`, `us:CA`."""
    codes: list[Code] = [*_korea(), *_world()]
    names: dict[str, list[str]] = {}
    for code in codes:
        for name in {folded(name) for name in (*code.names.values(), *code.aliases, code.iso) if name}:
            names.setdefault(name, []).append(code.code)
    return Table(codes, names)


def _korea() -> Iterator[Code]:
    for row in rows("regions-kr.csv"):
        yield Code(
            scheme="region",
            code=_korean(row["code"]),
            names={"ko": row["name_ko"], "en": row["name_en"]},
            parent=_korean(row["parent"]) if row["parent"] else "",
            aliases=tuple(filter(None, (row["full_name_ko"], *row["aliases"].split("|")))),
            iso=row["iso3166_2"],
            valid_from=_day(row["valid_from"]),
            valid_to=_day(row["valid_to"]),
            successors=tuple(_korean(code) for code in row["successor"].split("|") if code),
            level=row["level"],
        )


def _korean(code: str) -> str:
    return "kr" if code == "KR" else f"kr:{code}"


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _world() -> Iterator[Code]:
    korean = Locale("ko").territories
    for country in pycountry.countries:
        if country.alpha_2 == "KR":
            continue
        names = {"en": getattr(country, "common_name", country.name)}
        if country.alpha_2 in korean:
            names["ko"] = str(korean[country.alpha_2])
        aliases = (country.alpha_3, country.name, getattr(country, "official_name", ""))
        yield Code("region", country.alpha_2.lower(), names, aliases=aliases, iso=country.alpha_2, level="country")
    for part in pycountry.subdivisions:
        if part.country_code == "KR":
            continue
        parent = _iso(part.parent_code) if part.parent_code else part.country_code.lower()
        yield Code("region", _iso(part.code), {"en": part.name}, parent=parent, iso=part.code, level="subdivision")


def _iso(code: str) -> str:
    country, _, rest = code.partition("-")
    return f"{country.lower()}:{rest}"
