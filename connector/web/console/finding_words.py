"""What a check or saving finds amiss, and why a system is not let in, in the reader's language and in the console's words."""

from __future__ import annotations

import re
from collections.abc import Iterable

from connector.flows.checking import NO_ADDRESS
from connector.i18n import Translate
from connector.pipedrive.credentials import REFUSED


def finding(sentence: str, _: Translate) -> str:
    """A finding in words; empty for one that is known in English only, such as what another system answered."""
    said: tuple[tuple[str, str], ...] = (
        (re.escape(REFUSED), _("Pipedrive refuses the token, even renewed: the owner of the sync or an administrator connects it again.")),
        (r"Pipedrive does not accept the personal API token", _("Pipedrive does not accept the personal API token: enter another one.")),
        (r"Pipedrive no longer accepts this grant: connect Pipedrive again", _("The permission was taken back in Pipedrive, or nobody used it for 60 days.")),
        (r"\w+ does not know this API user or password", _("The contact centre does not know this API user or password.")),
        (re.escape(NO_ADDRESS), _("The connector has no public https address: changes are looked for every half hour.")),
        (r"activity type '(?P<type>.*)' is not active in Pipedrive", _("The activity type “%(type)s” is not active in Pipedrive: choose another one under Activities.")),
        (r"agents without a Pipedrive user, and no fallback owner: (?P<count>\d+)", _("Agents without a Pipedrive user: %(count)s, and no fallback owner. Choose them under Agents.")),
        (r"agent_users: no contact centre has an agent '(?P<agent>.*)'", _("No contact centre has the agent “%(agent)s”: the row has no effect.")),
        (r"agent_users: the user of '(?P<agent>.*)' is no active user of Pipedrive: '(?P<user>.*)'", _("The user of “%(agent)s” is no active user of Pipedrive: choose another one under Agents.")),
        (r"fallback_owner is no active user of Pipedrive: .*", _("The fallback owner is no active user of Pipedrive: choose another one under Agents.")),
        (r"webhook of (?P<what>\w+) is missing", _("Pipedrive’s webhook is missing: %(what)s. It is made again by night.")),
        (r"webhook of (?P<what>\w+) is there (?P<count>\d+) times", _("Pipedrive’s webhook is there several times: %(what)s.")),
        (r"scope (?P<scope>\S+) is missing: .*", _("The scope %(scope)s is missing: add it to the app in Pipedrive, then connect again.")),
        (r"the clock of the connector's machine is (?P<seconds>\d+) s off .*", _("The clock of the connector’s machine is wrong by %(seconds)s s: have its operator set it.")),
        (r"customers and companies: (?P<count>\d+)(?: or more)? cannot be kept the same: .*", _("Records that cannot be kept in step: %(count)s.")),
        (r"customers and companies: (?P<count>\d+)(?: or more)? are the same as another .*", _("Second records of the same: %(count)s. Merge them in the contact centre.")),
        (r"customers and companies: (?P<count>\d+)(?: or more)? fields are not carried over: .*", _("Pairs of which a field is not carried over: %(count)s.")),
        (r".* wrote more than is usual and waits: .*", _("Changes of customers are paused: they are more than usual.")),
        (r"special_fields\.\w+ is empty: .*", _("A special field is not chosen: have it made under Special fields.")),
    )  # fmt: skip
    for pattern, words in said:
        if found := re.fullmatch(pattern, sentence):
            return words % found.groupdict()
    return ""


def findings(sentences: Iterable[str], _: Translate) -> tuple[str, str]:
    """Several, one after the other: what is said in words, and what is said in English only."""
    words: list[str] = []
    rest: list[str] = []
    for sentence in sentences:
        said = finding(sentence, _)
        (words if said else rest).append(said or sentence)
    return " ".join(words), "; ".join(rest)
