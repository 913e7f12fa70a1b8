"""Fields of a pair that a person has to decide: asked about by the values both sides hold, and what was answered."""

from __future__ import annotations

from collections.abc import Mapping

from connector.contact_settings import Policy
from connector.flows.contacts.comparing import Plan
from connector.flows.contacts.kinds import CentreRecord, CrmRecord
from connector.flows.contacts.merging import Verdict
from connector.flows.contacts.reading import Reader
from connector.flows.tenant import Tenant
from connector.store.bindings import Bound
from connector.store.questions import Asked
from connector.store.questions import Kind as QuestionKind

_ASKING = (Policy.ASK, Policy.NEWEST)


def _subject(bound: Bound, field: str) -> str:
    return f"{bound.entity}:{bound.centre_id}|{field}"


async def ask_about_fields(tenant: Tenant, bound: Bound, reader: Reader, made: Plan) -> int:
    """Leave fields to a person, and take back what need not be asked any more; answers how many are asked about."""
    questions = tenant.questions
    for field, (centre, crm) in made.asked.items():
        detail = {
            "field": field,
            "centre": centre,
            "pipedrive": crm,
            "pair": bound.centre_id,
            "person": bound.crm_id,
        }
        await questions.ask(QuestionKind.FIELD, _subject(bound, field), ("centre", "pipedrive"), detail)
    asks = [pair.key for pair in reader.pairs if pair.rule.conflict in _ASKING]
    settled = [_subject(bound, field) for field in asks if field not in made.asked]
    if settled:
        await questions.void(QuestionKind.FIELD, settled)
    return len(made.asked)


async def decided_fields(
    tenant: Tenant, reader: Reader, bound: Bound, centre: CentreRecord, crm: CrmRecord
) -> dict[str, Verdict]:
    """What a person said about fields, as far as both values still are those that were shown."""
    subjects = {
        _subject(bound, pair.key): pair
        for pair in reader.pairs
        if pair.rule.conflict in _ASKING and not pair.rule.is_set
    }
    answers: Mapping[str, Asked] = await tenant.questions.of(QuestionKind.FIELD, list(subjects))
    found: dict[str, Verdict] = {}
    for subject, asked in answers.items():
        pair = subjects[subject]
        held = (reader.held(pair, centre) or "", reader.held(pair, crm) or "")
        if asked.decision is None or held != (asked.detail.get("centre"), asked.detail.get("pipedrive")):
            continue
        centre_wins = asked.decision.get("choose") == "centre"
        found[pair.key] = Verdict.TO_PIPEDRIVE if centre_wins else Verdict.TO_CENTRE
    return found
