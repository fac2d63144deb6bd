"""The texts of the first page and of the pages of articles, in Korean and English."""

TEXTS: dict[str, dict[str, str]] = {
    # An article
    "picture-of": {"ko": "사진: {headline}", "en": "Picture: {headline}"},
    "file-preview": {"ko": "파일의 글 미리 보기", "en": "Preview of the file’s text"},
    "file-preview-cut": {
        "ko": "앞부분만 보입니다. 전체 내용은 파일을 열어 확인해 주십시오.",
        "en": "Only the beginning is shown. Open the file to read all of it.",
    },
    "in-feeds": {"ko": "이 보도자료가 실린 피드", "en": "Feeds that have this release"},
    "follow-rss": {"ko": "RSS 구독", "en": "RSS"},
    "cite": {"ko": "인용할 때", "en": "How to cite"},
    "cite-bibtex": {"ko": "BibTeX으로 보기", "en": "As BibTeX"},
    "cite-csl": {"ko": "CSL-JSON으로 보기(Zotero 등)", "en": "As CSL-JSON (Zotero and others)"},
    "proof": {"ko": "원본과 증명", "en": "Original and proof"},
    "proof-provenance": {"ko": "받은 때와 서명(JSON)", "en": "Time of arrival and signature (JSON)"},
    "proof-how": {
        "ko": "기관이 보낸 원본을 그대로 보관합니다. 받은 때와 해시, 전자 서명으로 바뀌지 않았음을 확인할 수 있습니다.",
        "en": "The original is kept as the office sent it. The time of its arrival, "
        "its hash and its signature show that nothing was changed.",
    },
    "licence:kogl": {"ko": "공공누리 제{type}유형", "en": "KOGL Type {type}"},
    "licence:by": {"ko": "출처 표시", "en": "name the source"},
    "licence:nc": {"ko": "상업적 이용 금지", "en": "no commercial use"},
    "licence:nd": {"ko": "변경 금지", "en": "no changes"},
    "licence:sa": {"ko": "같은 조건으로 공유", "en": "share under the same terms"},
    "licence:free": {"ko": "조건 없이 자유롭게 이용", "en": "free use without conditions"},
    # The first page
    "about-short": {
        "ko": "정부와 지자체가 보낸 보도자료를 받는 대로 공개합니다. 지역·분야·기관을 골라 피드로 구독할 수 있습니다.",
        "en": "Press releases of government offices, public the moment they arrive. Choose region, topic and office, and follow "
        "them as a feed.",
    },
    "narrow": {"ko": "골라 보기", "en": "Choose"},
    "narrow-do": {"ko": "보기", "en": "Show"},
    "narrow-all": {"ko": "전체", "en": "All"},
    "filters": {"ko": "고른 조건", "en": "Chosen"},
    "filters-clear": {"ko": "모두 지우기", "en": "Clear all"},
    "filter-drop": {"ko": "조건 지우기: {label}", "en": "Remove {label}"},
    "filter:region": {"ko": "지역", "en": "Region"},
    "filter:topic": {"ko": "분야", "en": "Topic"},
    "filter:office": {"ko": "기관", "en": "Office"},
    "filter:genre": {"ko": "종류", "en": "Kind"},
    "filter:lang": {"ko": "언어", "en": "Language"},
    "filter:licence": {"ko": "이용 조건", "en": "Licence"},
    "filter:q": {"ko": "찾는 말", "en": "Words"},
    "filter:since": {"ko": "이때부터", "en": "Since"},
    "filter:until": {"ko": "이때까지", "en": "Until"},
    "filter-not": {"ko": "{name} 제외", "en": "Not {name}"},
    "amounts": {"ko": "최근 30일 시·도별 보도자료", "en": "Releases of the last 30 days by province"},
    "amounts-how": {
        "ko": "{since}부터 나왔거나 고친 보도자료의 수입니다. 지도의 시·도를 누르면 그곳의 화면이 열립니다.",
        "en": "Releases that were published or corrected since {since}. Choose a province on the map to open its page.",
    },
    "amounts-table": {"ko": "수를 표로 보기", "en": "The numbers as a table"},
    "amounts-region": {"ko": "시·도", "en": "Province"},
    "amounts-count": {"ko": "건수", "en": "Releases"},
    "amounts-none": {"ko": "없음", "en": "none"},
    "more-offices": {"ko": "모든 기관과 피드", "en": "All offices and feeds"},
    "begin": {"ko": "첫 보도자료를 기다리고 있습니다", "en": "Waiting for the first release"},
    "begin-how": {
        "ko": "아직 공개된 보도자료가 없습니다. 무엇을 하려고 오셨습니까?",
        "en": "Nothing has been published yet. What would you like to do?",
    },
    "begin-write": {"ko": "보도자료를 쓰려면", "en": "Write a release"},
    "begin-write-how": {
        "ko": "기관 담당자는 로그인해서 쓰고, 검토받고, 공개할 때를 정합니다.",
        "en": "People of an office sign in, write a release, have it checked and choose when it is published.",
    },
    "begin-write-do": {"ko": "보도자료 쓰기", "en": "Write a release"},
    "begin-push": {"ko": "시스템에서 보내려면", "en": "Push from a system"},
    "begin-push-how": {
        "ko": "기관의 토큰으로 XML을 보내면 바로 공개됩니다. 명령줄에서는 이렇게 합니다.",
        "en": "Send XML with a token of the office, and it is public at once. On the command line:",
    },
    "begin-follow": {"ko": "받아 보려면", "en": "Follow"},
    "begin-follow-how": {
        "ko": "지금 구독해 두면 첫 보도자료부터 받습니다.",
        "en": "Subscribe now, and you get everything from the first release on.",
    },
}
