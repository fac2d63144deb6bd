"""Sample articles and feeds: one name, one case. The seed is the real release, without the navigation of the site around it."""

from datetime import UTC, datetime, timedelta
from html import escape

from feeds.article import Article, Contact, Enclosure, Feed, Licence, Office, Related, Term, Withdrawn

NOON = datetime(2021, 3, 9, 5, 0, 0, 123456, tzinfo=UTC)

SEED_TEXT = (
    "전북도는 9일 도청 회의실에서 올해 1~2월 중 탁월한 업무성과로 전북의 위상을 빛낸 6개 "
    "부서를 선정하고 ‘이달의 으뜸 도정상’을 시상했다고 밝혔다.",
    "코로나19로 대내외 여건이 어려운 상황에서도 눈부신 성과를 보인 6개 부서에 대해 내부선정 절차를 거쳐 최종 확정했다.",
    "최우수 부서에는 투자금융과와 일자리경제정책관이 선정됐고 우수부서에는 법무행정과, 인재개발원, "
    "수산기술연구소가 선정됐다.",
    "특히 코로나19 확산 방지와 극복을 위해 자원봉사 활동에 앞장선 전라북도 자원봉사센터가 공로상에 선정됐다.",
    "최우수 부서인 투자금융과는 ‘전북 탄소소재·부품·장비 특화단지’ 공모 선정을 위해 "
    "탄소융합기술원, 효성 등 관련 기관 및 기업 중심으로 TF팀을 구성해 운영하는 등 특화단지 "
    "건립의 기틀을 마련한 점이 높은 평가를 받았다.",
    "오는 2024년까지 탄소관련 기업 110개 유치와 4,692억원 규모의 사업 추진으로 "
    "기업성장 및 지역경제 발전 기반을 마련하게 됐다는 평가를 받았다.",
    "또한, 전국 최초 6년 연속 산업부 지방투자촉진사업 우수기관 선정으로 지방투자촉진사업 평가 "
    "우수 지자체에 제공되는 국비 5% 상향 인센티브 지원을 받는 등 지방비 절감에도 크게 기여 "
    "했다.",
    "또 다른 최우수 부서인 일자리경제정책관은 전북 군산형 일자리 선정을 위해 상생형 일자리 "
    "협약식을 시작으로 각고의 노력을 통해 공모에 선정되는 쾌거를 이루었다.",
    "인센티브 3,500억원을 확보했으며 2024년까지 투자규모 총 5,171억원, 직접고용 "
    "1,704명 창출과 전기 SUV, 전기버스, 전기트럭 등 24만여 대 생산으로 기업성장 및 "
    "지역경제 발전의 기반을 마련하게 됐다.",
    "법무행정과는 지방규제혁신 우수기관 2년 연속 으뜸 기관으로 선정, 인재개발원은 남원시 상생 "
    "협력 사업으로 지역업체 경제활성화를 수산기술연구소는 전북형 첨단 스마트양식 시스템 구축 "
    "공모사업 선정으로 우수상을 수상했다.",
    "법무행정과는 지역 현장중심 규제혁신 과제발굴·개선을 위해 482건을 발굴, 72건을 해결하고 "
    "현장방문과 규제 창구운영으로 35개 기업체를 방문하는 등 노력한 결과 2년 연속 으뜸기관으로 "
    "선정되어 재정인센티브 3천만원을 확보하는 성과를 거뒀다.",
    "인재개발원은 지역경제 활성화를 위해 남원시와 업무협약식을 체결해 관내 장애인기업, 여성기업 "
    "등 지역상품 애용과 지역민 근로자 고용을 위해 노력하고 지역상권 이용의 날을 운영하는 등 "
    "업무 협의를 통해 지속적인 노력으로 성과를 거두고 있다.",
    "수산기술연구소는 한국판 뉴딜사업의 일환으로 ‘전북형 첨단 스마트 양식 시스템 구축’ "
    "공모선정을 위해 노력한 결과 사업비 70억 규모의 흰다리새우 스마트양식 실증연구시설을 "
    "건립하게 됨과 동시에 신규 일자리 창출에도 기대된다.",
    "전라북도 자원봉사센터는 지난해부터 코로나19 확산 방지를 위해 선제적 방역활동과 지속적인 "
    "자원봉사 ‘같이사는 사회구현’을 실천하는 모범을 보여 공로상을 수상했다.",
    "전라북도 자원봉사센터는 14개 시·군센터와 협력해 46,000곳 34,142명 선제적 "
    "방역활동과 도내 취약시설 7,293개소 4,660명 릴레이 방역활동을 펼쳤으며 마스크 "
    "제작지원, 농촌일손돕기, 수해복구 등 봉사활동에 최선을 다했다.",
    "이달의 으뜸 도정상 선정 부서는 격려금과 최우수 부서 가점과 개인 가점을 인센티브로 부여하고 있다.",
    "강승구 전북도 기획조정실장은 ”으뜸도정상은 2017년부터 200여 부서가 선정됐으며 해를 "
    "거듭할수록 도정 발전을 위한 기틀로 빛을 발휘하고 있다“며 ”한편으로는 각자의 자리에서 "
    "묵묵히 책임을 다하는 직원들을 격려함으로써 부서 간 선의의 경쟁을 유도해 도정 성과를 "
    "지속적으로 극대화해 나갈 계획이라고 전했다“ 라고 말했다.",
    "한편 도는 11대 핵심프로젝트, 공약사업 등 각종 도정 현안을 적극적으로 추진하고 성과를 "
    "극대화하기 위해 지난 2017년부터 '으뜸 도정상' 제도를 운영하고 있다.",
)


