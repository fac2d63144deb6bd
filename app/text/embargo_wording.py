"""The meaning of an office's embargo wording: 보도시점, as Korean press releases write it. Pure.

Four forms are known (docs/press-release-format.md): a date and time, "at once", a newspaper edition, and an event without a time.
Unless the whole wording is understood, the release is held: 즉시 means at once, but 의결 즉시 waits for a resolution.
"""

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from msgspec import Struct

from schemas.text import nfc, nfkc

WEEKDAYS = "월화수목금토일"
LONGEST = 200  # characters of a wording; a longer one is a text, not a time
YEARS = (1900, 9998)  # first and last year of a date
HEAD = 12  # lines of a body that form its head


class Hours(Struct, frozen=True):
    """When newspaper editions come out, on the office's clock."""

    morning: time = time(6, 0)
    evening: time = time(12, 0)


class WordedEmbargo(Struct, frozen=True):
    """The meaning of a wording. With neither an instant nor a hold, the release may be reported at once."""

    until: datetime | None = None  # in the zone of the release's own instant
    held: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def at_once(self) -> bool:
        """Whether the release may be reported at once."""
        return self.until is None and not self.held


class _Wrong(Exception):
    """A wording names a date or time that does not exist. The message is a sentence."""


class _Part(Struct):
    """The time for one medium: 3. 10.(수) 조간, or 온라인 3. 9.(화) 12:00."""

    online: bool = False
    day: date | None = None
    inherited: bool = False  # the day comes from the part before
    minutes: int | None = None  # from the start of the day, up to 24 hours
    edition: str = ""
    at_once: bool = False

    @property
    def timed(self) -> bool:
        return self.minutes is not None or bool(self.edition) or self.at_once

    @property
    def dated(self) -> bool:
        return self.day is not None and not self.inherited


