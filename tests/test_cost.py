"""How much processor time and memory one document may cost, whatever it contains. Every element and attribute of every dialect is
filled and repeated. The elements come from the schemas and from the releases of the tests, so a new one is tested automatically.
These documents are small, and show costs that do not grow linearly. DEAREST lists the most expensive documents that we know,
hostile and honest, one a line; they are as large as a release may be.
"""

import gc
import multiprocessing
import resource
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from html import escape
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec
import pytest
from lxml import etree

from app import store
from app.accounts.offices import OfficeRecord, Sender
from app.errors import MOST_LISTED, Problem
from app.intake import releases
from app.settings import Settings
from schemas import codes
from tests.pace import seconds_of, within

ROOT = Path(__file__).parent.parent
LARGEST = Settings().max_body  # bytes
SECONDS = 1.0  # of processor time for a document of that size
MEMORY = 200 * 1024  # kilobytes
FILLED = 20_000  # characters of one text or attribute, where all are tried: what is quadratic takes half a second
EACH = 0.3  # seconds for such a document
RULES = releases.Rules(Settings(), Sender(OfficeRecord("jeonbuk", "전북특별자치도", "", ("kr:52",), others=True)))
SEEDS = {
    "press-release": "everything.xml",
    **{name: name for name in ("atom", "korea", "newsml", "newsml1", "nitf", "rss")},
}
TEXTS = ("\u0301\u0316", "!", "(", "@(", "<b title=''>", "1")


