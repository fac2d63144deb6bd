"""The description of every address is complete and valid, and describes what the live server does."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from openapi_spec_validator import validate

from app.web import explained, html, limits, openapi
from app.web.app import BLUEPRINTS, STRUCTS
from app.web.ways import PARAMETERS, WAYS
from tests.conftest import ROOT, Server
from tests.test_cost_of_requests import FORMS, Door, takes
from tests.test_docs import problem_types, routes


@pytest.fixture(scope="module")
def app() -> Flask:
    made = Flask("app", static_folder=None)
    for blueprint in BLUEPRINTS:
        made.register_blueprint(blueprint)
    made.extensions["structs"] = STRUCTS
    return made


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(openapi.written(app, "https://press.example", "Site"))
    return found


def test_every_route_is_described(app: Flask) -> None:
    """A page is in PAGES and a form in FORMS of app/web/html.py; anything else needs a line in WAYS of app/web/ways.py."""
    described = html.PAGES | html.FORMS | set(WAYS)
    missing = {rule.endpoint for rule in app.url_map.iter_rules()} - described
    assert not missing, f"add a line for each to WAYS in app/web/ways.py: {missing}"
    assert not set(WAYS) - {rule.endpoint for rule in app.url_map.iter_rules()}
    found = {f"{operation.method} {operation.path}" for operation in openapi.operations(app)}
    assert found == set(routes()), "each route has a row below Routes in docs/http.md"


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    validate(document)
    ids = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(ids) == len(set(ids)) == len(routes())


def test_what_ways_name_exists() -> None:
    """Parameters have a description, problems a row in docs/http.md, and each row is of a way or of a page."""
    assert {name for way in WAYS.values() for name in way.query} == set(PARAMETERS)
    for endpoint, way in WAYS.items():
        for type in way.problems:
            assert openapi.of_status((type,)), (endpoint, type)
    told = set(openapi.problems()) - set(openapi.FRAMEWORK)
    assert told == set(problem_types())


def test_forms_have_the_fields_that_the_server_reads(app: Flask) -> None:
    by_path = {operation.path: operation.way for operation in openapi.operations(app) if operation.method == "POST"}
    compared = 0
    for path, names in FORMS.items():
        way = by_path.get(path)
        if way is not None and way.fields:
            assert way.fields == names, path
            compared += 1
    assert compared >= 5


def test_objects_are_described_by_their_types(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert {"Article", "Receipt", "Versions", "Compared", "Problem", "Fault"} <= set(schemas)
    assert schemas["Article"]["properties"]["headline"] == {"type": "string"}


def test_a_command_for_each_way_names_this_server(app: Flask) -> None:
    for group in explained.groups(app):
        for one in group.programs:
            said = explained.call(one, "https://a.example/<x>", "busan")
            assert said.startswith("curl ") and "https://a.example/&lt;x&gt;/" in said, said
            assert not re.search(r"[<>]|\{base|%3C", said) and "jeonbuk/" not in said, said


def test_the_pages_show_every_way(server: Server, app: Flask) -> None:
    for group in explained.groups(app):
        page = server.client.get(f"/docs/api/{group.name}", headers={"Accept": "text/html"})
        assert page.status_code == 200 and len(page.content) < 60 * 1024
        for one in group.programs:
            assert f'id="{one.operation.id}"' in page.text
    listed = server.client.get("/docs/api", headers={"Accept": "text/html"}).text
    assert all(f"/docs/api/{group.name}" in listed for group in explained.groups(app))
    problems = server.client.get("/docs/api/problems", headers={"Accept": "text/html"}).text
    assert all(f'id="{type}"' in problems for type in problem_types())


def test_the_server_gives_the_document(server: Server) -> None:
    answer = server.client.get("/openapi.json")
    assert answer.status_code == 200 and answer.headers["Content-Type"] == openapi.MIMETYPE
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.json()["servers"] == [{"url": server.url}]
    assert server.client.get("/openapi.json?limt=1").status_code in (200, 400)


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    made = Door(tmp_path_factory.mktemp("described"))
    yield made
    made.close()


# Read, to refuse it.
REFUSED = {name: {"status"} for name in ("archives.newest", "archives.of_month", "build.outlines", "build.picture")}


@pytest.mark.slow
def test_every_parameter_that_a_way_reads_is_described(door: Door, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """What each route reads is found by asking it, and is what its line in WAYS says."""
    monkeypatch.setattr(limits, "price", lambda: 1)  # it looks at the parameters of every request
    wrong = {}
    adapter = app.url_map.bind("localhost")
    for (method, path), names in takes(door, walks=False).items():
        endpoint, _ = adapter.match(path.replace("{id}", "a" * 26), method=method)
        way = WAYS.get(endpoint)
        if way is not None and (missing := set(names) - set(way.query) - REFUSED.get(endpoint, set())):
            wrong[f"{method} {path}"] = missing
    assert not wrong


SECONDS = 45  # for schemathesis
# The answers are right, but the tool expects others: it takes its invented requests for valid ones about existing things.
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
# Addresses that wait, stop the server's own work, or call other hosts.
LEFT_OUT = r"/static/|/signin|/prove|/desk|/people|/account|/setup|/join|/reset|/forgot|/signout|/preview"


@pytest.mark.slow
def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    """The tool sends the live server right and wrong requests over sockets, and the answers are as the document says."""
    server = Server(tmp_path, workers="1", token_rate="0/day", address_rate="0/day", hub_rate="0/day").start()
    try:
        token = server.office()
        assert server.push(token, (ROOT / "tests" / "releases" / "minimal.xml").read_bytes()).status_code == 201
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json", "--checks", CHECKS),
            *("--header", f"Authorization: Bearer {token}", "--exclude-path-regex", LEFT_OUT, "--max-examples", "15"),
            *("--phases", "examples,coverage,fuzzing", "--seed", "1", "--generation-database", "none", "--no-color"),
            *("--request-timeout", "35", "--workers", "2", "--continue-on-failure", "--max-time", str(SECONDS)),
        ]
        environ = os.environ | {"NO_PROXY": "*", "SCHEMATHESIS_HOOKS": ""}
        done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=SECONDS + 120)
        assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    finally:
        server.close()
