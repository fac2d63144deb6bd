"""NewsML-G2 and NITF: every document is read, or refused with reasons; and the cases follow IPTC's schemas."""

import copy
import re
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from app.accounts.offices import OfficeRecord
from app.errors import Problem
from app.intake import parsers
from app.intake.normalize import Circumstances, Normal, normalize
from app.intake.parsers import xml
from schemas import xsd

ROOT = Path(__file__).parent
STANDARDS = ROOT.parent.parent / "shared" / "standards"
SCHEMAS = {
    "newsml": STANDARDS / "newsml-g2" / "NewsML-G2_2.35-spec-All-Power.xsd",
    "nitf": STANDARDS / "nitf" / "nitf-3-6.xsd",
}
CASES = {dialect: sorted((ROOT / "releases" / dialect).glob("*.xml")) for dialect in SCHEMAS}
OFFICE = OfficeRecord("harbour", "Harbour Authority", "https://harbour.example/", ("de:HH",))


def tree(path: Path) -> etree._Element:
    return xml.read(path.read_bytes(), "application/xml").root


def answers(body: bytes) -> None:
    """Articles, or reasons; never another exception."""
    try:
        parsed = parsers.parse(body, "application/xml")
    except Problem as problem:
        assert problem.errors
        assert all(fault.reason for fault in problem.errors)
        return
    for _, draft in parsed.drafts:
        done = normalize(draft, Circumstances(OFFICE, datetime(2026, 7, 15, tzinfo=UTC), "https://press.example"))
        assert isinstance(done, Normal) or all(fault.reason for fault in done)
    assert all(fault.reason and fault.path for faults in parsed.refused.values() for fault in faults)


VALUES = st.sampled_from(
    ["", " ", "0", "-1", "x y", "x:y", "2021", "2021-03-09T00:00:00", "20210309", "http://[", "//", "9" * 30]
)
ANY = st.sampled_from([(dialect, path) for dialect, paths in CASES.items() for path in paths])
PATIENT = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def damaged(path: Path, data: st.DataObject) -> etree._Element:
    """A case with up to four parts dropped, doubled, forgotten or misspelt."""
    root = copy.deepcopy(tree(path))
    for _ in range(data.draw(st.integers(1, 4))):
        nodes = list(root.iter())
        node = nodes[data.draw(st.integers(0, len(nodes) - 1))]
        match data.draw(st.sampled_from(["drop", "double", "text", "attribute", "forget"])):
            case "drop" if node.getparent() is not None:
                node.getparent().remove(node)
            case "double" if node.getparent() is not None:
                node.addnext(copy.deepcopy(node))
            case "text":
                node.text = data.draw(VALUES)
            case "attribute" if node.attrib:
                node.set(data.draw(st.sampled_from(sorted(node.attrib))), data.draw(VALUES))
            case "forget" if node.attrib:
                del node.attrib[data.draw(st.sampled_from(sorted(node.attrib)))]
    return root


@PATIENT
@given(ANY, st.data())
def test_a_damaged_document_is_answered(case: tuple[str, Path], data: st.DataObject) -> None:
    answers(etree.tostring(damaged(case[1], data)))


# IPTC allows these, but an article cannot have them: an instant without a zone, a guid that no URL or database can hold, huge
# numbers.
STRICTER = {"versionCreated", "firstCreated", "contentCreated", "embargoed"}
OFFICIAL = {
    dialect: etree.XMLSchema(etree.parse(str(path))) if path.exists() else None for dialect, path in SCHEMAS.items()
}


@pytest.mark.skipif(not all(OFFICIAL.values()), reason="the IPTC's schemas are not here: ../shared/standards")
@PATIENT
@given(ANY, st.data())
def test_the_profile_takes_what_the_official_schema_takes(case: tuple[str, Path], data: st.DataObject) -> None:
    dialect, path = case
    root = damaged(path, data)
    official, profile = OFFICIAL[dialect], xsd(dialect)
    assert official is not None
    if not official.validate(root) or profile.validate(root):
        return
    for error in profile.error_log:
        (element,) = root.xpath(error.path, namespaces={key: uri for key, uri in root.nsmap.items() if key})
        name = etree.QName(element).localname
        told = "attribute 'guid'" in error.message or "9" * 30 in error.message
        assert told or (name in STRICTER and not re.search(r"(Z|[+-]\d\d:\d\d)$", (element.text or "").strip())), error


# These break the standard on purpose, because senders write them all the same.
LOOSE = {"loose", "message-cp949", "agency-32", "ferry-32-cp949"}


@pytest.mark.skipif(not all(OFFICIAL.values()), reason="the IPTC's schemas are not here: ../shared/standards")
@pytest.mark.parametrize(
    ("dialect", "path"),
    [(dialect, path) for dialect, paths in CASES.items() for path in paths if path.stem not in LOOSE],
    ids=lambda value: value.stem if isinstance(value, Path) else str(value),
)
def test_a_case_is_as_the_official_schema_wants_it(dialect: str, path: Path) -> None:
    official = OFFICIAL[dialect]
    assert official is not None
    official.assertValid(tree(path))


MEDIA = '<media media-type="image"><media-reference source="https://a.example/a.jpg"/></media>'
REMOTE = '<remoteContent id="a" href="https://a.example/a" contenttype="a/b"/>'
MANY = 9_000  # just below the limit of children (app/intake/parsers/xml.py)


@pytest.mark.parametrize(
    ("case", "before", "repeated"),
    [
        ("nitf/free-words", "</body.content>", MEDIA),
        ("nitf/free-words", "</p>", "<denom>1</denom>"),
        ("nitf/free-words", "</hedline>", "<hl2>a</hl2>"),
        ("newsml/concepts", "</contentMeta>", "<located><name>nowhere</name></located>"),
        ("newsml/concepts", "</contentSet>", REMOTE),
        ("newsml/concepts", "<itemMeta>", '<rightsInfo idrefs="b"/>'),
        ("newsml/concepts", "<itemMeta>", '<catalogRef href="https://a.example/"/>'),
    ],
    ids=lambda value: value.strip("<>").partition(" ")[0].replace("/", "-"),
)
def test_many_equal_elements_cost_little(case: str, before: str, repeated: str) -> None:
    text = (ROOT / "releases" / f"{case}.xml").read_text("utf-8")
    began = time.monotonic()
    answers(text.replace(before, repeated * MANY + before, 1).encode())
    assert time.monotonic() - began < 3  # seconds; it took tens of seconds when something was counted again for each