def cost(body: bytes) -> tuple[float, int]:
    """(seconds of processor time, kilobytes that the process grew) of one document; its process is stopped at 20 s."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_measure, args=(theirs, body))
    process.start()
    theirs.close()
    try:
        spent: tuple[float, int] = ours.recv()
    except EOFError:
        spent = (20.0, 0)
    process.join()
    return spent


def _measure(answer: Connection, body: bytes) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
    gc.freeze()  # the objects of other tests are not searched with those of this document
    before, start = _peak(), time.process_time()
    _prepare(body)
    answer.send((time.process_time() - start, _peak() - before))


def _peak() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def _prepare(body: bytes) -> None:
    try:
        releases.prepare(RULES, body, "application/xml", lambda guid: [])
    except Problem as problem:
        assert problem.status in (400, 403, 413, 422)


@pytest.fixture(scope="module", autouse=True)
def ready() -> Iterator[None]:
    """Load what a server loads before the first push. The garbage collector then skips the objects of other tests."""
    assert all(codes(table) for table in ("region", "topic"))
    for dialect in SEEDS:
        _prepare(seed(dialect)[0])
    gc.freeze()
    yield
    gc.unfreeze()


# Each element and attribute


def seed(dialect: str) -> list[bytes]:
    """Releases of the tests, the longest first."""
    path = ROOT / "tests" / "releases" / SEEDS[dialect]
    files = [path] if path.is_file() else sorted(path.glob("*.xml"), key=lambda file: -file.stat().st_size)
    return [document for file in files if (document := file.read_bytes()) and _readable(document)]


def _readable(document: bytes) -> bool:
    """Whether libxml2 knows the encoding that the document names: only our server reads CP949 that is called EUC-KR."""
    try:
        _tree(document)
    except etree.XMLSyntaxError:
        return False
    return True


def names(dialect: str) -> set[str]:
    """The elements that its schema names."""
    tree = etree.parse(str(ROOT / "schemas" / "xsd" / f"{dialect}.xsd"))
    return {name for name in tree.xpath("//*[local-name() = 'element']/@name") if name}


def _local(element: etree._Element) -> str:
    return str(etree.QName(element).localname)


def _tree(document: bytes) -> etree._Element:
    return etree.fromstring(document, etree.XMLParser(resolve_entities=False, remove_comments=True, remove_pis=True))


def filled(dialect: str) -> Iterator[tuple[str, Callable[[str], bytes]]]:
    """(what, a document with that text in it), for each element and attribute of the dialect once."""
    seen: set[str] = set()
    documents = seed(dialect)
    for document in documents:
        for number, element in enumerate(_tree(document).iter()):
            if f"<{_local(element)}>" not in seen:
                seen.add(f"<{_local(element)}>")
                yield f"<{_local(element)}>", lambda text, of=document, at=number: _with(of, at, "", text)
            for key in element.keys():  # noqa: SIM118
                if (what := f"{_local(element)}/@{key}") not in seen:
                    seen.add(what)
                    yield what, lambda text, of=document, at=number, key=key: _with(of, at, key, text)
    for name in sorted(names(dialect)):
        if f"<{name}>" not in seen:
            yield f"<{name}>", lambda text, name=name: _added(documents[0], name, text)


def _with(document: bytes, at: int, key: str, text: str) -> bytes:
    root = _tree(document)
    element = list(root.iter())[at]
    if key:
        element.set(key, text)
    else:
        element.text = text
    return bytes(etree.tostring(root))


def _added(document: bytes, name: str, text: str) -> bytes:
    root = _tree(document)
    parent = next(
        (one for one in root.iter() if _local(one) in ("article", "entry", "item", "NewsItem", "newsItem", "docdata")),
        root,
    )
    namespace = etree.QName(parent).namespace
    etree.SubElement(parent, f"{{{namespace}}}{name}" if namespace else name).text = text
    return bytes(etree.tostring(root))


def repeated(dialect: str) -> Iterator[tuple[str, bytes]]:
    """Each element, as often as one may have children."""
    seen: set[str] = set()
    for document in seed(dialect):
        for number, element in enumerate(_tree(document).iter()):
            if _local(element) in seen or element.getparent() is None:
                continue
            seen.add(_local(element))
            root = _tree(document)
            again = list(root.iter())[number]
            count = min(9_000, 350_000 // len(etree.tostring(again, with_tail=False)))
            again.getparent().extend(deepcopy(again) for _ in range(count))
            yield _local(element), bytes(etree.tostring(root))


@pytest.mark.slow
@pytest.mark.parametrize("dialect", SEEDS)
def test_no_element_or_attribute_is_dear(dialect: str) -> None:
    dear = []
    for what, write in filled(dialect):
        for text in TEXTS:
            body = write(text * (FILLED // len(text)))
            if not within(EACH, partial(seconds_of, partial(_prepare, body))):
                dear.append(f"{what} with {text!r}")
                break
    assert not dear


@pytest.mark.slow
@pytest.mark.parametrize("dialect", SEEDS)
def test_no_repeated_element_is_dear(dialect: str) -> None:
    dear = []
    for what, body in repeated(dialect):
        if not within(2 * EACH, partial(seconds_of, partial(_prepare, body))):
            dear.append(what)
    assert not dear


# The most expensive documents that we can think of

HEAD = '<release xmlns="urn:pressrelay:press-release:1" xml:lang="ko">'
SMALL = "<body><p>x</p></body>"


def release(*articles: str) -> str:
    return f"{HEAD}{''.join(articles)}</release>"


def article(number: int = 0, body: str = SMALL, more: str = "", headline: str = "제목") -> str:
    return (
        f'<article version="1"><guid>tag:example.org,2026:{number}</guid><issued>2021-03-09T20:15:00+09:00</issued>'
        f"<headline>{headline}</headline>{body}{more}</article>"
    )


def html(source: str) -> str:
    return release(article(body=f'<body type="html"><![CDATA[{source}]]></body>'))


def often(unit: str) -> str:
    return unit * ((LARGEST - 2_000) // len(unit.encode()))


MARKS = "\u0301\u0316"
FILE = '<enclosure url="https://{}" type="application/pdf"/>'


def prose(articles: int) -> str:
    """Honest releases of the largest size: plain paragraphs, an & in each."""
    paragraph = f"<p>{'새만금 국제공항 &amp; 건설 사업의 추진 계획을 오늘 발표했다고 밝혔다. ' * 8}</p>"
    room = LARGEST // articles - len(article(articles).encode()) - 100
    body = paragraph * (room // len(paragraph.encode()))
    return release(*(article(n, body=f"<body>{body}</body>") for n in range(articles)))


def far_below(inner: str, name: str, depth: int = 90) -> str:
    """An entry with something far below elements that nobody knows."""
    return (
        '<a:feed xmlns:a="http://www.w3.org/2005/Atom" xmlns:x="urn:x"><a:entry>'
        + f"<x:{name}>" * depth
        + inner
        + f"</x:{name}>" * depth
        + "</a:entry></a:feed>"
    )


def json_feed(items: str) -> str:
    return f'{{"version":"https://jsonfeed.org/version/1.1","items":[{items}]}}'


def nitf(content: str) -> str:
    return (
        '<nitf><head><docdata><doc-id id-string="x"/><date.issue norm="20210309T201500+0900"/></docdata></head><body>'
        f"<body.head><hedline><hl1>t</hl1></hedline></body.head><body.content><p>x</p>{content}</body.content></body></nitf>"
    )


def xhtml_entry(content: str) -> str:
    return (
        '<entry xmlns="http://www.w3.org/2005/Atom"><id>tag:example.org,2026:x</id><title>t</title>'
        '<updated>2026-01-01T00:00:00Z</updated><content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">'
        f"{content}</div></content></entry>"
    )


DEAREST: dict[str, Callable[[], str]] = {
    "JSON: a thousand items": lambda: json_feed(
        ",".join(f'{{"id":"{n}","title":"a","content_text":"{"본문 " * 300}"}}' for n in range(1000))
    ),
    "JSON: strings": lambda: json_feed(often('"",') + '""'),
    "JSON: objects that look like embargoes": lambda: json_feed(
        f'{{"id":"1","title":"a","_x":[{"{" + chr(34) + "embargo" + chr(34) + ":1}," * 9_000}1]}}'
    ),
    "JSON: brackets": lambda: often("["),
    "JSON: quotation marks": lambda: often('"'),
    "RSS: items without anything": lambda: (
        f'<rss version="2.0"><channel>{"<item><title>a</title></item>" * 1000}</channel></rss>'
    ),
    "RSS: entities of a DOCTYPE": lambda: (
        f'<!DOCTYPE rss SYSTEM "rss"><rss version="2.0"><channel><item><title>a</title><description>{often("&eacute;")}'
        "</description></item></channel></rss>"
    ),
    "a thousand articles": lambda: release(*(article(n) for n in range(1000))),
    "a thousand articles of the largest size": lambda: prose(1000),
    "a hundred articles of the largest size": lambda: prose(100),
    "an article of the largest size": lambda: prose(1),
    "names that are like others": lambda: release(
        *(article(n, more="<region>전라북동</region><topic>환경보호보</topic>" * 11) for n in range(900))
    ),
    "offices that are unknown": lambda: release(
        *(article(n).replace("<issued>", f"<office>전라북동{n}</office><issued>", 1) for n in range(1000))
    ),
    "faults in each element": lambda: release(*(article(n, more="<y/>" * 52) for n in range(1000))),
    "faults in one article": lambda: release(article(more="<region/>" * 9_990)),
    "faults in each attribute": lambda: release(
        article(body="<body>" + ("<p " + " ".join(f'a{n}="1"' for n in range(20)) + "/>") * 9_000 + "</body>")
    ),
    "faults far below": lambda: far_below("<a:id>x x</a:id>" * 9_900, "n"),
    "faults far below long names": lambda: far_below("<a:id>x x</a:id>" * 4_000, "n" * 37_000, 40),
    "many faults": lambda: far_below(f"<x:p>{'<a:id/>' * 250}</x:p>" * 235, "n", 1),
    "many faults far below": lambda: far_below(f"<x:p>{'<a:id/>' * 250}</x:p>" * 235, "n" * 60),
    "wrong links": lambda: release(
        *(article(n, body=f'<body type="html">{escape("<a href=x:x>x</a>") * 100}</body>') for n in range(900))
    ),
    "attributes": lambda: release(
        article(body="<body>" + ("<p " + " ".join(f'a{n}="1"' for n in range(60)) + "/>") * 6_600 + "</body>")
    ),
    "wide elements": lambda: release(*("<x>" + "<y/>" * 9_990 + "</x>" for _ in range(5))),
    "long names in each other": lambda: (
        HEAD + f"<a{'n' * 30_000}>" * 50 + "<x/>" * 9_000 + f"</a{'n' * 30_000}>" * 50 + "</release>"
    ),
    "namespaces": lambda: HEAD + "".join(f'<a xmlns:b{n}="x{n}" b{n}:c="1"/>' for n in range(4_900)) + "</release>",
    "enclosures": lambda: release(article(more=FILE.format("a.example/" + "x" * 7_900) * 390)),
    "a long URL": lambda: release(article(more=FILE.format("a.example/" + often("|")))),
    "a long link": lambda: html(f'<a href="https://a.example/{often(" x")}">x</a>'),
    "marks in a host": lambda: release(article(more=FILE.format(f"a{often(MARKS)}/"))),
    "marks in a host of a link": lambda: html(f'<a href="https://a{often(MARKS)}/">x</a>'),
    "marks": lambda: release(article(headline="a" + often("\u0301\u0316"))),
    "marks in the body": lambda: html("a" + often("\u0301\u0316")),
    "one long word": lambda: html(often("가")),
    "a character of eighteen": lambda: html(often("\ufdfa")),
    "ampersands": lambda: html(often("&amp;")),
    "ampersands parted by tags": lambda: html(often(f"{'&amp;' * 600}<br/>")),
    "lines": lambda: html(often("a\n\n")),
    "formatting": lambda: html("<p>" + "".join(f"<b title={n}>" for n in range(80)) + often("<p>x")),
    "blocks in each other": lambda: nitf((80 * "<block>" + 80 * "</block>") * 735),
    "paragraphs of many articles": lambda: release(
        *(article(n, body=f"<body>{'<p>x</p>' * 60}</body>") for n in range(900))
    ),
    "emphasis in NITF": lambda: nitf(f"<p>{'<em>x</em>' * 260}</p>" * 225),
    "categories of Atom": lambda: (
        '<feed xmlns="http://www.w3.org/2005/Atom"><id>tag:x,2026:f</id><title>t</title><updated>2026-01-01T00:00:00Z</updated>'
        + "".join(
            f"<entry><id>tag:x,2026:{n}</id><title>t</title><updated>2026-01-01T00:00:00Z</updated><content>x</content>"
            + '<category term="x"/>' * 21
            + "</entry>"
            for n in range(900)
        )
        + "</feed>"
    ),
    "RSS: elements whose names and values may be an embargo's": lambda: (
        '<rss version="2.0"><channel>'
        + ("<item><title>a</title>" + '<a status="x" name="y"/>' * 58 + "</item>") * 990
        + "</channel></rss>"
    ),
    "NewsML 1: components in a component": lambda: (
        "<NewsML><NewsItem><Identification><NewsIdentifier><ProviderId>a</ProviderId><NewsItemId>1</NewsItemId></NewsIdentifier>"
        "</Identification><NewsManagement><FirstCreated>20260309T100000+0900</FirstCreated></NewsManagement><NewsComponent>"
        + "<NewsComponent><ContentItem><DataContent>y</DataContent></ContentItem></NewsComponent>" * 9_900
        + "</NewsComponent></NewsItem></NewsML>"
    ),
    "elements of XHTML": lambda: xhtml_entry(f"<p>{'<b>x</b>' * 280}</p>" * 205),
    "an article with too many faults among good ones": lambda: release(
        article(999, body=f"<body>{'<x/>' * 2_500}</body>"),
        *(article(n, body=f"<body>{'<p>x</p>' * 300}</body>") for n in range(150)),
    ),
    "a base URL for each link": lambda: release(
        article(
            body=f'<body xml:base="https://a.example/{"d/" * 240}" type="html">'
            + escape("<a href='x'>y</a>" * 30_000)
            + "</body>"
        )
    ),
    "long bases in each other": lambda: (
        '<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://a.example/'
        + "d/" * 1_000_000
        + '"><entry>'
        + '<link rel="related" href="x"/>' * 9_000
        + "</entry></feed>"
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", DEAREST)
def test_no_document_costs_more_than_a_second_and_200_megabytes(name: str) -> None:
    body = DEAREST[name]().encode()
    assert len(body) <= LARGEST
    grown = []

    def measure() -> float:
        seconds, kilobytes = cost(body)
        grown.append(kilobytes)
        return seconds

    assert within(SECONDS, measure)
    assert max(grown) < MEMORY


def test_the_nearest_names_are_told_to_the_first_wrong_ones_of_a_release() -> None:
    body = release(*(article(number, more="<region>전라북동</region>") for number in range(30))).encode()
    refused = releases.prepare(RULES, body, "application/xml", lambda guid: []).refused
    told = [
        receipt.problem["errors"][0].get("nearest", ()) for _, receipt in sorted(refused.items()) if receipt.problem
    ]
    assert len(told) == 30
    assert all(told[:20])
    assert not any(told[20:])


def test_of_a_flood_of_faults_the_first_are_told_and_what_was_not_looked_at_is_refused() -> None:
    articles = [article(number, more="<region/>" * (100 if number < 30 else 0)) for number in range(999)]
    body = release(*articles, article(999, more="<topic>" + "x" * 10 + "</topic>")).encode()
    padded = body.replace(b"<body><p>x</p></body>", ("<body>" + "<p>x</p>" * 30 + "</body>").encode())
    prepared = releases.prepare(RULES, padded, "application/xml", lambda guid: [])
    assert len(prepared.refused) == 1000
    assert not prepared.items
    reasons = [
        receipt.problem["errors"][0]["reason"] for _, receipt in sorted(prepared.refused.items()) if receipt.problem
    ]
    assert reasons[0] == "<region> is empty or too short; expected at least one character."
    assert reasons[-1].startswith(
        "This article was not checked, because the release has more than 2000 faults before it."
    )


def test_the_faults_of_an_answer_are_bounded() -> None:
    """One of 1.9 MB was 14 MB."""
    links = escape("<a href=x:x>x</a>") * 100
    body = release(*(article(number, body=f'<body type="html">{links}</body>') for number in range(300))).encode()
    refused = releases.prepare(RULES, body, "application/xml", lambda guid: []).refused
    receipts = [receipt for _, receipt in sorted(refused.items())]
    assert all(receipt.problem and receipt.problem["errors"] for receipt in receipts)
    assert len(msgspec.json.encode(receipts)) < 1_000_000
    problem = releases.as_problem(receipts)
    answer = problem.body()
    assert problem.detail == "30000 faults found; nothing was stored."
    assert answer["errors"][-1] == {"reason": f"{30_000 - MOST_LISTED} more faults are not listed.", "more": 28_000}
    assert len(answer["errors"]) == MOST_LISTED + 1
    assert len(msgspec.json.encode(answer)) < 1_000_000


def test_of_an_article_with_too_many_faults_the_first_are_told() -> None:
    body = far_below("<a:id>x x</a:id>" * 9_900, "n").encode()
    (receipt,) = releases.prepare(RULES, body, "application/xml", lambda guid: []).refused.values()
    assert receipt.problem is not None
    errors = receipt.problem["errors"]
    assert len(errors) == 201
    assert errors[0]["path"].endswith("/n/id[1]") and errors[0]["path"].startswith("/feed/entry/n/")
    assert errors[-1]["reason"] == "There are more than 2000 faults here. Only those at the beginning are reported."


@pytest.mark.parametrize("faults", ["<x/>" * 2_500, '<p a="1"/>' * 2_500, '<p a="1"/>' * 1_990 + "<y/>" * 20])
@pytest.mark.parametrize("around", ["embargoed until tomorrow", "<release", '<release embargo="2031-01-01T00:00:00Z"'])
def test_beside_an_article_with_too_many_faults_those_outside_articles_refuse_the_release(
    faults: str, around: str
) -> None:
    """The other articles were accepted, and the faults around them forgotten."""
    flood = article(0, body=f"<body>{faults}</body>")
    text = "" if around.startswith("<") else around
    body = release(flood, article(1), text).replace("<release", "<release" if text else around, 1)
    if around == "<release":
        assert list(releases.prepare(RULES, body.encode(), "application/xml", lambda guid: []).refused) == [0]
        return
    with pytest.raises(Problem) as refused:
        releases.prepare(RULES, body.encode(), "application/xml", lambda guid: [])
    (fault,) = refused.value.errors
    assert "is not allowed" in fault.reason and fault.path == "/release"


@pytest.mark.parametrize("flood", [0, 2_500])
@pytest.mark.parametrize("what", ["<p>x</p>", '<embargo held="yes"/>', "<headline>x</headline>", release(article(2))])
def test_each_element_in_the_place_of_an_article_is_refused(flood: int, what: str) -> None:
    """The schema checks the elements after the first separately. The second used to be read as an article, which ended in a 500."""
    bad = [article(0, body=f"<body>{'<x/>' * flood}</body>")] if flood else []
    body = release(*bad, what, what, article(1)).encode()
    prepared = releases.prepare(RULES, body, "application/xml", lambda guid: [])
    assert [item.article.guid for item in prepared.items] == ["tag:example.org,2026:1"]
    assert sorted(prepared.refused) == list(range(len(bad) + 2))


@pytest.mark.parametrize("before", range(1_940, 2_000, 5))
def test_too_many_faults_around_an_entry_do_not_cut_it(before: int) -> None:
    """Parts of the feed that were too long to check used to be removed before its entries were read, including the embargo."""
    wrong = "<a:id>x x</a:id>"
    entry = (
        "<a:entry><a:id>tag:example.org,2026:cut</a:id><a:title>t</a:title><a:updated>2026-01-01T00:00:00Z</a:updated>"
        f"<a:content type='html'>{escape('<p>x</p>') * 30}</a:content>"
        f"{'<pr:subheadline>x</pr:subheadline>' * 20}<pr:embargo until='2031-01-01T00:00:00Z'/></a:entry>"
    )
    head = '<a:feed xmlns:a="http://www.w3.org/2005/Atom" xmlns:pr="urn:pressrelay:press-release:1">'
    body = f"{head}{wrong * before}{entry}{wrong * 100}</a:feed>".encode()
    prepared = releases.prepare(RULES, body, "application/xml", lambda guid: [])
    assert all(item.article.embargoed and len(item.article.subheadlines) == 20 for item in prepared.items)
    assert len(prepared.items) + len(prepared.refused) == 1


# The rows that are written while every other writer waits

REGIONS = [code.code for code in codes("region") if code.scheme == "region" and code.valid_to is None]
TOPICS = [code.code for code in codes("topic") if code.scheme == "medtop" and code.retired is None]


def placed(number: int, regions: int, topics: int) -> str:
    named = "".join(f"<region>{code}</region>" for code in REGIONS[:regions])
    return article(number, more=named + "".join(f"<topic>{code}</topic>" for code in TOPICS[:topics]))


def prepared(*articles: str) -> releases.Prepared:
    return releases.prepare(RULES, release(*articles).encode(), "application/xml", lambda guid: [])


def test_an_article_belongs_to_a_bounded_number_of_feeds() -> None:
    """Each feed is a row of the transaction: one article of 5.7 KB used to have tens of thousands."""
    found = prepared(placed(0, 17, 5), placed(1, 100, 100))
    assert len(found.items) == 1 and found.feeds <= releases.MOST_FEEDS
    (receipt,) = found.refused.values()
    assert receipt.problem is not None
    (fault,) = receipt.problem["errors"]
    assert fault["reason"].startswith("The article's 100 regions and 100 topics, with all above them, make ")
    assert fault["reason"].endswith("; at most 1000 are allowed. Name fewer regions or topics.")


def test_so_do_the_articles_of_a_release_together() -> None:
    with pytest.raises(Problem) as refused:
        prepared(*(placed(number, 17, 15) for number in range(600)))
    assert (refused.value.status, refused.value.type, refused.value.title) == (422, "too-complex", "Too many feeds")
    with pytest.raises(Problem) as refused:
        prepared(*(placed(number, 15, 15) for number in range(700)))
    assert (refused.value.status, refused.value.type, refused.value.title) == (
        422,
        "too-complex",
        "The document is too complex",
    )


def test_a_release_weighs_what_it_writes() -> None:
    assert prepared(article()).weight == 1
    assert prepared(*(placed(number, 17, 5) for number in range(10))).weight > 20


def test_the_files_of_an_article_are_looked_up_once() -> None:
    asked: list[str] = []

    def files_of(guid: str) -> list[store.articles.FileRecord]:
        asked.append(guid)
        return []

    url = f"{Settings().url}/files/"
    body = release(article(more=f'<enclosure url="{url}" type="a/b"/>' * 300)).encode()
    releases.prepare(RULES, body, "application/xml", files_of)
    assert len(asked) == 1
