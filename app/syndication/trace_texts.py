"""The texts of the page that finds from whose copy a text comes, in Korean and English."""

TEXTS: dict[str, dict[str, str]] = {
    "trace": {"ko": "유출 경로 찾기", "en": "Trace a leak"},
    "trace-how": {
        "ko": "엠바고 중에 언론사가 받는 사본에는 눈에 보이지 않는 표시가 있습니다. 먼저 나간 글이나 파일을 넣으면 어느 언론사가 받은"
        " 사본에서 나왔는지 찾습니다. 이 기관의 보도자료만 살펴보며, 찾은 일은 기록에 남습니다.",
        "en": "The copies that outlets get under embargo have marks that nobody sees. Paste a text that came out early, or choose a"
        " file, to find from which outlet's copy it comes. Only releases of this office are compared, and the search is recorded.",
    },
    "trace-text": {"ko": "나간 글", "en": "The text"},
    "trace-text-how": {
        "ko": "있는 그대로 복사해 붙이십시오. 옮겨 적은 글에는 표시가 남지 않습니다.",
        "en": "Copy it exactly as it is. A text that was typed again has no marks.",
    },
    "trace-file": {"ko": "또는 파일", "en": "Or a file"},
    "trace-file-how": {
        "ko": "웹 쪽(HTML), 전자우편, HWPX, HWP, DOCX, PDF, XML, JSON, 텍스트",
        "en": "Web page (HTML), mail, HWPX, HWP, DOCX, PDF, XML, JSON or text",
    },
    "trace-button": {"ko": "찾기", "en": "Trace"},
    "trace-none-sent": {"ko": "글을 붙이거나 파일을 고르십시오.", "en": "Paste a text or choose a file."},
    "trace-empty": {
        "ko": "낱말이 너무 적어 어느 보도자료인지 알 수 없습니다. 한 문단 넘게 넣으십시오.",
        "en": "There are too few words to find the release. Enter more than a paragraph.",
    },
    "trace-unread": {
        "ko": "파일을 읽을 수 없습니다. 글을 복사해 붙여 보십시오.",
        "en": "The file cannot be read. Paste its text instead.",
    },
    "trace-large": {"ko": "파일이 너무 큽니다.", "en": "The file is too large."},
    "trace-no-article": {
        "ko": "엠바고 중에 언론사가 받은 이 기관의 보도자료 가운데 이 글과 같은 것이 없습니다.",
        "en": "No release of this office that outlets got under embargo has these words.",
    },
    "trace-found": {
        "ko": "이 글은 {outlets}에 준 사본에서 나왔습니다.",
        "en": "This text comes from the copy of {outlets}.",
    },
    "trace-found-several": {
        "ko": "이 글에는 여러 언론사의 사본이 섞여 있습니다: {outlets}.",
        "en": "This text mixes the copies of several outlets: {outlets}.",
    },
    "trace-no-marks": {
        "ko": "글은 이 보도자료와 같지만 표시가 없습니다. 공개된 글이거나, 옮겨 적었거나, 표시를 지운 글입니다."
        " 어느 언론사인지 말할 수 없습니다.",
        "en": "The words are those of this release, but there are no marks. It is the public text, or it was typed again or cleaned."
        " No outlet can be named.",
    },
    "trace-unsure": {
        "ko": "표시 {places}개를 읽었지만 어느 사본이라고 할 만큼 맞지 않습니다. 글이 짧거나 많이 고친 것일 수 있습니다.",
        "en": "{places} marks were read, but they fit no copy well enough. The text may be short or much changed.",
    },
    "trace-article": {"ko": "보도자료", "en": "Release"},
    "trace-copies": {
        "ko": "엠바고 중에 사본을 받은 언론사 {count}곳과 견주었습니다.",
        "en": "Compared with the copies of {count} outlets.",
    },
    "trace-outlet": {"ko": "언론사", "en": "Outlet"},
    "trace-agreed": {"ko": "맞는 표시", "en": "Marks that agree"},
    "trace-of": {"ko": "{places}개 가운데 {agreed}개", "en": "{agreed} of {places}"},
    "trace-chance": {"ko": "틀릴 확률", "en": "Chance of a mistake"},
    "trace-at-most": {"ko": "많아야 {number}분의 1", "en": "at most 1 in {number}"},
    "trace-former": {"ko": "{code} (지금은 등록되지 않음)", "en": "{code} (not registered any more)"},
    "trace-means": {
        "ko": "사본이 누구의 것인지만 알려 줍니다. 누가, 왜 내보냈는지는 알려 주지 않습니다. 그 언론사가 사본을 도둑맞았을 수도 있으니"
        " 먼저 물어보십시오.",
        "en": "This says whose copy it is, not who passed it on, or why. Somebody may have stolen it from the outlet, so ask first.",
    },
}
