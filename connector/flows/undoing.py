"""The activities of a run are taken back because a person ordered it: only those that are ours and that nobody has edited.

Each is read before it is deleted. An entry is settled only once its activity is known to be gone, so an undo that was cut
short, by a stop or by a lost answer, is run again and goes on where it was: what is gone already is found gone.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from connector.errors import ConnectorError, Misconfigured, NotFound, UnknownOutcome
from connector.flows.activities import shown_hash
from connector.flows.collecting import observe
from connector.flows.deciding import names_of, topic_of
from connector.flows.rendering import marker_in, render, topic_names
from connector.flows.tenant import Tenant
from connector.flows.verifying import UNEDITED, sees_others
from connector.flows.worker import HALTING
from connector.i18n import LANGUAGES, translator
from connector.pipedrive.budget import Budget, Lane
from connector.pipedrive.operations import price
from connector.pipedrive.records import Activity
from connector.store.audit import Doer
from connector.store.entries import TAKEN_BACK, Entry
from connector.store.withdrawals import RunWrote, Sent, Withdrawals

EDITED = "edited since"
OF_ANOTHER = "made by another user"
OUT_OF_SIGHT = "not to be seen by the user of the sync"
STILL_HEALING = "sent more than once, and a double is still looked for"
UNANSWERED = "no answer came, and it still stands"

#: Tokens for each activity: it is read, then deleted.
TOKENS_EACH = price("GET", "/api/v2/activities/{id}") + price("DELETE", "/api/v2/activities/{id}")
#: Lost answers are read once more, and whether others' activities are seen is asked once.
_SPARE_SHARE, _SPARE_TOKENS = 0.05, 20
_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Undoable:
    """What of a run can be taken back, at how many tokens at most, and what was and can be written again."""

    activities: int
    tokens: int
    taken_back: int


@dataclass(slots=True)
class Withdrawn:
    """How far it is: `gone` are those that somebody had deleted before, `left` are counted by their reason.

    `stopped` says why it did not get to the end, so that it has to be run again.
    """

    activities: int = 0
    taken_back: int = 0
    gone: int = 0
    left: Counter[str] = field(default_factory=Counter)
    stopped: str = ""
    ended: bool = False

    @property
    def looked_at(self) -> int:
        """How many have been seen to."""
        return self.taken_back + self.gone + self.left.total()

    def report(self) -> dict[str, object]:
        """The same as one JSON object."""
        found: dict[str, object] = {
            "activities": self.activities, "taken_back": self.taken_back, "gone_before": self.gone,
            "left_as_they_are": dict(self.left),
        }  # fmt: skip
        return found | ({"stopped": self.stopped} if self.stopped else {})


async def undoable(tenant: Tenant, run_id: int) -> Undoable:
    """What of a run can be taken back; costs nothing. Misconfigured for a run that is not known or is under way."""
    wrote = await _wrote(tenant, run_id)
    return Undoable(wrote.standing, cost_of(wrote.standing), wrote.taken_back)


def cost_of(activities: int) -> int:
    """Tokens that taking back so many activities costs at most; none for none."""
    return 0 if not activities else int(activities * TOKENS_EACH * (1 + _SPARE_SHARE)) + _SPARE_TOKENS


async def _wrote(tenant: Tenant, run_id: int) -> RunWrote:
    wrote = await Withdrawals(tenant.ledger).wrote(run_id)
    if wrote is None:
        raise Misconfigured(f"There is no run {run_id} here, or not any more.")
    if wrote.is_under_way:
        raise Misconfigured(f"Run {run_id} is still under way; stop it first, or wait for its end.")
    return wrote


async def take_back(tenant: Tenant, run_id: int, doer: Doer, withdrawn: Withdrawn | None = None) -> Withdrawn:
    """Delete the activities that a run wrote, for at most what `undoable` said; answers `withdrawn`, kept as it goes.

    The audit trail has the order before the first is deleted, and what came of it after the last.
    """
    done = withdrawn or Withdrawn()
    store = Withdrawals(tenant.ledger)
    done.activities = (await _wrote(tenant, run_id)).standing
    paying = tenant.paying(Lane.BACKFILL, Budget(cost_of(done.activities)))
    await tenant.audit.note(doer, "undo activities", run=run_id, activities=done.activities)
    try:
        await tenant.people()
        sees_all, after = await sees_others(paying), 0
        while batch := await store.standing(run_id, after=after, limit=_AT_ONCE):
            after = batch[-1].entry.id
            await _take_back_all(paying, store, batch, doer, done, sees_all=sees_all)
    except HALTING as error:
        done.stopped = str(error)
    finally:
        done.ended = True
        await tenant.audit.note(
            doer, "activities undone", run=run_id, taken_back=done.taken_back, gone=done.gone, left=done.left.total()
        )  # fmt: skip
    return done


async def _take_back_all(
    tenant: Tenant, store: Withdrawals, batch: Sequence[Sent], doer: Doer, done: Withdrawn, *, sees_all: bool
) -> None:
    """See to a batch and settle what of it is gone, whatever became of the rest."""
    outcomes = await asyncio.gather(
        *(_take_back_one(tenant, sent, sees_all=sees_all) for sent in batch), return_exceptions=True
    )
    gone: list[Entry] = []
    for sent, outcome in zip(batch, outcomes, strict=True):
        if isinstance(outcome, BaseException):
            if _blocks_itself(outcome):
                done.left[str(outcome)] += 1
        elif isinstance(outcome, str):
            done.left[outcome] += 1
        else:
            gone.append(sent.entry)
            done.taken_back += outcome
            done.gone += not outcome
    day = tenant.clock.now().date().isoformat()
    await store.take_back(gone, f"{TAKEN_BACK}{doer.name or doer.by}, {day}")
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not _blocks_itself(outcome):
            raise outcome


def _blocks_itself(error: BaseException) -> bool:
    """Whether an error concerns one activity alone."""
    return isinstance(error, ConnectorError) and not isinstance(error, HALTING)


async def _take_back_one(tenant: Tenant, sent: Sent, *, sees_all: bool) -> bool | str:
    """Delete one activity: True when that was done, False when it was gone before, or why it is left as it is."""
    entry, api = sent.entry, tenant.pipedrive
    if sent.heal_at is not None:
        return STILL_HEALING
    # What this user may not see is not gone.
    may_see = sees_all or sent.trace.get("owner") == tenant.installed.owner_user_id
    activity = await _read(tenant, entry)
    if activity is None:
        return False if may_see else OUT_OF_SIGHT
    if (why := await _left_alone(tenant, sent, activity)) is not None:
        return why
    try:
        await api.delete_activity(activity.id)
    except NotFound:
        # It stood a moment ago: an answer was lost underneath, and the call repeated there.
        return True
    except UnknownOutcome:
        return True if await _read(tenant, entry) is None else UNANSWERED
    return True


async def _read(tenant: Tenant, entry: Entry) -> Activity | None:
    """The activity of an entry as it is now; None when there is none to be seen."""
    try:
        activity = await tenant.pipedrive.activity(entry.crm_id or "")
    except NotFound:
        return None
    return None if activity.is_deleted else activity


async def _left_alone(tenant: Tenant, sent: Sent, activity: Activity) -> str | None:
    """Why an activity may not be taken back: it is not ours, or not as we left it."""
    entry, trace = sent.entry, sent.trace
    if activity.creator_user_id not in (tenant.installed.owner_user_id, None):
        return OF_ANOTHER
    as_sent = (
        marker_in(activity.note) == entry.marker
        and trace.get("type", activity.type) == activity.type
        and trace.get("owner", activity.owner_id) == activity.owner_id
    )
    if not as_sent:
        return EDITED
    if activity.add_time is None or activity.update_time is None:
        return EDITED
    if activity.update_time - activity.add_time <= UNEDITED or await _shows_our_words(
        tenant, entry, activity
    ):
        return None
    return EDITED


async def _shows_our_words(tenant: Tenant, entry: Entry, activity: Activity) -> bool:
    """Whether the last edit was ours: a topic that came late. The note is compared as it was read back then."""
    event = entry.event
    if event is None or not entry.shown or not activity.done:
        return False
    if entry.shown.partition(" ")[2] != shown_hash(tenant, None, activity.note).partition(" ")[2]:
        return False
    try:
        topic = await topic_of(tenant, entry)
    except ConnectorError:
        return False
    names = names_of(entry, event, tenant.directory)
    return activity.subject in {
        render(
            event, topic_names(names, words), tenant.settings.links, entry.marker, translator(language)
        ).subject
        for language in LANGUAGES
        for words in {None, topic}
    }


async def write_again(tenant: Tenant, run_id: int, doer: Doer) -> int:
    """Have the events of a run whose activities were taken back decided anew; the next run writes them by today's rules."""
    await _wrote(tenant, run_id)
    again = await Withdrawals(tenant.ledger).write_again(run_id, partial(observe, tenant))
    await tenant.audit.note(doer, "write again", run=run_id, entries=again)
    return again
