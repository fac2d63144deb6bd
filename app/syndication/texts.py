"""What feeds and pages say, in Korean and English: one table, and the titles made of names."""

from collections.abc import Mapping, Sequence

from app.accounts.offices import OfficeRecord
from app.query.query import LICENCES, Query, rfc3339
from schemas import codes

LANGUAGES = ("en", "ko")  # the first is for readers who want neither

LICENCE_NAMES = {uri: name.upper() for name, uri in LICENCES.items()}

TEXTS: dict[str, dict[str, str]] = {
    "tagline": {
        "ko": "정부·지자체 보도자료를 지역과 분야별 피드로 전합니다",
        "en": "Press releases of government offices, as feeds by region and topic",
    },
    "about": {
        "ko": "관공서가 XML로 보낸 보도자료를 검증하여 RSS, Atom, JSON Feed, ninjs, NewsML-G2 피드로 바로 내보냅니다. "
        "지역, 분야, 기관, 언어로 나누어 구독할 수 있습니다.",
        "en": "Offices push press releases as XML; each is checked and served at once as RSS, Atom, JSON Feed, ninjs and NewsML-G2. "
        "Subscribe by region, topic, office or language.",
    },
    "latest": {"ko": "최신 보도자료", "en": "Latest releases"},
    "none": {"ko": "아직 보도자료가 없습니다.", "en": "No releases yet."},
    "none-such": {"ko": "해당하는 보도자료가 없습니다.", "en": "No release is found."},
    "search": {"ko": "찾을 말", "en": "Words"},
    "find": {"ko": "찾기", "en": "Search"},
    "all-feeds": {"ko": "모든 피드", "en": "All feeds"},
    "feeds-how": {
        "ko": "보도자료가 있는 피드입니다. 이름을 누르면 보도자료와 모든 형식이 보입니다. 한꺼번에 구독하려면:",
        "en": "The feeds that have releases. A name leads to its releases and every format. To subscribe to all at once:",
    },
    "feeds-cut": {
        "ko": "지역과 분야를 함께 나눈 피드는 넓은 지역부터 {most}개까지만 보입니다.",
        "en": "Of the feeds by region and topic, only {most} are listed, those of the widest regions.",
    },
    "by-topic": {"ko": "분야별", "en": "By topic"},
    "named": {"ko": "이름 있는 피드", "en": "Feeds with a short name"},
    "feeds": {"ko": "피드", "en": "Feeds"},
    "all": {"ko": "전체", "en": "Everything"},
    "regions": {"ko": "지역", "en": "Regions"},
    "topics": {"ko": "분야", "en": "Topics"},
    "offices": {"ko": "기관", "en": "Offices"},
    "issued": {"ko": "발표", "en": "Issued"},
    "updated": {"ko": "수정", "en": "Updated"},
    "version": {"ko": "판", "en": "Version"},
    "contacts": {"ko": "문의", "en": "Contacts"},
    "enclosures": {"ko": "첨부", "en": "Enclosures"},
    "file-text": {"ko": "파일의 글 보기", "en": "Text of the file"},
    "file-cut": {"ko": "글이 길어 앞부분만 보입니다.", "en": "The text is long: only its beginning is shown."},
    "licence": {"ko": "이용 조건", "en": "Licence"},
    "rights": {
        "ko": "별도 표시가 없으면 모든 권리는 발표 기관에 있습니다.",
        "en": "All rights reserved by the office.",
    },
    "languages": {"ko": "다른 언어", "en": "Other languages"},
    "keywords": {"ko": "핵심어", "en": "Keywords"},
    "related": {"ko": "관련 보도자료", "en": "Related"},
    "note": {"ko": "편집자 참고", "en": "Editor's note"},
    "full-text": {"ko": "전문 보기", "en": "Read the full text"},
    "original": {"ko": "받은 원본 XML", "en": "Original XML as received"},
    "home": {"ko": "처음으로", "en": "Home"},
    "embargoed": {"ko": "엠바고", "en": "under embargo"},
    "embargoed-how": {
        "ko": "아직 보도할 수 없는 보도자료입니다. 읽은 기록이 남습니다.",
        "en": "Not to be published yet. Each reading is kept in a log.",
    },
    "nearest": {"ko": "혹시 이것을 찾으십니까?", "en": "Nearest known:"},
    # Problems that readers of pages meet; others are told in English.
    "problem:canceled": {"ko": "이 보도자료는 취소되었습니다", "en": "This release was canceled"},
    "problem:withheld": {"ko": "발표 기관이 이 보도자료를 거두었습니다", "en": "The office took this release back"},
    "problem:unknown-article": {"ko": "그런 보도자료가 없습니다", "en": "There is no such release"},
    "problem:not-found": {"ko": "그런 쪽이 없습니다", "en": "There is no such page"},
    "problem:unknown-region": {"ko": "모르는 지역입니다", "en": "Unknown region"},
    "problem:unknown-topic": {"ko": "모르는 분야입니다", "en": "Unknown topic"},
    "problem:unknown-office": {"ko": "모르는 기관입니다", "en": "Unknown office"},
    "problem:unavailable": {
        "ko": "지금은 데이터베이스를 쓸 수 없습니다",
        "en": "The database cannot be used right now",
    },
    "problem:cross-site": {
        "ko": "다른 사이트에서 온 요청이어서 받지 않았습니다. 이 사이트의 쪽을 열어 다시 해 주십시오",
        "en": "The request may come from another site's page",
    },
    "problem:bad-characters": {"ko": "받을 수 없는 글자가 들어 있습니다", "en": "A character that is not taken"},
    "problem:rate-limited": {"ko": "요청이 너무 많습니다", "en": "Too many requests"},
    "skip": {"ko": "본문으로 건너뛰기", "en": "Skip to content"},
    "versions": {"ko": "모든 판", "en": "All versions"},
    "versions-how": {
        "ko": "공개되었던 모든 판입니다. 최신 판이 맨 위에 있습니다.",
        "en": "Every version that was public, the newest first.",
    },
    "versions-older": {"ko": "이전 판", "en": "Older versions"},
    "version-n": {"ko": "{n}판", "en": "Version {n}"},
    "current": {"ko": "최신 판", "en": "Current version"},
    "past": {
        "ko": "{when}에 공개된 {n}판입니다. 최신 판이 아닙니다.",
        "en": "This is version {n}, public since {when}. It is not the current version.",
    },
    "past-current": {"ko": "최신 판 보기", "en": "Read the current version"},
    "corrected-on": {"ko": "{when} 정정 ({n}판)", "en": "Corrected on {when} (version {n})"},
    "updated-on": {"ko": "{when} 보완 ({n}판)", "en": "Updated on {when} (version {n})"},
    "published-on": {"ko": "{when} 공개", "en": "Published on {when}"},
    "difference": {"ko": "달라진 점", "en": "What changed"},
    "difference-of": {"ko": "{old}판과 {new}판의 차이", "en": "From version {old} to version {new}"},
    "difference-how": {
        "ko": "지운 말에는 가운뎃줄, 넣은 말에는 밑줄이 있습니다.",
        "en": "Removed words are struck through, added words are underlined.",
    },
    "difference-none": {"ko": "내용이 같습니다.", "en": "Nothing in it is different."},
    "removed": {"ko": "지움", "en": "removed"},
    "added": {"ko": "넣음", "en": "added"},
    "skipped": {"ko": "같은 문단 {count}개", "en": "Unchanged paragraphs: {count}"},
    "other-fields": {"ko": "그 밖에 달라진 것", "en": "What else changed"},
    "old": {"ko": "이전", "en": "Before"},
    "new": {"ko": "이후", "en": "After"},
    "field:headline": {"ko": "제목", "en": "Headline"},
    "field:subheadlines": {"ko": "부제목", "en": "Subheadlines"},
    "field:summary": {"ko": "요약", "en": "Summary"},
    "field:text": {"ko": "본문", "en": "Text"},
    "field:links": {"ko": "본문의 링크와 그림", "en": "Links and pictures in the text"},
    "field:markup": {"ko": "본문의 꾸밈", "en": "Formatting of the text"},
    "field:lang": {"ko": "언어", "en": "Language"},
    "field:kind": {"ko": "종류", "en": "Kind"},
    "field:dateline": {"ko": "발신지", "en": "Dateline"},
    "field:byline": {"ko": "작성자", "en": "Byline"},
    "field:issued": {"ko": "발표", "en": "Issued"},
    "field:embargoed": {"ko": "보도 시점", "en": "Embargo"},
    "field:held": {"ko": "보도 보류", "en": "Held"},
    "field:embargo_wording": {"ko": "보도 시점 표기", "en": "Wording of the embargo"},
    "field:regions": {"ko": "지역", "en": "Regions"},
    "field:topics": {"ko": "분야", "en": "Topics"},
    "field:keywords": {"ko": "핵심어", "en": "Keywords"},
    "field:contacts": {"ko": "문의", "en": "Contacts"},
    "field:enclosures": {"ko": "첨부", "en": "Enclosures"},
    "field:licence": {"ko": "이용 조건", "en": "Licence"},
    "field:related": {"ko": "관련 보도자료", "en": "Related"},
    "field:note": {"ko": "편집자 참고", "en": "Editor's note"},
    "field:urgency": {"ko": "긴급도", "en": "Urgency"},
    "field:slugline": {"ko": "짧은 이름", "en": "Slugline"},
    "field:source": {"ko": "출처", "en": "Source"},
    "field:copyright": {"ko": "저작권 표시", "en": "Copyright notice"},
    "kind:press-release": {"ko": "보도자료", "en": "Press release"},
    "kind:reference": {"ko": "보도참고자료", "en": "Reference"},
    "kind:explanation": {"ko": "보도설명자료", "en": "Explanation"},
    "subscriptions": {"ko": "구독", "en": "Subscriptions"},
    "subscriptions-none": {"ko": "아직 구독이 없습니다.", "en": "No subscriptions yet."},
    "state-active": {"ko": "전송 중", "en": "active"},
    "state-paused": {"ko": "일시 중지", "en": "paused"},
    "state-ended": {"ko": "종료", "en": "ended"},
    "failing": {"ko": "전송 실패 시작", "en": "failing since"},
    "webhook-new": {"ko": "새 웹훅", "en": "New webhook"},
    "webhook-query": {"ko": "피드 조건 (비우면 전체)", "en": "Feed's parameters (empty: everything)"},
    "webhook-format": {"ko": "형식", "en": "Format"},
    "webhook-contact": {"ko": "중지될 때 알릴 전자우편", "en": "E-mail to tell when it is paused"},
    "webhook-add": {"ko": "웹훅 만들기", "en": "Make the webhook"},
    "secret-once": {
        "ko": "서명 열쇠입니다. 다시 보여 드리지 않으니 지금 보관하십시오.",
        "en": "The signing secret. It is shown this once: keep it now.",
    },
    "tried": {"ko": "시험 전송", "en": "Test"},
    "topic": {"ko": "피드", "en": "Feed"},
    "since": {"ko": "시작", "en": "Since"},
    "expires": {"ko": "만료", "en": "Expires"},
    "deliveries": {"ko": "전송 기록", "en": "Deliveries"},
    "deliveries-none": {"ko": "아직 전송된 것이 없습니다.", "en": "Nothing was delivered yet."},
    "attempts": {"ko": "시도", "en": "Attempts"},
    "do-pause": {"ko": "일시 중지", "en": "Pause"},
    "do-resume": {"ko": "다시 시작", "en": "Resume"},
    "do-test": {"ko": "시험 전송", "en": "Send a test"},
    "do-rotate": {"ko": "서명 열쇠 바꾸기", "en": "Replace the secret"},
    "do-resend": {"ko": "실패한 것 다시 보내기", "en": "Resend what failed"},
    "do-end": {"ko": "종료", "en": "End"},
    "alerts": {"ko": "전자우편 알림", "en": "E-mail alerts"},
    "alerts-how": {
        "ko": "새 보도자료를 전자우편으로 받습니다. 지역과 분야는 이름이나 코드로 적고, 비우면 전체입니다.",
        "en": "New releases by e-mail. Give regions and topics by name or code; empty means everything.",
    },
    "alerts-address": {"ko": "전자우편 주소", "en": "E-mail address"},
    "alerts-pace": {"ko": "받는 때", "en": "When"},
    "alerts-now": {"ko": "나오는 대로", "en": "At once"},
    "alerts-daily": {"ko": "하루에 한 번", "en": "Once a day"},
    "alerts-ask": {"ko": "신청", "en": "Subscribe"},
    "alerts-asked": {
        "ko": "{address}(으)로 확인 편지를 보냅니다. 편지의 링크를 열어 확인하면 시작됩니다. "
        "같은 주소로는 짧은 시간에 다시 보내지 않습니다. 편지가 오지 않으면 한 시간 뒤에 다시 신청해 주십시오.",
        "en": "A mail goes to {address}. The alerts begin when you confirm with the link in it. "
        "An address is not asked twice within a short time: if no mail comes, ask again in an hour.",
    },
    "alerts-confirm": {"ko": "알림 받기 시작", "en": "Begin the alerts"},
    "alerts-begun": {"ko": "{address}(으)로 알림을 보냅니다.", "en": "Alerts go to {address} from now on."},
    "alerts-leave": {"ko": "알림 그만 받기", "en": "End the alerts"},
    "alerts-left": {"ko": "알림을 더 보내지 않습니다.", "en": "No more alerts are sent."},
    "mail-several": {"ko": "보도자료 {count}건: {first}", "en": "{count} press releases: {first}"},
    "mail-corrected": {"ko": "수정", "en": "Corrected"},
    "mail-withdrawn": {"ko": "취소", "en": "Withdrawn"},
    "mail-foot": {
        "ko": "{site}에서 신청하신 알림입니다: {topic}",
        "en": "You asked {site} for this alert: {topic}",
    },
    "mail-leave": {"ko": "그만 받기", "en": "Unsubscribe"},
    "mail-confirm": {"ko": "{site} 알림 신청 확인", "en": "Confirm your alerts of {site}"},
    "mail-confirm-how": {
        "ko": "{site}에서 이 주소로 알림을 신청했습니다({topic}). 맞으면 아래 링크로 확인해 주십시오. 48시간 동안 쓸 수 있습니다.",
        "en": "Somebody asked {site} for alerts to this address ({topic}). If it was you, confirm with this link, good for 48 hours:",
    },
    "mail-confirm-not": {
        "ko": "신청하지 않으셨다면 아무것도 하지 않으셔도 됩니다.",
        "en": "If it was not you, do nothing: no mail follows.",
    },
    "mail-paused": {"ko": "웹훅이 일시 중지되었습니다: {target}", "en": "A webhook is paused: {target}"},
    "mail-paused-how": {
        "ko": "며칠 동안 아무것도 전달되지 않아 전송을 멈추었습니다. 그동안의 것은 보관되며, 다시 시작하면 보냅니다.",
        "en": "Nothing arrived for days, so nothing is sent any more. What comes meanwhile waits until you resume it.",
    },
}


