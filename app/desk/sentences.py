"""What intake says of a draft, in Korean. Intake words its faults in English, for programs; people at the desk read Korean. Pure.

A sentence that no pattern knows stays English, and the page marks it so. tests/test_desk_sentences.py lets a draft go wrong in every
way that its form allows, and finds none.
"""

import re
from collections.abc import Callable

# What the patterns below give between quotes or tags, in Korean.
NAMES = {
    "article": "보도자료",
    "articles": "보도자료",
    "body": "본문",
    "byline": "작성자",
    "caption": "파일 설명",
    "colour": "색",
    "contact": "문의처",
    "contacts": "문의처",
    "copyright": "저작권 표시",
    "dateline": "발신지",
    "department": "부서",
    "email": "전자우편",
    "embargo": "보도시점",
    "enclosure": "파일",
    "enclosures": "파일",
    "guid": "고유 번호",
    "headline": "제목",
    "issued": "발표 때",
    "keyword": "핵심어",
    "keywords": "핵심어",
    "kind": "종류",
    "length": "크기",
    "licence": "이용 조건",
    "name": "이름",
    "note": "알림",
    "phone": "전화",
    "region": "지역",
    "regions": "지역",
    "related": "관련 보도자료",
    "role": "구분",
    "signal": "달라진 것",
    "slugline": "꼬리표",
    "source": "출처",
    "subheadline": "부제",
    "subheadlines": "부제",
    "summary": "요약",
    "topic": "분야",
    "topics": "분야",
    "translation": "번역 언어",
    "type": "종류",
    "until": "날짜와 시각",
    "uri": "주소",
    "url": "주소",
    "urgency": "긴급도",
    "version": "판 번호",
    "xml:lang": "언어",
    "lang": "언어",
    "href": "링크 주소",
    "src": "그림 주소",
    "cite": "인용 주소",
}
FORMS = {  # what was expected, as app/intake/parsers/press_release.py names it
    "a date and time with its zone, such as 2021-03-09T20:15:00+09:00 or …Z": "날짜와 시각(예: 2021-03-09T20:15)",
    "a whole number from 1 to 2147483647": "1 이상의 정수",
    "a whole number of bytes": "바이트 수",
    "a whole number from 1 to 9": "1부터 9까지의 정수",
    "true or false": "true 또는 false",
    "1 to 512 characters without white space": "빈칸 없는 1~512자",
    "at least one character": "한 글자 이상",
    "an e-mail address": "전자우편 주소(예: press@office.example)",
    "a media type such as application/pdf": "파일 종류(예: application/pdf)",
    "an http or https URL": "http 또는 https 주소",
    "a URL without white space": "빈칸 없는 주소",
}
_Q = r"(?:'(.*?)'|\"(.*?)\")"  # a text as Python's repr quotes it
PATTERNS: tuple[tuple[str, str], ...] = (
    # Against the schema.
    (
        r"The attribute ([\w:]+) of <(\w+)> is '(.*)'; expected (.*)\.",
        "{1}의 {0}에 쓸 수 없는 값입니다: ‘{2}’. {3}만 쓸 수 있습니다.",
    ),
    (r"<(\w+)> is '(.*)'; expected (.*)\.", "{0}에 쓸 수 없는 값입니다: ‘{1}’. {2}만 쓸 수 있습니다."),
    (
        r"The attribute ([\w:]+) of <(\w+)> is empty or too short; expected (.*)\.",
        "{1}의 {0}이 비어 있습니다. {2}만 쓸 수 있습니다.",
    ),
    (r"<(\w+)> is empty or too short; expected .*", "{0}을 적어 주세요."),
    (r"<(\w+)> is not complete; expected .*", "{0}에 빠진 것이 있습니다."),
    (r"<(\w+)> is not allowed here.*", "여기에 쓸 수 없는 요소입니다: {0}."),
    (r"The attribute ([\w:]+) of <(\w+)> is not allowed\.", "{1}에 쓸 수 없는 속성입니다: {0}."),
    (r"<(\w+)> has no attribute ([\w:]+), which is required\.", "{0}에 빠진 것이 있습니다: {1}."),
    (r"The attribute ([\w:]+) of <(\w+)>: .*", "{1}의 {0}에 쓸 수 없는 값입니다."),
    (r"<(\w+)>: .*", "{0}에 쓸 수 없는 값입니다."),
    (r"There are more than (\d+) faults here\..*", "고칠 곳이 {0}개가 넘어 앞의 것만 알립니다."),
    (
        r"This article breaks the schema too\..*|This article was not checked.*",
        "앞의 잘못이 많아 다 검사하지 못했습니다. 고친 뒤 다시 검사해 주세요.",
    ),
    (r"The document breaks the schema of its dialect.*", "형식에 맞지 않는 곳이 있습니다."),
    # What app/intake/normalize.py says.
    (r"The headline is empty\.", "제목을 적어 주세요."),
    (
        r"The headline has (\d+) characters; at most (\d+) are allowed\.",
        "제목이 {0}자입니다. {1}자까지 쓸 수 있습니다.",
    ),
    (r"Control characters were removed from the headline\.", "제목에서 보이지 않는 제어 문자를 뺐습니다."),
    (r"The body is empty\..*", "본문을 적어 주세요. 본문이 든 HWPX 파일을 올려도 됩니다."),
    (
        r"The body is empty, and no body could be taken from '(.*)': .*",
        "본문이 비어 있고, 파일에서도 본문을 읽지 못했습니다: ‘{0}’.",
    ),
    (r"The body was taken from '(.*)'\.", "본문은 파일에서 가져왔습니다: ‘{0}’."),
    (r"The article has (\d+) (\w+); at most (\d+) are allowed\.", "{1} 수가 {0}개입니다. {2}개까지 쓸 수 있습니다."),
    (r"A guid must have 1 to .*", "고유 번호에 쓸 수 없는 글자가 있습니다."),
    (r"'(.*)' is not a BCP 47 language tag such as ko\.", "언어 코드가 아닙니다: ‘{0}’. ko, en처럼 적어 주세요."),
    (r"'(.*)' is not a date and time such as .*", "날짜와 시각이 아닙니다: ‘{0}’. 2021-03-09T20:15처럼 적어 주세요."),
    (r"'(.*)' has no time zone\..*", "시간대가 없습니다: ‘{0}’. 끝에 +09:00을 붙여 주세요."),
    (r"'(.*)' is out of range\..*", "쓸 수 없는 날짜입니다: ‘{0}’."),
    (
        rf"{_Q} is the name of several (\w+)s\. Write the code\.",
        "같은 이름의 {2} 여럿이 있습니다: ‘{0}{1}’. 아래에서 고르거나 코드를 적어 주세요.",
    ),
    (rf"{_Q} is not a known (\w+)\.", "알 수 없는 {2} 이름입니다: ‘{0}{1}’."),
    (
        rf"{_Q} is not a known (\w+)\. It was stored as a keyword\.",
        "알 수 없는 {2} 이름이라 핵심어로 저장합니다: ‘{0}{1}’.",
    ),
    (r"The (\w+) (\S+) was retired on (\S+)\..*", "이제 쓰지 않는 {0} 코드입니다({2} 폐지): {1}. 그대로 저장합니다."),
    (
        r"A translation must be in another language than the article\.",
        "번역의 언어는 이 보도자료의 언어와 달라야 합니다.",
    ),
    (rf"{_Q} has no valid media type\..*", "파일 종류를 알 수 없어 일반 파일로 내보냅니다: ‘{0}{1}’."),
    (
        rf"The URL {_Q}… has (\d+) characters; at most (\d+) are allowed\.",
        "주소가 {2}자입니다. {3}자까지 쓸 수 있습니다: ‘{0}{1}’.",
    ),
    (rf"{_Q} is not an absolute http or https URL\.", "http:// 또는 https://로 시작하는 주소가 아닙니다: ‘{0}{1}’."),
    (
        rf"The weekday {_Q} does not match the date (\S+)\. The date was used\.",
        "요일이 날짜와 맞지 않습니다: {2}, ‘{0}{1}’. 날짜를 따릅니다.",
    ),
    (
        r"The date of issue is in the future and there is no embargo\..*",
        "발표 때가 앞날인데 엠바고가 없습니다. 내보내면 바로 공개됩니다.",
    ),
    (r"The embargo is past\..*", "보도시점이 이미 지났습니다. 내보내면 바로 공개됩니다."),
    # What app/text/embargo_wording.py says.
    (
        rf"The embargo {_Q} does not name a date and time that we understand\. The article is held\.",
        "보도시점을 알아들을 수 없어, 기관이 풀 때까지 보류합니다: ‘{0}{1}’.",
    ),
    (
        rf"(\S+) is a (\S)요일, but the embargo wording {_Q} says (\S)요일\. The date was used\.",
        "{0}은 {1}요일인데 {4}요일로 적혀 있습니다: ‘{2}{3}’. 날짜를 따릅니다.",
    ),
    (
        rf"The date {_Q} in the embargo wording does not begin with a year near (\d+)\..*",
        "연도가 {2}년과 너무 멉니다: ‘{0}{1}’. 보류합니다.",
    ),
    (
        rf"The (?:date|time) {_Q} in the embargo wording does not exist\..*",
        "없는 날짜나 시각입니다: ‘{0}{1}’. 보류합니다.",
    ),
    (
        r"The embargo wording names a time without a day\. The next one was used: (.*)\.",
        "날짜 없이 시각만 있어, 다음에 오는 그 시각으로 봅니다: {0}.",
    ),
    (
        r"The embargo wording names the day (\S+) without a time\..*",
        "시각 없이 날짜만 있어, {0} 하루가 끝날 때까지로 봅니다.",
    ),
    (
        rf"The embargo wording {_Q} names several times\. The last one was used\.",
        "여러 시각이 적혀 있어 마지막 시각을 따릅니다: ‘{0}{1}’.",
    ),
    # What app/text/html.py says.
    (
        r"<(\w+)> was removed from the body\. A link to its address is there instead\.",
        "본문에서 {0} 요소를 빼고 그 주소를 링크로 두었습니다.",
    ),
    (r"<(\w+)> was removed from the body\.", "본문에 쓸 수 없는 요소를 뺐습니다: {0}."),
    (r"The attribute (\S+) of <(\w+)> was removed from the body\.", "본문에 쓸 수 없는 속성을 뺐습니다: {0}."),
    (
        rf"In the body, the (\w+) {_Q} of <(\w+)> is relative\..*?( It was removed\.)?",
        "본문의 {0}가 온전하지 않습니다: ‘{1}{2}’. http부터 적어 주세요.",
    ),
    (rf"In the body, the (\w+) {_Q} of <(\w+)> is not allowed\..*", "본문에 쓸 수 없는 {0}입니다: ‘{1}{2}’."),
    (
        rf"In the body, the (\w+) {_Q} of <(\w+)> (?:is not a URL|has \d+ characters).*",
        "본문에 쓸 수 없는 {0}입니다: ‘{1}{2}’.",
    ),
    (r"(\d+) more links were removed from the body\.", "본문에서 쓸 수 없는 링크 {0}개를 더 뺐습니다."),
    (r"The body has (\d+) tags; .*", "본문이 너무 복잡합니다(요소 {0}개). 서식을 줄여 주세요."),
    (r"The body has .*", "본문의 서식이 너무 복잡합니다. 서식을 줄여 주세요."),
    # What app/intake/enclosures.py and app/files/filetypes.py say.
    (rf"No file named {_Q} came with the release\..*", "올라오지 않은 파일입니다: ‘{0}{1}’. 다시 올려 주세요."),
    (
        rf"{_Q} is not a file of this article\. Upload the file again\.",
        "이 보도자료의 파일이 아닙니다: ‘{0}{1}’. 다시 올려 주세요.",
    ),
    (rf"The file {_Q} was not uploaded\.", "올라오지 않은 파일입니다: ‘{0}{1}’. 다시 올려 주세요."),
    (rf"{_Q} is a program or an active page .*", "프로그램이나 움직이는 쪽(HTML, SVG)은 올릴 수 없습니다: ‘{0}{1}’."),
    (
        rf"{_Q} is declared as (\S+), but (?:is not\.|is \S+\.) It will be served as (\S+)\.",
        "파일 내용이 그 이름·종류와 다릅니다: ‘{0}{1}’. {3}(으)로 내보냅니다.",
    ),
    (
        rf"The name {_Q} means (\S+), but the file is (\S+)\. It will be served as (\S+)\.",
        "파일 이름과 내용이 다릅니다: ‘{0}{1}’. {4}(으)로 내보냅니다.",
    ),
    (rf"The text of {_Q} could not be read: .*", "파일의 글을 읽지 못했습니다: ‘{0}{1}’."),
    (rf"The text of {_Q} (?:is too long|was cut)\..*", "파일의 글이 길어 앞부분만 검색됩니다: ‘{0}{1}’."),
    (rf"The file {_Q} has (\d+) bytes, not (\d+) as declared\.", "파일 크기가 적힌 것과 다릅니다: ‘{0}{1}’."),
    # What app/intake/releases.py and app/desk/work.py say.
    (
        r"The article's (\d+) regions and (\d+) topics, .*",
        "지역 {0}개와 분야 {1}개의 조합이 너무 많습니다. 줄여 주세요.",
    ),
    (r"The guid is .*", "고유 번호는 바꿀 수 없습니다."),
    (r"The instant of the embargo is past\.", "보도시점이 이미 지났습니다."),
    (
        r"Somebody sent another version of this article meanwhile\.",
        "그사이 다른 사람이 이 보도자료의 새 판을 내보냈습니다.",
    ),
    (r"(\d+) more faults? (?:is|are) not listed\.", "알리지 않은 잘못이 {0}개 더 있습니다."),
    (r"Character U\+([0-9A-F]{4}).*", "쓸 수 없는 제어 문자(U+{0})가 있습니다."),
)
LONGEST = 2_000  # characters of a sentence that is looked for
_COMPILED = tuple((re.compile(pattern, re.DOTALL), sentence) for pattern, sentence in PATTERNS)


