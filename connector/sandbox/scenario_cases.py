"""The hard cases of the scripted day, each a few lines, and the timetable that says when they happen."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from connector.sandbox.scenario_cast import OGRODY, ROWERY, Someone
from connector.sandbox.scenario_stage import (
    OUTBOUND,
    PARKED,
    SKIPPED,
    UNDECIDED,
    WAITING,
    Fate,
    Stage,
    of,
)
from connector.sandbox.wire import Object

ANNA, JAN, ZOFIA = "anna.nowak", "jan.kowalski", "zofia.zolc"

#: The people of Ogrody to whom the hard cases happen; the ordinary day leaves them alone.
SPECIAL = 12
(
    LATE, LATER, EDITED, DELETED, CARDLESS, TWO_PHONES, ONE_DEAL, TWO_DEALS, GAINED, TYPIST, MERGED, SURVIVOR,
) = OGRODY.people[:SPECIAL]  # fmt: skip
GONE = ROWERY.people[0]
NEWCOMER = Someone("Bożydar Łęcki", "603000100", "bozydar.lecki@example.com")
SECOND_PHONE = "603000200"
NEW_NUMBER = "603000300"

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
# Long enough that the cut falls into the families, Polish letters on both sides of it.
AT_THE_CUT = "Zażółć gęślą jaźń. " * 10 + FAMILY * 40 + " żółw"
STYLE = "<style>" + ".x{color:#123456;background:url(data:image/png;base64,AAAA)}\n" * 34_000 + "</style>"
HUGE_MAIL = (
    "<!doctype html><html><head>" + STYLE.replace("{", "{{").replace("}", "}}") + "</head>"
    "<body><table><tr><td>{}: gazetka</td></tr></table></body></html>"
)
FORGED = "ref:ABCDEFGHIJKLMNOPQRST"


@dataclass
class Scene:
    """The stage at one time of day, what earlier scenes left behind, and what our own people are asked to do."""

    stage: Stage
    now: datetime
    kept: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def ago(self, minutes: int) -> datetime:
        """A moment before now."""
        return self.now - timedelta(minutes=minutes)

    async def activity_of(self, call_id: str) -> Object:
        """The activity of a call, once it is written."""
        events = {event["id"]: event for event in await self.stage.events(OGRODY)}
        wanted = f"</b> {events[call_id]['number']}<br>"
        found = [row for row in await self.stage.activities(OGRODY) if wanted in (row["note"] or "")]
        return next(row for row in found if row["due_time"][:5] == events[call_id]["start"][11:16])


Case = Callable[[Scene], Awaitable[None]]


async def deals(scene: Scene) -> None:
    """One open deal is taken; of two, the one of the agent's own user; else none."""
    await scene.stage.call(OGRODY, ONE_DEAL.line, scene.ago(9), of(ONE_DEAL), agent=ZOFIA)
    await scene.stage.call(OGRODY, TWO_DEALS.line, scene.ago(8), of(TWO_DEALS), agent=ANNA)
    await scene.stage.call(OGRODY, TWO_DEALS.line, scene.ago(5), of(TWO_DEALS), agent=ZOFIA)


async def newcomer_calls(scene: Scene) -> None:
    """Events of somebody who is not in Pipedrive yet: they wait until noon."""
    await scene.stage.call(OGRODY, NEWCOMER.line, scene.ago(6), of(NEWCOMER))
    await scene.stage.ticket(OGRODY, NEWCOMER.email, scene.ago(4), of(NEWCOMER))
    await scene.stage.chat(OGRODY, NEWCOMER, scene.ago(8), of(NEWCOMER))


async def newcomer_appears(scene: Scene) -> None:
    """A salesperson adds the person, and what waited is written."""
    changes = {
        "name": NEWCOMER.name,
        "phones": [{"value": NEWCOMER.written, "primary": True, "label": "mobile"}],
        "emails": [{"value": NEWCOMER.email, "primary": True, "label": "work"}],
    }
    await scene.stage.edit(OGRODY, entity="person", action="create", changes=changes)


async def shared_numbers(scene: Scene) -> None:
    """Five people behind one number: nobody is guessed. Three of one organization: it is theirs."""
    for number, fate in (
        ("225550110", UNDECIDED),
        ("225550120", Fate("written", organization=OGRODY.office[0].organization)),
    ):
        await scene.stage.call(OGRODY, number, scene.ago(9), fate, customer_id=None)
        await scene.stage.call(OGRODY, number, scene.ago(3), fate, kind=OUTBOUND, customer_id=None)


