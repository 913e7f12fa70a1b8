"""The pages of the simulated Pipedrive."""

import re

import pytest

from connector.sandbox.pipedrive.notes import clean
from tests.sandbox.pipedrive_client import Crm

SEED = {
    "organizations": [{"name": "Źródło S.A."}],
    "persons": [{"name": "Łucja <b>Żak</b>", "phones": ["+48 601 000 001"], "org": "Źródło S.A."}],
    "deals": [{"title": "Umowa", "person": "Łucja <b>Żak</b>", "value": 1500}],
    "activities": [
        {
            "subject": "Połączenie", "type": "call", "done": True, "person": "Łucja <b>Żak</b>", "deal_id": 1,
            "org": "Źródło S.A.", "due_date": "2026-08-22", "due_time": "13:05",
            "note": "<b>Kolejka:</b> Sprzedaż<script>alert(1)</script><img src=x onerror=alert(2)>",
        }
    ],
}  # fmt: skip
PATHS = (
    "/",
    "/contacts",
    "/person/1",
    "/organization/1",
    "/deals",
    "/deal/1",
    "/activities/1",
    "/webhooks",
    "/tokens",
)


@pytest.mark.parametrize("path", [*PATHS, "/_sandbox/switchboard"])
async def test_every_page_shows_outside_text_as_text(crm: Crm, path: str) -> None:
    await crm.sandbox("seed", SEED)
    reply = await crm.get(path)
    assert reply.status == 200
    assert "<script>" not in reply.json
    assert "onerror" not in reply.json
    assert "<b>Żak" not in reply.json
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert '<html lang="en">' in reply.json
    assert " style=" not in reply.json


async def test_a_page_of_an_empty_company_says_so(crm: Crm) -> None:
    for path in ("/contacts", "/deals", "/webhooks", "/tokens"):
        assert "yet." in (await crm.get(path)).json or "Nobody" in (await crm.get(path)).json
    for path in ("/person/9", "/contacts?company=1", "/contacts?company=x"):
        assert (await crm.get(path)).status == 404


async def test_an_address_on_the_companys_own_host_leads_to_its_page(crm: Crm) -> None:
    await crm.sandbox("seed", SEED)
    for path, led in (("person/1", "/person/1"), ("persons/list", "/contacts")):
        reply = await crm.get(f"/of/przyklad/{path}")
        assert (reply.status, reply.headers["location"].partition("?")[0]) == (303, led)
        assert "Łucja" in (await crm.get(reply.headers["location"])).json
    assert (await crm.get("/of/nobody/person/1")).status == 404


async def test_a_person_shows_the_timeline_and_links_to_call(crm: Crm) -> None:
    await crm.sandbox("seed", SEED)
    page = (await crm.get("/person/1")).json
    assert "Łucja &lt;b&gt;Żak&lt;/b&gt;" in page
    assert 'href="callto:+48601000001"' in page
    assert "<b>Kolejka:</b> Sprzedaż" in page


async def test_saving_the_form_changes_the_person_like_somebody_in_pipedrive(crm: Crm) -> None:
    await crm.sandbox("seed", SEED)
    form = {"name": "Łucja Mróz", "phones": "601000002\r\n+48 601 000 001", "emails": ""}
    async with crm.session.post(crm.base + "/person/1", data=form) as response:
        assert response.status == 200
    person = (await crm.get("/api/v2/persons/1")).data
    assert person["name"] == "Łucja Mróz"
    assert [(way["value"], way["primary"]) for way in person["phones"]] == [
        ("601000002", True),
        ("+48 601 000 001", False),
    ]
    async with crm.session.post(crm.base + "/person/1", data=form | {"name": " "}) as response:
        assert response.status == 400
    async with crm.session.post(crm.base + "/person/1", data=form | {"order": "delete"}) as response:
        assert "Deleted" in await response.text()


async def test_faults_are_switched_on_and_off_by_hand(crm: Crm) -> None:
    board = crm.base + "/_sandbox/switchboard"
    form = {
        "order": "add",
        "kind": "status_before",
        "status": "503",
        "path": "/users",
        "times": "",
        "nth": "",
    }
    async with crm.session.post(board, data=form) as response:
        assert "1 on." in await response.text()
    assert (await crm.get("/v1/users/me")).status == 503
    async with crm.session.post(board, data={"order": "clear"}):
        pass
    assert (await crm.get("/v1/users/me")).status == 200
    async with crm.session.post(board, data=form | {"path": "("}) as response:
        assert response.status == 400
    async with crm.session.post(board, data={"order": "clock", "offset_seconds": "3600"}) as response:
        assert 'value="3600"' in await response.text()


@pytest.mark.parametrize(
    ("note", "shown"),
    [
        ("<b>a</b><br>b &amp; c", "<b>a</b><br>b &amp; c"),
        ("<b>open <i>deep", "<b>open <i>deep</i></b>"),
        ("</b>stray</p>", "stray"),
        ("<b>x</i></b>", "<b>x</b>"),
        ('<a href="javascript:alert(1)">x</a>', "x"),
        ('<a href="https://example.com/?a=1&b=2" onclick="x">y</a>',
         '<a href="https://example.com/?a=1&amp;b=2" rel="noreferrer">y</a>'),
        ("<style>p{}</style>text<script>1<b>2</script>after", "textafter"),
        ("<svg/onload=alert(1)>", ""),
        (None, ""),
    ],
)  # fmt: skip
def test_notes_keep_a_few_marks_and_lose_the_rest(note: str | None, shown: str) -> None:
    assert clean(note) == shown


async def test_every_form_control_has_a_label(crm: Crm) -> None:
    await crm.sandbox("seed", SEED)
    consent = "/oauth/authorize?client_id=demo-client&redirect_uri=http://127.0.0.1:1/cb"
    for path in ("/person/1", "/contacts", "/_sandbox/switchboard", consent):
        page = (await crm.get(path)).json
        controls = re.findall(
            r"<(?:input|select|textarea)(?![^>]*type=\"hidden\")[^>]* id=\"([^\"]+)\"", page
        )
        assert controls
        assert set(controls) <= set(re.findall(r"<label for=\"([^\"]+)\"", page))


async def test_an_organization_is_renamed_by_hand_and_a_person_changes_it(crm: Crm) -> None:
    await crm.sandbox("seed", SEED)
    form = {"name": "Źródło Plus", "address": "Łódź", "website": ""}
    async with crm.session.post(crm.base + "/organization/1", data=form, allow_redirects=False) as reply:
        assert reply.status == 303
    organization = (await crm.get("/api/v2/organizations/1")).data
    assert (organization["name"], organization["address"]["value"]) == ("Źródło Plus", "Łódź")
    form = {"name": "Łucja Żak", "phones": "", "emails": "", "org_id": ""}
    async with crm.session.post(crm.base + "/person/1", data=form, allow_redirects=False) as reply:
        assert reply.status == 303
    assert (await crm.get("/api/v2/persons/1")).data["org_id"] is None


async def test_an_address_in_a_custom_field_is_a_link_and_nothing_else_is(crm: Crm) -> None:
    link = "https://centre.example.com/customers/7"
    seed = {
        "fields": [{"entity": "person", "name": name, "type": "varchar"} for name in ("Card", "Trap")],
        "persons": [{"name": "Jan", "custom_fields": {"Card": link, "Trap": "javascript:alert(1)"}}],
    }
    await crm.sandbox("seed", seed)
    page = (await crm.get("/person/1")).json
    assert f'<a href="{link}">' in page
    assert 'href="javascript' not in page
