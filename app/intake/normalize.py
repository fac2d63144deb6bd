"""Checks a draft and makes an article of it, or reports every fault at once. Everything after this module is checked."""

import hashlib
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import quote, urlsplit

from msgspec import Struct, field, structs

from app.accounts.offices import OfficeRecord, issuing
from app.errors import Fault
from app.intake.draft import UNREAD, Draft, DraftContact, DraftEnclosure, DraftRelated, DraftTerm, Value
from app.text import embargo_wording as embargoes
from app.text import html
from app.text.characters import UNSEEN
from app.text.embargo_wording import Hours
from feeds import Article, Contact, Enclosure, Licence, Office, Related, Term
from schemas import Code, UnknownCode, codes
from schemas.text import nfc

GUID_MOST, HEADLINE_MOST, URL_MOST = 512, 1000, html.LONGEST_URL  # characters
SUMMARY_FROM_LEAD = 300  # characters of the first paragraph that become the summary if the release has none
EARLY = timedelta(minutes=5)  # how far a sender's clock may be ahead
WEEKDAYS = ("월mon", "화tue", "수wed", "목thu", "금fri", "토sat", "일sun")
MOST = {
    "regions": 100,
    "topics": 100,
    "keywords": 500,
    "contacts": 200,
    "enclosures": 500,
    "related": 500,
    "subheadlines": 100,
}
MOST_HINTS = 20  # wrong names in a release for which similar right names are suggested
UNKNOWN_TYPE = "application/octet-stream"
# The same patterns as in schemas/xsd/press-release.xsd.
MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+\-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+\-]*")
WEB_URL = re.compile(r"https?://[A-Za-z0-9\[][^\s<>\"\\]*")
NO_IRI = re.compile(r'["<>^`{|}]')  # not allowed by RFC 3987, section 2.2; browsers percent-encode them too
EMAIL = re.compile(r"[^@\s<>]+@[^@\s<>]+")
_DIGITS = "abcdefghijklmnopqrstuvwxyz234567"  # RFC 4648, section 6
BASE_32 = tuple(
    first + second for first in _DIGITS for second in _DIGITS
)  # of ten bits; base64.b32encode takes six times as long
KOREA = timezone(timedelta(hours=9))
LANG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


class Normal(Struct, frozen=True):
    """A checked article, with warnings for its office."""

    article: Article
    warnings: tuple[str, ...]
    says_embargo: bool = True  # False: the release does not say whether there is an embargo
    silent: bool = False  # a correction that readers need not see again
    undated: bool = False  # the release has no date of issue
    in_words: bool = False  # the embargo is mentioned only in the text of the release


class Hints:
    """How many wrong names of a release may still be compared with all known names, which takes milliseconds for each."""

    def __init__(self, left: int = MOST_HINTS) -> None:
        self.left = left

    def spend(self) -> bool:
        """Count one comparison; whether it is allowed."""
        self.left -= 1
        return self.left >= 0


class Circumstances(Struct, frozen=True):
    """What normalizing needs besides the draft."""

    office: OfficeRecord
    now: datetime
    url: str  # of this server, without a slash at the end
    backfill: bool = False  # an archive, whose articles are sorted into feeds by their own dates
    hours: Hours = Hours()  # when newspaper editions come out
    known: tuple[OfficeRecord, ...] = ()  # the offices that this office may publish for
    hints: Hints = field(default_factory=Hints)  # shared by all articles of the release


def public_id(guid: str) -> str:
    """The public id of a guid: 26 characters of lower-case base 32. It is the same on every server and never changes."""
    number = int.from_bytes(hashlib.sha256(guid.encode()).digest()[:16], "big") << 2  # 130 bits: 26 characters of 5
    return "".join([BASE_32[number >> shift & 1023] for shift in range(120, -1, -10)])


def normalize(draft: Draft, context: Circumstances) -> Normal | tuple[Fault, ...]:
    """The article of a draft, or all faults of the draft. Raises Problem (403) if the draft names an office that the sender may not
    publish for."""
    return _Normalizer(draft, context).run()


def issuer(draft: Draft, context: Circumstances) -> OfficeRecord | Fault:
    """The office that issues a draft. Raises Problem (403) if the sender may not publish for that office."""
    if draft.office is None:
        return context.office
    named, at = draft.office.text, draft.office
    return issuing(named, context.office, context.known, at.path, at.line, context.hints.spend)


def prose(text: str) -> str:
    """The text in NFC, without control characters and runs of spaces; line breaks stay."""
    if not text:  # as most parts of most releases
        return ""
    composed = nfc(text)
    if composed.isprintable():  # It has no control characters and no line breaks.
        return " ".join(composed.split())
    lines = UNSEEN.sub("", composed).split("\n")
    return "\n".join(" ".join(part.split()) for part in lines).strip()


