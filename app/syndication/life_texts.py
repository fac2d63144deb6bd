"""The texts of the life of a release at the desk, in Korean and English: mails, calendar, versions, previews and lists."""

TEXTS: dict[str, dict[str, str]] = {
    # Mails
    "mail-desk-submitted": {
        "ko": "{office}: 결재를 기다리는 보도자료가 있습니다",
        "en": "{office}: a release waits for your approval",
    },
    "mail-desk-submitted-how": {
        "ko": "아래 보도자료가 결재에 올랐습니다. 살펴보고 승인하거나 까닭을 적어 되돌려 주세요.",
        "en": "This release was submitted. Please approve it, or return it with a reason.",
    },
    "mail-desk-returned": {"ko": "{office}: 보도자료가 되돌아왔습니다", "en": "{office}: a release was returned"},
    "mail-desk-returned-how": {
        "ko": "결재에 올린 보도자료가 되돌아왔습니다. 고쳐서 다시 올려 주세요.",
        "en": "A release that you submitted was returned. Change it and submit it again.",
    },
    "mail-desk-approved": {"ko": "{office}: 보도자료가 승인되었습니다", "en": "{office}: a release was approved"},
    "mail-desk-approved-how": {"ko": "아래 보도자료가 승인되었습니다.", "en": "This release was approved."},
    "mail-desk-refused": {
        "ko": "{office}: 예약한 보도자료를 내보내지 못했습니다",
        "en": "{office}: a planned release could not be published",
    },
    "mail-desk-refused-how": {
        "ko": "예약한 때가 되었으나 검사를 통과하지 못해 내보내지 않았습니다. 고쳐서 다시 예약해 주세요.",
        "en": "Its time came, but it did not pass the checks, so it was not published. Change it and plan it again.",
    },
    "mail-desk-unsent": {
        "ko": "{office}: 예약한 보도자료가 아직 나가지 않았습니다",
        "en": "{office}: a planned release is late",
    },
    "mail-desk-unsent-how": {
        "ko": "예약한 때가 지났으나 아직 나가지 않았습니다. 서버가 계속 다시 시도합니다. 급하면 운영자에게 알려 주세요.",
        "en": "Its time has passed and it is not out yet. The server keeps trying. If it is urgent, tell the operator.",
    },
    "mail-desk-lift": {"ko": "{office}: 곧 엠바고가 풀립니다", "en": "{office}: an embargo lifts soon"},
    "mail-desk-lift-how": {
        "ko": "곧 엠바고가 풀려 누구나 보게 됩니다. 바꿀 것이 있으면 그 전에 바꾸세요.",
        "en": "An embargo lifts soon, and then everybody can read the release. Make any changes before that.",
    },
    "mail-desk-late": {
        "ko": "{office}: 엠바고가 제때 풀리지 않았습니다",
        "en": "{office}: an embargo did not lift in time",
    },
    "mail-desk-late-how": {
        "ko": "엠바고가 정한 때에 풀리지 않았습니다. 지금 상태를 아래 쪽에서 보고, 아직 풀리지 않았으면 운영자에게 알려 주세요.",
        "en": "An embargo did not lift at its instant. See its present state below; if it still holds, tell the operator.",
    },
    "mail-desk-dead": {
        "ko": "{office}: 보도자료가 닿지 않은 구독자가 있습니다",
        "en": "{office}: a release did not reach a subscriber",
    },
    "mail-desk-dead-how": {
        "ko": "여러 번 시도했으나 아래 보도자료를 받지 못한 구독자가 있습니다. 급하면 다른 길로 알려 주세요.",
        "en": "After several attempts, a subscriber did not get the releases below. If it is urgent, tell them in another way.",
    },
    "mail-desk-ending": {
        "ko": "{office}: 결재를 끄자는 요청이 있습니다",
        "en": "{office}: somebody asks to end approval",
    },
    "mail-desk-ending-how": {
        "ko": "한 편집자가 이 기관의 결재를 끄자고 했습니다. 동의하면 한 사람이 쓰고 바로 내보낼 수 있게 됩니다.",
        "en": "An editor asks to end the approval by a second person. If you agree, one person can write and publish.",
    },
    "mail-desk-by": {"ko": "한 사람: {name}", "en": "By: {name}"},
    "mail-desk-goes": {"ko": "내보내는 때: {when}", "en": "Will be published: {when}"},
    "mail-desk-due": {"ko": "엠바고 해제: {when}", "en": "Embargo lifts: {when}"},
    "mail-desk-more": {"ko": "그 밖에 {count}건", "en": "and {count} more"},
    "mail-desk-why": {
        "ko": "{site}에서 {office} 보도자료를 맡고 계셔서 보냅니다.",
        "en": "You get this because you work on the releases of {office} at {site}.",
    },
    "mail-confirm-office": {
        "ko": "{office}에서 기자님을 보도자료 받는 분의 명단에 올렸습니다. 확인하셔야 보도자료를 보냅니다.",
        "en": "{office} put you on its list of reporters. Nothing is sent before you confirm.",
    },
    # Who waits for whom, and what failed
    "desk-waits": {
        "ko": "결재를 기다리는 보도자료가 {count}건 있습니다.",
        "en": "{count} releases wait for your approval.",
    },
    "desk-waits-you": {"ko": "이 보도자료가 결재를 기다립니다.", "en": "This release waits for your approval."},
    "desk-waits-see": {"ko": "결재할 것 보기", "en": "See them"},
    "desk-failed": {"ko": "지난 사흘 사이에 잘되지 않은 일", "en": "What failed in the last three days"},
    "desk-failed-late": {"ko": "엠바고가 제때 풀리지 않음", "en": "The embargo did not lift in time"},
    "desk-failed-dead": {"ko": "받지 못한 구독자가 있음", "en": "It did not reach a subscriber"},
    # Versions and differences
    "desk-versions": {"ko": "초안의 지난 판", "en": "Versions of the draft"},
    "desk-versions-how": {
        "ko": "저장할 때마다 판이 남습니다. 지난 판을 다시 쓰면 새 판이 되고, 그사이의 판도 그대로 남습니다.",
        "en": "Each save is kept as a version. If you restore an old one, it becomes the newest; those between stay.",
    },
    "desk-diff-newest": {"ko": "최신 판과 견주기", "en": "Compare with the newest"},
    "desk-diff-public": {
        "ko": "공개된 {n}판과 이 초안의 차이",
        "en": "Changes from the public version {n} to this draft",
    },
    "desk-diff-public-link": {"ko": "공개된 판과 달라진 점", "en": "What this changes for readers"},
    "desk-compare": {"ko": "두 판 견주기", "en": "Compare two versions"},
    "desk-compare-from": {"ko": "이 판에서", "en": "From"},
    "desk-compare-to": {"ko": "이 판으로", "en": "To"},
    "desk-asides": {"ko": "따로 보관한 글", "en": "Kept aside"},
    "desk-asides-how": {
        "ko": "다른 사람이 먼저 고쳐 저장하지 못한 글입니다.",
        "en": "Texts that could not be saved because somebody else had changed the draft.",
    },
    "desk-take": {"ko": "이 판을 다시 쓰기", "en": "Restore this version"},
    "desk-take-how": {"ko": "이 판이 가장 새로운 판이 됩니다.", "en": "This version becomes the newest."},
    "desk-since": {"ko": "이 판과 최신 판의 차이", "en": "Changes from this version to the newest"},
    "field:signal": {"ko": "무엇이 달라졌는지", "en": "What changed"},
    "desk-overtaken": {
        "ko": "이 초안을 시작한 뒤에 누가 이 보도자료를 먼저 정정했습니다. 쓰신 글은 그대로 있습니다. 공개된 판과 달라진 점을 보고,"
        " 가장 새로운 판에 이어서 정정하세요.",
        "en": "Somebody corrected this release after you began. Your text is untouched. See what it would change for readers, and"
        " continue from the newest version.",
    },
    "desk-rebase": {"ko": "최신 판에 이어서 정정하기", "en": "Continue from the newest version"},
    "desk-event-rebased": {"ko": "최신 판에 이어 씀", "en": "Continued from the newest version"},
    "desk-event-limited": {"ko": "볼 사람을 정함", "en": "Limited to some people"},
    "desk-event-link-made": {"ko": "미리 보기 링크를 만듦", "en": "Link to the preview made"},
    "desk-event-link-ended": {"ko": "미리 보기 링크를 없앰", "en": "Link to the preview revoked"},
    # Previews
    "desk-forms": {"ko": "여러 모습으로 보기", "en": "Ways to see it"},
    "desk-as-phone": {"ko": "휴대전화에서", "en": "On a phone"},
    "desk-as-desktop": {"ko": "컴퓨터에서", "en": "On a computer"},
    "desk-as-feeds": {"ko": "피드에서", "en": "In the feeds"},
    "desk-as-mail": {"ko": "메일에서", "en": "As a mail"},
    "desk-preview-only": {
        "ko": "미리 보기입니다. 아직 공개되지 않았으니 보도하거나 옮기지 마세요.",
        "en": "This is a preview. It is not public: do not report it or pass it on.",
    },
    "desk-preview-faults": {
        "ko": "고칠 것이 있어 아직 보일 수 없습니다.",
        "en": "It has faults and cannot be shown yet.",
    },
    "desk-will-tell": {
        "ko": "공개되면 많게는 이만큼에 알립니다:",
        "en": "When it is public, at most these subscribers are notified:",
    },
    "desk-will-tell-before": {"ko": "엠바고 중에 알리는 곳:", "en": "Under embargo, these subscribers are notified:"},
    "desk-will-tell-nobody": {
        "ko": "구독해서 바로 받는 곳은 아직 없습니다.",
        "en": "Nobody subscribes to these feeds yet.",
    },
    "desk-kind-of-webhook": {"ko": "웹훅 {count}곳", "en": "{count} webhooks"},
    "desk-kind-of-websub": {"ko": "WebSub 구독 {count}곳", "en": "{count} WebSub subscribers"},
    "desk-kind-of-email": {"ko": "메일 {count}명", "en": "{count} readers by mail"},
    "desk-check-file": {"ko": "파일 검사", "en": "Check a file"},
    "desk-check-how": {
        "ko": "보도자료 XML이나 JSON 파일을 올리면, 보낼 때와 똑같이 검사해 줄마다 보여 드립니다. 저장하거나 내보내지 않습니다.",
        "en": "A release in XML or JSON is checked exactly as when it is sent, line by line. Nothing is stored or published.",
    },
    "desk-check-which": {"ko": "검사할 파일", "en": "File"},
    "desk-check-button": {"ko": "검사하기", "en": "Check"},
    "desk-check-none": {"ko": "파일을 고르세요.", "en": "Choose a file."},
    "desk-check-large": {"ko": "파일이 너무 큽니다.", "en": "The file is too large."},
    "desk-check-found": {"ko": "{name}: 고칠 것이 {count}개 있습니다.", "en": "{name}: {count} faults."},
    "desk-check-more": {"ko": "그 밖에 {count}개가 더 있습니다.", "en": "There are {count} more."},
    "desk-check-good": {
        "ko": "{name}: 고칠 것이 없습니다. 보도자료 {count}건으로 읽힙니다.",
        "en": "{name}: no faults. It is read as {count} releases.",
    },
    "desk-line": {"ko": "{n}번째 줄:", "en": "Line {n}:"},
    "desk-lines-left": {"ko": "줄임", "en": "Left out"},
    "desk-nearest": {"ko": "비슷한 것:", "en": "Similar:"},
    # Who sees it
    "desk-people": {"ko": "볼 수 있는 사람 정하기", "en": "Who may see it"},
    "desk-people-who": {"ko": "이 초안을 볼 사람", "en": "People who see this draft"},
    "desk-people-how": {
        "ko": "아무도 고르지 않으면 기관의 모두가 봅니다. 처음 쓴 사람과 관리자는 언제나 봅니다.",
        "en": "If you choose nobody, everybody of the office sees it. Its author and administrators always do.",
    },
    "desk-people-wrong": {"ko": "기관의 사람만 고를 수 있습니다.", "en": "Choose people of the office only."},
    "desk-links": {"ko": "미리 보기 링크", "en": "Links to the preview"},
    "desk-links-how": {
        "ko": "링크를 가진 사람은 로그인하지 않고 이 초안의 지금 모습만 봅니다. 언제든 없앨 수 있습니다.",
        "en": "Anybody who has the link can see this draft as it is now, and nothing else, without signing in. You can revoke it.",
    },
    "desk-link-made": {
        "ko": "링크를 만들었습니다. 지금만 보이니 옮겨 두세요.",
        "en": "Copy the link now: it is shown once.",
    },
    "desk-link-until": {"ko": "{when}까지", "en": "until {when}"},
    "desk-link-opened": {"ko": "{count}번 열림", "en": "opened {count} times"},
    "desk-link-end": {"ko": "링크 없애기", "en": "Revoke"},
    "desk-link-for": {"ko": "얼마 동안", "en": "Works for"},
    "desk-link-make": {"ko": "링크 만들기", "en": "Make a link"},
    "desk-link-hours": {"ko": "보기에서 기간을 고르세요.", "en": "Choose one of the durations."},
    "desk-link-many": {
        "ko": "링크가 너무 많습니다. 쓰지 않는 것을 없애세요.",
        "en": "There are too many links. Revoke some.",
    },
    "desk-hours": {"ko": "{n}시간", "en": "{n} hour"},
    "desk-days": {"ko": "{n}일", "en": "{n} days"},
    # Calendar
    "desk-calendar": {"ko": "달력", "en": "Calendar"},
    "desk-months": {"ko": "달", "en": "Months"},
    "desk-this-month": {"ko": "이번 달", "en": "This month"},
    "desk-day": {"ko": "날", "en": "Day"},
    "desk-what": {"ko": "보도자료", "en": "Releases"},
    "desk-today": {"ko": "오늘", "en": "Today"},
    "desk-calendar-empty": {"ko": "이 달에는 아무것도 없습니다.", "en": "There is nothing in this month."},
    "desk-calendar-more": {
        "ko": "나간 보도자료가 많아 최근 것만 보입니다.",
        "en": "Only the latest published releases are shown.",
    },
    "desk-held-here": {"ko": "날짜 없이 보류된 것", "en": "Held, without a date"},
    # Templates and contacts
    "desk-templates": {"ko": "양식", "en": "Templates"},
    "desk-template": {"ko": "양식", "en": "Template"},
    "desk-templates-how": {
        "ko": "되풀이해서 쓰는 보도자료의 틀입니다. 초안의 미리 보기에서 ‘양식으로 저장’을 누르면 여기 생깁니다.",
        "en": "Recurring forms of a release. Save a draft as a template on the page of its preview.",
    },
    "desk-templates-none": {"ko": "아직 양식이 없습니다.", "en": "There are no templates yet."},
    "desk-template-start": {"ko": "이 양식으로 쓰기", "en": "Start from it"},
    "desk-template-save": {"ko": "양식으로 저장", "en": "Save as a template"},
    "desk-template-called": {"ko": "양식 이름", "en": "Name of the template"},
    "desk-template-what": {
        "ko": "날짜와 파일은 빼고 저장합니다. 같은 이름의 양식은 바뀝니다.",
        "en": "It is saved without dates and files. A template of the same name is replaced.",
    },
    "desk-template-name": {"ko": "이름을 80자 안으로 적으세요.", "en": "Enter a name of at most 80 characters."},
    "desk-template-many": {"ko": "양식이 너무 많습니다.", "en": "There are too many templates."},
    "desk-do": {"ko": "하기", "en": "Actions"},
    "desk-remove": {"ko": "빼기", "en": "Remove"},
    "desk-contact-take": {"ko": "기관의 문의처", "en": "Contacts of the office"},
    "desk-contact-pick": {"ko": "고른 문의처 넣기", "en": "Add to the draft"},
    "desk-contacts-keep": {"ko": "기관의 문의처 관리", "en": "Manage the contacts of the office"},
    "desk-contacts-none": {"ko": "아직 문의처가 없습니다.", "en": "There are no contacts yet."},
    "desk-contact-none": {"ko": "문의처를 고르세요.", "en": "Choose a contact."},
    "desk-contact-long": {"ko": "200자 안으로 적으세요.", "en": "Enter at most 200 characters."},
    "desk-contact-empty": {
        "ko": "부서, 이름, 전화, 전자우편 가운데 하나는 적으세요.",
        "en": "Enter a department, name, phone or e-mail.",
    },
    "desk-contact-many": {"ko": "문의처가 너무 많습니다.", "en": "There are too many contacts."},
    # Reporters
    "desk-reporters": {"ko": "기자 명단", "en": "Reporters"},
    "desk-reporters-how": {
        "ko": "받기로 한 기자에게 맡은 분야의 보도자료를 메일로 보냅니다. 본인이 메일에서 확인하기 전에는 아무것도 보내지 않습니다.",
        "en": "Reporters who agreed get the releases of their beat by mail. Nothing is sent before they confirm it themselves.",
    },
    "desk-reporters-none": {"ko": "아직 명단에 아무도 없습니다.", "en": "Nobody is on the list yet."},
    "desk-reporters-csv": {"ko": "명단을 CSV로 받기", "en": "Download as CSV"},
    "desk-reporter-add": {"ko": "기자 더하기", "en": "Add a reporter"},
    "desk-reporter-then": {
        "ko": "더하면 확인을 부탁하는 메일이 갑니다. 메일마다 그만 받기 링크가 있습니다.",
        "en": "A mail asks them to confirm. Every mail has a link to unsubscribe.",
    },
    "desk-outlet": {"ko": "매체", "en": "Outlet"},
    "desk-beat": {"ko": "맡은 분야", "en": "Beat"},
    "desk-beat-all": {"ko": "기관의 모든 보도자료", "en": "All releases of the office"},
    "desk-beat-how": {
        "ko": "한 줄에 하나씩, 이름이나 코드로 적으세요. 비워 두면 가리지 않습니다. 지역과 분야를 다 적으면 둘 다 맞는 것만 보냅니다.",
        "en": "One on each line, by name or code. Empty: any. With both regions and topics, a release must match both.",
    },
    "desk-agreed": {"ko": "동의", "en": "Agreed"},
    "desk-agreed-on": {"ko": "동의한 날", "en": "Agreed on"},
    "desk-agreed-how": {"ko": "어떻게 동의했습니까?", "en": "How did they agree?"},
    "desk-agreed-hint": {"ko": "예: 전화로, 기자 등록 신청서로", "en": "Such as: on the phone, by a form"},
    "desk-reporter-asked": {"ko": "확인을 기다림", "en": "Asked to confirm"},
    "desk-reporter-confirmed": {"ko": "받고 있음", "en": "Confirmed"},
    "desk-reporter-left": {"ko": "그만 받음", "en": "Left"},
    "desk-reporter-name": {"ko": "이름을 100자 안으로 적으세요.", "en": "Enter a name of at most 100 characters."},
    "desk-reporter-outlet": {"ko": "매체를 100자 안으로 적으세요.", "en": "Enter an outlet of at most 100 characters."},
    "desk-reporter-how": {
        "ko": "어떻게 동의했는지 500자 안으로 적으세요.",
        "en": "Enter how they agreed, in at most 500 characters.",
    },
    "desk-reporter-agreed": {
        "ko": "동의한 날을 적으세요. 앞날은 안 됩니다.",
        "en": "Enter the day on which they agreed, not a future one.",
    },
    "desk-reporter-beats": {"ko": "30개 안으로 적으세요.", "en": "Enter at most 30."},
    "desk-reporter-known": {"ko": "이미 명단에 있는 주소입니다.", "en": "This address is on the list already."},
    "desk-reporter-full": {"ko": "명단이 가득 찼습니다.", "en": "The list is full."},
    "desk-reporter-often": {
        "ko": "이 주소로 확인 메일을 얼마 전에 보냈거나, 오늘 보낸 메일이 너무 많습니다. 나중에 다시 하세요.",
        "en": "A mail went to this address a short time ago, or too many were sent today. Try again later.",
    },
    "desk-reporter-no-mail": {
        "ko": "이 서버에는 메일 서버가 설정되지 않아 기자에게 보낼 수 없습니다.",
        "en": "This server has no mail server, so nothing can be sent to reporters.",
    },
    # Withdrawing
    "desk-prove-how": {
        "ko": "되돌릴 수 없는 일이라 비밀번호를 한 번 더 여쭙습니다.",
        "en": "This cannot be undone, so please enter your password again.",
    },
    "desk-prove-passkey": {"ko": "다른 방법으로 본인 확인하기", "en": "Prove who you are in another way"},
}
