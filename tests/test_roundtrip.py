"""An article that goes out in a dialect and comes in again is the same article, field by field."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from app.accounts.offices import OfficeRecord
from app.intake import parsers
from app.intake.normalize import Circumstances, Normal, normalize, public_id
from feeds import atom, format_of, jsonfeed, newsml, ninjs, nitf, press_release, render
from feeds.article import EPOCH, Article, Contact, Enclosure, Licence, Office, Related, Term
from tests.articles import CASES, feed, make, paragraphs

WAYS: dict[str, Callable[[Article], bytes]] = {
    "press-release": press_release.render_article,
    "atom": atom.entry,
    "jsonfeed": lambda article: render(jsonfeed, feed(article)),
    "newsml": lambda article: render(newsml, feed(article)),
}
# The sender does not decide these: when it came here, where it is served, and the present names of its codes.
OURS = {"published": EPOCH, "updated": EPOCH, "url": ""}


def settled(article: Article, office: OfficeRecord) -> Article:
    """The article as normalize leaves it: a rendered article has already been through intake."""
    body = press_release.render_article(article)
    return returned(body, office)


def returned(body: bytes, office: OfficeRecord) -> Article:
    parsed = parsers.parse(body, "application/xml")
    assert not parsed.refused, parsed.refused
    ((_, draft),) = parsed.drafts
    context = Circumstances(office, datetime(2026, 7, 15, tzinfo=UTC), "https://press.example.org")
    done = normalize(draft, context)
    assert isinstance(done, Normal), done
    assert done.warnings in ((), ("The embargo is past. The article was published at once.",)), done.warnings
    return done.article


def bare(article: Article) -> dict[str, object]:
    terms = {name: tuple(replace(t, names={}) for t in getattr(article, name)) for name in ("regions", "topics")}
    return asdict(replace(article, **OURS, **terms))


# Intake itself makes these: the id from the guid, the text from the body.
MADE = {"id", "text", "body", "summary"}


def same(article: Article, way: str, *, exact: bool = True) -> None:
    # A contact without any details is no contact.
    article = replace(article, contacts=tuple(one for one in article.contacts if one != Contact()))
    office = OfficeRecord(article.office.code, article.office.name, article.office.url)
    before = settled(article, office)
    said = {name: value for name, value in bare(article).items() if name not in MADE}
    if exact:
        assert {name: value for name, value in bare(before).items() if name not in MADE} == said
    after = returned(WAYS[way](before), office)
    assert bare(after) == bare(before)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "article", {a.id: a for feed in CASES.values() for a in feed.articles}.values(), ids=lambda article: str(article.id)
)
def test_samples(article: Article, way: str) -> None:
    same(article, way)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "changes",
    [
        {"urgency": 2, "slugline": "fire-forest", "source": "Korea Forest Service", "copyright": "© 2021 산림청"},
        {"held": True, "embargo_wording": "국무회의 안건보고 후"},
        {"held": False, "embargo_wording": "배포 즉시"},
        {"embargoed": datetime(2026, 12, 1, tzinfo=UTC), "embargo_wording": "12. 1.(화) 09:00"},
        {"pubstatus": "withheld"},
        {"pubstatus": "canceled", "note": "Sent by mistake."},
        {"licence": Licence("", "Free to print with the source named.")},
        {"licence": Licence("https://www.kogl.or.kr/info/licenseType2.do", "")},
        {"related": (Related("a", "urn:x-office:1", "https://a.example/1"), Related("b", url="https://b.example/"))},
        {"signal": "correction"},
        {"signal": "update"},
        {"guid": "https://a.example/1?x=1&y=2"},
        {"guid": "156472565"},
        {"version": 2_147_483_647},
        {"body": "loose <b>words</b>"},
        {"body": "<div><p>a</p></div><dl><dt>t</dt><dd>d</dd></dl><hr/><pre>x  y</pre><p><u>u</u> <code>c</code></p>"},
        {"body": '<p>a<img src="https://a.example/i.png" alt="&lt;i&gt;"/></p><p></p><p>한글 &amp;</p>'},
        {"body": '<table><thead><tr><th scope="col">a</th></tr></thead><tfoot><tr><td>b</td></tr></tfoot></table>'},
        {"contacts": (Contact("총무과", "과장", "김", "063-1", "a@b.example"), Contact(phone="063-2"))},
        {
            "enclosures": (
                Enclosure("https://a.example/%ED%95%9C.hwpx", "application/hwp+zip", 0, "photo", "한 & <b>", "en"),
            )
        },
        {
            "enclosures": (
                Enclosure("https://files.example/1", "image/png", role="document", caption="First"),
                Enclosure("https://files.example/1", "image/png", role="photo", licence=Licence("", "Second")),
            )
        },
        {
            "related": (
                Related(
                    "한국어", "tag:o,2026:ko", "https://press.example.org/articles/" + public_id("tag:o,2026:ko"), "ko"
                ),
            )
        },
        {
            "related": (
                Related(url="https://o.example/fr", translation="fr-CA"),
                Related("Old", url="https://o.example/1"),
            )
        },
        {"lang": "zh-Hant-TW"},
    ],
    ids=lambda changes: ",".join(changes),
)
def test_fields(changes: dict[str, object], way: str) -> None:
    same(make(7, "Lead & more.", **changes), way)


@pytest.mark.parametrize("format", ["rss-all", "atom-all"])
@pytest.mark.parametrize("article", CASES["mixed"].articles, ids=lambda article: str(article.id))
def test_our_own_feeds_go_in_again(article: Article, format: str) -> None:
    """The fields that a public feed has come back; an Atom id replaces a guid that is no URI."""
    office = OfficeRecord(article.office.code, article.office.name)
    again = returned(render(format_of(format), feed(article)), office)
    for name in ("headline", "body", "lang", "summary"):
        assert getattr(again, name) == getattr(settled(article, office), name), name
    assert {term.code for term in again.topics} == {term.code for term in article.topics}
    assert [file.url for file in again.enclosures] == [file.url for file in article.enclosures]
    assert again.version == int(article.updated.timestamp())


@pytest.mark.parametrize("article", CASES["mixed"].articles, ids=lambda article: str(article.id))
def test_our_own_nitf_goes_in_again(article: Article) -> None:
    """A name in each language does not double a term, and an instant keeps its microseconds."""
    office = OfficeRecord(article.office.code, article.office.name)
    again, before = returned(nitf.render_article(article), office), settled(article, office)
    names = (
        "guid",
        "version",
        "headline",
        "subheadlines",
        "dateline",
        "byline",
        "summary",
        "issued",
        "slugline",
        "note",
    )
    for name in (*names, "urgency", "source", "copyright", "signal"):
        assert getattr(again, name) == getattr(before, name), name
    for name in ("regions", "topics", "keywords"):
        codes = [term.code for term in getattr(again, name)]
        assert codes == [term.code for term in getattr(before, name)], name


@pytest.mark.parametrize(
    "written", [ninjs.render_article, lambda article: render(ninjs, feed(article))], ids=["item", "feed"]
)
@pytest.mark.parametrize("article", CASES["mixed"].articles, ids=lambda article: str(article.id))
def test_our_own_ninjs_goes_in_again(article: Article, written: Callable[[Article], bytes]) -> None:
    """ninjs has no place for the words of an embargo, and one for the words and the address of a licence."""
    office = OfficeRecord(article.office.code, article.office.name)
    again, before = returned(written(article), office), settled(article, office)
    names = (
        "guid",
        "version",
        "lang",
        "headline",
        "subheadlines",
        "dateline",
        "byline",
        "summary",
        "body",
        "issued",
        "slugline",
    )
    for name in (
        *names,
        "kind",
        "pubstatus",
        "urgency",
        "source",
        "copyright",
        "enclosures",
        "related",
        "licence",
        "contacts",
    ):
        assert getattr(again, name) == getattr(before, name), name
    assert again.embargoed == before.embargoed
    for name in ("regions", "topics", "keywords"):
        codes = [term.code for term in getattr(again, name)]
        assert codes == [term.code for term in getattr(before, name)], name


WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn", "Zl", "Zp")), max_size=30)
LINE = WORDS.map(lambda text: " ".join(text.split()))  # as intake leaves it
SAID = WORDS.map(lambda text: f"x{text}".strip())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(SAID, min_size=1, max_size=3),
    st.fixed_dictionaries(
        {},
        optional={
            "version": st.integers(1, 2**31 - 1),
            "headline": SAID,
            "subheadlines": st.lists(SAID, max_size=2).map(tuple),
            "dateline": WORDS,
            "byline": SAID,
            "slugline": WORDS,
            "note": WORDS,
            "source": SAID,
            "copyright": SAID,
            "urgency": st.integers(0, 9),
            "office": st.builds(Office, st.just("office-1"), SAID, st.just("https://o.example/")),
            "regions": st.lists(st.sampled_from(["kr:52", "kr:11", "us:CA"]), unique=True).map(
                lambda codes: tuple(Term("region", code) for code in codes)
            ),
            "keywords": st.lists(SAID, max_size=3, unique_by=lambda text: " ".join(text.split())).map(
                lambda words: tuple(Term("keyword", word) for word in words)
            ),
            "contacts": st.lists(st.builds(Contact, SAID, SAID, LINE, LINE), max_size=2).map(tuple),
            "licence": st.builds(Licence, st.sampled_from(["", "https://l.example/1"]), WORDS),
            "issued": st.datetimes(datetime(1990, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC)),
        },
    ),
    st.sampled_from(sorted(WAYS)),
)
def test_any_article(texts: list[str], changes: dict[str, object], way: str) -> None:
    article = make(8, *texts, body=paragraphs(*texts), **changes)
    same(replace(article, published=article.issued, updated=article.issued + timedelta(seconds=1)), way, exact=False)
