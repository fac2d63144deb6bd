"""Made-up releases in Korean and English, always the same for one seed. A few regions and topics are far more frequent than the
others.

`document` writes a release as an office pushes it (docs/press-release-format.md), `item` an article as the store takes it.
"""

import hashlib
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape

from msgspec import Struct

from app import store
from app.accounts.offices import OfficeRecord
from app.intake.normalize import public_id
from bench.words import paragraphs
from feeds.article import Article, Contact, Licence, Office, Term
from schemas import Code, codes

SEED = 20210309
OFFICE = OfficeRecord("bench", "벤치도청", "https://www.example.org/", ("kr",))
START = datetime(2026, 1, 5, tzinfo=UTC)  # the first article's instant; the others follow, one each minute
ENGLISH = 0.2  # part of the articles that is English
TOPICS_USED = 200

KO_SUBJECTS = ("투자금융과", "일자리경제정책관", "인재개발원", "수산기술연구소", "자원봉사센터", "교통정책과")
KO_DEEDS = ("공모사업에 선정됐다", "업무협약을 체결했다", "현장 점검을 마쳤다", "우수기관상을 받았다", "설명회를 연다")
EN_SUBJECTS = ("The harbour office", "The county council", "The library service", "The transport department")
EN_DEEDS = ("opens a new service centre", "signs an agreement", "completes its yearly inspection", "wins an award")


class Sample(Struct, frozen=True):
    """One made-up article."""

    number: int
    guid: str
    lang: str
    headline: str
    paragraphs: tuple[str, ...]
    region: Code
    topics: tuple[Code, ...]
    issued: datetime


class Zipf:
    """Draws values at random; the value of rank r has the weight 1 / r."""

    def __init__(self, values: Sequence[Code], rng: random.Random) -> None:
        self.values = list(values)
        rng.shuffle(self.values)
        total = 0.0
        self.weights = [total := total + 1 / rank for rank in range(1, len(self.values) + 1)]

    def draw(self, rng: random.Random) -> Code:
        return rng.choices(self.values, cum_weights=self.weights)[0]


def axes() -> tuple[Zipf, Zipf]:
    """Regions and topics by frequency, the most frequent first."""
    rng = random.Random(SEED)
    regions = [code for code in codes("region") if code.code.startswith("kr:") and code.valid(START.date())]
    topics = [code for code in codes("topic") if code.scheme == "medtop" and code.retired is None]
    regional = Zipf(regions, rng)
    topical = Zipf(topics, rng)
    return regional, Zipf(topical.values[:TOPICS_USED], rng)


def samples(count: int, name: str) -> Iterator[Sample]:
    """So many articles; `name` is part of the guids and of the seed."""
    rng = random.Random(f"{SEED} {name}")
    regions, topics = axes()
    for number in range(count):
        english = rng.random() < ENGLISH
        region = regions.draw(rng)
        drawn = {topic.code: topic for topic in (topics.draw(rng) for _ in range(rng.randint(1, 2)))}
        yield _sample(rng, number, name, english, region, tuple(drawn.values()))


def grid(pairs: Sequence[tuple[Code, Code]], each: int, name: str) -> Iterator[Sample]:
    """So many Korean articles of each pair of region and topic, in turn. So each of these feeds is full, and all have about the same
    size."""
    rng = random.Random(f"{SEED} {name}")
    for number in range(len(pairs) * each):
        region, topic = pairs[number % len(pairs)]
        yield _sample(rng, number, name, False, region, (topic,))


def _sample(
    rng: random.Random, number: int, name: str, english: bool, region: Code, topics: tuple[Code, ...]
) -> Sample:
    subject = rng.choice(EN_SUBJECTS if english else KO_SUBJECTS)
    deed = rng.choice(EN_DEEDS if english else KO_DEEDS)
    place = next(iter(region.names.values())) if not english else region.names.get("en", region.code)
    return Sample(
        number,
        f"urn:pressrelay:bench:{name}:{number}",
        "en" if english else "ko",
        f"{place}: {subject} {deed} ({number + 1})" if english else f"{place} {subject}, {deed} ({number + 1})",
        paragraphs(rng, english),
        region,
        topics,
        START + timedelta(minutes=number),
    )


def document(parts: Sequence[Sample], embargo: datetime | None = None) -> bytes:
    """A release of these articles as an office pushes it; if given, under embargo until that instant."""
    until = f'  <embargo until="{embargo.isoformat()}"/>\n' if embargo else ""
    articles = "".join(_article(part, until) for part in parts)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<release xmlns="urn:pressrelay:press-release:1" xml:lang="ko">{articles}</release>\n'
    ).encode()


def _article(part: Sample, embargo: str) -> str:
    topics = "".join(f"<topic>{topic.code}</topic>" for topic in part.topics)
    return (
        f'\n<article version="1" xml:lang="{part.lang}">\n'
        f"  <guid>{part.guid}</guid>\n"
        f"  <issued>{part.issued.isoformat()}</issued>\n{embargo}"
        f"  <headline>{escape(part.headline)}</headline>\n"
        f"  <body>{_body(part)}</body>\n"
        f"  <region>{part.region.code}</region>{topics}\n"
        "  <contact><department>홍보담당관</department><phone>+82-63-000-0000</phone></contact>\n"
        "</article>"
    )


def _body(part: Sample) -> str:
    return "".join(f"<p>{escape(paragraph)}</p>" for paragraph in part.paragraphs)


def item(part: Sample, url: str) -> store.articles.Item:
    """The article as the store takes it, without parsing and normalisation; `url` is the server's public URL."""
    id = public_id(part.guid)
    article = Article(
        id=id,
        guid=part.guid,
        version=1,
        lang=part.lang,
        pubstatus="usable",
        office=Office(OFFICE.code, OFFICE.name, OFFICE.url),
        kind="press-release",
        headline=part.headline,
        subheadlines=(),
        summary=part.paragraphs[0],
        body=_body(part),
        text="\n\n".join(part.paragraphs),
        dateline="",
        byline="",
        issued=part.issued,
        published=part.issued,
        updated=part.issued,
        embargoed=None,
        held=False,
        embargo_wording="",
        regions=(_term(part.region),),
        topics=tuple(map(_term, part.topics)),
        keywords=(),
        contacts=(Contact(department="홍보담당관", phone="+82-63-000-0000"),),
        enclosures=(),
        licence=Licence(),
        related=(),
        note="",
        url=f"{url}/articles/{id}",
    )
    return store.articles.Item(article, hashlib.sha256(part.guid.encode()).digest())


def _term(code: Code) -> Term:
    return Term(code.scheme, code.code, code.names)
