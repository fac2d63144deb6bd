"""The pages of each region, topic and office: its names, its releases by month, its feeds, and its parts.

A page depends on its address, the language, the code tables and the public articles. Its work does not grow with the archive: the
newest releases are one range scan, and the amounts are rows that are kept for it (app/store/feeds/amounts.py).
"""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, abort

from app import store, web
from app.accounts.offices import nearest
from app.query import office_place
from app.web import Context, Fault, OfficeRecord, Problem, Query, here, html_page, language, name, only, parse, text
from feeds import Article, Contact
from schemas import Code, codes

blueprint = Blueprint("subjects", __name__)

SECTIONS = ("regions", "topics", "offices")
AT_ONCE = 100  # offices on one page
MOST_BELOW = (
    120  # regions within another one that are listed: all of Korea's, and those with releases of larger countries
)
MOST_CONTACTS = 5
LONGEST = 200  # characters of an office's name


@blueprint.get("/regions")
def regions() -> Response:
    """The provinces of Korea on the map, and the other countries that have releases."""
    only(())
    web.subjects.shared()
    lang, table = language(), codes("region")
    provinces = web.subjects.in_force(table.children("kr"))
    countries = [code.code for code in web.subjects.in_force(table.children("")) if code.code != "kr"]
    amounts = web.subjects.counted(here(), ["kr", *(code.code for code in provinces), *countries])
    korea = [web.subjects.Crumb(web.page.path_of("regions", "kr"), name("kr", lang), amounts.get("kr", 0))]
    return _index(
        "regions",
        groups=[
            (name("kr", lang), [*korea, *_crumbs("regions", provinces, amounts, lang)]),
            (text("browse-countries", lang), _used("regions", countries, amounts, lang)),
        ],
        map=web.maps.map_of("kr", amounts, lang),
        tiles=web.maps.tile_links(amounts, lang),
    )


@blueprint.get("/topics")
def topics() -> Response:
    """The topics of the first level, and Korea's policy fields."""
    only(())
    web.subjects.shared()
    lang = language()
    first = web.subjects.in_force(codes("topic").children(""))
    amounts = web.subjects.counted(here(), [code.code for code in first])
    groups = [
        (text(key, lang), _crumbs("topics", [code for code in first if code.scheme == scheme], amounts, lang))
        for key, scheme in (("browse-media", "medtop"), ("browse-policy", "brm"))
    ]
    return _index("topics", groups=groups)


