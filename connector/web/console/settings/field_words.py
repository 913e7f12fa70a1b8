"""The words for fields of both systems, for what a row of the mapping does, and for what is wrong with one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connector.contact_settings import CUSTOM, Policy, Transform, Way
from connector.flows.contacts.checking_fields import Mistake, Wrong
from connector.flows.contacts.pairing import meant_by
from connector.i18n import Translate
from connector.pipedrive.records import Field


def field_words(_: Translate) -> Mapping[str, str]:
    """What the fields that every system has are called on its screens."""
    return {
        "name": _("Name"),
        "phones": _("Phone numbers"),
        "emails": _("Email addresses"),
        "company": _("Company"),
        "organization": _("Organization"),
        "external_id": _("Customer number"),
        "type": _("Customer type"),
        "group": _("Customer group"),
        "owner": _("Owner"),
        "tax_id": _("Tax number"),
        "website": _("Website"),
        "address": _("Address"),
    }


def field_word(name: str, _: Translate, fields: Sequence[Field] | None = None) -> str:
    """What a field is called; a custom field of Pipedrive that is named by its code, by its name."""
    if not name.startswith(CUSTOM):
        return field_words(_).get(name, name)
    own = name.removeprefix(CUSTOM).strip()
    meant = meant_by(own, fields or ())
    return meant[0].name if len(meant) == 1 else own


def way_words(_: Translate) -> Sequence[tuple[str, str]]:
    """Where values go."""
    return (
        (Way.BOTH, _("⇄ both ways")),
        (Way.TO_PIPEDRIVE, _("→ to Pipedrive")),
        (Way.TO_CENTRE, _("← to the contact centre")),
    )


def policy_words(_: Translate) -> Sequence[tuple[str, str]]:
    """Who is right where both sides changed a field."""
    return (
        (Policy.PIPEDRIVE, _("Pipedrive is right")),
        (Policy.CENTRE, _("The contact centre is right")),
        (Policy.NEWEST, _("The newest change is right")),
        (Policy.FILL_EMPTY, _("Only fill what is empty")),
        (Policy.UNION, _("Both are kept (numbers, addresses)")),
        (Policy.ASK, _("Ask a person")),
    )


def transform_words(_: Translate) -> Sequence[tuple[str, str]]:
    """How a value is written."""
    return (
        ("", _("As the field wants it")),
        (Transform.UPPER, _("ALL CAPITALS")),
        (Transform.LOWER, _("all small letters")),
        (Transform.CAPITALISE, _("Each Word With A Capital")),
        (Transform.TRIM, _("Without spaces around it")),
        (Transform.E164, _("Phone number as +48601000001")),
        (Transform.DATE, _("Date as 2026-12-31")),
        (Transform.NUMBER, _("Number as 1234.5")),
        (Transform.LABEL, _("Choice by its label")),
        (Transform.CONSTANT, _("Always the same value")),
    )


def refused(kind: str, names: Mapping[str, object], _: Translate) -> tuple[str, str]:
    """The part of a row that mends what the document refuses, by the kind of its error, and what to do."""
    said = {
        "lists_apart": (
            "pipedrive",
            _("Phone numbers go with phone numbers and email addresses with email addresses. Choose the same on both sides."),
        ),
        "company_apart": (
            "pipedrive",
            _("The company goes with the organization, and with nothing else. Choose both, or neither."),
        ),
        "union_of_one": (
            "conflict",
            _("Only phone numbers and email addresses can keep the values of both. Choose who is right."),
        ),
        "constant_empty": ("default", _("Write the value that is always sent.")),
        "constant_both_ways": ("way", _("The same value can only go one way. Choose where it is written.")),
        "written_twice": (
            str(names.get("side", "pipedrive")),
            _("Two rows write this field, and one would undo the other. Choose another field, or make one of the rows go the other way only."),
        ),
        "no_field": (
            str(names.get("side", "pipedrive")),
            _("There is no such field. Choose one from the list."),
        ),
    }  # fmt: skip
    return said.get(kind, ("pipedrive", _("This cannot be used here. Choose another value.")))


def sentence(mistake: Mistake, _: Translate) -> str:
    """What is wrong with a row, and what to do."""
    said = {
        Wrong.NOT_IN_PIPEDRIVE: _("Pipedrive has no custom field “%(name)s”: it was deleted or renamed. Choose another field, or remove the row."),
        Wrong.SEVERAL_IN_PIPEDRIVE: _("Pipedrive has several fields called “%(name)s”. Choose which of them is meant."),
        Wrong.NOT_WRITTEN: _("“%(name)s” is a field of the type %(type)s, which the connector cannot write. Choose a field of text, number, date, phone or choices."),
        Wrong.NOT_IN_CENTRE: _("No record of the contact centre shows a special field “%(name)s”. Correct the name, or say below that it is there."),
        Wrong.NO_CHOICES: _("Only a field with choices has labels. Choose another way to write the value."),
        Wrong.NO_EFFECT: _("This does nothing here: phone numbers, email addresses, companies and owners are carried as they are. Take it out."),
        Wrong.CANNOT_FIT: _("Pipedrive’s field never takes what this writes. Choose another way to write the value."),
        Wrong.UNLISTED: _("“%(name)s” is none of the choices of Pipedrive’s field. Write one of its choices, or add it in Pipedrive and read the fields again."),
        Wrong.VALUE_UNFIT: _("Pipedrive’s field does not take “%(name)s”. Write a value that fits the field."),
        Wrong.DEFAULT_UNFIT: _("Pipedrive’s field does not take “%(name)s”. Write a value that fits the field, as it is written in Pipedrive."),
    }  # fmt: skip
    return said[mistake.wrong] % dict(mistake.names)


def reason_words(_: Translate) -> Mapping[str, str]:
    """What keeps a record out, in the reader's language, by the sentence that the sync keeps."""
    return {
        "it is a company's own record": _("it is a company’s own record"),
        "it has no name": _("it has no name"),
        "it has no telephone number and no e-mail address that could be carried over": _("it has no valid phone number or email address"),
        "its type is not among those chosen": _("its type is not among those chosen"),
        "its group is not among those chosen": _("its group is not among those chosen"),
        "none of its labels is among those chosen": _("none of its labels is among those chosen"),
        "its owner is not among those chosen": _("its owner is not among those chosen"),
        "nothing is made in this direction; the settings leave it off": _("nothing new is made in this direction"),
        "a person decided that it stays by itself": _("a person decided that it stays by itself"),
    }  # fmt: skip
