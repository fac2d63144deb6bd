"""The texts of feeds and pages, in Korean and English: one table, and titles that are made from names."""

from collections.abc import Mapping, Sequence

from app.accounts.offices import OfficeRecord
from app.query import LICENCES, Query
from app.syndication import (
    admin_texts,
    browse_texts,
    build_texts,
    calendar_texts,
    compose_texts,
    desk_texts,
    docs_texts,
    life_texts,
    newsroom_texts,
    public_texts,
    reach_texts,
    trace_texts,
)
from feeds import rfc3339_utc
from schemas import codes

LANGUAGES = ("en", "ko")  # readers who want neither get the first

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
    "none-such": {"ko": "해당하는 보도자료가 없습니다.", "en": "No release was found."},
    "search": {"ko": "찾을 말", "en": "Search for"},
    "find": {"ko": "찾기", "en": "Search"},
    "all-feeds": {"ko": "모든 피드", "en": "All feeds"},
    "feeds-how": {
        "ko": "보도자료가 있는 피드입니다. 이름을 누르면 보도자료와 모든 형식이 보입니다. 한꺼번에 구독하려면:",
        "en": "These feeds have releases. Click a name to see its releases and all formats. To subscribe to all feeds at once:",
    },
    "feeds-cut": {
        "ko": "지역과 분야를 함께 나눈 피드는 넓은 지역부터 {most}개까지만 보입니다.",
        "en": "Only {most} of the feeds by region and topic are listed, those of the widest regions first.",
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
    "licence": {"ko": "이용 조건", "en": "Licence"},
    "rights": {
        "ko": "별도 표시가 없으면 모든 권리는 발표 기관에 있습니다.",
        "en": "Unless stated otherwise, the office reserves all rights.",
    },
    "article-about": {"ko": "이 보도자료에 대하여", "en": "About this release"},
    "source": {"ko": "원본", "en": "Source"},
    "languages": {"ko": "다른 언어", "en": "Other languages"},
    "keywords": {"ko": "핵심어", "en": "Keywords"},
    "related": {"ko": "관련 보도자료", "en": "Related"},
    "note": {"ko": "편집자 참고", "en": "Editor's note"},
    "download": {"ko": "문서로 받기", "en": "As a document"},
    "full-text": {"ko": "전문 보기", "en": "Read the full text"},
    "original": {"ko": "받은 그대로의 XML", "en": "XML as received"},
    "home": {"ko": "처음으로", "en": "Home"},
    "embargoed": {"ko": "엠바고", "en": "under embargo"},
    "embargoed-how": {
        "ko": "아직 보도할 수 없는 보도자료입니다. 읽은 기록이 남습니다.",
        "en": "These releases must not be published yet. The server records who reads them.",
    },
    "nearest": {"ko": "혹시 이것을 찾으십니까?", "en": "Did you mean:"},
    # Why a file gives no draft: the problems of app/intake/documents.py.
    "problem:document-unknown": {
        "ko": "읽을 수 있는 문서가 아닙니다. HWPX, DOCX, PDF, HWP, 텍스트, XML, JSON 파일을 올려 주십시오.",
        "en": "This is not a document that can be read. Choose a file in HWPX, DOCX, PDF, HWP, text, XML or JSON.",
    },
    "problem:document-empty": {"ko": "파일이 비어 있습니다.", "en": "The file is empty."},
    "problem:document-broken": {
        "ko": "파일이 손상되었습니다. 원래 프로그램에서 다시 저장한 뒤 올려 주십시오.",
        "en": "The file is broken. Save it again in its program and upload the new file.",
    },
    "problem:document-protected": {
        "ko": "암호가 걸린 파일입니다. 암호를 풀고 저장한 뒤 올려 주십시오.",
        "en": "The file is protected by a password. Save it without one and upload it again.",
    },
    "problem:document-large": {
        "ko": "압축을 풀면 글, 표, 그림이 너무 많은 파일입니다. 필요한 부분만 담아 올려 주십시오.",
        "en": "When it is unpacked, the file has too much text, or too many tables or pictures. Upload only the part that you need.",
    },
    "problem:document-no-text": {
        "ko": "파일에서 글을 찾지 못했습니다. 종이를 스캔한 파일일 수 있습니다.",
        "en": "No text was found in the file. It may consist of scanned pages.",
    },
    "problem:document-costly": {
        "ko": "파일을 읽는 데 너무 오래 걸려 그만두었습니다. 필요한 부분만 담아 올려 주십시오.",
        "en": "Reading the file took too long and was stopped. Upload only the part that you need.",
    },
    "problem:document-no-reader": {
        "ko": "이 서버에는 이 형식을 읽는 프로그램이 없습니다. HWPX로 저장한 뒤 올려 주십시오.",
        "en": "This server has no reader for files of this type. Save the file as HWPX and upload that.",
    },
    "problem:document-busy": {
        "ko": "다른 파일을 읽고 있습니다. 잠시 뒤에 다시 올려 주십시오.",
        "en": "The server is reading other files. Upload the file again in a moment.",
    },
    # What a person should know about a draft from a file: the warnings of app/intake/documents.py.
    "document:hwp-withdrawn": {
        "ko": "옛 한글(HWP) 파일은 글만 읽었습니다. 표와 그림은 옮기지 못했습니다. "
        "정부는 HWP 대신 HWPX를 쓰고 있으니 HWPX로 저장해 주십시오.",
        "en": "Only the text of the old HWP file was read, without its tables and pictures. The government is replacing HWP by "
        "HWPX: save it as HWPX.",
    },
    "document:pdf": {
        "ko": "PDF에는 문단과 표의 구분이 없어 줄을 이어 붙였습니다. 줄바꿈과 표를 확인해 주십시오.",
        "en": "A PDF has no paragraphs and no tables, so its lines were joined. Check the paragraphs and tables.",
    },
    "document:cut": {"ko": "파일이 길어 앞부분만 읽었습니다.", "en": "The file is long. Only its beginning was read."},
    "document:equation": {
        "ko": "수식은 글로 옮겼습니다. 확인해 주십시오.",
        "en": "Equations were written as text. Check them.",
    },
    "document:no-headline": {"ko": "제목을 찾지 못했습니다.", "en": "No headline was found."},
    "document:no-body": {"ko": "본문을 찾지 못했습니다.", "en": "No body was found."},
    "document:embargo-unread": {
        "ko": "보도시점의 뜻을 알 수 없습니다. 이대로 두면 풀어 줄 때까지 보류됩니다.",
        "en": "The embargo wording was not understood. If it stays like this, the release is held until somebody releases it.",
    },
    "document:issued-unread": {
        "ko": "배포 일시를 알 수 없습니다. 직접 넣어 주십시오.",
        "en": "The time of distribution was not understood. Enter it yourself.",
    },
    "document:picture-missing": {
        "ko": "파일에 들어 있지 않은 그림이 있어 빠졌습니다.",
        "en": "A picture is not in the file itself and was left out.",
    },
    "document:picture-type": {
        "ko": "PNG, JPEG, GIF, WebP가 아닌 그림은 빠졌습니다.",
        "en": "Pictures other than PNG, JPEG, GIF and WebP were left out.",
    },
    "document:picture-broken": {"ko": "손상된 그림은 빠졌습니다.", "en": "Broken pictures were left out."},
    "document:picture-large": {"ko": "너무 큰 그림은 빠졌습니다.", "en": "Pictures that are too large were left out."},
    "document:picture-many": {
        "ko": "그림이 많아 앞의 것만 옮겼습니다.",
        "en": "There are many pictures. Only the first were taken.",
    },
    "sure:sure": {"ko": "확실", "en": "certain"},
    "sure:likely": {"ko": "아마도", "en": "likely"},
    "sure:unsure": {"ko": "확인 필요", "en": "please check"},
    "where:document": {"ko": "문서 전체", "en": "whole document"},
    "where:paragraph": {"ko": "{number}번째 문단", "en": "paragraph {number}"},
    "where:table": {"ko": "{number}번째 표 {row}행", "en": "table {number}, row {row}"},
    "where:line": {"ko": "{number}행", "en": "line {number}"},
    # Problems that readers of pages may see; the titles of all others are in English.
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
    "problem:bad-address": {"ko": "전자우편 주소가 아닙니다", "en": "Not an e-mail address"},
    "problem:bad-callback": {
        "ko": "부를 수 없는 주소입니다. https://로 시작하고 밖에서 닿는 주소를 적어 주십시오",
        "en": "The address cannot be called",
    },
    "problem:bad-parameter": {"ko": "쓸 수 없는 값입니다", "en": "Bad parameter"},
    "problem:unknown-parameter": {"ko": "모르는 조건입니다", "en": "Unknown parameter"},
    "problem:ambiguous-region": {"ko": "같은 이름의 지역이 여럿입니다", "en": "Several regions have this name"},
    "problem:ambiguous-topic": {"ko": "같은 이름의 분야가 여럿입니다", "en": "Several topics have this name"},
    "problem:cross-site": {
        "ko": "다른 사이트에서 온 요청이어서 받지 않았습니다. 이 사이트의 쪽을 열어 다시 해 주십시오",
        "en": "The request may come from another site's page",
    },
    "problem:bad-characters": {"ko": "받을 수 없는 글자가 들어 있습니다", "en": "A character is not allowed"},
    "problem:rate-limited": {"ko": "요청이 너무 많습니다", "en": "Too many requests"},
    # The frame of every page
    "nav": {"ko": "주요 메뉴", "en": "Main menu"},
    "nav-feeds": {"ko": "피드", "en": "Feeds"},
    "nav-search": {"ko": "찾기", "en": "Search"},
    "nav-signin": {"ko": "담당자 로그인", "en": "Staff sign-in"},
    "other-language": {"ko": "English", "en": "한국어"},
    "zone": {"ko": "이 사이트의 모든 시각은 {zone}입니다.", "en": "All times on this site are in {zone}."},
    "crumbs": {"ko": "지금 있는 곳", "en": "Where you are"},
    "pages": {"ko": "쪽 넘기기", "en": "Pages of this list"},
    "newer": {"ko": "더 새로운 것", "en": "Newer"},
    "older": {"ko": "더 오래된 것", "en": "Older"},
    "optional": {"ko": "(선택)", "en": "(optional)"},
    "fault": {"ko": "고칠 것:", "en": "Error:"},
    "skip": {"ko": "본문으로 건너뛰기", "en": "Skip to content"},
    "versions": {"ko": "모든 판", "en": "All versions"},
    "versions-how": {
        "ko": "공개되었던 모든 판입니다. 최신 판이 맨 위에 있습니다.",
        "en": "All versions that were public, the newest first.",
    },
    "versions-older": {"ko": "이전 판", "en": "Older versions"},
    "version-n": {"ko": "{n}판", "en": "Version {n}"},
    "current": {"ko": "최신 판", "en": "Current version"},
    "past": {
        "ko": "{when}에 공개된 {n}판입니다. 최신 판이 아닙니다.",
        "en": "This is version {n}, published on {when}. It is not the current version.",
    },
    "past-current": {"ko": "최신 판 보기", "en": "Read the current version"},
    "corrected-on": {"ko": "{when} 정정 ({n}판)", "en": "Corrected on {when} (version {n})"},
    "updated-on": {"ko": "{when} 보완 ({n}판)", "en": "Updated on {when} (version {n})"},
    "published-on": {"ko": "{when} 공개", "en": "Published on {when}"},
    "difference": {"ko": "달라진 점", "en": "What changed"},
    "difference-of": {"ko": "{old}판과 {new}판의 차이", "en": "Changes from version {old} to version {new}"},
    "difference-how": {
        "ko": "지운 말에는 가운뎃줄, 넣은 말에는 밑줄이 있습니다.",
        "en": "Removed words are struck through, added words are underlined.",
    },
    "difference-none": {"ko": "내용이 같습니다.", "en": "The two versions are the same."},
    "removed": {"ko": "지움", "en": "removed"},
    "added": {"ko": "넣음", "en": "added"},
    "skipped": {"ko": "같은 문단 {count}개", "en": "Unchanged paragraphs: {count}"},
    "other-fields": {"ko": "그 밖에 달라진 것", "en": "Other changes"},
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
    "subscription-target": {"ko": "받는 곳", "en": "Receiver"},
    "subscription-kind": {"ko": "방식", "en": "Kind"},
    "subscription-state": {"ko": "상태", "en": "State"},
    "subscriptions-none": {"ko": "아직 구독이 없습니다.", "en": "No subscriptions yet."},
    "state-active": {"ko": "전송 중", "en": "active"},
    "state-paused": {"ko": "잠시 멈춤", "en": "paused"},
    "state-ended": {"ko": "종료", "en": "ended"},
    "failing": {"ko": "전송 실패 시작", "en": "failing since"},
    "webhook-new": {"ko": "새 웹훅", "en": "New webhook"},
    "webhook-url": {"ko": "부를 주소", "en": "Address to call"},
    "webhook-url-hint": {"ko": "https://로 시작하는 주소입니다.", "en": "An address that begins with https://."},
    "webhook-query": {"ko": "피드 조건", "en": "Parameters of a feed"},
    "webhook-query-hint": {
        "ko": "예: region=kr:52&topic=medtop:20000500. 비우면 모든 보도자료를 보냅니다.",
        "en": "Example: region=kr:52&topic=medtop:20000500. Empty: all releases.",
    },
    "webhook-format": {"ko": "형식", "en": "Format"},
    "webhook-contact": {"ko": "중지될 때 알릴 전자우편", "en": "E-mail address for a notice when it is paused"},
    "webhook-add": {"ko": "웹훅 만들기", "en": "Make the webhook"},
    "secret-once": {
        "ko": "서명 열쇠입니다. 다시 보여 드리지 않으니 지금 보관하십시오.",
        "en": "This is the signing secret. It is not shown again, so save it now.",
    },
    "tried": {"ko": "시험 전송", "en": "Test delivery"},
    "topic": {"ko": "피드", "en": "Feed"},
    "since": {"ko": "시작", "en": "Since"},
    "expires": {"ko": "만료", "en": "Expires"},
    "deliveries": {"ko": "전송 기록", "en": "Deliveries"},
    "delivery-changed": {"ko": "바뀐 때", "en": "Changed"},
    "delivery-release": {"ko": "보도자료", "en": "Release"},
    "delivery-event": {"ko": "바뀐 일", "en": "Change"},
    "delivery-state": {"ko": "전송", "en": "Delivery"},
    "delivery:delivered": {"ko": "전송됨", "en": "delivered"},
    "delivery:waiting": {"ko": "기다림", "en": "waiting"},
    "delivery:replaced": {"ko": "더 새로운 것으로 바뀜", "en": "replaced by a newer one"},
    "delivery:dropped": {"ko": "보내지 않음", "en": "not sent"},
    "delivery:dead": {"ko": "포기함", "en": "given up"},
    "deliveries-none": {"ko": "아직 전송된 것이 없습니다.", "en": "Nothing has been delivered yet."},
    "attempts": {"ko": "시도", "en": "Attempts"},
    "do-pause": {"ko": "잠시 멈추기", "en": "Pause"},
    "do-resume": {"ko": "다시 시작", "en": "Resume"},
    "do-test": {"ko": "시험 전송", "en": "Send a test"},
    "do-rotate": {"ko": "서명 열쇠 바꾸기", "en": "Replace the secret"},
    "do-resend": {"ko": "실패한 것 다시 보내기", "en": "Resend failed deliveries"},
    "do-end": {"ko": "종료", "en": "End"},
    "alerts": {"ko": "전자우편 알림", "en": "E-mail alerts"},
    "alerts-how": {
        "ko": "새 보도자료를 전자우편으로 받습니다. 지역과 분야는 이름이나 코드로 적고, 비우면 전체입니다.",
        "en": "Get new releases by e-mail. Enter regions and topics by name or code. Leave a field empty for everything.",
    },
    "alerts-address": {"ko": "전자우편 주소", "en": "E-mail address"},
    "alerts-pace": {"ko": "받는 때", "en": "How often"},
    "alerts-now": {"ko": "나오는 대로", "en": "At once"},
    "alerts-daily": {"ko": "하루에 한 번", "en": "Once a day"},
    "alerts-ask": {"ko": "신청", "en": "Subscribe"},
    "alerts-asked": {
        "ko": "{address} 주소로 확인 편지를 보냅니다. 편지의 링크를 열어 확인하면 시작됩니다. "
        "같은 주소로는 짧은 시간에 다시 보내지 않습니다. 편지가 오지 않으면 한 시간 뒤에 다시 신청해 주십시오.",
        "en": "We are sending a mail to {address}. The alerts start when you open the link in it and confirm. "
        "We do not send a second mail to the same address within a short time. If no mail arrives, try again in an hour.",
    },
    "alerts-confirm": {"ko": "알림 받기 시작", "en": "Start the alerts"},
    "alerts-begun": {"ko": "{address} 주소로 알림을 보냅니다.", "en": "From now on, alerts are sent to {address}."},
    "alerts-confirm-how": {
        "ko": "단추를 누르면 {address} 주소로 알림을 보내기 시작합니다.",
        "en": "Press the button to start the alerts to {address}.",
    },
    "alerts-leave-how": {
        "ko": "단추를 누르면 이 알림을 더 보내지 않습니다.",
        "en": "Press the button and you will get no more of these alerts.",
    },
    "alerts-leave": {"ko": "알림 그만 받기", "en": "Stop the alerts"},
    "alerts-left": {"ko": "알림을 더 보내지 않습니다.", "en": "You will get no more alerts."},
    # People and their accounts
    "signin": {"ko": "로그인", "en": "Sign in"},
    "signout": {"ko": "로그아웃", "en": "Sign out"},
    "account": {"ko": "내 계정", "en": "Your account"},
    "people": {"ko": "사용자", "en": "People"},
    "people-all": {"ko": "함께 일하는 사람", "en": "Who is here"},
    "name-change": {"ko": "이름 바꾸기", "en": "Change your name"},
    "save": {"ko": "저장", "en": "Save"},
    "faults": {"ko": "다음을 고쳐 주십시오.", "en": "Please correct this:"},
    "field-name": {"ko": "이름", "en": "Name"},
    "field-email": {"ko": "전자우편 주소", "en": "E-mail address"},
    "field-password": {"ko": "비밀번호", "en": "Password"},
    "field-old": {"ko": "지금 비밀번호", "en": "Current password"},
    "field-office": {"ko": "기관", "en": "Office"},
    "field-role": {"ko": "맡은 일", "en": "Role"},
    "role-editor": {"ko": "발행 담당", "en": "Editor: publishes"},
    "role-writer": {"ko": "작성 담당", "en": "Writer: prepares"},
    "role-reader": {"ko": "열람 담당", "en": "Reader: looks"},
    "role-admin": {"ko": "관리자", "en": "Administrator"},
    "field-outlet": {"ko": "매체", "en": "Outlet"},
    "field-days": {"ko": "쓸 수 있는 기간", "en": "Valid for"},
    "role-outlet": {"ko": "매체 기자: 엠바고 자료 열람", "en": "Journalist of an outlet: reads under embargo"},
    "outlet-wrong": {"ko": "이 매체에는 초대할 수 없습니다.", "en": "You cannot invite anybody to this outlet."},
    # The second sign-in
    "prove": {"ko": "본인 확인", "en": "Confirm again that it is you"},
    "prove-how": {
        "ko": "되돌릴 수 없는 일을 하기 전에 본인인지 다시 확인합니다. 확인하면 이 브라우저에서 10분 동안 다시 묻지 않습니다.",
        "en": "Before something that cannot be undone, we ask again who you are. "
        "After that we do not ask for ten minutes in this browser.",
    },
    "prove-button": {"ko": "확인", "en": "Continue"},
    "prove-other": {"ko": "패스키나 다른 방법으로 확인하기", "en": "Use a passkey or another way instead"},
    "prove-first": {"ko": "먼저 본인인지 확인해 주십시오.", "en": "First confirm again that it is you."},
    # Passkeys
    "passkeys": {"ko": "패스키", "en": "Passkeys"},
    "passkeys-how": {
        "ko": "패스키가 있으면 비밀번호 없이 지문이나 얼굴, 기기의 잠금 번호로 로그인합니다. "
        "잊거나 빼앗길 비밀번호가 없어 더 안전합니다.",
        "en": "With a passkey you sign in with your finger, your face or the code of your device, without a password. "
        "There is no password that somebody could steal or trick you into telling.",
    },
    "passkeys-none": {"ko": "아직 패스키가 없습니다.", "en": "You have no passkey yet."},
    "passkeys-impossible": {
        "ko": "이 서버의 주소로는 패스키를 쓸 수 없습니다. 브라우저는 https로 시작하고 이름이 있는 주소에서만 패스키를 만듭니다.",
        "en": "Passkeys cannot be used at this server's address: browsers need a name and https.",
    },
    "passkey-name": {"ko": "패스키의 이름", "en": "Name of the passkey"},
    "passkey-name-wrong": {
        "ko": "패스키의 이름을 60자 안으로 적어 주십시오.",
        "en": "Enter a name of at most 60 characters.",
    },
    "passkey-add": {"ko": "패스키 만들기", "en": "Add a passkey"},
    "passkey-added": {
        "ko": "패스키를 만들었습니다. 다음부터 이 패스키로 로그인할 수 있습니다.",
        "en": "The passkey is added. You can sign in with it from now on.",
    },
    "passkey-prove-first": {"ko": "본인 확인 뒤 패스키 만들기", "en": "Confirm that it is you, then add a passkey"},
    "passkey-since": {"ko": "만든 때:", "en": "since"},
    "passkey-steer": {"ko": "이름 바꾸기와 지우기", "en": "Rename or remove"},
    "passkey-rename": {"ko": "이름 바꾸기", "en": "Rename"},
    "passkey-remove": {"ko": "패스키 지우기", "en": "Remove the passkey"},
    "passkey-signin": {"ko": "패스키로 로그인", "en": "Sign in with a passkey"},
    "passkey-prove": {"ko": "패스키로 확인", "en": "Continue with a passkey"},
    "passkey-failed": {
        "ko": "패스키를 쓰지 못했습니다. 다시 하거나 비밀번호를 써 주십시오.",
        "en": "The passkey was not used. Try again, or use your password.",
    },
    "passkey-wrong": {
        "ko": "이 패스키로 로그인할 수 없습니다. 다시 하거나 비밀번호를 써 주십시오.",
        "en": "This passkey was not accepted. Try again, or use your password.",
    },
    "passkey-not-made": {
        "ko": "패스키를 만들지 못했습니다. 다시 해 주십시오.",
        "en": "The passkey was not made. Please try again.",
    },
    "passkey-many": {
        "ko": "이미 있는 패스키이거나, 패스키가 스무 개를 넘습니다. 쓰지 않는 것을 지워 주십시오.",
        "en": "This passkey exists already, or you have twenty of them. Remove one that you do not use.",
    },
    # OpenID Connect
    "oidc-signin": {"ko": "{name} 계정으로 로그인", "en": "Sign in with {name}"},
    "oidc-prove": {"ko": "{name} 계정으로 확인", "en": "Continue with {name}"},
    "oidc-down": {
        "ko": "지금은 그 서비스에서 답을 받지 못합니다. 잠시 뒤에 다시 하거나 비밀번호로 로그인해 주십시오.",
        "en": "The other service did not answer correctly. Try again later, or use your password.",
    },
    "oidc-refused": {
        "ko": "로그인을 마치지 못했습니다. 처음부터 다시 해 주십시오.",
        "en": "The sign-in was not completed. Please start again.",
    },
    "oidc-stranger": {
        "ko": "이 서버에 초대받은 계정이 아니거나, 그 서비스가 전자우편 주소를 확인하지 않았습니다. "
        "담당자에게 초대를 부탁해 주십시오.",
        "en": "Nobody invited this account, or the other service did not verify its e-mail address. "
        "Ask your office to invite you.",
    },
    "oidc-other": {
        "ko": "이 주소의 계정은 그 서비스의 다른 계정과 이어져 있습니다. 관리자에게 물어 주십시오.",
        "en": "The account with this address belongs to another account of that service. Ask an administrator.",
    },
    # Tokens
    "tokens-of": {"ko": "{office}의 토큰", "en": "Tokens of {office}"},
    "tokens-how": {
        "ko": "토큰은 프로그램이 기관을 대신해 보도자료를 보내거나 읽을 때 씁니다. 토큰을 아는 사람은 누구나 그렇게 할 수 있습니다.",
        "en": "With a token, a program sends or reads the office's releases. Anybody who knows the token can do so.",
    },
    "tokens-known": {"ko": "지금 있는 토큰", "en": "Tokens"},
    "tokens-none": {"ko": "아직 토큰이 없습니다.", "en": "There is no token yet."},
    "token-add": {"ko": "토큰 만들기", "en": "Make a token"},
    "token-name": {"ko": "토큰의 이름", "en": "Name of the token"},
    "token-name-hint": {
        "ko": "어디에 쓰는지 적어 주십시오. 같은 이름의 토큰이 있으면 그것은 끝납니다.",
        "en": "Say what it is for. An older token with the same name is ended.",
    },
    "token-name-wrong": {
        "ko": "토큰의 이름을 60자 안으로 적어 주십시오.",
        "en": "Enter a name of at most 60 characters.",
    },
    "token-editor": {"ko": "보도자료를 보내고 읽기", "en": "Sends and reads releases"},
    "token-reader": {"ko": "보도자료를 읽기만 하기", "en": "Only reads releases"},
    "token-days": {"ko": "{days}일", "en": "{days} days"},
    "token-forever": {"ko": "끝낼 때까지", "en": "Until it is ended"},
    "token-shown": {
        "ko": "새 토큰입니다. 다시 보여 드리지 않으니 지금 적어 두십시오.",
        "en": "This is the token. It is not shown again, so save it now.",
    },
    "token-valid": {"ko": "쓸 수 있음", "en": "valid"},
    "token-expired": {"ko": "기간이 지남", "en": "expired"},
    "token-revoked": {"ko": "끝남", "en": "ended"},
    "token-end": {"ko": "토큰 끝내기", "en": "End the token"},
    "token-end-how": {
        "ko": "이 토큰을 쓰는 프로그램은 그때부터 거절되고, 되돌릴 수 없습니다.",
        "en": "Programs that use it are refused from then on. This cannot be undone.",
    },
    "used": {"ko": "마지막으로 쓴 때:", "en": "last used"},
    "join-setup": {"ko": "첫 관리자 만들기", "en": "Make the first administrator"},
    "join-invite": {"ko": "초대 받기", "en": "Accept the invitation"},
    "join-button": {"ko": "계정 만들고 시작하기", "en": "Continue"},
    "setup-how": {
        "ko": "관리자는 모든 기관의 보도자료를 다루고 다른 사람을 초대합니다. 이 링크는 한 번만 쓸 수 있습니다.",
        "en": "The administrator may do everything and invites the others. This link works once.",
    },
    "join-how": {
        "ko": "{email} 님을 {office}의 {role}으로 초대합니다.",
        "en": "{email} is invited to {office}. Role: {role}.",
    },
    "join-admin": {"ko": "{email} 님을 관리자로 초대합니다.", "en": "{email} is invited as an administrator."},
    "password-hint": {
        "ko": "열두 글자 이상으로 정해 주십시오. 낱말 서넛을 이어 쓰면 외우기 쉽고 알아내기 어렵습니다.",
        "en": "At least twelve characters. Three or four words in a row are easy to remember and hard to guess.",
    },
    "password-short": {
        "ko": "비밀번호가 짧습니다. 열두 글자 이상이어야 합니다.",
        "en": "The password is too short. Use at least twelve characters.",
    },
    "password-long": {"ko": "비밀번호가 200자를 넘습니다.", "en": "The password has more than 200 characters."},
    "password-simple": {
        "ko": "알아내기 쉬운 비밀번호입니다. 이름이나 주소, 되풀이한 글자를 쓰지 마십시오.",
        "en": "The password is easy to guess. Do not use your name, your address, or repeated letters.",
    },
    "password-new": {"ko": "새 비밀번호", "en": "New password"},
    "password-change": {"ko": "비밀번호 바꾸기", "en": "Change the password"},
    "password-set": {
        "ko": "비밀번호를 바꾸었습니다. 다른 곳에서는 로그아웃되었습니다.",
        "en": "The password is changed. You are signed out everywhere else.",
    },
    "old-wrong": {"ko": "비밀번호가 맞지 않습니다.", "en": "This is not your password."},
    "name-wrong": {"ko": "이름을 80자 안으로 적어 주십시오.", "en": "Enter a name of at most 80 characters."},
    "email-wrong": {
        "ko": "전자우편 주소가 아닙니다. 예: hong@korea.kr",
        "en": "This is not an e-mail address. Example: kim@office.example",
    },
    "email-taken": {
        "ko": "이미 계정이 있는 주소입니다. 다른 주소를 적어 주십시오.",
        "en": "An account with this address already exists. Use another address.",
    },
    "role-wrong": {"ko": "이 가운데에서 골라 주십시오.", "en": "Choose one of these."},
    "office-wrong": {"ko": "이 기관에는 초대할 수 없습니다.", "en": "You cannot invite anybody to this office."},
    "last-admin": {
        "ko": "마지막 관리자는 끝낼 수 없습니다.",
        "en": "The account of the last administrator cannot be ended.",
    },
    "signin-empty": {"ko": "주소와 비밀번호를 모두 적어 주십시오.", "en": "Enter both your address and your password."},
    "signin-wrong": {"ko": "주소나 비밀번호가 맞지 않습니다.", "en": "The address or the password is wrong."},
    "signin-often": {
        "ko": "여러 번 틀렸습니다. 잠시 뒤에 다시 해 주십시오.",
        "en": "There were too many attempts. Please wait a while and try again.",
    },
    "sessions": {"ko": "로그인한 곳", "en": "Where you are signed in"},
    "session-begun": {"ko": "로그인한 때", "en": "Since"},
    "session-where": {"ko": "브라우저", "en": "Browser"},
    "session-now": {"ko": "지금", "en": "Now"},
    "session-this": {"ko": "지금 이 브라우저", "en": "This browser"},
    "session-end": {"ko": "로그아웃", "en": "Sign out"},
    "invite": {"ko": "초대", "en": "Invite somebody"},
    "invite-button": {"ko": "초대하기", "en": "Invite"},
    "invite-often": {
        "ko": "이 주소로 초대를 얼마 전에 보냈거나, 오늘 보낸 초대가 너무 많습니다. 나중에 다시 하세요.",
        "en": "An invitation went to this address a short time ago, or you sent too many today. Try again later.",
    },
    "link-mailed": {"ko": "{address} 주소로 링크를 보냅니다.", "en": "A mail with a link is on its way to {address}."},
    "link-shown": {
        "ko": "메일 서버가 없으므로 이 링크를 {address} 님에게 직접 전해 주십시오. 한 번만 쓸 수 있고, 다시 보여 드리지 않습니다.",
        "en": "This server sends no mail. Give {address} this link yourself. It works once and is not shown again.",
    },
    "person-take": {"ko": "맡은 일 거두기", "en": "Take this role away"},
    "person-take-how": {
        "ko": "거두려면 내 비밀번호를 적어 주십시오.",
        "en": "Enter your own password to take the role away.",
    },
    "person-end": {"ko": "계정 끝내기", "en": "End the account"},
    "person-end-how": {
        "ko": "이 사람은 더 로그인할 수 없고, 되돌릴 수 없습니다. 내 비밀번호를 적어 주십시오.",
        "en": "This person can no longer sign in. This cannot be undone. Enter your own password.",
    },
    "person-link": {"ko": "새 비밀번호 링크 만들기", "en": "Make a link for a new password"},
    "person-link-how": {
        "ko": "링크는 한 시간 동안 쓸 수 있습니다. 내 비밀번호를 적어 주십시오.",
        "en": "The link is valid for an hour. Enter your own password.",
    },
    "forgot": {"ko": "비밀번호를 잊으셨습니까?", "en": "Forgot your password?"},
    "forgot-how": {
        "ko": "새 비밀번호를 정할 링크를 전자우편으로 보냅니다.",
        "en": "We send you a link to set a new password.",
    },
    "forgot-button": {"ko": "링크 받기", "en": "Send the link"},
    "forgot-sent": {
        "ko": "{address}에 계정이 있으면 링크가 갑니다. 한 시간 동안 쓸 수 있습니다.",
        "en": "If {address} has an account, a link is on its way. It is valid for an hour.",
    },
    "forgot-no-mail": {
        "ko": "이 서버는 전자우편을 보내지 않습니다. 관리자에게 새 비밀번호 링크를 부탁하십시오.",
        "en": "This server sends no mail. Ask an administrator for a link to a new password.",
    },
    "dead": {"ko": "쓸 수 없는 링크입니다", "en": "This link does not work"},
    "dead-how": {
        "ko": "이미 썼거나, 기한이 지났거나, 새 링크로 바뀌었습니다. 보낸 사람에게 다시 부탁하십시오.",
        "en": "It was used, it is too old, or a newer one replaced it. Ask for a new one.",
    },
    "mail-invite": {"ko": "{site} 초대", "en": "Your invitation to {site}"},
    "mail-invite-how": {
        "ko": "{site}에 초대되었습니다({office}). 이레 안에 아래 링크를 열어 계정을 만드십시오.",
        "en": "You are invited to {site} ({office}). Open this link within seven days to make your account.",
    },
    "mail-reset": {"ko": "{site} 새 비밀번호", "en": "A new password for {site}"},
    "mail-reset-how": {
        "ko": "{site}의 새 비밀번호를 정하려면 한 시간 안에 아래 링크를 여십시오.",
        "en": "Open this link within an hour to set a new password for {site}.",
    },
    "mail-once-not": {
        "ko": "뜻밖의 편지라면 그냥 지우십시오. 아무 일도 일어나지 않습니다.",
        "en": "If you did not expect this mail, delete it. Nothing will happen.",
    },
    "mail-several": {"ko": "보도자료 {count}건: {first}", "en": "{count} press releases: {first}"},
    "mail-corrected": {"ko": "수정", "en": "Corrected"},
    "mail-withdrawn": {"ko": "취소", "en": "Withdrawn"},
    "mail-foot": {
        "ko": "{site}에서 신청하신 알림입니다: {topic}",
        "en": "You subscribed to this alert at {site}: {topic}",
    },
    "mail-leave": {"ko": "그만 받기", "en": "Unsubscribe"},
    "mail-confirm": {"ko": "{site} 알림 신청 확인", "en": "Confirm your alerts from {site}"},
    "mail-confirm-how": {
        "ko": "{site}에서 이 주소로 알림을 신청했습니다({topic}). 맞으면 아래 링크로 확인해 주십시오. 48시간 동안 쓸 수 있습니다.",
        "en": "Somebody requested alerts from {site} for this address ({topic}). If that was you, confirm here within 48 hours:",
    },
    "mail-confirm-not": {
        "ko": "신청하지 않으셨다면 아무것도 하지 않으셔도 됩니다.",
        "en": "If it was not you, do nothing. You will get no more mail.",
    },
    "mail-paused": {"ko": "웹훅을 잠시 멈추었습니다: {target}", "en": "A webhook is paused: {target}"},
    "mail-paused-how": {
        "ko": "며칠 동안 아무것도 전달되지 않아 전송을 멈추었습니다. 그동안의 것은 보관되며, 다시 시작하면 보냅니다.",
        "en": "No delivery succeeded for days, so deliveries have stopped. New changes wait until you resume the webhook.",
    },
}