@blueprint.get("/offices")
def offices() -> Response:
    """The offices that have releases, by name."""
    context = here()
    asked = only(("page",)).get("page", "1")
    number = int(asked) if re.fullmatch("[0-9]{1,6}", asked) else 0
    web.subjects.shared()
    used = store.feeds.names_in_use(context.engine)
    known = [office for office in store.accounts.all_offices(context.engine) if office_place(office.code) in used]
    pages = max(1, -(-len(known) // AT_ONCE))
    if not 1 <= number <= pages:
        raise Problem(404, "unknown-page", "No such page", f"The list of offices has {pages} pages.")
    ordered = sorted(known, key=lambda office: (office.name, office.code))
    shown = ordered[AT_ONCE * (number - 1) : AT_ONCE * number]
    amounts = web.subjects.counted(context, [office_place(office.code) for office in shown])
    return _index(
        "offices",
        groups=[("", [_office_crumb(office, amounts.get(office_place(office.code), 0)) for office in shown])],
        newer=f"/offices?page={number - 1}" if number > 1 else "",
        older=f"/offices?page={number + 1}" if number < pages else "",
    )


def _index(section: str, **more: Any) -> Response:
    context, lang = here(), language()
    return html_page(
        "subjects.html",
        lang,
        section=section,
        sections=[(text(other, lang), f"/{other}", None) for other in SECTIONS],
        title=f"{text(section, lang)} · {context.settings.site_name}",
        canonical=f"{context.settings.url}/{section}",
        **more,
    )


@blueprint.get("/regions/<code>")
def region(code: str) -> Response:
    """A region. Another spelling or a former name leads to the present code; a code that has ended says what follows it."""
    only(())
    context, lang = here(), language()
    known = _known("region", code)
    web.subjects.shared(f"{known.code}/*")
    query = Query(regions=(known.code,))
    below = web.subjects.in_force(codes("region").children(known.code))
    amounts = web.subjects.counted(context, [part.code for part in below])
    former = web.subjects.before("region").get(known.code, [])
    response = web.subjects.subject_page(
        context,
        query,
        web.subjects.newest_releases(context, query),
        "regions",
        name(known.code, lang),
        known.code,
        crumbs_above=_way("regions", known, lang),
        ended=known.valid_to,
        following=[_crumb("regions", other, lang) for other in known.successors],
        former=[(_crumb("regions", other.code, lang), other.valid_to) for other in former],
        facts=_names(known, lang),
        since=known.valid_from,
        below=_listed("regions", below, amounts, lang),
        map=web.maps.map_of(known.code, amounts, lang),
        tiles=web.maps.tile_links(amounts, lang) if known.code == "kr" else (),
    )
    return _successor(context, response, "regions", known.successors)


@blueprint.get("/topics/<code>")
def topic(code: str) -> Response:
    """A topic. Another spelling leads to its code; a topic that is retired says so."""
    only(())
    context, lang = here(), language()
    known = _known("topic", code)
    web.subjects.shared(f"*/{known.code}")
    query = Query(topics=(known.code,))
    below = web.subjects.in_force(codes("topic").children(known.code))
    amounts = web.subjects.counted(context, [part.code for part in below])
    response = web.subjects.subject_page(
        context,
        query,
        web.subjects.newest_releases(context, query),
        "topics",
        name(known.code, lang),
        known.code,
        crumbs_above=_way("topics", known, lang),
        retired=known.retired,
        facts=_names(known, lang),
        related=[
            (text("browse-maps-to", lang), [_crumb("topics", other, lang) for other in known.maps_to]),
            (
                text("browse-mapped", lang),
                [_crumb("topics", other.code, lang) for other in web.subjects.meaning(known.code)],
            ),
        ],
        below=_listed("topics", below, amounts, lang),
    )
    return _successor(context, response, "topics", known.successors)


@blueprint.get("/offices/<code>")
def office(code: str) -> Response:
    """An office. One of its names leads to its code."""
    only(())
    context, lang = here(), language()
    every = store.accounts.all_offices(context.engine)
    known = _known_office(code, every)
    by_code = {other.code: other for other in every}
    parts = [other for other in every if other.parent == known.code][:MOST_BELOW]
    web.subjects.shared(*(f"{office_place(one.code)}/*" for one in (known, *parts)))
    amounts = web.subjects.counted(context, [office_place(part.code) for part in parts])
    query = Query(offices=(known.code,))
    found = web.subjects.newest_releases(context, query)
    return web.subjects.subject_page(
        context,
        query,
        found,
        "offices",
        known.name,
        office_place(known.code),
        crumbs_above=[
            (by_code[above].name, web.page.path_of("offices", above)) for above in known.above[::-1] if above in by_code
        ],
        facts=[("browse-other-names", ", ".join(known.aliases)), ("browse-code", known.code)],
        site_url=known.url,
        related=[
            (text("browse-default-regions", lang), [_crumb("regions", one, lang) for one in known.regions]),
            (text("browse-default-topics", lang), [_crumb("topics", one, lang) for one in known.topics]),
        ],
        contacts=_contacts(found),
        below=[_office_crumb(part, amounts.get(office_place(part.code), 0)) for part in parts],
    )


def _known(kind: str, given: str) -> Code:
    """The region or topic of an address. Redirects to its page if it is given in another way. Raises Problem (404)."""
    query = parse([(kind, given)], ())
    found = codes("region" if kind == "region" else "topic").get(query.values(kind)[0])
    assert found is not None
    if found.code != given:
        _redirect(f"{kind}s", found.code)
    return found


def _known_office(given: str, every: Sequence[OfficeRecord]) -> OfficeRecord:
    """The same for an office."""
    given = given[:LONGEST]
    found = [office for office in every if office.code == given] or [office for office in every if office.named(given)]
    if len(found) != 1:
        near = tuple(f"{office.code} {office.name}" for office in found) or nearest(given, every)
        reason = f"{given[:100]!r} is {'the name of several offices' if found else 'not a known office'}."
        raise Problem(404, "unknown-office", "Unknown office", reason, errors=[Fault(reason, nearest=near)])
    if found[0].code != given:
        _redirect("offices", found[0].code)
    return found[0]


def _redirect(section: str, code: str) -> None:
    address = f"{here().settings.url}/{section}/{quote(code, safe=':')}"
    abort(Response(status=301, headers={"Location": address, "Cache-Control": "no-store"}))


def _successor(context: Context, response: Response, section: str, codes_after: Sequence[str]) -> Response:
    """The response, with links to what follows (RFC 5829)."""
    for code in codes_after:
        response.headers.add(
            "Link", f'<{context.settings.url}{web.page.path_of(section, code)}>; rel="successor-version"'
        )
    return response


def _way(section: str, code: Code, lang: str) -> list[tuple[str, str]]:
    """The codes above one, from the top."""
    above = codes("region" if section == "regions" else "topic").ancestors(code.code)
    return [(name(other, lang), web.page.path_of(section, other)) for other in above[::-1]]


def _names(code: Code, lang: str) -> list[tuple[str, str]]:
    """(key of a text, value): the other names of a code, and the codes themselves."""
    own = name(code.code, lang)
    others = dict.fromkeys(other for other in (*code.names.values(), *code.aliases) if other and other != own)
    names = ", ".join(other for other in others if "://" not in other and ":" not in other and not other.isdigit())
    return [("browse-other-names", names), ("browse-code", " · ".join(filter(None, (code.code, code.iso))))]


def _crumb(section: str, code: str, lang: str, amount: int = 0) -> web.subjects.Crumb:
    return web.subjects.Crumb(web.page.path_of(section, code), name(code, lang), amount)


def _crumbs(section: str, below: Sequence[Code], amounts: dict[str, int], lang: str) -> list[web.subjects.Crumb]:
    return [_crumb(section, code.code, lang, amounts.get(code.code, 0)) for code in below]


def _used(section: str, below: Sequence[str], amounts: dict[str, int], lang: str) -> list[web.subjects.Crumb]:
    """Those that have releases; the one with the most comes first."""
    ordered = sorted((code for code in below if amounts.get(code)), key=lambda code: (-amounts[code], code))
    return [_crumb(section, code, lang, amounts[code]) for code in ordered]


def _listed(section: str, below: Sequence[Code], amounts: dict[str, int], lang: str) -> list[web.subjects.Crumb]:
    """All of them in the order of the table; if they are too many, those that have releases."""
    if len(below) <= MOST_BELOW:
        return _crumbs(section, below, amounts, lang)
    return _used(section, [code.code for code in below], amounts, lang)[:MOST_BELOW]


def _office_crumb(office: OfficeRecord, amount: int) -> web.subjects.Crumb:
    return web.subjects.Crumb(web.page.path_of("offices", office.code), office.name, amount)


def _contacts(articles: Sequence[Article]) -> list[Contact]:
    """The contacts of the newest releases, each once."""
    found = dict.fromkeys(contact for article in articles for contact in article.contacts)
    return list(found)[:MOST_CONTACTS]
