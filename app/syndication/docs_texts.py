"""The texts of the pages of the documentation, in Korean and English. The documents themselves are English."""

TEXTS: dict[str, dict[str, str]] = {
    "docs": {"ko": "문서", "en": "Documentation"},
    "docs-how": {
        "ko": "보도자료를 보내고, 피드를 읽고, 서버를 운영하는 방법입니다. 본문은 영어입니다. 예시의 주소는 이 서버의 주소입니다.",
        "en": "How to push releases, read feeds and run the server. The addresses in the examples are those of this server.",
    },
    "docs-all": {"ko": "모든 문서", "en": "All documents"},
    "docs-here": {"ko": "이 문서의 차례", "en": "On this page"},
    "docs-copy": {"ko": "복사", "en": "Copy"},
    "docs-copied": {"ko": "복사했습니다", "en": "Copied"},
    "api": {"ko": "API 참조", "en": "API reference"},
    "api-how": {
        "ko": "이 서버의 모든 주소입니다. 설명은 영어입니다. 프로그램용으로는 OpenAPI 문서가 있습니다:",
        "en": "Every address of this server. For programs there is an OpenAPI document:",
    },
    "api-parameters": {"ko": "매개변수", "en": "Parameters"},
    "api-body": {"ko": "보내는 본문", "en": "Request body"},
    "api-answers": {"ko": "응답", "en": "Answers"},
    "api-token": {"ko": "기관·언론사의 토큰이 필요합니다.", "en": "Needs a token."},
    "api-token-may": {"ko": "토큰이 있으면 더 많은 것을 보입니다.", "en": "A token is possible, and shows more."},
    "api-session": {"ko": "로그인한 사람만 쓸 수 있습니다.", "en": "For people who are signed in."},
    "api-required": {"ko": "필수", "en": "required"},
    "api-pages": {"ko": "사람이 쓰는 화면과 서식", "en": "Pages and forms for people"},
    "api-problems": {"ko": "오류 종류", "en": "Problem types"},
}
