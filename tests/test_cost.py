"""What one document may cost: processor time and memory, whatever stands in it.

Every element and attribute of every dialect is filled and repeated; the elements come from the schemas and from the releases of the
tests, so that a new one joins by itself; these are small, and show what is not linear. The
dearest hostile documents that we know stand in DEAREST, a line each. Honest ones of that size cost more than SECONDS: docs/scaling.md.
"""

import multiprocessing
import resource
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from html import escape
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from lxml import etree

from app.accounts.offices import OfficeRecord, Sender
from app.errors import Problem
from app.intake import releases
from app.settings import Settings
from schemas import codes

ROOT = Path(__file__).parent.parent
LARGEST = 8_000_000  # bytes
SECONDS = 1.0  # of processor time for a document of that size
NOISE = 1.5  # how much longer a busy machine may make it
MEMORY = 200 * 1024  # kilobytes
FILLED = 30_000  # characters of one text or attribute, where all are tried: what is quadratic takes a second
EACH = 0.3  # seconds for such a document
RULES = releases.Rules(Settings(), Sender(OfficeRecord("jeonbuk", "전북특별자치도", "", ("kr:52",), others=True)))
SEEDS = {"press-release": "everything.xml", **{name: name for name in ("atom", "korea", "newsml", "nitf", "rss")}}
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
def ready() -> None:
    """What a server has read before the first push."""
    assert all(codes(table) for table in ("region", "topic"))
    for dialect in SEEDS:
        _prepare(seed(dialect)[0])


# Each element and attribute


def seed(dialect: str) -> list[bytes]:
    """Releases of the tests, the longest first."""
    path = ROOT / "tests" / "releases" / SEEDS[dialect]
    files = [path] if path.is_file() else sorted(path.glob("*.xml"), key=lambda file: -file.stat().st_size)
    return [document for file in files if (document := file.read_bytes()) and _readable(document)]


def _readable(document: bytes) -> bool:
    """Whether it says its encoding as libxml2 knows it: what is CP949 and called EUC-KR is read by the server alone."""
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
            count = min(9_000, 500_000 // len(etree.tostring(again, with_tail=False)))
            again.getparent().extend(deepcopy(again) for _ in range(count))
            yield _local(element), bytes(etree.tostring(root))


@pytest.mark.slow
@pytest.mark.parametrize("dialect", SEEDS)
def test_no_element_or_attribute_is_dear(dialect: str) -> None:
    dear = []
    for what, write in filled(dialect):
        for text in TEXTS:
            body = write(text * (FILLED // len(text)))
            start = time.thread_time()
            _prepare(body)
            spent = time.thread_time() - start
            if spent > EACH:
                dear.append(f"{what} with {text!r}: {spent:.2f} s")
                break
    assert not dear


@pytest.mark.slow
@pytest.mark.parametrize("dialect", SEEDS)
def test_no_repeated_element_is_dear(dialect: str) -> None:
    dear = []
    for what, body in repeated(dialect):
        start = time.thread_time()
        _prepare(body)
        spent = time.thread_time() - start
        if spent > 2 * EACH * NOISE:
            dear.append(f"{what}: {spent:.2f} s")
    assert not dear


# The dearest that we can think of

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
    return unit * (LARGEST // len(unit.encode()))


MARKS = "\u0301\u0316"
FILE = '<enclosure url="https://{}" type="application/pdf"/>'

DEAREST: dict[str, Callable[[], str]] = {
    "a thousand articles": lambda: release(*(article(n) for n in range(1000))),
    "names that are like others": lambda: release(
        *(article(n, more="<region>전라북동</region><topic>환경보호보</topic>" * 30) for n in range(900))
    ),
    "offices that are unknown": lambda: release(
        *(article(n).replace("<issued>", f"<office>전라북동{n}</office><issued>", 1) for n in range(1000))
    ),
    "faults in each element": lambda: release(*(article(n, more="<region/>" * 390) for n in range(1000))),
    "faults in one article": lambda: release(article(more="<region/>" * 9_990)),
    "faults in each attribute": lambda: release(
        article(body="<body>" + ("<p " + " ".join(f'a{n}="1"' for n in range(20)) + "/>") * 9_000 + "</body>")
    ),
    "attributes": lambda: release(
        article(body="<body>" + ("<p " + " ".join(f'a{n}="1"' for n in range(60)) + "/>") * 9_000 + "</body>")
    ),
    "wide elements": lambda: release(*("<x>" + "<y/>" * 9_990 + "</x>" for _ in range(39))),
    "long names in each other": lambda: (
        HEAD + f"<a{'n' * 40_000}>" * 60 + "<x/>" * 9_000 + f"</a{'n' * 40_000}>" * 60 + "</release>"
    ),
    "namespaces": lambda: HEAD + "".join(f'<a xmlns:b{n}="x{n}" b{n}:c="1"/>' for n in range(4_900)) + "</release>",
    "enclosures": lambda: release(article(more=FILE.format("a.example/" + "x" * 7_900) * 500)),
    "a long URL": lambda: release(article(more=FILE.format("a.example/" + often("|")))),
    "a long link": lambda: html(f'<a href="https://a.example/{often(" x")}">x</a>'),
    "marks in a host": lambda: release(article(more=FILE.format(f"a{often(MARKS)}/"))),
    "marks in a host of a link": lambda: html(f'<a href="https://a{often(MARKS)}/">x</a>'),
    "marks": lambda: release(article(headline="a" + often("\u0301\u0316"))),
    "marks in the body": lambda: html("a" + often("\u0301\u0316")),
    "one long word": lambda: html(often("가")),
    "a character of eighteen": lambda: html(often("\ufdfa")),
    "ampersands": lambda: html(often("&amp;")),
    "formatting": lambda: html("<p>" + "".join(f"<b title={n}>" for n in range(90)) + often("<p>x")),
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
    assert len(body) < 10_000_000
    seconds, kilobytes = cost(body)
    assert seconds < SECONDS * NOISE
    assert kilobytes < MEMORY


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
    assert reasons[0] == "<region> is empty or too short; expected is at least one character."
    assert reasons[-1].endswith("which was not looked at: mend them and send it again.")