async def hidden_and_internal(scene: Scene) -> None:
    """A withheld number, and colleagues who call each other."""
    await scene.stage.call(OGRODY, "anonymous", scene.ago(7), SKIPPED, disposition="NO ANSWER")
    await scene.stage.call(OGRODY, "392", scene.ago(6), SKIPPED, kind=OUTBOUND, talk=6)
    await scene.stage.call(ROWERY, "392", scene.ago(6), SKIPPED, talk=4)


async def calls_without_topic(scene: Scene) -> None:
    """The agents will write topic and note down later."""
    for name, who in (("late", LATE), ("later", LATER), ("edited", EDITED), ("deleted", DELETED)):
        scene.kept[name] = await scene.stage.call(OGRODY, who.line, scene.ago(8), of(who), agent=JAN)


async def salesperson_edits(scene: Scene) -> None:
    """One activity is edited by a person and another one deleted, before their topics come."""
    edited = await scene.activity_of(scene.kept["edited"])
    changes = {"note": edited["note"] + "<br>Klient prosi o rabat"}
    await scene.stage.edit(OGRODY, entity="activity", action="change", id=edited["id"], changes=changes)
    deleted = await scene.activity_of(scene.kept["deleted"])
    await scene.stage.edit(OGRODY, entity="activity", action="delete", id=deleted["id"])
    scene.stage.deleted_by_people.add((OGRODY.letter, deleted["id"]))


async def topics_come(scene: Scene) -> None:
    """Three agents write down what the calls were about, long after them."""
    for name in ("late", "edited", "deleted"):
        await scene.stage.happen(
            OGRODY, "topic", connection_id=scene.kept[name], topic_id=96, comment="Zamówił 20 sadzonek"
        )


async def topic_comes_last(scene: Scene) -> None:
    """A topic two hours after the call."""
    await scene.stage.happen(
        OGRODY, "topic", connection_id=scene.kept["later"], topic_id=98, comment=AT_THE_CUT
    )


async def strange_agents(scene: Scene) -> None:
    """An agent nobody knows, and one who has left."""
    await scene.stage.call(OGRODY, CARDLESS.line, scene.ago(9), of(CARDLESS), agent="nowy.agent")
    await scene.stage.call(OGRODY, CARDLESS.line, scene.ago(4), of(CARDLESS), agent="stary.agent")


async def at_the_cut(scene: Scene) -> None:
    """Emoji of several code points and Polish letters where texts are cut."""
    await scene.stage.chat(OGRODY, TYPIST, scene.ago(9), of(TYPIST), text=AT_THE_CUT)
    await scene.stage.ticket(
        OGRODY, TYPIST.email, scene.ago(8), of(TYPIST), body="<p>{} " + AT_THE_CUT + "</p>"
    )
    await scene.stage.call(OGRODY, TYPIST.line, scene.ago(7), of(TYPIST), topic_id=97, comment=AT_THE_CUT)


async def huge_mail(scene: Scene) -> None:
    """Two megabytes of HTML around one sentence."""
    await scene.stage.ticket(
        OGRODY, TYPIST.email, scene.ago(6), of(TYPIST), body=HUGE_MAIL, subject="Gazetka"
    )


async def malformed(scene: Scene) -> None:
    """Two calls come in a shape nobody can read: they are parked alone."""
    for branch, who in ((OGRODY, CARDLESS), (ROWERY, ROWERY.people[1])):
        ref = f"broken-{branch.letter}"
        await scene.stage.happen(branch, "broken", id=ref)
        await scene.stage.call(branch, who.line, scene.ago(2), PARKED, connection_id=ref)


async def other_sources(scene: Scene) -> None:
    """Tickets that a form, a call or a chat made: the call and the chat are told already."""
    for n, source in enumerate(("www", "phone", "chat")):
        await scene.stage.ticket(OGRODY, LATE.email, scene.ago(9 - n), SKIPPED, source=source)