def line(text: str) -> str:
    """The text in NFC, on one line and without control characters."""
    if not text:
        return ""
    composed = nfc(text)
    return " ".join((composed if composed.isprintable() else UNSEEN.sub("", composed)).split())


class _Normalizer:
    """Makes the article of one draft, and collects faults and warnings."""

    def __init__(self, draft: Draft, context: Circumstances) -> None:
        if draft.undated:
            draft = structs.replace(draft, issued=structs.replace(draft.issued, text=context.now.isoformat()))
        self.draft = draft
        self.context = context
        found = issuer(draft, context)
        self.faults: list[Fault] = [found] if isinstance(found, Fault) else []
        self.office = context.office if isinstance(found, Fault) else found
        self.warnings: list[str] = list(draft.warnings)
        self.words: list[str] = []  # soft terms that are unknown, which become keywords

    def fault(self, at: Value | DraftTerm, reason: str, nearest: Sequence[str] = ()) -> None:
        self.faults.append(Fault(reason, at.path, at.line, tuple(nearest)))

    def run(self) -> Normal | tuple[Fault, ...]:
        draft, context = self.draft, self.context
        self.amounts()
        if self.faults:
            return tuple(self.faults)
        guid = self.guid()
        lang = self.lang(draft.lang)
        headline = line(draft.headline.text)
        if not headline:
            self.fault(draft.headline, "The headline is empty.")
        elif len(headline) > HEADLINE_MOST:
            self.fault(
                draft.headline, f"The headline has {len(headline)} characters; at most {HEADLINE_MOST} are allowed."
            )
        if UNSEEN.search(nfc(draft.headline.text)):
            self.warnings.append("Control characters were removed from the headline.")
        body = html.clean(_nfc(draft.body.text), draft.base, tolerant=draft.foreign)
        self.warnings += body.warnings
        for reason in body.faults:
            self.fault(draft.body, reason)
        if not body.text and "<img" not in body.xhtml and not body.faults:
            self.fault(draft.body, "The body is empty. Write the text in it, or upload an HWPX file that has the text.")
        issued = self.instant(draft.issued)
        embargo, held = self.embargo(issued)
        if draft.waits and issued and issued > context.now and not held:
            embargo = embargo or issued
        if draft.doubts and issued and not held and (embargo is None or embargo <= context.now):
            held = self.doubtful(issued)
        if issued:
            self.dates(issued, embargo, held)
        moment = issued or context.now
        regions = self.regions(moment)
        topics = self.topics()
        enclosures = tuple(self.enclosure(enclosure) for enclosure in draft.enclosures)
        related = tuple(map(self.related, draft.related))
        if self.faults or issued is None:
            return tuple(self.faults)
        id = public_id(guid)
        published = min(issued, context.now) if embargo is None else max(min(issued, context.now), embargo)
        article = Article(
            id=id,
            guid=guid,
            version=draft.version,
            lang=lang,
            pubstatus=draft.pubstatus,
            office=Office(self.office.code, self.office.name, self.office.url, self.office.above),
            kind=draft.kind,
            headline=headline,
            subheadlines=tuple(filter(None, map(line, draft.subheadlines))),
            summary=prose(draft.summary) or lead(body.text) or headline,
            body=body.xhtml,
            text=body.text,
            dateline=line(draft.dateline),
            byline=self.byline(),
            issued=issued,
            published=published,
            updated=published if context.backfill else max(context.now, embargo or context.now),
            embargoed=embargo,
            held=held,
            embargo_wording=line(draft.embargo_wording),
            regions=regions,
            topics=topics,
            keywords=tuple(
                Term("keyword", word) for word in dict.fromkeys([*map(line, draft.keywords), *self.words]) if word
            ),
            contacts=tuple(found for found in map(contact, draft.contacts) if found != Contact()),
            enclosures=enclosures,
            licence=licence(draft.licence_uri, draft.licence_text),
            related=related,
            note=prose(draft.note),
            url=f"{context.url}/articles/{id}",
            urgency=draft.urgency,
            slugline=line(draft.slugline),
            source=line(draft.source) or self.issuer(),
            copyright=line(draft.copyright) if line(draft.copyright) != line(f"© {self.office.name}") else "",
            signal=draft.signal,
        )
        # A newer version that says nothing about an embargo keeps that of the version before (app/store/articles/decide.py).
        says = (
            embargo is not None or held or draft.says_embargo or bool(draft.wording_decides and article.embargo_wording)
        )
        in_words = draft.wording_decides and not draft.says_embargo
        return Normal(article, tuple(self.warnings), says, draft.silent, draft.undated, in_words)

    def amounts(self) -> None:
        """Limit the number of regions, topics, files and so on, because each is work for every feed of the article."""
        for name, most in MOST.items():
            if (count := len(getattr(self.draft, name))) > most:
                reason = f"The article has {count} {name}; at most {most} are allowed."
                self.faults.append(Fault(reason, self.draft.mark.path, self.draft.mark.line))

    def guid(self) -> str:
        guid = nfc(self.draft.guid.text.strip())
        if guid and self.draft.guid_space:
            guid = f"{self.draft.guid_space}:{self.office.code}:{guid}"
        if not guid or len(guid) > GUID_MOST or guid.split() != [guid] or UNSEEN.search(guid):
            self.fault(self.draft.guid, f"A guid must have 1 to {GUID_MOST} characters and no white space.")
        return guid

    def lang(self, value: Value) -> str:
        lang = value.text.strip()
        if not LANG.fullmatch(lang):
            self.fault(value, f"{lang[:40]!r} is not a BCP 47 language tag such as ko.")
        return lang

    def instant(self, value: Value) -> datetime | None:
        """An ISO 8601 instant with a time zone, converted to UTC; None after a fault."""
        text = value.text.strip()
        try:
            instant = datetime.fromisoformat(text)
        except ValueError:
            self.fault(value, f"{text[:40]!r} is not a date and time such as 2021-03-09T20:15:00+09:00.")
            return None
        if instant.tzinfo is None:
            self.fault(value, f"{text[:40]!r} has no time zone. Add +09:00 or Z at the end.")
            return None
        try:
            return instant.astimezone(UTC)
        except OverflowError:
            self.fault(value, f"{text[:40]!r} is out of range. In UTC, its year must be 1 to 9999.")
            return None

    def embargo(self, issued: datetime | None) -> tuple[datetime | None, bool]:
        """(end of the embargo, whether the article is held): as the release says, or as its wording means."""
        draft = self.draft
        if draft.embargo:
            return self.instant(draft.embargo), draft.held
        wording = line(draft.embargo_wording)
        if not draft.wording_decides or not wording or issued is None:
            return None, draft.held
        # The wording uses the time zone of the release's own instant; a Korean release that gives UTC uses Korean time.
        local = datetime.fromisoformat(draft.issued.text.strip())
        if not local.utcoffset() and draft.lang.text.strip().lower().startswith("ko"):
            local = local.astimezone(KOREA)
        meaning = embargoes.read(wording, local, self.context.hours)
        self.warnings += meaning.warnings
        if meaning.held and not meaning.warnings:
            self.warnings.append(
                f"The embargo {wording[:100]!r} does not name a date and time that we understand. The article is held."
            )
        until = meaning.until.astimezone(UTC) if meaning.until else None
        # An embargo that ends before the release was issued is none.
        return (until if until and until > issued else None), meaning.held

    def doubtful(self, issued: datetime) -> bool:
        """Whether a part that was not read as an embargo looks like one that is not past."""
        for where, text in self.draft.doubts:
            if not embargoes.over(text, issued.astimezone(KOREA), self.context.now, self.context.hours):
                self.warnings.append(UNREAD.format(where))
                return True
        return False

    def dates(self, issued: datetime, embargo: datetime | None, held: bool) -> None:
        now = self.context.now
        weekday = self.draft.issued_weekday.strip(" ()").lower()
        local = datetime.fromisoformat(self.draft.issued.text.strip())
        right = WEEKDAYS[local.weekday()]
        if weekday and not (weekday[:1] == right[0] or weekday[:3] == right[1:]):
            self.warnings.append(f"The weekday {weekday!r} does not match the date {local.date()}. The date was used.")
        if issued > now + EARLY and embargo is None and not held:
            self.warnings.append(
                "The date of issue is in the future and there is no embargo. The article was published at once."
            )
        if embargo and embargo <= now and self.draft.embargo:
            self.warnings.append("The embargo is past. The article was published at once.")

    def regions(self, moment: datetime) -> tuple[Term, ...]:
        local = self.draft.issued.text.strip()[:10]
        day = moment.date()
        if re.fullmatch(r"\d{4}-\d\d-\d\d", local):
            day = datetime.fromisoformat(local).date()
        within = self.office.regions

        def resolve(text: str) -> Code:
            return codes("region").resolve(text, day, within)

        return self.terms("region", self.draft.regions, within, resolve)

    def topics(self) -> tuple[Term, ...]:
        return self.terms("topic", self.draft.topics, self.office.topics, codes("topic").resolve)

    def terms(
        self, what: str, written: Sequence[DraftTerm], default: Sequence[str], resolve: Callable[[str], Code]
    ) -> tuple[Term, ...]:
        found: dict[str, Code] = {}
        for term in written:
            try:
                code = resolve(term.text)
            except UnknownCode as error:
                if term.soft:
                    word = line(term.name or term.text)
                    self.words.append(word)
                    self.warnings.append(f"{word[:100]!r} is not a known {what}. It was stored as a keyword.")
                    continue
                near = error.nearest if self.context.hints.spend() else ()
                what_is_wrong = (
                    f"is the name of several {what}s. Write the code."
                    if error.candidates
                    else f"is not a known {what}."
                )
                self.fault(term, f"{line(term.text)[:100]!r} {what_is_wrong}", near)
                continue
            if code.retired:
                self.warnings.append(f"The {what} {code.code} was retired on {code.retired}. It was stored anyway.")
            found[code.code] = code
        # An unknown place still differs from the office's own place.
        if not found and (not written or (what == "topic" and all(term.soft for term in written))):
            found = {
                code: known for code in default if (known := codes("region" if what == "region" else "topic").get(code))
            }
        return tuple(Term(code.scheme, code.code, code.names) for code in found.values())

    def related(self, draft: DraftRelated) -> Related:
        """A related article. If a translation is given only by its guid, its URL is its page on this server."""
        guid = "%20".join(draft.guid.split())
        url = self.url(draft.url) if draft.url else ""
        lang = ""
        if draft.translation:
            lang = self.lang(draft.translation)
            if lang.lower() == self.draft.lang.text.strip().lower():
                self.fault(draft.translation, "A translation must be in another language than the article.")
            url = url or f"{self.context.url}/articles/{public_id(guid)}"
        return Related(line(draft.headline), guid, url, lang)

    def enclosure(self, draft: DraftEnclosure) -> Enclosure:
        own = licence(draft.licence_uri, draft.licence_text) if draft.has_licence else None
        lang = draft.lang.strip() if LANG.fullmatch(draft.lang.strip()) else ""
        type = draft.type.partition(";")[0].strip().lower()
        if not MEDIA_TYPE.fullmatch(type):
            self.warnings.append(
                f"{draft.url.text.strip()[:100]!r} has no valid media type. It will be served as {UNKNOWN_TYPE}."
            )
            type = UNKNOWN_TYPE
        url = f"{self.context.url}{draft.url.text}" if draft.sha256 else self.url(draft.url)
        return Enclosure(url, type, draft.length, draft.role, line(draft.caption), lang, own)

    def byline(self) -> str:
        """The byline; empty if it only repeats the name of the office, as the author of a feed may."""
        byline = line(self.draft.byline)
        return "" if self.draft.byline_soft and self.office.named(byline) else byline

    def issuer(self) -> str:
        """The issuer that the release names; empty if it is the office."""
        name = line(self.draft.issuer)
        return "" if self.office.named(name) else name

    def url(self, value: Value) -> str:
        text = value.text.strip()
        if len(text) > URL_MOST:
            self.fault(value, f"The URL {text[:60]!r}… has {len(text)} characters; at most {URL_MOST} are allowed.")
            return ""
        try:
            url = urlsplit(text)
            good = url.scheme in ("http", "https") and bool(url.hostname) and url.username is None and "\\" not in text
            _ = url.port
        except ValueError:
            good = False
        if not good or any(c.isspace() or c < " " for c in text):
            self.fault(value, f"{text[:100]!r} is not an absolute http or https URL.")
        return NO_IRI.sub(lambda odd: quote(odd[0]), text)


def licence(uri: str, text: str) -> Licence:
    """The licence; a URI that is not a web address becomes part of its text."""
    uri = uri.strip()
    if uri and not WEB_URL.fullmatch(uri):
        return Licence("", prose(f"{text} {uri}"))
    return Licence(uri, prose(text))


def contact(draft: DraftContact) -> Contact:
    """The contact; an e-mail address that is not valid becomes part of the phone field, as another way to reach the contact."""
    phone, email = line(draft.phone), line(draft.email)
    if email and not EMAIL.fullmatch(email):
        phone, email = line(f"{phone} {email}"), ""
    return Contact(line(draft.department), line(draft.role), line(draft.name), phone, email)


def lead(text: str) -> str:
    """The first paragraph; a long one is cut between words."""
    first = text.split("\n\n")[0].replace("\n", " ")
    if len(first) <= SUMMARY_FROM_LEAD:
        return first
    cut = first[:SUMMARY_FROM_LEAD]
    return (cut[: cut.rfind(" ")] if " " in cut else cut) + "…"


def _nfc(text: str) -> str:
    return UNSEEN.sub("", nfc(text))