def paragraphs(*texts: str) -> str:
    return "".join(f"<p>{escape(text, quote=False)}</p>" for text in texts)


def make(number: int = 1, *texts: str, **changes: object) -> Article:
    """The smallest article: everything optional is absent, unless `changes` says otherwise."""
    texts = texts or ("Lead.",)
    fields: dict[str, object] = {
        "id": f"a{number:04d}",
        "guid": f"office-{number:04d}",
        "version": 1,
        "lang": "en",
        "pubstatus": "usable",
        "office": Office(code="example", name="Example Office"),
        "kind": "press-release",
        "headline": f"Headline {number}",
        "subheadlines": (),
        "summary": texts[0],
        "body": paragraphs(*texts),
        "text": "\n\n".join(texts),
        "dateline": "",
        "byline": "",
        "issued": NOON,
        "published": NOON,
        "updated": NOON + timedelta(milliseconds=number),
        "embargoed": None,
        "held": False,
        "embargo_wording": "",
        "regions": (),
        "topics": (),
        "keywords": (),
        "contacts": (),
        "enclosures": (),
        "licence": Licence(),
        "related": (),
        "note": "",
        "url": f"https://press.example.org/articles/a{number:04d}",
    }
    return Article(**{**fields, **changes})  # type: ignore[arg-type]


def feed(*articles: Article, lang: str = "en", **changes: object) -> Feed:
    fields: dict[str, object] = {
        "self": "https://press.example.org/feed?region=kr%3A52",
        "home": "https://press.example.org/?region=kr%3A52",
        "title": "Press releases",
        "subtitle": "Everything published & corrected",
        "lang": lang,
        "updated": max((a.updated for a in articles), default=datetime(2000, 1, 1, tzinfo=UTC)),
        "articles": articles,
        "hub": "https://press.example.org/hub",
    }
    return Feed(**{**fields, **changes})  # type: ignore[arg-type]


JEONBUK = Term("region", "kr:45", {"ko": "전라북도", "en": "North Jeolla"})

SEED = make(
    1,
    *SEED_TEXT,
    guid="urn:kr:jeonbuk:2021-03-09-1",
    lang="ko",
    office=Office("jeonbuk", "전라북도", "https://www.jeonbuk.go.kr/"),
    headline="명품‘으뜸 도정상’2021년 힘차게 달린다",
    subheadlines=("투자금융과, 일자리경제정책관, 법무행정과 등 6개 부서 수상",),
    regions=(JEONBUK,),
    topics=(Term("brm", "brm11", {"ko": "일반공공행정"}), Term("medtop", "medtop:11000000", {"en": "politics"})),
)

ENGLISH = make(2, "Fares < 5 & > 2 change.", "“Quotes”, ]]> and &amp; stay.", headline="Q&A: fares < 5", lang="en-GB")

ARABIC = make(
    3,
    "أعلنت الوزارة اليوم.",
    lang="ar",
    headline="بيان صحفي جديد",
    office=Office("moi", "وزارة الإعلام"),
    dateline="الرباط",
)

EMOJI = make(4, "축하합니다 🎉👩‍👩‍👧‍👦🇰🇷", lang="ko", headline="🎉 축제 개막 👩‍🚀")

