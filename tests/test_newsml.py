"""NewsML-G2 and NITF: whatever is sent is read or refused with reasons, and the cases are as IPTC's schemas want them."""

import copy
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from app import parsers
from app.errors import Problem
from app.normalize import Context, Normal, normalize
from app.office import OfficeRecord
from app.parsers import xml

ROOT = Path(__file__).parent
STANDARDS = ROOT.parent.parent / "shared" / "standards"
SCHEMAS = {
    "newsml": STANDARDS / "newsml-g2" / "NewsML-G2_2.35-spec-All-Power.xsd",
    "nitf": STANDARDS / "nitf" / "nitf-3-6.xsd",
}
CASES = {dialect: sorted((ROOT / "releases" / dialect).glob("*.xml")) for dialect in SCHEMAS}
OFFICE = OfficeRecord("harbour", "Harbour Authority", "https://harbour.example/", ("de:HH",))


def tree(path: Path) -> etree._Element:
    return xml.read(path.read_bytes(), "application/xml")


def answers(body: bytes) -> None:
    """Articles, or reasons; never another exception."""
    try:
        parsed = parsers.parse(body, "application/xml")
    except Problem as problem:
        assert problem.errors
        assert all(fault.reason for fault in problem.errors)
        return
    for _, draft in parsed.drafts:
        done = normalize(draft, Context(OFFICE, datetime(2026, 7, 15, tzinfo=UTC), "https://press.example"))
        assert isinstance(done, Normal) or all(fault.reason for fault in done)
    assert all(fault.reason and fault.path for faults in parsed.refused.values() for fault in faults)


VALUES = st.sampled_from(
    ["", " ", "0", "-1", "x y", "x:y", "2021", "2021-03-09T00:00:00", "20210309", "http://[", "//", "9" * 30]
)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from([path for paths in CASES.values() for path in paths]), st.data())
def test_a_damaged_document_is_answered(path: Path, data: st.DataObject) -> None:
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
    answers(etree.tostring(root))
