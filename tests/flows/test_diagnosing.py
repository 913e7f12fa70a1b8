"""The file for whoever looks for a mistake holds nobody's data, wherever that may have been entered."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import orjson
from hypothesis import given
from hypothesis import strategies as st

from connector.flows.diagnosing import Diagnosis, masked_settings, scrubbed
from connector.installation_settings import InstallationSettings
from connector.records import EventKind, Unreadable
from connector.store.entries import Observed
from connector.store.figures import Figures
from tests.world import install, open_world

NAME, NUMBER, ADDRESS, LOGIN = "Zofia Przykładowska", "+48601000001", "zofia@example.com", "z.przykladowska"
PLANTED = (
    NAME,
    "Przyk",
    "Zofia",
    "zofia",
    NUMBER,
    "601000001",
    "601 000 001",
    ADDRESS,
    LOGIN,
    "przykladowska",
)

SETTINGS: dict[str, object] = {
    "agent_users": {LOGIN: "7"}, "ignored_numbers": [NUMBER], "dial_out_prefix": "0",
    "links": {"customer": f"https://{LOGIN}.example.com/{{id}}"},
    "queues": [{"kind": "call", "queue": "1", "type": "call", "name": NAME}],
    "deals": {"mirror_group": NAME}, "special_fields": {"customer_deals_page": NAME},
    "alerts": {"emails": [ADDRESS], "webhook": f"https://example.com/{LOGIN}"},
    "contacts": {
        "customers": {
            "to_pipedrive": {"types": [NAME], "groups": [NAME], "labels": [NAME]},
            "fields": [
                {"centre": "name", "pipedrive": "name", "default": NAME, "values": {NAME: NUMBER}},
            ],
        }
    },
}  # fmt: skip
_words = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), max_size=40)


def test_settings_are_masked_and_keep_their_form() -> None:
    settings = InstallationSettings.model_validate(SETTINGS)
    masked = masked_settings(settings)
    assert masked["agent_users"] == {"agent 1": "7"}
    assert masked["ignored_numbers"] == ["***"]
    written = orjson.dumps(masked).decode()
    assert [word for word in PLANTED if word in written] == []
    assert masked_settings(InstallationSettings()) == InstallationSettings().model_dump(mode="json")


@given(_words, _words)
def test_no_reason_lets_through_who_is_named_in_it(before: str, after: str) -> None:
    said = f"{before} {NAME} {NUMBER} {ADDRESS} 'Zofia' ({LOGIN}) name={NAME} tel:601-000-001 {after}"
    shown = scrubbed(said)
    assert [word for word in PLANTED if word in shown and word not in f"{before} {after}"] == []
    assert "000" not in shown.replace("***", "") or "000" in f"{before} {after}"


def test_a_reason_of_our_own_stays_readable() -> None:
    assert scrubbed("The day's Pipedrive tokens are used up") == "The day's Pipedrive tokens are used up"
    assert scrubbed("refused with status 503") == "refused with status 503"


async def test_nobody_is_in_the_file_whose_data_stands_anywhere(tmp_path: Path) -> None:
    async with open_world(tmp_path) as world, world.connector() as service:
        tenant = await install(service, since=None, **SETTINGS)
        (centre,) = tenant.centres
        now = datetime.now(UTC)
        bad = Unreadable(EventKind.CALL, "1", now, f"{NAME} {NUMBER} has no time", raw=ADDRESS)
        await tenant.ledger.collect(centre, [Observed(bad)])
        await service.installations.set_centre_state(tenant.id, centre, "failing", f"{NAME}: {ADDRESS}")
        run = await service.operations.begin_run(tenant.id, f"load {NAME}")
        await service.operations.end_run(run, {"done": 3, NAME: 1}, f"Rejected: {NAME} {NUMBER}")
        await service.alerts.keep_self_test(tenant.id, failed=["types"], problems=[f"agent {NAME} {ADDRESS}"])
        await service.alerts.set_standing(tenant.id, {"centre": NAME})
        tenant = await service.tenant(tenant.id)
        diagnosis = Diagnosis(service.installations, service.alerts, Figures(service.db, service.clock))
        with zipfile.ZipFile(BytesIO(await diagnosis.bundle(tenant))) as file:
            parts = {name: file.read(name).decode() for name in file.namelist()}
    for name, part in parts.items():
        assert [word for word in PLANTED if word in part] == [], name
        for secret in ("demo-api-token", "demo-password", tenant.installed.hook_password):
            assert secret not in part, name
    about, runs = orjson.loads(parts["about.json"]), orjson.loads(parts["runs.json"])
    assert about["connector"]
    assert about["database"] == "sqlite"
    assert runs[0]["counts"]["done"] == 3
    assert orjson.loads(parts["problems.json"])["events"][0]["count"] == 1
