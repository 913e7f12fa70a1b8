"""What a check or saving finds amiss, and why a system is not let in, in the reader's language and in the console's words."""

from __future__ import annotations

import re
from collections.abc import Iterable

from connector.flows.checking import DELETED, NO_ADDRESS
from connector.i18n import Translate
from connector.pipedrive.credentials import REFUSED
from connector.web.console.settings.history_words import place_names
from connector.web.console.settings.right_words import needed_for


def finding(sentence: str, _: Translate) -> str:
    """A finding in words; empty for one that is known in English only, such as what another system answered."""
    return _told(sentence, _)[0]


def _told(sentence: str, _: Translate) -> tuple[str, str]:
    """A finding in words, and what of it another system answered."""
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
        (rf"special_fields\.(?P<setting>\w+): {re.escape(DELETED)}", _("Pipedrive no longer has the special field “%(setting)s”: choose another one under Special fields, or have it made.")),
        (r"\w+: the field (?P<q>['\"])(?P<field>.*)(?P=q) could not be made: (?P<rest>.*)", _("Pipedrive did not let the field “%(field)s” be made.")),
        (r"the special fields could not be made, which is tried again by night: (?P<rest>.*)", _("The special fields could not be made. It is tried again by night.")),
        (r"contacts\.\w+\.fields could not be compared with Pipedrive's: (?P<rest>.*)", _("The rows under Fields could not be compared with Pipedrive’s fields.")),
        (r"contacts\.\w+\.fields, .*: Pipedrive has no custom field (?P<q>['\"])(?P<name>.*)(?P=q), it may .*", _("Pipedrive has no custom field “%(name)s”: it was deleted or renamed. Choose another field, or remove the row.")),
        (r"contacts\.\w+\.fields, .*: Pipedrive has several custom fields (?P<q>['\"])(?P<name>.*)(?P=q); .*", _("Pipedrive has several fields called “%(name)s”. Choose which of them is meant.")),
        (r"contacts\.\w+\.fields, .*: (?P<q>['\"])(?P<name>.*)(?P=q) is a field of the type (?P<type>\w+), which .*", _("“%(name)s” is a field of the type %(type)s, which the connector cannot write. Choose a field of text, number, date, phone or choices.")),
        (r"contacts\.\w+\.fields, .*: (?P<q>['\"])(?P<name>.*)(?P=q) is no field with choices, .*", _("“%(name)s” is no field with choices, so its values have no label. Choose another way to write the value.")),
        (r"agents and users could not be compared with those that there are: (?P<rest>.*)", _("Agents and users could not be compared with those that there are.")),
        (r"\S+: (?P<right>.+) does not work: (?P<needed>.+)", _("The right “%(right)s” does not work. It is needed for: %(needed)s.")),
    )  # fmt: skip
    for pattern, words in said:
        if found := re.fullmatch(pattern, sentence):
            names = found.groupdict()
            names["setting"] = place_names(_).get(names.get("setting", ""), "")
            names["needed"] = needed_for(names.get("needed", ""), _)
            return words % names, names.get("rest", "")
    return "", sentence


def findings(sentences: Iterable[str], _: Translate) -> tuple[str, str]:
    """Several, one after the other: what is said in words, and what is said in English only."""
    told = [_told(sentence, _) for sentence in sentences]
    return " ".join(words for words, _rest in told if words), "; ".join(rest for _words, rest in told if rest)
