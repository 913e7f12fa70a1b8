import re
from pathlib import Path

import orjson
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from connector.settings import Settings
from connector.web.pages import asset
from tests.web.conftest import Open

SECRET = "words-of-a-stranger"


async def crash(_request: web.Request) -> web.Response:
    raise LookupError(SECRET)


async def refuse(_request: web.Request) -> web.Response:
    raise web.HTTPUnauthorized(headers={"WWW-Authenticate": 'Basic realm="hooks"'})


async def read(request: web.Request) -> web.Response:
    return web.Response(body=await request.read(), status=202)


EXTRA = (
    web.get("/crash", crash),
    web.get("/api/crash", crash),
    web.post("/read/{id}", read),
    web.post("/hooks/{path}", read),
    web.post("/hooks/refused/{path}", refuse),
    web.post("/hooks/crash/{path}", crash),
)


@pytest.mark.parametrize(
    "path", ["/", "/install", "/nowhere", "/crash", "/oauth/callback", asset("page.css")]
)
async def test_every_answer_to_a_browser_carries_the_safe_headers(open_site: Open, path: str) -> None:
    headers = (await (await open_site(extra=EXTRA)).get(path)).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "camera=()" in headers["permissions-policy"]
    assert headers["server"] == "connector"
    assert "strict-transport-security" not in headers


async def test_https_is_to_stay_https(open_site: Open) -> None:
    site = await open_site(Settings(_env_file=None, public_url="https://connector.example.com"))
    assert (await site.get("/")).headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize(
    ("method", "path", "status", "english", "polish"),
    [
        ("GET", "/nowhere", 404, "There is no such page", "Nie ma takiej strony"),
        ("POST", "/", 405, "That cannot be done here", "Tego nie można tu zrobić"),
        ("GET", "/crash", 500, "Something went wrong on our side", "Coś poszło nie tak po naszej stronie"),
        ("DELETE", "/oauth/callback", 401, "Sign in first", "Najpierw się zaloguj"),
    ],
)
async def test_an_error_is_a_page_in_the_visitors_language(
    open_site: Open, method: str, path: str, status: int, english: str, polish: str
) -> None:
    site = await open_site(extra=EXTRA)
    for language, sentence in (("en", english), ("pl", polish)):
        answer = await site.ask(
            method, path, headers={"Accept-Language": language, "Accept": "text/html, */*"}
        )
        assert answer.status == status
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert f"<h1>{sentence}</h1>" in answer.text
        assert SECRET not in answer.text


async def test_a_405_says_what_is_allowed(open_site: Open) -> None:
    answer = await (await open_site()).ask("POST", "/")
    assert set(answer.headers["allow"].split(",")) == {"GET", "HEAD"}


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        ("/health/nowhere", "*/*"),
        ("/hooks/nowhere/x/y", "*/*"),
        ("/x", "application/json"),
    ],
)
async def test_machines_get_json(open_site: Open, path: str, accept: str) -> None:
    answer = await (await open_site(extra=EXTRA)).get(path, Accept=accept)
    assert answer.status == 404
    assert orjson.loads(answer.text)["error"] == "Not Found"


async def test_the_api_answers_problem_details(open_site: Open) -> None:
    site = await open_site(extra=EXTRA)
    for path, status, title in (
        ("/api/nowhere", 404, "Not Found"),
        ("/api/crash", 500, "Internal Server Error"),
    ):
        answer = await site.get(path, Accept="text/html")
        assert answer.headers["content-type"] == "application/problem+json; charset=utf-8"
        problem = orjson.loads(answer.text)
        assert (answer.status, problem["status"], problem["title"]) == (status, status, title)
        assert problem["request_id"] == answer.headers["x-request-id"]
        assert SECRET not in answer.text


async def test_a_crash_is_logged_by_its_place_and_found_by_its_reference(open_site: Open) -> None:
    site = await open_site(extra=EXTRA)
    with capture_logs() as logs:
        answer = await site.get(f"/crash?{SECRET}")
    (failure,) = [line for line in logs if line["log_level"] == "error"]
    assert failure["error"] == "LookupError"
    assert failure["at"][-1].endswith(" crash")
    assert SECRET not in str(logs)
    (reference,) = re.findall(r"<code>(\w+)</code>", answer.text)
    assert answer.headers["x-request-id"] == reference


async def test_the_access_line_names_the_pattern_and_no_more(open_site: Open) -> None:
    site = await open_site(extra=EXTRA)
    with capture_logs() as logs:
        await site.ask("POST", f"/read/{SECRET}?{SECRET}", data=SECRET)
        await site.get(f"/{SECRET}")
        await site.get(asset("page.css"))
    lines = [line for line in logs if line["log_level"] == "info"]
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("POST", "/read/{id}", 202),
        ("GET", "none", 404),
    ]
    assert SECRET not in str(logs)
    assert "127.0.0.1" not in str(logs)


async def test_webhooks_pass_the_frame_untouched(open_site: Open) -> None:
    site = await open_site(extra=EXTRA)
    with capture_logs() as logs:
        answer = await site.ask("POST", "/hooks/abc", data=b"body")
    assert (answer.status, answer.text) == (202, "body")
    assert "content-security-policy" not in answer.headers
    assert logs == []


async def test_a_refused_or_crashed_webhook_is_told_so_in_json(open_site: Open) -> None:
    site = await open_site(extra=EXTRA)
    refused = await site.ask("POST", "/hooks/refused/abc")
    assert refused.status == 401
    assert refused.headers["www-authenticate"] == 'Basic realm="hooks"'
    assert orjson.loads(refused.text) == {"error": "Unauthorized", "status": 401}
    with capture_logs() as logs:
        crashed = await site.ask("POST", "/hooks/crash/abc")
    assert crashed.status == 500
    assert SECRET not in crashed.text + str(logs)
    assert [line["event"] for line in logs] == ["unexpected failure"]


async def test_static_files_are_kept_for_ever_under_an_address_of_their_content(open_site: Open) -> None:
    site = await open_site()
    answer = await site.get(asset("tokens.css"))
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert asset("tokens.css") in (await site.get("/")).text

    old = await site.get("/static/000000000000/tokens.css")
    assert (old.status, old.headers["cache-control"]) == (200, "no-cache")
    assert old.text == answer.text
    assert (await site.get(asset("icon.svg"))).headers["content-type"] == "image/svg+xml"


@pytest.mark.parametrize("name", ["nothing.css", "..%2finstall.py", "%2e%2e", "../../install.py"])
async def test_no_other_file_is_served(open_site: Open, name: str) -> None:
    site = await open_site()
    assert (await site.get(f"/static/000000000000/{name}")).status == 404


def test_no_template_holds_inline_script_or_style() -> None:
    folder = Path(__file__).parents[2] / "connector" / "web" / "templates"
    for path in folder.rglob("*.html"):
        text = re.sub(
            r'<script src="{{ asset\("\w+\.js"\) }}" (?:defer|type="module")></script>', "", path.read_text()
        )
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:", text), path