EVERYTHING = make(
    5,
    "The lead.",
    "The rest.",
    guid="https://www.example.org/releases/5?a=1&b=2",
    version=3,
    office=Office("example", "Example Office", "https://www.example.org/"),
    kind="explanation",
    subheadlines=("First subheadline", "Second subheadline"),
    body='<h2>Title</h2><p dir="ltr" lang="en">The <b>lead</b>.<br/></p><ul><li>a &amp; b</li></ul>'
    '<table><tbody><tr><td colspan="2">1</td></tr></tbody></table>'
    '<p><a href="https://www.example.org/x?a=1&amp;b=2">The rest</a>.</p>',
    dateline="Jeonju",
    byline="Kim Minji",
    embargoed=NOON,
    embargo_wording="조간",
    regions=(JEONBUK, Term("region", "us:CA", {"en": "California"})),
    topics=(
        Term("medtop", "medtop:20000500", {"en": "tourism"}),
        Term("brm", "brm02", {"ko": "과학기술", "en": "Science"}),
    ),
    keywords=(Term("keyword", "smart farm"), Term("keyword", "R&D")),
    contacts=(
        Contact("Press Team", "Head", "Lee", "+82-63-000-0000", "press@example.org"),
        Contact(department="Planning Division", phone="063-000-0001"),
        Contact(),
    ),
    enclosures=(
        Enclosure("https://files.example.org/a.pdf", "application/pdf", 1234, caption="The paper", lang="ko"),
        Enclosure(
            "https://files.example.org/b.jpg",
            "image/jpeg",
            None,
            "photo",
            "A photo",
            licence=Licence("https://www.kogl.or.kr/info/licenseType4.do", "KOGL type 4"),
        ),
        Enclosure("https://files.example.org/c.hwpx", "application/hwp+zip", 99),
    ),
    licence=Licence("https://www.kogl.or.kr/info/licenseType1.do", "KOGL type 1"),
    related=(
        Related("Earlier", "urn:example:releases:4"),
        Related("Other", url="https://www.example.org/other"),
        Related(guid="plain-1"),
        Related("번역", "urn:example:releases:5-ko", "https://www.example.org/ko", "ko"),
        Related("", "plain-2", "https://www.example.org/fr", "fr"),
    ),
    note="Replaces an earlier figure.",
    issued=NOON - timedelta(hours=19, microseconds=23),
    urgency=3,
    slugline="science-farm",
    source="Example Institute",
    copyright="© 2021 Example Office",
    signal="correction",
)

# What a careless writer of XML, HTML or JSON breaks on.
CORNERS = make(
    6,
    "]]> & &amp; < > \" ' \u202bעברית\u202c \U0001d11e e\u0301 \ufdfa",
    "하나" * 2000,
    guid="4711",
    lang="he",
    headline="‘]]>’ & “quotes” ' \" \u200fעברית 🇰🇷",
    subheadlines=("\\ \\u0041 %20 {} $",),
    keywords=(Term("keyword", "a, b; c"), Term("keyword", "😀")),
    enclosures=(
        Enclosure("https://files.example.org/%ED%95%9C%20.pdf?a=1&b=2", "application/pdf", 0, caption="& ' \""),
    ),
    related=(Related("‹both›", "both-1", "https://www.example.org/both"),),
    contacts=(Contact(phone="1588-0000"), Contact(role="Duty officer"), Contact(name="김 & 이")),
)

CASES: dict[str, Feed] = {
    "empty": feed(),
    "bare": feed(make(), hub="", subtitle=""),
    "seed": feed(SEED, lang="ko", title="전라북도 보도자료"),
    "english": feed(ENGLISH),
    "arabic": feed(ARABIC, lang="ar"),
    "emoji": feed(EMOJI, lang="ko"),
    "everything": feed(EVERYTHING),
    "mixed": feed(EVERYTHING, EMOJI, ARABIC, ENGLISH, SEED),
    "corners": feed(CORNERS, lang="he", title="חדשות & ]]>"),
    "page": feed(
        EMOJI,
        links={
            "first": "https://press.example.org/feed?region=kr%3A52",
            "previous": "https://press.example.org/feed?region=kr%3A52&after=4-2",
            "next": "https://press.example.org/feed?region=kr%3A52&before=4-2",
        },
        withdrawn=(Withdrawn("a0011", "tag:example.org,2021:11", NOON, True, 2, "]]> & 취소", Office("x", "X"), "ko"),),
    ),
    "withdrawn": feed(
        updated=NOON, withdrawn=(Withdrawn("a0012", "urn:kr:12", NOON, True, 2, "", Office("x", "X"), "ko"),)
    ),
    "archive": feed(
        ENGLISH,
        archive=True,
        links={
            "current": "https://press.example.org/feed",
            "first": "https://press.example.org/feed?region=kr",
            "next": "https://press.example.org/feed?before=1-2",
            "prev-archive": "https://press.example.org/feed?archive=2021-02",
        },
        withdrawn=(
            Withdrawn("a0009", "urn:kr:9", NOON, True, 4, "착오로 배포됨", Office("jeonbuk", "전라북도"), "ko"),
            Withdrawn("a0010", "office-0010", NOON, False),
        ),
    ),
}

MANY = feed(*(make(number) for number in range(200, 0, -1)))