# The order matters: a date of three numbers comes before one of two, and that before a time.
TOKEN = re.compile(
    r"""
    (?P<space>[\s,·ㆍ•~∼]+|[()\[\]<>〈〉「」※*:：.]+ )
  | (?P<next>[/;|]+)
  | (?P<quote>['‘’`])?(?P<year>\d{4}|\d{2})\s*(?:[.\-/]|년)\s*(?P<month>\d{1,2})\s*(?:[.\-/]|월)\s*
    (?P<day>\d{1,2})(?!\d|\s*[:시])\s*(?:일(?!요일)|\.)?
  | (?P<month2>\d{1,2})\s*(?:[./]|월)\s*(?P<day2>\d{1,2})(?!\d|\s*[:시])\s*(?:일(?!요일)|\.)?
  | (?P<day1>\d{1,2})\s*일(?!요일)
  | (?P<weekday>[월화수목금토일])(?:요일|(?=[\s),]|$))
  | (?P<half>오전|오후|새벽|아침|낮|저녁|밤|AM|PM)?\s*
    (?:(?P<hour>\d{1,2})\s*(?::\s*(?P<minute>\d{2})(?::\d{2})?|시(?:\s*(?P<minute2>\d{1,2})\s*분|\s*(?P<thirty>반))?)
       \s*(?P<after>[AP]M)?)
  | (?P<noon>정오)
  | (?P<midnight>자정)
  | (?P<edition>[조석]간)(?:용|판|신문)?
  | (?P<online>(?:온라인|인터넷|통신|방송)(?:\s*매체|\s*언론|\s*뉴스|\s*보도)?(?:은|는|의\s*경우)?)
  | (?P<paper>(?:지면|신문)(?:\s*매체)?(?:은|는|의\s*경우)?)
  | (?P<once>배포\s*(?:후|시|와\s*동시에?)?\s*즉시|배포\s*(?:와\s*동시에?|시점?|후)(?![가-힣]|\s*\d)|즉시)
  | (?P<filler>이후|부터|까지|보도\s*가능|보도\s*(?:해\s*)?(?:주시기\s*바랍니다|바랍니다|요망)?|가능|사용|엠바고|배포)
    """,
    re.VERBOSE | re.IGNORECASE,
)
# The match starts before the leading punctuation and never inside it; otherwise each punctuation mark would be tried as a start.
_LABEL = r"보\s*+도\s*+(?:시\s*+점|일\s*+시|가능\s*+시점|유\s*+예|제\s*+한)[^\w'‘’]*+"
LABEL = re.compile(rf"(?<!\W)\W*+{_LABEL}")
# A label inside a line, as in the head of a table. A time must follow it closely.
LABEL_WITHIN = re.compile(rf"{_LABEL}(?=[^\n]{{0,12}}(?:\d|즉시|조간|석간|정오|자정))")
INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
# The time of distribution, which the head of a release gives beside the embargo.
HANDED_OUT = re.compile(
    r"배\s*+포\s*+(?:(?:일\s*+시|일|시점)\s*+[\])>]*+\s*+[:：]?+|[\])>]*+\s*+[:：])\s*+(?=['‘’]?\d)"
)
BEFORE = "[(<|/ \t\n"
# For each part of the day: ranges of hours, and the hours to add. 오전 12시 may mean midnight or noon, so it is in no range.
HALVES: dict[str, tuple[tuple[range, int], ...]] = {
    "오전": ((range(12), 0),),
    "AM": ((range(12), 0),),
    "새벽": ((range(7), 0),),
    "아침": ((range(5, 12), 0),),
    "낮": ((range(11, 13), 0), (range(1, 6), 12)),
    "오후": ((range(12, 24), 0), (range(1, 12), 12)),
    "PM": ((range(12, 24), 0), (range(1, 12), 12)),
    "저녁": ((range(17, 24), 0), (range(5, 12), 12)),
    "밤": ((range(18, 24), 0), (range(6, 13), 12)),
}
HOURS = Hours()
_WORD = r"(?:엠바고|보\s?도\s?(?:유\s?예|제\s?한)|embargo(?:ed)?|sperrfrist)"
_UNTIL = r"(?:until|till|jusqu|hasta|fino|bis)\b"
_DATED = (
    r"[(\[]\s?['‘’]?\d{1,4}\s?(?:[.월/:시]|년\s?\d)"  # 엠바고(3. 10. 09시); a year alone belongs to a trade embargo
)
_THEN = (
    rf"\s{{0,3}}(?:[\]】):：>〉》」}}〕*★☆]|[-–—―]|{_DATED}|{_UNTIL}|to\s\d|for\s(?:release|publication)\b|[^\W\d]{{0,8}}까지|해제"
    r"|['‘’]?\d|$)"
)
MARKED = re.compile(
    rf"\W{{0,6}}(?:(?:press|news|media)\srelease\W{{1,5}})?(?:(?<=[\[【(<〈《「{{〔*])\s?{_WORD}"
    rf"|strictly\sembargoed\b|(?:strict(?:ly)?\s|under\s|a\s|sous\s|bajo\s|sotto\s|unter\s){{0,4}}{_WORD}{_THEN}"
    r"|hold\sfor\s(?:release|publication)\b|for\srelease\s(?:on\s|at\s)?\d|(?:do\s)?not\s(?:for\s|to\sbe\s|be\s)?"
    r"(?:release[d]?|publish(?:ed)?|publication)\s(?:until|before)\b)",
    re.IGNORECASE,
)
# The same mark in brackets anywhere in a headline; and in the head of a text, after a bullet or at the start of a line.
BRACKETED = re.compile(
    rf"[\[【(<〈《「{{〔]\s{{0,3}}(?:[\d.:\s월일시조석간~-]{{1,30}}|(?:strict(?:ly)?\s|under\s){{0,3}})(?:보\s?도\s?시\s?점|{_WORD}){_THEN}",
    re.IGNORECASE,
)
# A request to report only after a time; the time is the first group.
ASKED = re.compile(
    r"((?<!\d)\d{1,4}\s{0,2}[.년월/][^\n]{0,40}?)(?:이후|부터)[^\n가-힣]{0,3}(?:에|만)?\s{0,2}보\s?도(?=\s{0,2}(?:하|해|가능|바랍|요망|부탁|$))",
    re.MULTILINE,
)
SPACED = re.compile(r"(?<!\w)[A-Za-z](?: [A-Za-z](?!\w)){5,}")
BULLETED = re.compile(rf"(?:^|[※▶■□○●◆*-])\s{{0,3}}{_WORD}\s{{0,3}}[:：]", re.IGNORECASE | re.MULTILINE)


def looks_like(text: str) -> bool:
    """Whether a text begins with an embargo mark as newsrooms use it: "[엠바고 …]", "EMBARGOED UNTIL …", "Under embargo:". The word
    alone does not count, because a trade embargo is ordinary news."""
    return MARKED.match(_plainly(text[:LONGEST])) is not None


def marked_within(headline: str) -> bool:
    """Whether a headline contains such a mark in brackets."""
    return BRACKETED.search(_plainly(headline[: 4 * LONGEST])) is not None


def marked_in_head(text: str) -> bool:
    """Whether one of the first lines of a text is such a mark, as in "※ 엠바고: …"."""
    return BULLETED.search(_plainly(text[: 4 * LONGEST])) is not None


def find_timed(text: str) -> str:
    """As `find`, in a text that is no body: the label counts only if a time follows it, because the text may be about labels."""
    return find(text) if LABEL_WITHIN.search(INVISIBLE.sub("", nfc(text[: 4 * LONGEST]))) else ""