def text(key: str, lang: str) -> str:
    """A text of ours in "ko" or "en"."""
    return TEXTS[key][lang]


def name(code: str, lang: str) -> str:
    """The name of a region or topic, in another language where this one has none."""
    known = codes("region").get(code) or codes("topic").get(code)
    if known is None:
        return code
    return known.names.get(lang) or known.names.get("en") or next(iter(known.names.values()), code)


def feed_title(site: str, query: Query, offices: Mapping[str, OfficeRecord], lang: str) -> str:
    """A title that names what was asked for: "Pressrelay: 전북특별자치도 / 정치·정부"."""
    if query.saved and query.saved.title:
        return query.saved.title
    dimensions: list[Sequence[str]] = [
        [offices[code].name if code in offices else code for code in query.offices],
        [name(code, lang) for code in query.regions],
        [name(code, lang) for code in query.topics],
        [text(f"kind:{kind}", lang) for kind in query.genres],
        [LICENCE_NAMES.get(uri, uri) for uri in query.licences],
        query.langs,
        [f"“{query.words}”"] if query.words else [],
        [_period(query)] if query.since or query.until else [],
    ]
    parts = [", ".join(values) for values in dimensions if values]
    without = ", ".join(_value(parameter, value, offices, lang) for parameter, value in query.excluded)
    parts += [f"− {without}"] if without else []
    return f"{site}: {' / '.join(parts)}" if parts else site


def _value(parameter: str, value: str, offices: Mapping[str, OfficeRecord], lang: str) -> str:
    if parameter in ("region", "topic"):
        return name(value, lang)
    if parameter == "office":
        return offices[value].name if value in offices else value
    if parameter == "genre":
        return text(f"kind:{value}", lang)
    return LICENCE_NAMES.get(value, value)


def _period(query: Query) -> str:
    """ISO 8601-1, section 5.5: an interval, open where no bound is given."""
    bounds = (rfc3339(moment) if moment else ".." for moment in (query.since, query.until))
    return "/".join(bounds)


def title_language(query: Query, default: str) -> str:
    """The language of a feed's title: the one asked for, where we speak it, else the server's. "ko" or "en"."""
    asked = (lang.partition("-")[0] for lang in query.langs)
    return next((lang for lang in asked if lang in LANGUAGES), default)


def feed_subtitle(lang: str) -> str:
    """One line on what the feed is."""
    return text("tagline", lang)
