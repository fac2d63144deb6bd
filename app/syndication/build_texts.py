"""The texts of the page that puts a feed together, and of what other sites embed, in Korean and English."""

TEXTS: dict[str, dict[str, str]] = {
    "build": {"ko": "피드 만들기", "en": "Build a feed"},
    "build-how": {
        "ko": "받고 싶은 소식을 고르면 피드의 주소가 바로 나옵니다. 고른 것은 이 쪽의 주소에 담기므로 그대로 보내 주어도 됩니다.",
        "en": "Choose what you want to read. The addresses of your feed appear at once. "
        "Your choice is in the address of this page, so you can send it to a colleague.",
    },
    "build-lead": {"ko": "지역과 분야를 골라 나만의 피드 만들기", "en": "Choose regions and topics for a feed of your own"},
    "build-show": {"ko": "고른 대로 보기", "en": "Show this feed"},
    "build-anew": {"ko": "처음부터 다시 고르기", "en": "Start again"},
    # What can be chosen
    "build-region-how": {
        "ko": "여러 곳을 고르면 그 가운데 한 곳의 소식이라도 받습니다.",
        "en": "If you choose several, you get releases about any of them.",
    },
    "build-topic-how": {
        "ko": "넓은 분야를 고르면 그 아래 분야도 들어갑니다.",
        "en": "A topic includes everything below it.",
    },
    "build-office-how": {
        "ko": "기관이 직접 낸 소식만 받으려면 고르십시오.",
        "en": "Only what these offices issued themselves.",
    },
    "build-add": {"ko": "이름으로 더하기", "en": "Add by name"},
    "build-list": {"ko": "목록에서 고르기", "en": "Choose from the list"},
    "build-world": {"ko": "다른 나라", "en": "Other countries"},
    "build-world-none": {"ko": "나라를 고르십시오", "en": "Choose a country"},
    "build-provinces": {"ko": "모든 시·도 고르기", "en": "Choose all provinces"},
    "build-words": {"ko": "들어 있어야 할 말", "en": "Words"},
    "build-words-how": {
        "ko": "제목이나 본문에 이 말이 모두 있는 것만 받습니다. 예: 예산",
        "en": "Only releases that contain all of these words. Example: budget",
    },
    "build-kind": {"ko": "자료의 종류", "en": "Kind of release"},
    "build-lang": {"ko": "쓰인 언어", "en": "Language of the release"},
    "build-licence": {"ko": "이용 조건", "en": "Licence"},
    "build-any": {"ko": "고르지 않으면 모두 받습니다.", "en": "Without a choice you get all of them."},
    "build-narrow": {"ko": "종류, 언어, 이용 조건으로 좁히기", "en": "Narrow by kind, language and licence"},
    "build-without": {"ko": "빼고 받기", "en": "Leave out"},
    "build-without-how": {
        "ko": "여기서 고른 것은 위에서 고른 것에 들어 있어도 받지 않습니다.",
        "en": "What you choose here is left out, even if it fits everything above.",
    },
    "build-exclude_region": {"ko": "뺄 지역", "en": "Regions to leave out"},
    "build-exclude_topic": {"ko": "뺄 분야", "en": "Topics to leave out"},
    "build-exclude_office": {"ko": "뺄 기관", "en": "Offices to leave out"},
    "build-exclude_genre": {"ko": "뺄 종류", "en": "Kinds to leave out"},
    "build-exclude_lang": {"ko": "뺄 언어", "en": "Languages to leave out"},
    "build-exclude_licence": {"ko": "뺄 이용 조건", "en": "Licences to leave out"},
    "build-since": {"ko": "이때부터", "en": "Since"},
    "build-until": {"ko": "이때 전까지", "en": "Until"},
    "build-limit": {"ko": "한 번에 받는 수", "en": "Releases on a page"},
    # What is wrong with the choice
    "build-unknown": {"ko": "‘{text}’: 이런 이름을 찾지 못했습니다.", "en": "“{text}” is not a name that we know."},
    "build-ambiguous": {"ko": "‘{text}’: 같은 이름이 여럿입니다. 골라 주십시오.", "en": "Several have the name “{text}”. Choose one."},
    "build-long": {"ko": "너무 깁니다. 이름이나 코드만 적어 주십시오.", "en": "This is too long. Enter a name or a code."},
    "build-many": {
        "ko": "한 칸에서 {most}개까지 고를 수 있습니다. 지금은 {count}개입니다.",
        "en": "You can choose {most} here. These are {count}.",
    },
    "build-costly": {
        "ko": "고른 것이 너무 많아 한 피드로 만들 수 없습니다. 줄이거나 여러 피드로 나누어 주십시오.",
        "en": "This is too much for one feed. Choose less, or make several feeds.",
    },
    "build-words-wrong": {
        "ko": "찾을 말은 200자까지이고, 글자나 숫자가 있어야 합니다.",
        "en": "Enter words with letters or digits, of at most 200 characters.",
    },
    "build-value-wrong": {"ko": "‘{text}’: 여기에 쓸 수 없는 값입니다.", "en": "“{text}” cannot be used here."},
    "build-instead": {"ko": "혹시 이것입니까?", "en": "Did you mean:"},
    "build-mend": {
        "ko": "먼저 표시된 곳을 고쳐 주십시오. 고른 것은 그대로 남아 있습니다.",
        "en": "Correct what is marked first. Everything that you chose is kept.",
    },
    "build-opposed": {
        "ko": "이 피드에는 아무것도 오지 않습니다. 고르신 ‘{value}’ 전체가 빼기로 하신 ‘{without}’ 안에 들어 있습니다.",
        "en": "This feed stays empty: you chose “{value}” and left out “{without}”, which contains it.",
    },
    "build-opposed-same": {
        "ko": "이 피드에는 아무것도 오지 않습니다. 고르신 ‘{value}’ 항목을 빼기로도 하셨습니다.",
        "en": "This feed stays empty: you chose “{value}” and left it out as well.",
    },
    "build-all-excluded": {
        "ko": "고르신 조건에 맞는 보도자료가 지금은 모두 빼기로 하신 것에 들어 있습니다: {without}. 빼기를 줄이시거나, 그대로 구독하고"
        " 다른 곳의 소식을 기다리셔도 됩니다.",
        "en": "Every release that fits your choice so far is among what you left out: {without}. Leave out less, or subscribe and wait"
        " for others.",
    },
    "build-elsewhere": {
        "ko": "‘{office}’ 기관은 ‘{region}’ 지역에 있지 않아, 두 조건에 모두 맞는 소식이 드뭅니다.",
        "en": "“{office}” is not an office of “{region}”, so hardly any release belongs to both.",
    },
    # The feed
    "build-feed": {"ko": "이렇게 받습니다", "en": "Your feed"},
    "build-count": {"ko": "최근 30일 동안 {month}, 오늘 {today}", "en": "{month} in the last 30 days, {today} today"},
    "build-count-is": {"ko": "{number}건", "en": "{number}"},
    "build-count-least": {"ko": "{number}건 이상", "en": "at least {number}"},
    "build-count-more": {"ko": "{number}건 넘게", "en": "more than {number}"},
    "build-releases": {"ko": "{number}", "en": "{number} releases"},
    "build-release": {"ko": "{number}", "en": "{number} release"},
    "build-preview": {"ko": "최근 소식", "en": "Newest releases"},
    "build-preview-none": {
        "ko": "아직 여기에 맞는 보도자료가 없습니다. 피드는 지금 구독해 두어도 됩니다.",
        "en": "No release fits yet. You can subscribe to the feed anyway.",
    },
    "build-preview-part": {
        "ko": "최근 보도자료에서만 찾아보았습니다. 더 오래된 것은 피드에서 볼 수 있습니다.",
        "en": "Only recent releases were looked through. The feed has older ones too.",
    },
    "build-costly-preview": {
        "ko": "맞는 것이 드물어 미리 보지 못했습니다. 조건을 줄여 보십시오.",
        "en": "The releases that fit are too rare to be found quickly. Try fewer conditions.",
    },
    "build-addresses": {"ko": "피드의 주소", "en": "Addresses of the feed"},
    "build-copy": {"ko": "복사", "en": "Copy"},
    "build-copy-of": {"ko": "{label} 주소 복사", "en": "Copy the address of {label}"},
    "build-reader": {"ko": "피드 읽기 프로그램에서 열기", "en": "Open in a feed reader"},
    "build-opml": {"ko": "고른 것마다 피드 하나씩, 목록으로 받기(OPML)", "en": "A list of the feeds of your choice (OPML)"},
    "build-page": {"ko": "이 소식을 모은 쪽", "en": "The page with these releases"},
    "build-qr": {
        "ko": "QR 코드: 휴대전화로 이 소식을 모은 쪽을 엽니다",
        "en": "QR code that opens the page with these releases",
    },
    "build-qr-fold": {"ko": "QR 코드", "en": "QR code"},
    "build-qr-long": {
        "ko": "주소가 길어 QR 코드에 담을 수 없습니다.",
        "en": "The address is too long for a QR code.",
    },
    "build-this": {"ko": "이 선택을 보내는 주소", "en": "Address of this choice"},
    # Subscribing
    "build-subscribe": {"ko": "구독하기", "en": "Subscribe"},
    "build-mail": {"ko": "전자우편", "en": "E-mail"},
    "build-mail-how": {
        "ko": "주소만 있으면 됩니다. 확인 편지의 단추를 누르면 시작하고, 편지마다 그만 받기가 있습니다.",
        "en": "All you need is an address. It starts when you press the button in the mail that we send, "
        "and each mail has a link to stop.",
    },
    "build-mail-none": {"ko": "이 서버는 전자우편을 보내지 않습니다.", "en": "This server sends no mail."},
    "build-mail-long": {
        "ko": "고른 것이 너무 많아 전자우편으로는 보낼 수 없습니다. 줄여 주십시오.",
        "en": "This is too much for alerts by e-mail. Choose less.",
    },
    "build-websub": {"ko": "WebSub: 바로 알림", "en": "WebSub"},
    "build-websub-how": {
        "ko": "계정이 없어도 됩니다. 밖에서 닿는 https 주소(콜백)가 있어야 하고, 그 주소가 확인 요청에 답해야 합니다. "
        "허브에 이 요청을 보내면 새 소식이 1초 안에 갑니다.",
        "en": "No account is needed, but an https address that can be reached and confirms the request. "
        "Send this to the hub, and changes arrive within a second.",
    },
    "build-websub-hub": {"ko": "허브", "en": "Hub"},
    "build-websub-request": {"ko": "구독 요청", "en": "Request"},
    "build-webhook": {"ko": "웹훅: 매체의 서버로", "en": "Webhook"},
    "build-webhook-how": {
        "ko": "매체의 토큰이 있어야 합니다. 보도자료가 나올 때마다 서명한 요청을 https 주소로 보내고, 실패하면 다시 보냅니다.",
        "en": "For outlets with a token. Each change is signed and sent to your https address, and repeated until it arrives.",
    },
    "build-webhook-add": {"ko": "이 피드로 웹훅 만들기", "en": "Make a webhook of this feed"},
    # Embedding
    "build-embed": {"ko": "기관 누리집에 넣기", "en": "Put it on your own site"},
    "build-embed-how": {
        "ko": "아래 코드를 누리집에 넣으면 새 소식 다섯 건이 누리집의 글꼴과 색으로 보입니다. 쿠키를 쓰지 않습니다.",
        "en": "With this code your page shows the newest five releases, in your own fonts and colours. No cookies are used.",
    },
    "build-embed-script": {"ko": "스크립트로 넣기", "en": "With our script"},
    "build-embed-frame": {"ko": "틀(iframe)로 넣기", "en": "As a frame"},
    "alerts-feed": {"ko": "받을 소식", "en": "What you will get"},
    "embed-more": {"ko": "모두 보기", "en": "See all"},
    "embed-skip": {"ko": "목록 건너뛰기", "en": "Skip the list"},
    # The feed in words
    "words:everything": {"ko": "모든 보도자료", "en": "All press releases"},
    "words:others": {"ko": "{first} 외 {count}", "en": "{first} and {count} more"},
    "words:release": {"ko": "보도자료", "en": "Press releases"},
    "words:with": {"ko": "‘{words}’ 포함", "en": "with “{words}”"},
    "words:without": {"ko": "{names} 제외", "en": "without {names}"},
    "words:since": {"ko": "{when}부터", "en": "since {when}"},
    "words:until": {"ko": "{when} 전까지", "en": "until {when}"},
    "licence:none": {"ko": "모든 권리 보유", "en": "All rights reserved"},
    "licence:kogl-0": {"ko": "공공누리 0유형", "en": "KOGL type 0"},
    "licence:kogl-1": {"ko": "공공누리 1유형: 출처 표시", "en": "KOGL type 1: attribution"},
    "licence:kogl-2": {"ko": "공공누리 2유형: 상업적 이용 금지", "en": "KOGL type 2: non-commercial"},
    "licence:kogl-3": {"ko": "공공누리 3유형: 변경 금지", "en": "KOGL type 3: no changes"},
    "licence:kogl-4": {"ko": "공공누리 4유형: 상업적 이용·변경 금지", "en": "KOGL type 4: non-commercial, no changes"},
}  # fmt: skip
# What the scripts say. {…} is filled in by them.
SPOKEN: dict[str, dict[str, str]] = {
    "copied": {"ko": "복사했습니다.", "en": "Copied."},
    "failed": {
        "ko": "서버에 닿지 못했습니다. 고른 것은 그대로이니 ‘고른 대로 보기’를 눌러 주십시오.",
        "en": "The server was not reached. Your choice is kept: press “Show this feed”.",
    },
}
