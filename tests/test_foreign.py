"""What agencies and newsroom programs send becomes the article that the JSON beside it says; adding a case needs no code.

`tests/foreign/<dialect>/<name>.<suffix>` is a document that we wrote in the manner of an agency or a program, and `<name>.json`
says what becomes of it: `warnings` (words of each warning, in order and complete) and `article` (the members that the case is
about, as `/articles/{id}.json` writes them) or `articles` (one for each, or `{"refused": [words of its faults]}`). Where
needed: `office` (an OfficeRecord), `offices` (others that are registered), `source` (the time zone of the source), `content_type`,
`name` (of the file), `base` (the URL that it was pulled from). Beside a document in JSON it is `<name>.receipt.json`.
"""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.accounts.offices import OfficeRecord
from app.intake import parsers
from app.intake.draft import Given
from app.intake.normalize import Circumstances, Normal, normalize
from feeds import atom, render, rss
from tests import feedrules
from tests.articles import feed

FOREIGN = Path(__file__).parent / "foreign"
NOW = datetime(2026, 7, 15, tzinfo=UTC)
AGENCY = {"code": "agency", "name": "The Agency", "regions": ["kr:52"], "timezone": "Asia/Seoul"}
ACTIVE = re.compile(
    r"<(?:script|style|iframe|object|embed|form|svg|math)\b|\son\w+\s*=|(?:javascript|data|vbscript):", re.I
)


RECEIPT = ".receipt.json"
CASES = sorted(path for path in FOREIGN.rglob("*.json") if not path.with_name(path.stem + RECEIPT).exists())


def document(case: Path) -> Path:
    """The document of a case."""
    if case.name.endswith(RECEIPT):
        return case.with_name(case.name.removesuffix(RECEIPT) + ".json")
    (found,) = (file for file in case.parent.glob(f"{case.stem}.*") if file != case)
    return found


@pytest.mark.parametrize(
    "case", CASES, ids=lambda path: str(path.relative_to(FOREIGN).with_suffix("")).removesuffix(".receipt")
)
def test_foreign(case: Path) -> None:
    expected: dict[str, Any] = json.loads(case.read_text("utf-8"))
    office = msgspec.convert(expected.get("office", AGENCY), OfficeRecord)
    others = msgspec.convert(expected.get("offices", []), tuple[OfficeRecord, ...])
    file = document(case)
    name = expected.get("name", file.name)
    given = Given(expected.get("source") or office.timezone, office.code, name, NOW, expected.get("base", ""))
    parsed = parsers.parse(file.read_bytes(), expected.get("content_type", "application/xml"), given)
    again = parsers.parse(file.read_bytes(), expected.get("content_type", "application/xml"), given)
    assert [draft.fingerprint() for _, draft in parsed.drafts] == [draft.fingerprint() for _, draft in again.drafts]
    meant = Circumstances(office, NOW, "https://press.example", known=others)
    wanted = expected.get("articles") or [expected["article"]]
    assert len(parsed.drafts) + len(parsed.refused) == len(wanted), parsed.refused
    drafts, warnings = dict(parsed.drafts), []
    for place, members in zip(sorted({*drafts, *parsed.refused}), wanted, strict=True):
        done = normalize(drafts[place], meant) if place in drafts else parsed.refused[place]
        if "refused" in members:
            assert not isinstance(done, Normal)
            for words in members["refused"]:
                assert any(words in fault.reason for fault in done), (words, done)
            continue
        assert isinstance(done, Normal), done
        warnings += done.warnings
        assert not ACTIVE.search(done.article.body), done.article.body
        alone = feed(done.article)
        for format in (rss, atom):
            events = feedrules.check(render(format, alone), alone.self)
            assert not [event for event in events if event.startswith("InvalidFullLink")]
        found = json.loads(msgspec.json.encode(done.article))
        assert {field: found[field] for field in members} == members
    assert len(warnings) == len(expected["warnings"]), warnings
    for words, warning in zip(expected["warnings"], warnings, strict=True):
        assert words in warning, warnings
