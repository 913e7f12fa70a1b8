"""An administrator says which numbers may be dialled by a click; dials stand in the history, apart from all else."""

from __future__ import annotations

from connector.store.audit import By
from connector.store.live_calls import Order
from tests.serving import Served
from tests.web.agents import an_admin

PAGE = "settings/calls"


async def test_what_may_be_dialled_is_shown_and_saved(open_: Served) -> None:
    admin = await an_admin(open_, language="en")
    page = admin.console(PAGE)
    shown = await admin.open(page)
    fields = shown.form(page)
    assert (fields["refused"].strip(), "premium" in fields, "internal" in fields) == ("+48 70", False, False)
    saved = await admin.press(page, fields | {"internal": "on", "refused": "+7\n\n 0049 30 ;\n"})
    assert "The rules for calls by click are saved." in saved.text
    rules = (await open_.service.tenant(admin.tenant.id)).settings.dialling
    assert (rules.premium, rules.internal, rules.refused) == (False, True, ("+7", "0049 30"))
    assert saved.form(page)["internal"] == "on"


async def test_a_beginning_without_its_country_is_sent_back_as_it_was_written(open_: Served) -> None:
    admin = await an_admin(open_, language="en")
    page = admin.console(PAGE)
    fields = (await admin.open(page)).form(page)
    for refused in ("70", "\n".join(f"+{n}" for n in range(1, 60))):
        again = await admin.press(page, fields | {"premium": "on", "refused": refused})
        assert again.status == 422
        assert "Write each with + and the country" in again.text
        assert (again.form(page)["refused"].strip(), again.form(page)["premium"]) == (refused, "on")
    assert not (await open_.service.tenant(admin.tenant.id)).settings.dialling.premium


async def test_the_page_speaks_polish(open_: Served) -> None:
    admin = await an_admin(open_)
    shown = await admin.open(admin.console(PAGE), "pl")
    assert "Dzwonienie kliknięciem" in shown.text
    assert "rozpocząć 20 połączeń" in shown.text


async def test_the_history_shows_dials_to_whoever_asks_for_them(open_: Served) -> None:
    admin = await an_admin(open_, language="en")
    calls = admin.tenant.live_calls
    order = Order("o", "+48601000001", calls.keys.key("+48601000001"), "+4860…01", None, "link")
    await calls.begin("thulium:demo", "anna", order, By("agent:thulium:demo/anna", "anna"))
    page = admin.console("settings/history")
    assert "Had a number dialled" not in (await admin.open(page)).text
    shown = (await admin.open(f"{page}?with=dial")).text
    assert "Had a number dialled" in shown
    assert "+4860…01" in shown
    assert "601000001" not in shown