TEXTS |= desk_texts.TEXTS | life_texts.TEXTS | reach_texts.TEXTS | compose_texts.TEXTS | newsroom_texts.TEXTS
TEXTS |= (
    admin_texts.TEXTS
    | build_texts.TEXTS
    | docs_texts.TEXTS
    | public_texts.TEXTS
    | browse_texts.TEXTS
    | trace_texts.TEXTS
)
TEXTS |= calendar_texts.TEXTS

TEXTS["map-source"] = compose_texts.SPOKEN["map-source"]
# What the scripts of a page say, by the page.
SPOKEN = {"compose": compose_texts.SPOKEN, "build": build_texts.SPOKEN}


def text(key: str, lang: str) -> str:
    """A text of this table in "ko" or "en"."""
    return TEXTS[key][lang]


def name(code: str, lang: str) -> str:
    """The name of a region or topic; in another language if it has no name in this one."""
    return name_and_language(code, lang)[0]


def name_and_language(code: str, lang: str) -> tuple[str, str]:
    """The name of a region or topic, and its language: the wanted one, else another in which it has a name; none if it has no name."""
    known = codes("region").get(code) or codes("topic").get(code)
    return known.named(lang) if known else (code, "")


def feed_title(site: str, query: Query, offices: Mapping[str, OfficeRecord], lang: str) -> str:
    """A title that names the parts of the query: "Pressrelay: 전북특별자치도 / 정치·정부"."""
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
    without = ", ".join(value_name(parameter, value, offices, lang) for parameter, value in query.excluded)
    parts += [f"− {without}"] if without else []
    return f"{site}: {' / '.join(parts)}" if parts else site


def value_name(parameter: str, value: str, offices: Mapping[str, OfficeRecord], lang: str) -> str:
    """The name of a value of a filter in that language."""
    if parameter in ("region", "topic"):
        return name(value, lang)
    if parameter == "office":
        return offices[value].name if value in offices else value
    if parameter == "genre":
        return text(f"kind:{value}", lang)
    return LICENCE_NAMES.get(value, value)


def _period(query: Query) -> str:
    """An interval as in ISO 8601-1, section 5.5; open on a side without a bound."""
    bounds = (rfc3339_utc(moment) if moment else ".." for moment in (query.since, query.until))
    return "/".join(bounds)


def title_language(query: Query, default: str) -> str:
    """The language of a feed's title, "ko" or "en": that of the query if there are texts in it, else the server's."""
    languages = (lang.partition("-")[0] for lang in query.langs)
    return next((lang for lang in languages if lang in LANGUAGES), default)


def feed_subtitle(lang: str) -> str:
    """One line that describes the feed."""
    return text("tagline", lang)
