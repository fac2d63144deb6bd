"""The texts of the newsroom's pages and mails: accreditation, the desk of an outlet, its tokens, and the self-test; in Korean and
English."""

TEXTS: dict[str, dict[str, str]] = {
    "newsroom": {"ko": "뉴스룸", "en": "Newsroom"},
    "newsroom-how": {
        "ko": "언론사가 엠바고 자료를 읽고, 토큰과 웹훅을 관리하는 곳입니다. 등록된 언론사의 사람만 들어올 수 있습니다.",
        "en": "Here outlets read releases under embargo and manage their tokens and webhooks. Only people of accredited"
        " outlets can enter.",
    },
    "newsroom-none": {
        "ko": "아직 어느 언론사에도 속해 있지 않습니다. 언론사의 초대를 받거나 등록을 신청해 주십시오.",
        "en": "You do not belong to an outlet yet. Ask your outlet for an invitation, or apply for accreditation.",
    },
    "newsroom-no-mail": {
        "ko": "이 서버는 전자우편을 보내지 않으므로 여기서 등록을 신청할 수 없습니다. 관리자에게 문의해 주십시오.",
        "en": "This server sends no mail, so nobody can apply here. Ask an administrator.",
    },
    "newsroom-parts": {"ko": "뉴스룸의 쪽", "en": "Parts of the newsroom"},
    "newsroom-waiting": {"ko": "엠바고 자료", "en": "Under embargo"},
    "newsroom-waiting-how": {
        "ko": "해제 시각 전에는 보도할 수 없습니다. 누가 언제 목록을 보고 자료를 열었는지 기록하며, 발표 기관이 볼 수 있습니다.",
        "en": "Nothing here may be reported before its time. Who sees this list and who opens a release is recorded, and its"
        " office can see it.",
    },
    "newsroom-embargoed": {"ko": "엠바고 EMBARGOED", "en": "EMBARGOED"},
    "newsroom-lifts": {"ko": "해제:", "en": "Embargo ends:"},
    "newsroom-held": {"ko": "기관이 해제할 때까지 보류", "en": "Held until the office releases it"},
    "newsroom-nothing": {
        "ko": "지금 이 언론사가 볼 수 있는 엠바고 자료가 없습니다.",
        "en": "Nothing that this outlet may read is under embargo now.",
    },
    "download-marked": {
        "ko": "엠바고 표시가 들어 있는 매체 전용 사본이며, 받은 것을 기록합니다.",
        "en": "These are your outlet’s own copies. They show the embargo, and each download is recorded as a reading.",
    },
    "newsroom-article": {"ko": "엠바고 자료", "en": "Under embargo"},
    "newsroom-rights": {"ko": "볼 수 있는 범위", "en": "What this outlet may read"},
    "newsroom-stopped-suspended": {
        "ko": "이 언론사는 이용이 정지되었습니다. 엠바고 자료는 볼 수도 받을 수도 없고, 공개된 것만 볼 수 있습니다.",
        "en": "This outlet is suspended. It can neither read nor receive anything under embargo; what is public stays open.",
    },
    "newsroom-stopped-over": {
        "ko": "등록 기간이 끝났습니다. 갱신되면 엠바고 자료를 다시 볼 수 있습니다.",
        "en": "The accreditation has ended. Once it is renewed, you can read under embargo again.",
    },
    "newsroom-stopped-public": {
        "ko": "이 언론사는 엠바고 열람 없이 등록되었습니다. 공개된 것은 모두 볼 수 있습니다.",
        "en": "This outlet is accredited without reading under embargo. It can read everything that is public.",
    },
    "newsroom-suspended-until": {"ko": "정지가 끝나는 때:", "en": "The suspension ends:"},
    "newsroom-subscriptions": {"ko": "구독과 전송", "en": "Subscriptions"},
    "newsroom-tokens": {"ko": "토큰", "en": "Tokens"},
    "clock-days": {"ko": "{d}일 {h}시간 뒤 해제", "en": "ends in {d} d {h} h"},
    "clock-hours": {"ko": "{h}시간 {m}분 뒤 해제", "en": "ends in {h} h {m} min"},
    "clock-minutes": {"ko": "{m}분 뒤 해제", "en": "ends in {m} min"},
    "clock-seconds": {"ko": "{s}초 뒤 해제", "en": "ends in {s} s"},
    "clock-soon": {"ko": "1분 안에 해제", "en": "ends within a minute"},
    "clock-over": {"ko": "해제 시각이 지났습니다", "en": "its time has come"},
    "clock-held": {"ko": "해제 시각이 정해지지 않음", "en": "no time is set"},
    # Applying
    "apply": {"ko": "언론사 등록 신청", "en": "Apply for accreditation"},
    "apply-how": {
        "ko": "등록된 언론사는 보도자료를 엠바고가 끝나기 전에 읽을 수 있습니다. 신청하면 주소를 확인하는 전자우편을 보내고,"
        " 확인되면 관리자가"
        " 검토해 답합니다.",
        "en": "Accredited outlets can read releases before their embargo ends. You get a mail to confirm your address. Then an"
        " administrator looks at the application and answers.",
    },
    "apply-name": {"ko": "언론사 이름", "en": "Name of the outlet"},
    "apply-site": {"ko": "누리집 주소", "en": "Its site"},
    "apply-site-hint": {"ko": "https://로 시작하는 주소입니다.", "en": "An address that begins with https://."},
    "apply-person": {"ko": "신청하는 사람", "en": "Your name"},
    "apply-email-hint": {
        "ko": "언론사에서 쓰는 주소를 적어 주십시오. 이 주소로 답합니다.",
        "en": "Use your address at the outlet. The answer goes there.",
    },
    "apply-why": {"ko": "신청하는 까닭", "en": "Why"},
    "apply-why-hint": {
        "ko": "무엇을 취재하고 어디에 보도하는지 10자에서 1,000자로 적어 주십시오.",
        "en": "What you report on and where, in 10 to 1,000 characters.",
    },
    "apply-button": {"ko": "신청하기", "en": "Apply"},
    "apply-asked": {
        "ko": "{address} 주소로 전자우편을 보냈습니다. 48시간 안에 그 안의 링크를 눌러 주십시오. 조금 전에 같은 주소로"
        " 신청했다면 다시 보내지"
        " 않습니다.",
        "en": "A mail went to {address}. Open the link in it within 48 hours. If somebody applied with this address a moment ago, no"
        " other mail is sent.",
    },
    "apply-confirm-how": {
        "ko": "단추를 누르면 신청이 관리자에게 전해집니다.",
        "en": "Press the button, and the application goes to the administrators.",
    },
    "apply-confirm": {"ko": "신청 보내기", "en": "Send the application"},
    "apply-applied": {
        "ko": "신청을 받았습니다. 관리자가 검토한 뒤 {address} 주소로 답합니다.",
        "en": "The application was received. The answer will come to {address}.",
    },
    "apply-full": {
        "ko": "지금은 기다리는 신청이 너무 많습니다. 이 링크는 받은 때부터 48시간 동안 쓸 수 있습니다. 내일 다시 눌러 주십시오.",
        "en": "Too many applications wait at the moment. This link works for 48 hours after it came: press the button again tomorrow.",
    },
    "applications-more": {
        "ko": "이 밖에 {n}건이 더 기다립니다. 위의 신청에 답하면 나타납니다.",
        "en": "{n} more wait. They appear as you answer these.",
    },
    "apply-when": {"ko": "신청한 때", "en": "Applied"},
    "apply-name-wrong": {
        "ko": "언론사 이름을 120자 안으로 적어 주십시오.",
        "en": "Enter the outlet's name, up to 120 characters.",
    },
    "apply-site-wrong": {
        "ko": "https://로 시작하는 누리집 주소를 적어 주십시오.",
        "en": "Enter the address of a site, such as https://daily.example.org.",
    },
    "apply-why-wrong": {
        "ko": "까닭을 1,000자 안으로 적어 주십시오. 신청할 때는 10자보다 길어야 합니다.",
        "en": "Say why, in 10 to 1,000 characters.",
    },
    "apply-often": {
        "ko": "신청이 너무 많습니다. 한 시간 뒤에 다시 해 주십시오. 적은 것은 그대로 있습니다.",
        "en": "There were too many requests. Try again in an hour; what you wrote is still here.",
    },
    "renew": {"ko": "등록 갱신이나 범위 변경 신청", "en": "Ask to renew, or for other limits"},
    "renew-how": {
        "ko": "관리자가 검토한 뒤 전자우편으로 답합니다.",
        "en": "An administrator looks at it and answers by mail.",
    },
    "renew-why": {"ko": "바라는 것과 까닭", "en": "What you ask for, and why"},
    "renew-button": {"ko": "신청하기", "en": "Ask"},
    "renew-asked": {
        "ko": "신청을 관리자가 검토하고 있습니다. 신청한 때:",
        "en": "An administrator has your request since",
    },
    # Outlets, for administrators
    "outlets": {"ko": "언론사", "en": "Outlets"},
    "outlets-known": {"ko": "등록된 언론사", "en": "Accredited outlets"},
    "outlets-none": {"ko": "아직 등록된 언론사가 없습니다.", "en": "No outlet is accredited yet."},
    "applications": {"ko": "등록 신청", "en": "Applications"},
    "applications-none": {"ko": "기다리는 신청이 없습니다.", "en": "No application waits."},
    "application-renewal": {"ko": "갱신", "en": "renewal"},
    "application-waiting": {"ko": "답을 기다림", "en": "waits for an answer"},
    "application-approved": {"ko": "등록함", "en": "approved"},
    "application-refused": {"ko": "거절함", "en": "refused"},
    "application-of": {
        "ko": "이미 등록된 {outlet}의 신청입니다. 등록하면 아래 내용으로 바뀝니다.",
        "en": "{outlet} is accredited already. If you approve, it gets the rights below.",
    },
    "application-namesake": {
        "ko": "코드가 {code}인 언론사와 이름이 같습니다. 같은 곳인지 확인해 주십시오.",
        "en": "The outlet {code} has the same name. Find out whether it is the same one.",
    },
    "application-approve": {"ko": "등록하기", "en": "Approve"},
    "application-refuse": {"ko": "거절하기", "en": "Refuse"},
    "application-reason-hint": {
        "ko": "신청한 사람에게 그대로 전해집니다.",
        "en": "The applicant reads it as you write it.",
    },
    "outlet-code": {"ko": "언론사 코드", "en": "Code of the outlet"},
    "outlet-code-hint": {
        "ko": "영어 소문자, 숫자, 붙임표로 63자까지입니다. 나중에 바꿀 수 없습니다. 예: jeonbuk-daily",
        "en": "Up to 63 lower-case letters, digits and hyphens, such as jeonbuk-daily. It cannot be changed later.",
    },
    "outlet-code-wrong": {
        "ko": "코드는 영어 소문자, 숫자, 붙임표로 63자까지 적어 주십시오.",
        "en": "A code has up to 63 lower-case letters, digits and hyphens.",
    },
    "outlet-code-taken": {"ko": "이미 쓰고 있는 코드입니다.", "en": "Another outlet has this code."},
    "outlet-limits": {"ko": "볼 수 있는 범위", "en": "What it may read"},
    "outlet-embargo": {"ko": "엠바고 열람", "en": "Reading under embargo"},
    "outlet-embargo-yes": {"ko": "엠바고 자료를 읽을 수 있음", "en": "may read under embargo"},
    "outlet-embargo-no": {"ko": "공개된 것만", "en": "public releases only"},
    "outlet-embargo-wrong": {"ko": "둘 가운데 하나를 골라 주십시오.", "en": "Choose one of the two."},
    "outlet-regions": {"ko": "지역 범위", "en": "Regions"},
    "outlet-regions-hint": {
        "ko": "이름이나 코드를 한 줄에 하나씩 적습니다. 비우면 모든 지역입니다.",
        "en": "Names or codes, one on a line. Empty: all regions.",
    },
    "outlet-offices": {"ko": "기관 범위", "en": "Offices"},
    "outlet-offices-hint": {
        "ko": "이름이나 코드를 한 줄에 하나씩 적습니다. 비우면 모든 기관입니다.",
        "en": "Names or codes, one on a line. Empty: all offices.",
    },
    "outlet-office-unknown": {"ko": "{office}: 등록되지 않은 기관입니다.", "en": "{office}: no office has this name."},
    "outlet-limits-many": {"ko": "{most}개까지만 적을 수 있습니다.", "en": "At most {most} are possible."},
    "outlet-everything": {"ko": "모두", "en": "all"},
    "outlet-until": {"ko": "등록이 끝나는 때", "en": "Accredited until"},
    "outlet-no-end": {"ko": "정해지지 않음", "en": "no end is set"},
    "outlet-last-day": {"ko": "등록의 마지막 날", "en": "Last day of the accreditation"},
    "outlet-last-day-hint": {
        "ko": "그날이 지나면 저절로 끝납니다. 비우면 끝나지 않습니다.",
        "en": "It ends by itself after that day. Empty: it does not end.",
    },
    "outlet-nobody": {"ko": "아직 이 언론사의 사람이 없습니다.", "en": "Nobody belongs to this outlet yet."},
    "outlet-suspend": {"ko": "이용 정지", "en": "Suspend"},
    "outlet-suspend-how": {
        "ko": "정지하는 동안 이 언론사의 사람과 토큰은 공개된 것만 볼 수 있고, 엠바고 전송은 바로 멈춥니다. 기간이 끝나면"
        " 저절로 풀립니다.",
        "en": "During the suspension its people and tokens can read only what is public, and deliveries under embargo stop at once. "
        "The suspension ends by itself.",
    },
    "outlet-suspend-for": {"ko": "정지 기간", "en": "For how long"},
    "outlet-suspend-day": {"ko": "정지의 마지막 날", "en": "Last day of the suspension"},
    "outlet-suspend-day-hint": {
        "ko": "기간에서 ‘날짜를 정해서’를 고른 때만 적습니다.",
        "en": "Only if you chose “until a day”.",
    },
    "outlet-suspended": {"ko": "이용 정지 중", "en": "Suspended"},
    "outlet-resume": {"ko": "정지 풀기", "en": "End the suspension now"},
    "outlet-reason": {"ko": "까닭", "en": "Reason"},
    "outlet-reason-hint": {
        "ko": "언론사의 사람들이 그대로 읽습니다.",
        "en": "The people of the outlet read it as you write it.",
    },
    "outlet-reason-wrong": {"ko": "까닭을 500자 안으로 적어 주십시오.", "en": "Give a reason, up to 500 characters."},
    "outlet-state-reads": {"ko": "엠바고 열람", "en": "reads under embargo"},
    "outlet-state-public": {"ko": "공개된 것만", "en": "public only"},
    "outlet-state-over": {"ko": "기간이 끝남", "en": "has ended"},
    "outlet-state-suspended": {"ko": "이용 정지", "en": "suspended"},
    "months": {"ko": "{n}개월", "en": "{n} months"},
    "months-day": {"ko": "날짜를 정해서", "en": "until a day"},
    "date-wrong": {"ko": "날짜를 2026-12-31처럼 적어 주십시오.", "en": "Enter a day such as 2026-12-31."},
    "date-past": {
        "ko": "지난 날짜입니다. 오늘이나 그 뒤의 날을 적어 주십시오.",
        "en": "This day is over. Enter today or a later day.",
    },
    "date-far": {"ko": "10년 안의 날짜를 적어 주십시오.", "en": "Enter a day within ten years."},
    "role-outlet-editor": {
        "ko": "매체 관리: 토큰과 웹훅 관리, 엠바고 자료 열람",
        "en": "Editor of an outlet: its tokens, webhooks and embargo desk",
    },
    # Tokens
    "newsroom-tokens-how": {
        "ko": "언론사의 프로그램이 이 서버에서 쓰는 열쇠입니다. 프로그램마다 따로 만들어, 새어 나갔을 때 그것만 끝낼 수 있게"
        " 하십시오.",
        "en": "A token lets a program of the outlet use this server. Make one for each program, so that you can end it alone.",
    },
    "token-end-made": {
        "ko": "이 토큰으로 만든 웹훅과 구독이 {n}개 있습니다. 언론사의 것이므로 따로 고르지 않으면 계속됩니다.",
        "en": "{n} webhooks and subscriptions were made with it. They belong to the outlet and go on, unless you end them too.",
    },
    "token-end-too": {
        "ko": "이 토큰으로 만든 것도 모두 끝내기 (토큰을 도둑맞았을 때)",
        "en": "Also end everything that was made with it (if the token was stolen)",
    },
    "newsroom-token-name-hint": {
        "ko": "어느 프로그램이 쓰는지 적습니다. 같은 이름의 예전 토큰은 끝납니다.",
        "en": "Which program uses it. An older token with the same name ends.",
    },
    "newsroom-tokens-many": {
        "ko": "쓸 수 있는 토큰은 50개까지입니다. 쓰지 않는 것을 먼저 끝내 주십시오.",
        "en": "At most 50 tokens may be valid at a time. End one first.",
    },
    "token-rights": {"ko": "할 수 있는 일", "en": "What it may do"},
    "token-all": {"ko": "엠바고 자료 읽기와 구독 관리", "en": "Read under embargo and manage subscriptions"},
    "token-embargo": {"ko": "엠바고 자료 읽기만", "en": "Only read under embargo"},
    "token-subscribe": {"ko": "구독 관리만", "en": "Only manage subscriptions"},
    "networks": {"ko": "쓸 수 있는 주소", "en": "Addresses that may use it"},
    "networks-hint": {
        "ko": "IP 주소나 10.0.0.0/8 같은 범위를 한 줄에 하나씩 적습니다. 비우면 어디서나 쓸 수 있습니다. 지금 이 브라우저의"
        " 주소: {address}",
        "en": "IP addresses or ranges such as 10.0.0.0/8, one on a line. Empty: from everywhere. This browser is at {address}.",
    },
    "networks-any": {"ko": "어디서나", "en": "everywhere"},
    "networks-wrong": {
        "ko": "{part}: IP 주소나 범위가 아닙니다. 203.0.113.7이나 203.0.113.0/24처럼 적어 주십시오.",
        "en": "{part} is neither an address nor a range. Write 203.0.113.7 or 203.0.113.0/24.",
    },
    "networks-bits": {
        "ko": "{part}: 범위의 첫 주소가 아닙니다. 혹시 {nearest}입니까?",
        "en": "{part} is not the first address of a range. Did you mean {nearest}?",
    },
    "networks-many": {"ko": "범위는 20개까지 적을 수 있습니다.", "en": "At most 20 ranges are possible."},
    "token-uses": {"ko": "최근 {days}일 동안 {n}번 씀", "en": "Used {n} times in the last {days} days"},
    "token-uses-table": {"ko": "날마다 쓴 횟수", "en": "Uses by day"},
    "token-times": {"ko": "횟수", "en": "Times"},
    "token-unused": {"ko": "최근 {days}일 동안 쓰지 않았습니다.", "en": "Not used in the last {days} days."},
    # Subscriptions
    "newsroom-webhook-how": {
        "ko": "보도자료가 나오거나 바뀔 때마다 서명한 POST를 이 주소로 보냅니다. 만든 뒤 자가 점검으로 제대로 받는지 확인해 주십시오.",
        "en": "Each new or changed release goes to this address as a signed POST. After making it, let the self-test check it.",
    },
    "newsroom-query-hint": {
        "ko": "피드 주소의 물음표 뒤와 같습니다. 예: region=kr:52. 엠바고 자료를 받으려면 status=embargoed를 더합니다.",
        "en": "As after the question mark of a feed's address, such as region=kr:52. Add status=embargoed to get releases"
        " under embargo.",
    },
    "newsroom-log-hidden": {
        "ko": "이용이 정지된 동안에는 엠바고 전송 기록을 볼 수 없습니다.",
        "en": "While the outlet may not read under embargo, this log is not shown.",
    },
    "do-check": {"ko": "자가 점검", "en": "Run the self-test"},
    "webhook-move": {"ko": "부를 주소 바꾸기", "en": "Change the address"},
    "webhook-move-how": {
        "ko": "서명 열쇠와 기다리는 전송은 그대로이고, 다음 전송부터 새 주소로 갑니다.",
        "en": "The secret stays, and what waits goes to the new address.",
    },
    "webhook-rotate-how": {
        "ko": "새 열쇠를 한 번 보여 줍니다. 하루 동안은 예전 열쇠로도 서명합니다.",
        "en": "The new secret is shown once. For a day, deliveries are signed with the old one too.",
    },
    "subscription-end-how": {
        "ko": "더는 아무것도 보내지 않으며, 기다리던 것도 보내지 않습니다.",
        "en": "Nothing more is delivered, not even what waits.",
    },
    "delivery-try": {"ko": "{number}번째 시도", "en": "Attempt {number}"},
    "delivery-earlier": {"ko": "이전 시도 {number}번", "en": "{number} earlier attempts"},
    "delivery-after": {"ko": "{seconds}초 만에 전송", "en": "delivered after {seconds} s"},
    "delivery-next": {"ko": "다음 시도", "en": "next try"},
    "delivery-resend": {"ko": "이것 다시 보내기", "en": "Resend this one"},
    # The self-test
    "selftest": {"ko": "자가 점검 결과", "en": "What the self-test found"},
    "selftest-how-webhook": {
        "ko": "자가 점검은 이 주소를 실제로 불러 어디에서 막히는지 알려 줍니다. 시험 자료를 두 번 보내며, 두 번째 것은 서명이"
        " 틀립니다.",
        "en": "The self-test calls the address and says where it fails. It sends the event “test” twice, the second time with"
        " a wrong signature.",
    },
    "selftest-how-websub": {
        "ko": "자가 점검은 이 주소를 실제로 불러 어디에서 막히는지 알려 줍니다. 구독을 확인하는 물음(hub.challenge)을 한 번 보냅니다.",
        "en": "The self-test calls the address and says where it fails. It asks once to confirm the subscription (hub.challenge).",
    },
    "selftest-mend": {
        "ko": "빨간 것을 고친 뒤 다시 점검해 주십시오.",
        "en": "Fix what is red, and run the self-test again.",
    },
    "selftest-doubt": {
        "ko": "전송은 됩니다. 노란 것은 살펴봐 주십시오.",
        "en": "Deliveries arrive. Check what is yellow.",
    },
    "selftest-good": {"ko": "모두 좋습니다.", "en": "Everything is fine."},
    "selftest-step-address": {"ko": "주소", "en": "Address"},
    "selftest-step-dns": {"ko": "이름(DNS)", "en": "Name (DNS)"},
    "selftest-step-tcp": {"ko": "연결(TCP)", "en": "Connection (TCP)"},
    "selftest-step-tls": {"ko": "암호화(TLS)", "en": "Encryption (TLS)"},
    "selftest-step-answer": {"ko": "응답", "en": "Answer"},
    "selftest-step-challenge": {"ko": "확인 물음", "en": "Challenge"},
    "selftest-step-signature": {"ko": "서명", "en": "Signature"},
    "selftest-step-time": {"ko": "시간", "en": "Time"},
    "selftest-address": {"ko": "이 주소는 부를 수 없습니다. {why}", "en": "This address cannot be called. {why}"},
    "selftest-dns": {"ko": "이름을 찾았습니다. {about}", "en": "The name was found. {about}"},
    "selftest-dns-none": {
        "ko": "이름에 공개된 주소가 없습니다. 철자와 DNS의 A·AAAA 기록을 확인해 주십시오.",
        "en": "The name has no public address. Check its spelling, and its A and AAAA records in the DNS.",
    },
    "selftest-dns-slow": {
        "ko": "이름 서버가 5초 안에 답하지 않았습니다. DNS 사업자에게 확인해 주십시오.",
        "en": "The name servers did not answer within 5 seconds. Ask whoever runs your DNS.",
    },
    "selftest-tcp": {"ko": "연결되었습니다. {about}", "en": "The connection was made. {about}"},
    "selftest-tcp-refused": {
        "ko": "연결이 거부되었습니다({about}). 서버가 그 포트에서 돌고 있는지 확인해 주십시오.",
        "en": "The connection was refused ({about}). Check that your server runs, and listens at this port.",
    },
    "selftest-tcp-slow": {
        "ko": "5초 안에 연결되지 않았습니다({about}). 방화벽이 막고 있는지 확인해 주십시오.",
        "en": "No connection was made within 5 seconds ({about}). Check whether a firewall drops it.",
    },
    "selftest-tcp-silent": {"ko": "응답이 없습니다.", "en": "No answer came."},
    "selftest-tls": {
        "ko": "인증서가 좋습니다. 끝나는 날: {about}",
        "en": "The certificate is good. It ends on {about}.",
    },
    "selftest-tls-soon": {
        "ko": "인증서가 곧 끝납니다. 끝나는 날: {about}. 미리 갱신해 주십시오.",
        "en": "The certificate ends soon, on {about}. Renew it before that.",
    },
    "selftest-tls-expired": {
        "ko": "인증서의 기간이 지났습니다. 새 인증서를 설치해 주십시오.",
        "en": "The certificate has expired. Install a new one.",
    },
    "selftest-tls-early": {
        "ko": "인증서가 아직 유효하지 않습니다. 유효 기간과 서버의 시계를 확인해 주십시오.",
        "en": "The certificate is not valid yet. Check its period and your server's clock.",
    },
    "selftest-tls-name": {
        "ko": "인증서가 다른 이름의 것입니다. 이 주소의 이름이 들어 있는 인증서를 설치해 주십시오.",
        "en": "The certificate is for another name. Install one that names the host of this address.",
    },
    "selftest-tls-unknown": {
        "ko": "인증서를 발급한 기관을 알 수 없습니다. 공인 기관의 인증서를 쓰고, 중간 인증서도 함께 보내 주십시오.",
        "en": "The issuer of the certificate is unknown. Use one of a public authority, and send the intermediate certificates too.",
    },
    "selftest-tls-chain": {
        "ko": "중간 인증서가 빠졌습니다. 서버에 인증서 사슬(fullchain)을 설치해 주십시오.",
        "en": "The intermediate certificates are missing. Install the full chain on your server.",
    },
    "selftest-tls-certificate": {
        "ko": "인증서가 옳지 않습니다: {about}",
        "en": "The certificate is not valid: {about}",
    },
    "selftest-tls-plain": {
        "ko": "이 포트는 TLS로 말하지 않습니다. https를 켜거나 포트를 확인해 주십시오.",
        "en": "This port does not speak TLS. Switch https on there, or check the port.",
    },
    "selftest-tls-other": {
        "ko": "TLS 연결이 되지 않았습니다. TLS 1.2나 1.3을 켜 주십시오. {about}",
        "en": "The TLS handshake failed. Switch TLS 1.2 or 1.3 on. {about}",
    },
    "selftest-tls-slow": {
        "ko": "TLS 연결이 5초 안에 끝나지 않았습니다.",
        "en": "The TLS handshake was not complete within 5 seconds.",
    },
    "selftest-answer": {"ko": "응답 코드는 {status}입니다.", "en": "It answered {status}."},
    "selftest-answer-none": {
        "ko": "연결은 되었지만 HTTP 응답이 오지 않았습니다. 이 포트가 웹 서버인지 확인해 주십시오.",
        "en": "The connection was made, but no HTTP answer came. Check that a web server is at this port.",
    },
    "selftest-answer-late": {
        "ko": "{seconds}초 안에 답하지 않았습니다. 먼저 답한 뒤에 처리하도록 고쳐 주십시오.",
        "en": "No answer came within {seconds} seconds. Answer first, and do the work afterwards.",
    },
    "selftest-answer-moved": {
        "ko": "응답 코드 {status}: 다른 주소 {where} 쪽을 가리킵니다. 전송은 따라가지 않으므로, 그 주소로 바꿔 주십시오.",
        "en": "It answered {status} and points to {where}. Deliveries do not follow redirects: change the address to that one.",
    },
    "selftest-answer-denied": {
        "ko": "응답 코드 {status}: 거절했습니다. 로그인을 요구하거나 서명을 받아들이지 않는 것입니다. 이 주소를 열고 서명 열쇠를"
        " 확인해 주십시오.",
        "en": "It refused with {status}: it asks for a login, or does not accept the signature. Remove the login, and check"
        " the secret.",
    },
    "selftest-answer-missing": {
        "ko": "404로 답했습니다. 그 경로에 아무것도 없습니다. 주소의 철자를 확인해 주십시오.",
        "en": "It answered 404: nothing is at this path. Check the spelling of the address.",
    },
    "selftest-answer-method": {
        "ko": "405로 답했습니다. 이 경로가 POST를 받도록 고쳐 주십시오.",
        "en": "It answered 405. Let this path accept POST.",
    },
    "selftest-answer-gone": {
        "ko": "410으로 답했습니다. 전송에 이렇게 답하면 구독이 끝납니다.",
        "en": "It answered 410. If it answers a delivery like that, the subscription ends.",
    },
    "selftest-answer-large": {
        "ko": "413으로 답했습니다. 더 큰 본문을 받도록 고쳐 주십시오.",
        "en": "It answered 413. Let it accept larger bodies.",
    },
    "selftest-answer-busy": {
        "ko": "429로 답했습니다. 이 서버의 요청을 제한하지 않도록 고쳐 주십시오.",
        "en": "It answered 429. Allow more requests from this server.",
    },
    "selftest-answer-error": {
        "ko": "응답 코드는 {status}입니다. 받는 프로그램에 오류가 났습니다. 그쪽 기록을 살펴봐 주십시오.",
        "en": "It answered {status}: the receiving program failed. Look into its log.",
    },
    "selftest-answer-other": {
        "ko": "응답 코드는 {status}입니다. 받았다면 200이나 204로 답해야 합니다.",
        "en": "It answered {status}. What is received must be answered with 200 or 204.",
    },
    "selftest-challenge": {"ko": "물음을 그대로 돌려보냈습니다.", "en": "It echoed the challenge."},
    "selftest-challenge-wrong": {
        "ko": "물음을 그대로 돌려보내지 않았습니다. hub.challenge의 값만 본문으로 답해야 합니다.",
        "en": "It did not echo the challenge. The body of the answer must be the value of hub.challenge, and nothing else.",
    },
    "selftest-challenge-refused": {
        "ko": "404로 이 구독을 모른다고 답했습니다. 구독을 신청한 때만 답하는 프로그램이라면 괜찮습니다.",
        "en": "It answered {status}: it does not know this subscription. That is fine if it "
        "confirms only for a short time after it asked.",
    },
    "selftest-signature": {
        "ko": "틀린 서명을 거절했습니다(응답 코드 {status}).",
        "en": "It refused a wrong signature with {status}.",
    },
    "selftest-signature-ignored": {
        "ko": "틀린 서명도 받아들였습니다. 누구나 가짜 자료를 보낼 수 있으니 서명을 확인하도록 고쳐 주십시오.",
        "en": "It accepted a wrong signature too. Anybody can send it false releases: let it check the signature.",
    },
    "selftest-signature-refused": {
        "ko": "맞는 서명도 틀린 서명도 거절했습니다(응답 코드 {status}). 서명 열쇠가 다른 것일 수 있습니다.",
        "en": "It refused the right signature and a wrong one alike, with {status}. Perhaps it has another secret.",
    },
    "selftest-signature-unknown": {
        "ko": "서명을 확인하는지는 이 응답으로 알 수 없습니다.",
        "en": "These answers do not say whether it checks signatures.",
    },
    "selftest-secret": {
        "ko": "이 서버가 서명 열쇠를 읽을 수 없습니다. 새 열쇠로 바꿔 주십시오.",
        "en": "This server cannot read the secret. Replace it.",
    },
    "selftest-time": {"ko": "{seconds}초 걸렸습니다.", "en": "It took {seconds} seconds."},
    "selftest-time-slow": {
        "ko": "{seconds}초 걸렸습니다. {most}초가 넘으면 실패로 칩니다. 먼저 답한 뒤에 처리하도록 고쳐 주십시오.",
        "en": "It took {seconds} seconds. More than {most} count as a failure: answer first, and do the work afterwards.",
    },
    "selftest-time-out": {
        "ko": "점검이 {seconds}초 안에 끝나지 않았습니다. 받는 쪽이 너무 느립니다.",
        "en": "The test was not over within {seconds} seconds: the receiver is too slow.",
    },
    # Mails
    "mail-outlet-confirm": {"ko": "[{site}] 언론사 등록 신청 확인", "en": "[{site}] Confirm your application"},
    "mail-outlet-confirm-how": {
        "ko": "이 주소로 {site}에 언론사 등록을 신청했습니다. 아래 링크를 열고 단추를 누르면 신청이 관리자에게 전해집니다.",
        "en": "Somebody applied for accreditation at {site} with this address. Open the link and press the button to send the"
        " application.",
    },
    "mail-outlet-not": {
        "ko": "신청하지 않았다면 그대로 두십시오. 48시간 뒤에 지워집니다.",
        "en": "If it was not you, do nothing: it is deleted after 48 hours.",
    },
    "mail-outlet-applied": {
        "ko": "[{site}] 언론사가 등록을 신청했습니다",
        "en": "[{site}] An outlet applies for accreditation",
    },
    "mail-outlet-applied-how": {
        "ko": "{site}에 새 신청이 있습니다. 검토하고 답해 주십시오.",
        "en": "An application waits at {site}. Please look at it and answer.",
    },
    "mail-outlet-approved": {"ko": "[{site}] 언론사로 등록되었습니다", "en": "[{site}] Your outlet is accredited"},
    "mail-outlet-approved-how": {
        "ko": "{site}에서 신청을 받아들였습니다. 볼 수 있는 범위는 다음과 같습니다.",
        "en": "{site} has approved your application. This is what the outlet may read.",
    },
    "mail-outlet-join": {
        "ko": "아래 링크에서 계정을 만들면 뉴스룸에 들어갈 수 있습니다. 7일 동안 한 번 쓸 수 있습니다.",
        "en": "Make your account at this link, and enter the newsroom. It works once, within 7 days.",
    },
    "mail-outlet-refused": {
        "ko": "[{site}] 언론사 등록 신청에 대한 답",
        "en": "[{site}] The answer to your application",
    },
    "mail-outlet-refused-how": {
        "ko": "{site}에서 이번 신청을 받아들이지 않았습니다.",
        "en": "{site} has not approved your application.",
    },
    "mail-outlet-suspended": {"ko": "[{site}] 언론사 이용 정지", "en": "[{site}] Your outlet is suspended"},
    "mail-outlet-suspended-how": {
        "ko": "정지하는 동안 엠바고 자료를 볼 수도 받을 수도 없습니다. 기간이 끝나면 저절로 풀립니다.",
        "en": "Meanwhile nothing under embargo can be read or received. The suspension ends by itself.",
    },
    "mail-outlet-resumed": {"ko": "[{site}] 언론사 이용 정지가 풀렸습니다", "en": "[{site}] The suspension is over"},
    "mail-outlet-resumed-how": {
        "ko": "엠바고 자료를 다시 볼 수 있습니다.",
        "en": "You can read under embargo again.",
    },
    "mail-outlet-until": {"ko": "정지가 끝나는 때: {when}", "en": "Until: {when}"},
    "mail-outlet-why": {"ko": "까닭:", "en": "Reason:"},
}
