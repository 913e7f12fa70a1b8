"""Fields of a pair that a person has to decide: asked about by the values both sides hold, and what was answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connector.contact_settings import Policy
from connector.flows.contacts.comparing import Plan
from connector.flows.contacts.kinds import CentreRecord, CrmRecord
from connector.flows.contacts.merging import Verdict
from connector.flows.contacts.reading import Reader
from connector.flows.tenant import Tenant
from connector.store.bindings import Bound
from connector.store.questions import Kind as QuestionKind

_ASKING = (Policy.ASK, Policy.NEWEST)


def _subject(bound: Bound, field: str) -> str:
    return f"{bound.entity}:{bound.centre_id}|{field}"


async def ask_about_fields(tenant: Tenant, reader: Reader, made: Sequence[tuple[Bound, Plan]]) -> int:
    """Leave fields to a person, and take back what need not be asked any more; answers how many are asked about."""
    asks = [pair.key for pair in reader.pairs if pair.rule.conflict in _ASKING]
    cases: dict[str, tuple[Sequence[str], Mapping[str, object]]] = {}
    settled: list[str] = []
    for bound, one in made:
        for field, (centre, crm) in one.asked.items():
            detail = {
                "field": field,
                "centre": centre,
                "pipedrive": crm,
                "pair": bound.centre_id,
                "person": bound.crm_id,
            }
            cases[_subject(bound, field)] = ("centre", "pipedrive"), detail
        settled += [_subject(bound, field) for field in asks if field not in one.asked]
    await tenant.questions.ask_each(QuestionKind.FIELD, cases)
    await tenant.questions.void(QuestionKind.FIELD, settled)
    return len(cases)


async def decided_fields(
    tenant: Tenant, reader: Reader, pairs: Sequence[tuple[Bound, CentreRecord, CrmRecord]]
) -> list[dict[str, Verdict]]:
    """What a person said about fields of each pair, as far as both values still are those that were shown."""
    asks = [pair for pair in reader.pairs if pair.rule.conflict in _ASKING and not pair.rule.is_set]
    subjects = [_subject(bound, pair.key) for bound, _, _ in pairs for pair in asks]
    answers = await tenant.questions.of(QuestionKind.FIELD, subjects)
    decided: list[dict[str, Verdict]] = []
    for bound, centre, crm in pairs:
        found: dict[str, Verdict] = {}
        for pair in asks:
            asked = answers.get(_subject(bound, pair.key))
            if asked is None or asked.decision is None:
                continue
            held = (reader.held(pair, centre) or "", reader.held(pair, crm) or "")
            if held != (asked.detail.get("centre"), asked.detail.get("pipedrive")):
                continue
            centre_wins = asked.decision.get("choose") == "centre"
            found[pair.key] = Verdict.TO_PIPEDRIVE if centre_wins else Verdict.TO_CENTRE
        decided.append(found)
    return decided