def find_asked(text: str) -> str:
    """The time after which one of the first lines asks to report, without a label ("3. 9.(월) 12:00 이후 보도하여 주시기 바랍니다");
    empty if there is none."""
    found = ASKED.search(_plainly(text[: 4 * LONGEST]))
    return found[1].strip() if found else ""


def _plainly(text: str) -> str:
    """The text in compatibility form, without invisible characters and without spaces between single letters: E M B A R G O."""
    return SPACED.sub(lambda word: word[0].replace(" ", ""), INVISIBLE.sub("", nfkc(text)))


def over(text: str, issued: datetime, now: datetime, hours: Hours = HOURS) -> bool:
    """Whether a text about an embargo names an instant that is past: as an ISO date and time, or as a wording, also in brackets."""
    inside = re.search(r"[\[【(<〈《「{]([^\[\]【】()<>〈〉《》「」{}]{0,200})", text[: 4 * LONGEST])
    for wording in filter(None, (text.strip(), inside[1].strip() if inside else "")):
        try:
            until = datetime.fromisoformat(wording)
        except ValueError:
            until = None
        if until is not None:
            return until.tzinfo is not None and until <= now
        meaning = read(re.sub(_WORD, " ", wording, flags=re.IGNORECASE).strip(" :："), issued, hours)
        if not meaning.held and (meaning.until is not None or (wording == text.strip() and "즉시" in wording)):
            return meaning.until is None or meaning.until <= now
    return False


def find(text: str) -> str:
    """The embargo wording in the head of a body's plain text; empty if there is none. It follows 보도시점 at the start of one of the
    first lines, or inside one of them if a time follows. Several wordings are joined. A label without words is returned itself; `read`
    does not understand it, so the release is held."""
    beginnings = (line.strip()[: 5 * LONGEST] for line in text.split("\n", 4 * HEAD))
    lines = [line for line in (INVISIBLE.sub("", nfc(beginning)).strip() for beginning in beginnings) if line][:HEAD]
    found: list[str] = []
    for number, line in enumerate(lines):
        label = LABEL.match(line) if len(line) <= 2 * LONGEST else None
        label = label or LABEL_WITHIN.search(line[: 2 * LONGEST])
        if not label:
            continue
        rest = line[label.end() : label.end() + 2 * LONGEST].strip() or (
            lines[number + 1] if number + 1 < len(lines) else ""
        )
        handed_out = HANDED_OUT.search(rest)
        wording = rest[: handed_out.start()].rstrip(BEFORE) if handed_out else rest
        found.append((wording or rest or label[0])[: 2 * LONGEST].strip())
    return " / ".join(dict.fromkeys(found))


def read(wording: str, issued: datetime, hours: Hours = HOURS) -> WordedEmbargo:
    """The meaning of a wording in a release that was issued at `issued`; the wording uses the time zone of `issued`.

    The result is never too early: a wording that is not understood is held, a day without an hour lasts to its end, and a time without
    a day is the next such time after `issued`. If the wording gives a separate time for online media, that time counts.
    """
    text = LABEL.sub("", INVISIBLE.sub("", nfc(wording)), count=1).strip()
    if not text or len(text) > LONGEST or not YEARS[0] < issued.year < YEARS[1]:
        return WordedEmbargo(held=True)
    warnings: list[str] = []
    try:
        parts = _parts(text, issued.date(), warnings)
    except _Wrong as wrong:
        return WordedEmbargo(
            held=True, warnings=(f"{wrong} The article is held. Send a newer version with a correct date or time.",)
        )
    if not parts:
        return WordedEmbargo(held=True)
    chosen = [part for part in parts if part.online] or parts
    found = [_meaning(part, issued, hours, warnings) for part in chosen]
    if any(embargo.held for embargo in found):
        return WordedEmbargo(held=True, warnings=tuple(warnings))
    instants = [embargo.until for embargo in found if embargo.until]
    if len(instants) > 1:
        warnings.append(f"The embargo wording {text!r} names several times. The last one was used.")
    return WordedEmbargo(max(instants, default=None), False, tuple(warnings))


def handed_out(wording: str, near: datetime) -> datetime | None:
    """The instant of distribution (배포) that a wording such as "2021. 3. 9.(화) 09:00" names, in the zone of `near`; of a day without
    a time its start. None if the wording is not understood."""
    text = INVISIBLE.sub("", nfc(wording)).strip()
    if not text or len(text) > LONGEST or not YEARS[0] < near.year < YEARS[1]:
        return None
    try:
        parts = [part for part in _parts(text, near.date(), []) if part.day is not None]
        return _at(parts[0].day or near.date(), parts[0].minutes or 0, near) if parts else None
    except _Wrong:
        return None


