"""What pages show for the English sentences of the delivery log. Each case is (sentence in the log, in Korean, in English)."""

import re
import ssl
from pathlib import Path

import pytest

import app
from app.deliveries import channel, hub
from app.outbound.addresses import nowhere
from app.outbound.callbacks import Answer
from app.syndication.fault_words import FAULTS, fault_in_words

REAL = Path(app.__file__).parent
CASES = [
    (
        hub.echoed(Answer(503, {}, b"", 0.1), "challenge"),
        "받는 서버가 503 상태로 응답했습니다.",
        "The callback answered 503.",
    ),
    (channel.CUT, "응답이 없어, 다른 전송에 자리를 내주려고 끊었습니다.", channel.CUT),
    (
        nowhere("none.invalid"),
        "none.invalid의 공개된 주소를 찾지 못했습니다. 이름(DNS)을 확인해 주십시오.",
        "No public address was found for none.invalid. Check its name (DNS).",
    ),
    (
        "The call failed: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired (_ssl.c:1006).",
        "인증서의 기간이 끝났습니다. 인증서를 갱신해 주십시오.",
        "The certificate has expired. Renew it.",
    ),
    (
        f"The call failed: {OSError(111, 'Connect call failed')}.",
        "연결이 거부되었습니다. 그 포트에서 서버가 돌고 있는지 확인해 주십시오.",
        "The connection was refused. Check that a server listens at that port.",
    ),
    (
        f"The call failed: {ssl.SSLError(1, '[SSL] odd')}.",
        "암호화 연결(TLS)에 실패했습니다.",
        "The encrypted connection (TLS) failed.",
    ),
    (
        "All deliveries failed for 3 days. The last error: The callback answered with the status 500.",
        "3일 동안 모든 전송이 실패했습니다. 마지막 까닭: 받는 서버가 500 상태로 응답했습니다.",
        "All deliveries failed for 3 days. The last error: The callback answered 500.",
    ),
]


@pytest.mark.parametrize(("logged", "korean", "english"), CASES)
def test_a_fault_is_said_in_the_language_of_the_page(logged: str, korean: str, english: str) -> None:
    assert fault_in_words(logged, "ko") == (korean, "ko")
    assert fault_in_words(logged, "en") == (english, "en")


def test_an_unknown_sentence_stays_as_it_is() -> None:
    assert fault_in_words("Something new <b>.", "ko") == ("Something new <b>.", "en")


def sentences() -> set[str]:
    """The sentences that the code writes into the log; 7 stands for each inserted part."""
    found: set[str] = set()
    patterns = (
        r"Outcome\(error=\"([A-Z][^\"]*)\"",
        r"f?\"((?:The (?:callback|endpoint|subscriber) answered with|No (?:answer|conn)|Its account|The (?:lease|reader))[^\"]*)\"",
        r"\"(The operator (?:paused|ended) it\.)\"",
        r"(?:Refusal|Stopped)\(\"([^\"]*)\"\)",
        r"\"(The (?:outlet is suspended|accreditation of the outlet)[^\"]*)\"",
    )
    for folder in ("deliveries", "store/deliveries", "web/routes", "outbound", "commands"):
        for module in (REAL / folder).glob("*.py"):
            source = module.read_text("utf-8")
            found |= {re.sub(r"\{[^}]*\}", "7", one) for pattern in patterns for one in re.findall(pattern, source)}
    return found


def test_every_sentence_of_the_log_is_in_the_table() -> None:
    found = sentences()
    assert len(found) > 12, found
    assert not {one for one in found if fault_in_words(one, "ko")[1] != "ko"}


def test_both_languages_take_over_the_same_parts() -> None:
    for pattern, said in FAULTS:
        parts = set(re.compile(pattern).groupindex)
        assert {lang: set(re.findall(r"\{(\w+)\}", one)) for lang, one in said.items()} == {"ko": parts, "en": parts}
