"""Made-up prose in Korean and English, with words by Zipf's law, so that it compresses about as well as real releases."""

import random
from itertools import accumulate


def _words(text: str) -> list[str]:
    return text.split()


KO_NOUNS = _words(
    "사업 지역 주민 지원 추진 계획 시설 산업 기업 교육 문화 관광 환경 안전 복지 농업 수산 교통 도로 주택 청년 어르신 아동 여성 "
    "장애인 소상공인 전통시장 일자리 예산 국비 지방비 공모 협약 기관 단체 대학 연구소 병원 보건소 학교 도서관 박물관 미술관 축제 "
    "행사 설명회 간담회 토론회 위원회 협의회 조례 제도 정책 방안 대책 점검 조사 평가 결과 성과 목표 기반 조성 확대 강화 개선 정비 "
    "보수 설치 운영 관리 홍보 참여 협력 소통 현장 의견 건의 민원 상담 신청 접수 선정 심사 발표 시상 표창 장관상 우수상 경진대회 "
    "캠페인 자원봉사 기부 나눔 재난 화재 홍수 태풍 폭염 한파 방역 예방 접종 검진 건강 체육 경기장 공원 하천 산림 숲길 둘레길 해안 "
    "항만 어촌 농가 축산 과수 벼 친환경 스마트팜 드론 인공지능 데이터 플랫폼 디지털 반도체 배터리 수소 태양광 풍력 탄소중립 재활용 "
    "폐기물 상수도 하수도 미세먼지 버스 철도 공항 주차장 자전거 보행로 가로등 공공임대 재개발 도시재생 빈집 유적 문화재 공연 전시 "
    "영화 음악 책 강좌 체험 캠프 여행 숙박 음식 특산물 수출 투자 유치 창업 보육 금융 세금 보조금 바우처 상품권"
)
KO_TAILS = _words("을 의 에 에서 과 은 이 로 를 와 및 등 까지 부터 도 에는 으로 마다 만 보다")
KO_VERBS = _words(
    "밝혔다 말했다 설명했다 강조했다 추진한다 지원한다 운영한다 마련했다 개최한다 진행한다 점검했다 확정했다 선정됐다 시작했다 "
    "마무리했다 당부했다 기대된다 나선다 늘린다 줄인다 모집한다 접수한다 발표했다 체결했다 방문했다 논의했다 공유했다 확대한다"
)
EN_WORDS = _words(
    "the of and to in for a with on by from will residents county council programme service office region local public new "
    "support plan project community development centre school health transport road housing energy water environment safety "
    "training youth families business jobs investment culture library museum festival tourism harbour fishing farming forest "
    "coast river park sports volunteers partners university research data digital network grant budget funding million year "
    "spring summer autumn winter month week opening agreement inspection report results award committee meeting consultation "
    "policy measures improve expand repair build open provide offer invite announce complete prepare launch continue include "
    "equal quarter national rural urban older disabled young small large first second final early late free safe clean green "
    "bus rail cycle bridge street lighting waste recycling flood storm fire rescue clinic vaccine nurse teacher student pupil "
    "garden market shop craft food harvest cattle fruit wind solar hydrogen carbon climate heritage theatre music exhibition"
)


KO_COUNTED = _words("명 개소 건 억 원 퍼센트 회 년 월 일 가구 대 곳")
# Names of people, villages, streets and companies: two syllables and a word for the kind of thing.
NAMES = _words(
    "가 강 건 경 고 곡 관 구 군 권 금 기 길 나 남 내 노 다 단 대 덕 도 동 두 라 림 마 만 망 명 무 문 미 민 박 반 방 백 별 복 봉 부 "
    "북 비 사 산 삼 상 서 석 선 설 성 소 송 수 숙 순 승 시 신 아 안 암 양 여 연 영 예 오 옥 온 용 우 운 원 월 유 은 음 의 이 인 일 "
    "임 자 장 재 전 정 제 조 종 주 중 지 진 창 천 청 초 춘 충 태 토 평 포 풍 하 학 한 해 향 현 호 홍 화 황 효 흥 희"
)
KO_NAMED = _words("동 읍 면 리 로 길 산업 상사 과장 팀장 위원 대표 교수 조합 마을 센터")

# The weights are flatter than Zipf's law, because such a small vocabulary would compress better than real texts.
NOUN_WEIGHTS = list(accumulate(1 / rank**0.2 for rank in range(1, len(KO_NOUNS) + 1)))
TAIL_WEIGHTS = list(accumulate(1 / rank for rank in range(1, len(KO_TAILS) + 1)))
WORD_WEIGHTS = list(accumulate(1 / rank**0.5 for rank in range(1, len(EN_WORDS) + 1)))


def paragraphs(rng: random.Random, english: bool) -> tuple[str, ...]:
    """The body of one release."""
    write = _english if english else _korean
    return tuple(" ".join(write(rng) for _ in range(rng.randint(1, 3))) for _ in range(rng.randint(4, 6)))


def _english(rng: random.Random) -> str:
    words = rng.choices(EN_WORDS, cum_weights=WORD_WEIGHTS, k=rng.randint(9, 20))
    words.insert(rng.randrange(1, len(words)), str(rng.randint(2, 9_999)))
    return f"{' '.join(words).capitalize()}."


def _korean(rng: random.Random) -> str:
    count = rng.randint(4, 9)
    nouns = rng.choices(KO_NOUNS, cum_weights=NOUN_WEIGHTS, k=count)
    tails = rng.choices(KO_TAILS, cum_weights=TAIL_WEIGHTS, k=count)
    words = list(map("".join, zip(nouns, tails, strict=True)))
    words.insert(rng.randrange(count), f"{rng.randint(2, 9_999)}{rng.choice(KO_COUNTED)}")
    for _ in range(count):  # names, which compress worst
        words.insert(rng.randrange(count), f"{rng.choice(NAMES)}{rng.choice(NAMES)}{rng.choice(KO_NAMED)}")
    return f"{' '.join(words)} {rng.choice(KO_VERBS)}."