async def second_phone(scene: Scene) -> None:
    """Only the customer's card knows this number; another number on it is in Pipedrive."""
    card = await scene.stage.happen(
        OGRODY, "customer", name="Drugi", surname="Telefon", phone_number=[SECOND_PHONE, TWO_PHONES.digits]
    )
    await scene.stage.call(
        OGRODY, SECOND_PHONE, scene.ago(5), of(TWO_PHONES), customer_id=card["id"], disposition="BUSY"
    )


async def gains_a_number(scene: Scene) -> None:
    """Calls of a number that Pipedrive will learn in the afternoon."""
    await scene.stage.call(OGRODY, NEW_NUMBER, scene.ago(5), of(GAINED), customer_id=None)


async def number_is_added(scene: Scene) -> None:
    """A salesperson adds it, but the webhook is lost; those of other edits come twice and in another order."""
    stage, people = scene.stage, await scene.stage.records(OGRODY, "person")
    await stage.post(stage.pipedrive, "hooks/faults", {"lose": 1})
    person = people[GAINED.name]
    phones = [*person["phones"], {"value": NEW_NUMBER, "primary": False, "label": "other"}]
    await stage.edit(OGRODY, entity="person", action="change", id=person["id"], changes={"phones": phones})
    await stage.post(stage.pipedrive, "hooks/faults", {"double": 2, "shuffle": 4})
    for title in ("pani", "dyrektor"):
        for who in (LATE, LATER):
            emails = [*people[who.name]["emails"], _email(f"{title}@example.com")]
            changes: Object = {"emails": emails}
            await stage.edit(
                OGRODY, entity="person", action="change", id=people[who.name]["id"], changes=changes
            )


def _email(address: str) -> Object:
    return {"value": address, "primary": False, "label": "other"}


async def merged_before(scene: Scene) -> None:
    """Calls of two persons who are one: all of them end with the survivor."""
    for who, minutes in ((MERGED, 9), (SURVIVOR, 6)):
        await scene.stage.call(OGRODY, who.line, scene.ago(minutes), of(SURVIVOR))


async def merge(scene: Scene) -> None:
    """A salesperson merges the two."""
    people = await scene.stage.records(OGRODY, "person")
    ids = {"id": people[MERGED.name]["id"], "into": people[SURVIVOR.name]["id"]}
    await scene.stage.edit(OGRODY, entity="person", action="merge", **ids)


async def customer_gone(scene: Scene) -> None:
    """A call of somebody who will be deleted in Pipedrive."""
    await scene.stage.call(ROWERY, GONE.line, scene.ago(7), of(GONE))


async def person_deleted(scene: Scene) -> None:
    """A person is deleted in Pipedrive, and calls once more: nobody hangs anything on a deleted person."""
    people = await scene.stage.records(ROWERY, "person")
    await scene.stage.edit(ROWERY, entity="person", action="delete", id=people[GONE.name]["id"])


async def deleted_calls(scene: Scene) -> None:
    """The deleted person's number calls again."""
    await scene.stage.call(ROWERY, GONE.line, scene.ago(5), WAITING)


async def card_deleted(scene: Scene) -> None:
    """A card is deleted at the contact centre after its chat; the number alone still tells who calls."""
    card = await scene.stage.happen(
        OGRODY, "customer", name="Chwilowa", surname="Karta", phone_number=[CARDLESS.line]
    )
    await scene.stage.call(OGRODY, CARDLESS.line, scene.ago(5), of(CARDLESS), customer_id=card["id"])
    await scene.stage.happen(OGRODY, "customer_deleted", customer_id=card["id"])


async def marker_typed(scene: Scene) -> None:
    """Customers type a marker into a chat: one that was made up, and one copied from an activity of ours."""
    activity = await scene.activity_of(scene.kept["late"])
    copied = re.findall(r"ref:\w{20}", activity["note"])[-1]
    await scene.stage.chat(OGRODY, TYPIST, scene.ago(9), of(TYPIST), text=FORGED)
    await scene.stage.chat(OGRODY, TYPIST, scene.ago(6), of(TYPIST), text=copied, answer=copied)


async def chat_begins(scene: Scene) -> None:
    """A chat begins that will last the whole day."""
    scene.kept["chat"] = await scene.stage.chat(OGRODY, TYPIST, scene.ago(5), None)


async def endless_chat(scene: Scene) -> None:
    """A chat begins that is not closed any more, so that it is no event yet."""
    await scene.stage.chat(ROWERY, ROWERY.people[2], scene.ago(5), None)


