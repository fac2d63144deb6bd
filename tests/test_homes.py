"""Partitions by home, as docs/scaling.md says: two servers with offices of their own, and one that pulls from both."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import Server

MINIMAL = """<release xmlns="urn:pressrelay:press-release:1" xml:lang="ko"><article version="{version}"><guid>{guid}</guid>
<issued>2026-03-09T09:00:00+09:00</issued><headline>{headline}</headline><body><p>본문입니다.</p></body><region>{region}</region>
</article></release>"""


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[Server, Server, Server]]:
    made = []
    for name in ("jeonbuk", "busan", "nation"):
        (tmp_path / name).mkdir()
        made.append(Server(tmp_path / name, workers="1", cache_memory="32mb"))
    for server in made:
        server.start()
    yield made[0], made[1], made[2]
    for server in made:
        server.close()


def pushed(server: Server, token: str, guid: str, headline: str, region: str, version: int = 1) -> httpx.Response:
    body = MINIMAL.format(guid=guid, headline=headline, region=region, version=version)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/xml"}
    return server.client.post("/releases", content=body.encode(), headers=headers)


def test_an_aggregator_pulls_from_each_home(servers: tuple[Server, Server, Server]) -> None:
    jeonbuk, busan, nation = servers
    tokens = {}
    for home, code, name, region in (
        (jeonbuk, "jeonbuk", "전라북도", "kr:52"),
        (busan, "busan", "부산광역시", "kr:26"),
    ):
        tokens[code] = home.office(code, name, region)
        nation.office(code, name, region)
        url = f"{home.url}/feed.newsml?limit=200"
        words = ("source", "add", code, "--dialect", "newsml", "--url", url, "--office", code, "--allow-private")
        assert nation.run(*words).returncode == 0

    def pull() -> None:
        for code in tokens:
            done = nation.run("source", "pull", code)
            assert done.returncode == 0, done.stderr

    def headlines(query: str = "") -> set[str]:
        return {item["title"] for item in nation.client.get(f"/feed.json?{query}").json()["items"]}

    first = pushed(jeonbuk, tokens["jeonbuk"], "tag:jeonbuk.example,2026:1", "전북 소식", "kr:52").json()
    assert pushed(busan, tokens["busan"], "tag:busan.example,2026:1", "부산 소식", "kr:26").status_code == 201
    # The same guid at two homes: the article that is pulled first has it.
    assert pushed(jeonbuk, tokens["jeonbuk"], "tag:clash.example,2026:1", "먼저", "kr:52").status_code == 201
    pull()
    assert headlines() == {"전북 소식", "부산 소식", "먼저"}
    assert headlines("office=busan") == headlines("region=kr:26") == {"부산 소식"}
    # The public id is a hash of the guid, so it is the same at home and here.
    assert nation.client.get(f"/articles/{first['id']}.json").json()["headline"] == "전북 소식"

    assert pushed(jeonbuk, tokens["jeonbuk"], "tag:jeonbuk.example,2026:1", "고친 소식", "kr:52", 2).status_code == 201
    assert pushed(busan, tokens["busan"], "tag:clash.example,2026:1", "나중", "kr:26").status_code == 201
    refused = nation.run("source", "pull", "busan")
    assert "tag:clash.example,2026:1" in refused.stdout + refused.stderr
    nation.run("source", "pull", "jeonbuk")
    assert headlines() == {"고친 소식", "부산 소식", "먼저"}

    gone = jeonbuk.client.delete(
        f"/articles/{first['id']}",
        params={"reason": "잘못 나갔습니다."},
        headers={"Authorization": f"Bearer {tokens['jeonbuk']}"},
    )
    assert gone.status_code == 200
    assert nation.run("source", "pull", "jeonbuk").returncode == 0
    assert headlines() == {"부산 소식", "먼저"}
    assert nation.client.get(f"/articles/{first['id']}.json").status_code == 410