def korean(reason: str) -> str:
    """The sentence in Korean; empty if no pattern knows it."""
    if len(reason) > LONGEST:
        return ""
    for pattern, sentence in _COMPILED:
        if found := pattern.fullmatch(reason):
            return _filled(sentence, [_name(part or "") for part in found.groups()])
    return ""


def said(reason: str, lang: str) -> tuple[str, str]:
    """(what intake says, in that language if it is known there; the language that it is in, "ko" or "en")."""
    translated = korean(reason) if lang == "ko" else ""
    return (translated, "ko") if translated else (reason, "en")


def _name(part: str) -> str:
    if " " not in part and ", " not in part:
        return NAMES.get(part, part)
    return FORMS.get(part, part.removeprefix("one of "))


PARTICLES: dict[str, Callable[[bool], str]] = {
    "이": lambda closed: "이" if closed else "가",
    "가": lambda closed: "이" if closed else "가",
    "을": lambda closed: "을" if closed else "를",
    "은": lambda closed: "은" if closed else "는",
}


def _filled(sentence: str, parts: list[str]) -> str:
    """The sentence with its parts; the particle right after one follows its last sound."""

    def fill(match: re.Match[str]) -> str:
        part, particle = parts[int(match[1])], match[2] or ""
        if not particle:
            return part
        return part + PARTICLES[particle](bool(part) and _closed(part[-1]))

    return re.sub(r"\{(\d)\}((?:이|가|을|은)(?=\s))?", fill, sentence)


def _closed(letter: str) -> bool:
    """Whether a Korean syllable ends with a consonant, or a digit is read with one."""
    if "가" <= letter <= "힣":
        return (ord(letter) - ord("가")) % 28 != 0
    return letter in "013678"