async def chat_ends(scene: Scene) -> None:
    """The long chat is closed."""
    await scene.stage.close_chat(OGRODY, scene.kept["chat"], of(TYPIST))


async def wave(scene: Scene) -> None:
    """More tickets at once than a page holds, and two of them move while they are listed."""
    await scene.stage.switch(OGRODY, moving_tickets=2)
    people = OGRODY.people[SPECIAL:]
    for n in range(104):
        who = people[n % len(people)]
        await scene.stage.ticket(OGRODY, who.email, scene.ago(10 - n // 12), of(who), subject="Re: Gazetka")


async def bad_habits_begin(scene: Scene) -> None:
    """For an hour the contact centre answers slowly, with rows twice and out of order."""
    await scene.stage.switch(OGRODY, repeat_lists=True, slow=0.01)


async def bad_habits_end(scene: Scene) -> None:
    """It behaves again."""
    await scene.stage.switch(OGRODY, repeat_lists=False, slow=0.0)


async def tokens_die(scene: Scene) -> None:
    """Pipedrive ends all access tokens, and no longer knows either company's refresh token."""
    stage = scene.stage
    await stage.fault(
        "pipedrive", "status_before", path="^/oauth/token", status=400, times=len(stage.companies)
    )
    await stage.post(stage.pipedrive, "expire", {})


async def reconnected(scene: Scene) -> None:
    """After an hour both administrators connect again."""
    scene.asked += ["reconnect O", "reconnect R"]


async def locked_out(scene: Scene) -> None:
    """The user who installed the connector is locked out of Pipedrive by mistake: even new tokens are refused."""
    body = {"user": scene.stage.users[ROWERY.admin], "active": False}
    await scene.stage.post(scene.stage.pipedrive, "user", body)


async def let_in(scene: Scene) -> None:
    """He is let in again, and connects once more to be safe."""
    body = {"user": scene.stage.users[ROWERY.admin], "active": True}
    await scene.stage.post(scene.stage.pipedrive, "user", body)
    scene.asked.append("reconnect R")


async def access_ends(scene: Scene) -> None:
    """Pipedrive ends all access tokens at once; refresh tokens live."""
    await scene.stage.post(scene.stage.pipedrive, "expire", {})


async def centre_down(scene: Scene) -> None:
    """The contact centre of Rowery is being serviced."""
    await scene.stage.fault("thulium", "status_before", path="^/rowery/api/", status=503, times=None)


async def centre_up(scene: Scene) -> None:
    """It is back."""
    await scene.stage.mend("thulium")


async def type_vanishes(scene: Scene) -> None:
    """An administrator switches off the activity type that chats are written with."""
    body = {"entity": "activity_type", "action": "change", "id": 7, "changes": {"active_flag": False}}
    await scene.stage.edit(ROWERY, **body)
    who = ROWERY.people[3]
    await scene.stage.chat(ROWERY, who, scene.ago(6), of(who))


async def other_type(scene: Scene) -> None:
    """The administrator chooses another type in the connector's settings."""
    scene.asked.append("chats as tasks")


CASES: dict[str, tuple[Case, ...]] = {
    "08:15": (deals, newcomer_calls, shared_numbers, chat_begins),
    "08:30": (hidden_and_internal,),
    "08:45": (calls_without_topic, merged_before, customer_gone),
    "09:00": (strange_agents, salesperson_edits),
    "09:15": (at_the_cut, topics_come, gains_a_number),
    "09:30": (huge_mail,),
    "09:45": (malformed,),
    "10:00": (other_sources, newcomer_calls),
    "10:15": (second_phone,),
    "10:30": (merge, topic_comes_last),
    "10:45": (merged_before, person_deleted),
    "11:15": (deleted_calls, card_deleted),
    "11:30": (wave,),
    "11:45": (bad_habits_begin,),
    "12:00": (newcomer_appears,),
    "12:30": (marker_typed,),
    "12:45": (bad_habits_end, newcomer_calls),
    "13:00": (tokens_die,),
    "14:00": (reconnected,),
    "14:15": (centre_down, merged_before),
    "15:00": (centre_up, access_ends, type_vanishes),
    "15:45": (other_type,),
    "16:00": (number_is_added,),
    "16:30": (gains_a_number, shared_numbers, endless_chat),
    "17:00": (locked_out,),
    "17:30": (chat_ends, deals, let_in),
}
