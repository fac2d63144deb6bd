"""Why a delivery failed or a subscription stopped, in the reader's language.

The log has one English sentence for each fault (`app/deliveries`, `app/outbound`): programs read it, so it must not depend on the
reader. A page shows the matching sentence of the table below. A sentence that is not in the table is shown as it is.
"""

import re
from collections.abc import Mapping

# What the log says -> what a page says. The parts in braces are taken over.
FAULTS: tuple[tuple[str, Mapping[str, str]], ...] = (
    (
        r"The (?:callback|endpoint) answered with the status (?P<status>\d+)\.",
        {"ko": "받는 서버가 {status} 상태로 응답했습니다.", "en": "The callback answered {status}."},
    ),
    (
        r"No answer came within (?P<seconds>[\d.]+) seconds\.",
        {"ko": "{seconds}초 안에 응답이 없었습니다.", "en": "No answer came within {seconds} seconds."},
    ),
    (
        r"No connection was made within (?P<seconds>[\d.]+) seconds\.",
        {"ko": "{seconds}초 안에 연결되지 않았습니다.", "en": "No connection was made within {seconds} seconds."},
    ),
    (r"No answer came\.", {"ko": "응답이 없었습니다.", "en": "No answer came."}),
    (
        r"No answer came, and the call was ended to make room for others\.",
        {
            "ko": "응답이 없어, 다른 전송에 자리를 내주려고 끊었습니다.",
            "en": "No answer came, and the call was ended to make room for others.",
        },
    ),
    (
        r"No public address was found for '(?P<host>[^']*)'\.",
        {
            "ko": "{host}의 공개된 주소를 찾지 못했습니다. 이름(DNS)을 확인해 주십시오.",
            "en": "No public address was found for {host}. Check its name (DNS).",
        },
    ),
    (
        r"The call failed: .*certificate has expired.*",
        {
            "ko": "인증서의 기간이 끝났습니다. 인증서를 갱신해 주십시오.",
            "en": "The certificate has expired. Renew it.",
        },
    ),
    (
        r"The call failed: .*certificate is not yet valid.*",
        {"ko": "인증서의 기간이 아직 시작되지 않았습니다.", "en": "The certificate is not valid yet."},
    ),
    (
        r"The call failed: .*[Hh]ostname mismatch.*|The call failed: .*IP address mismatch.*",
        {"ko": "인증서가 이 이름의 것이 아닙니다.", "en": "The certificate is for another name."},
    ),
    (
        r"The call failed: .*(?:self.signed certificate|unable to get (?:local )?issuer certificate).*",
        {
            "ko": "인증서를 발급한 곳을 알 수 없습니다. 중간 인증서까지 모두 보내는지 확인해 주십시오.",
            "en": "The issuer of the certificate is not known. Check that the server sends all intermediate certificates.",
        },
    ),
    (
        r"The call failed: .*(?:CERTIFICATE_VERIFY_FAILED|certificate verify failed).*",
        {"ko": "인증서를 확인할 수 없습니다.", "en": "The certificate cannot be verified."},
    ),
    (
        r"The call failed: .*(?:\[SSL|_ssl\.c|SSL|TLS).*",
        {"ko": "암호화 연결(TLS)에 실패했습니다.", "en": "The encrypted connection (TLS) failed."},
    ),
    (
        r"The call failed: .*(?:Errno 111|Connect call failed|Connection refused).*",
        {
            "ko": "연결이 거부되었습니다. 그 포트에서 서버가 돌고 있는지 확인해 주십시오.",
            "en": "The connection was refused. Check that a server listens at that port.",
        },
    ),
    (
        r"The call failed: .*(?:Errno 104|Connection reset|ConnectionReset|closed|Broken pipe|connection lost).*",
        {"ko": "응답이 오기 전에 연결이 끊겼습니다.", "en": "The connection was closed before an answer came."},
    ),
    (
        r"The call failed: .*(?:Errno 113|Errno 101|unreachable|No route).*",
        {"ko": "그 주소까지 가는 길이 없습니다.", "en": "There is no route to that address."},
    ),
    (
        r"The server cannot read the secret of this (?:subscription|webhook)\.",
        {
            "ko": "이 서버가 서명에 쓸 열쇠를 읽지 못했습니다. 관리자에게 알려 주십시오.",
            "en": "This server cannot read the secret that signs. Tell an administrator.",
        },
    ),
    (
        r"The server could not make the document\.",
        {
            "ko": "이 서버가 보낼 문서를 만들지 못했습니다. 관리자에게 알려 주십시오.",
            "en": "This server could not make the document. Tell an administrator.",
        },
    ),
    (
        r"The subscriber answered with the status 410 \(Gone\)\.",
        {"ko": "받는 서버가 410(없어짐)으로 응답했습니다.", "en": "The subscriber answered 410 (Gone)."},
    ),
    (
        r"All deliveries failed for (?P<days>\d+) days\. The last error: (?P<why>.*)",
        {
            "ko": "{days}일 동안 모든 전송이 실패했습니다. 마지막 까닭: {why}",
            "en": "All deliveries failed for {days} days. The last error: {why}",
        },
    ),
    (r"Its account paused it\.", {"ko": "구독한 쪽에서 멈추었습니다.", "en": "Its account paused it."}),
    (r"Its account ended it\.", {"ko": "구독한 쪽에서 끝냈습니다.", "en": "Its account ended it."}),
    (r"The subscriber ended it\.", {"ko": "구독한 쪽에서 끝냈습니다.", "en": "The subscriber ended it."}),
    (r"The reader ended it\.", {"ko": "받는 사람이 끝냈습니다.", "en": "The reader ended it."}),
    (r"The operator paused it\.", {"ko": "이 서버의 관리자가 멈추었습니다.", "en": "The operator paused it."}),
    (r"The operator ended it\.", {"ko": "이 서버의 관리자가 끝냈습니다.", "en": "The operator ended it."}),
    (r"The lease is over\.", {"ko": "구독 기간이 끝났습니다.", "en": "The lease is over."}),
    (
        r"The outlet is suspended: embargoed articles wait until the suspension ends\.",
        {
            "ko": "이 언론사는 정지되었습니다. 정지가 끝날 때까지 엠바고 자료가 기다립니다.",
            "en": "The outlet is suspended: embargoed articles wait until the suspension ends.",
        },
    ),
    (
        r"The accreditation of the outlet has ended: embargoed articles wait until it is renewed\.",
        {
            "ko": "이 언론사의 등록 기간이 끝났습니다. 갱신될 때까지 엠바고 자료가 기다립니다.",
            "en": "The accreditation of the outlet has ended: embargoed articles wait until it is renewed.",
        },
    ),
    (
        r"The token of the subscription is no longer valid\.",
        {"ko": "구독에 쓴 토큰이 더는 유효하지 않습니다.", "en": "The token of the subscription is no longer valid."},
    ),
    (
        r"The subscriber may not read embargoed articles any more\.",
        {
            "ko": "구독한 쪽이 더는 엠바고 자료를 볼 수 없습니다.",
            "en": "The subscriber may not read embargoed articles any more.",
        },
    ),
    (
        r"The mail server rejects this address\.",
        {"ko": "메일 서버가 이 주소를 거절합니다.", "en": "The mail server rejects this address."},
    ),
    (
        r"The mail server cannot be used\.",
        {"ko": "메일 서버를 쓸 수 없습니다.", "en": "The mail server cannot be used."},
    ),
    (
        r"The mail server answered with (?P<answer>.*)\.",
        {"ko": "메일 서버의 응답: {answer}", "en": "The mail server answered: {answer}"},
    ),
)
_COMPILED = tuple((re.compile(pattern, re.DOTALL), said) for pattern, said in FAULTS)


def fault_in_words(sentence: str, lang: str) -> tuple[str, str]:
    """(what a page says for a sentence of the log, its language). A sentence that is not known stays English."""
    for pattern, said in _COMPILED:
        if found := pattern.fullmatch(sentence):
            parts = found.groupdict()
            if why := parts.get("why"):
                parts["why"] = fault_in_words(why, lang)[0]
            return said[lang].format(**parts), lang
    return sentence, "en"