def _parts(text: str, issued: date, warnings: list[str]) -> list[_Part]:
    """The times in a wording; empty if any word is not understood. Raises _Wrong."""
    parts: list[_Part] = [_Part()]
    position = 0
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None or match.end() == position:
            return []
        position = match.end()
        part = parts[-1]
        day = _day(match, issued)
        starts = bool(match["next"] or match["online"] or match["paper"])
        if (starts or (day and part.timed)) and (part.timed or part.dated):
            # An hour without a day takes the day before it: 3. 10.(수) 조간, 온라인 12:00.
            part = _Part(day=part.day, inherited=True)
            parts.append(part)
        part.online = part.online or bool(match["online"])
        if day:
            part.day, part.inherited = day, False
        if match["weekday"] and part.day and part.day.weekday() != WEEKDAYS.index(match["weekday"]):
            right = WEEKDAYS[part.day.weekday()]
            warnings.append(
                f"{part.day} is a {right}요일, but the embargo wording {text!r} says {match['weekday']}요일. The date was used."
            )
        minutes = _minutes(match)
        part.minutes = minutes if minutes is not None else part.minutes
        part.edition = match["edition"] or part.edition
        part.at_once = part.at_once or bool(match["once"])
    if any(part.online and not part.timed for part in parts):
        return []  # 12:00 온라인: the medium follows its time, so it is unclear which time belongs to which medium
    return [part for part in parts if part.timed or part.dated]


def _day(match: re.Match[str], issued: date) -> date | None:
    """The day of a token; without a year or month, the day nearest to `issued`. Raises _Wrong."""
    if match["year"]:
        year = int(match["year"])
        if year < 100:
            year += 2000
            if not match["quote"] and abs(year - issued.year) > 1:
                raise _Wrong(
                    f"The date {match[0].strip()!r} in the embargo wording does not begin with a year near {issued.year}."
                )
        found = _days([(year, int(match["month"]))], int(match["day"]))
    elif match["month2"]:
        years = (issued.year - 1, issued.year, issued.year + 1)
        found = _days([(year, int(match["month2"])) for year in years], int(match["day2"]))
    elif match["day1"]:
        month = issued.replace(day=1)
        months = (month - timedelta(days=1), month, month + timedelta(days=31))
        found = _days([(near.year, near.month) for near in months], int(match["day1"]))
    else:
        return None
    days = list(found)
    if not days:
        raise _Wrong(f"The date {match[0].strip()!r} in the embargo wording does not exist.")
    return min(days, key=lambda day: abs(day - issued))


def _days(months: list[tuple[int, int]], day: int) -> Iterator[date]:
    for year, month in months:
        if YEARS[0] <= year <= YEARS[1] and 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]:
            yield date(year, month, day)


def _minutes(match: re.Match[str]) -> int | None:
    """Minutes from the start of the day; midnight is the end of the day. Raises _Wrong."""
    if match["noon"]:
        return 12 * 60
    if match["midnight"]:
        return 24 * 60
    if match["hour"] is None:
        return None
    hour, half = int(match["hour"]), (match["half"] or match["after"] or "").upper()
    minute = 30 if match["thirty"] else int(match["minute"] or match["minute2"] or 0)
    added = next((more for hours, more in HALVES.get(half, ((range(25), 0),)) if hour in hours), None)
    hour += added or 0
    if added is None or minute > 59 or (hour == 24 and minute):
        raise _Wrong(f"The time {match[0].strip()!r} in the embargo wording does not exist.")
    return hour * 60 + minute


def _meaning(part: _Part, issued: datetime, hours: Hours, warnings: list[str]) -> WordedEmbargo:
    """The embargo for one medium."""
    if part.edition and part.minutes is None:
        out = hours.morning if part.edition == "조간" else hours.evening
        part.minutes = out.hour * 60 + out.minute
    if part.minutes is not None:
        until = _at(part.day or issued.date(), part.minutes, issued)
        if part.day is None and until < issued:
            until += timedelta(days=1)
            warnings.append(
                f"The embargo wording names a time without a day. The next one was used: {until:%Y-%m-%d %H:%M}."
            )
        return WordedEmbargo(until)
    if part.at_once:
        # 3. 10. 배포 즉시: distributed on another day, at an unknown hour.
        return WordedEmbargo(held=part.dated and part.day is not None and part.day > issued.date())
    assert part.day is not None, "a part has a day or a time"
    warnings.append(
        f"The embargo wording names the day {part.day} without a time. The embargo lasts to the end of that day."
    )
    return WordedEmbargo(_at(part.day, 24 * 60, issued))


def _at(day: date, minutes: int, issued: datetime) -> datetime:
    return datetime.combine(day, time(0), issued.tzinfo) + timedelta(minutes=minutes)
