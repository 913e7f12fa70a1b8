"""E-mail over a real server on loopback."""

from __future__ import annotations

import pytest

from connector.notices import Failure, Undelivered
from connector.notices.mail import send_mail
from connector.settings import Settings
from tests.mailbox import Mailbox, mailbox


def _settings(box: Mailbox, **changes: object) -> Settings:
    values = {
        "smtp_host": "127.0.0.1", "smtp_port": box.port, "smtp_security": "none",
        "smtp_from": "Connector <connector@example.com>",
    } | changes  # fmt: skip
    return Settings(_env_file=None, **values)  # type: ignore[arg-type]  # as a person would set them


async def test_a_mail_arrives_whole_and_in_polish() -> None:
    async with mailbox() as box:
        await send_mail(
            _settings(box), ["ada@example.com", "bo@example.com"], "Zażółć\nBcc: x", "Gęślą jaźń\n"
        )
        (mail,) = box.mails
    assert mail["Subject"] == "Zażółć Bcc: x", "a line break makes no header"
    assert mail["Bcc"] is None
    assert mail["To"] == "ada@example.com, bo@example.com"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().strip() == "Gęślą jaźń"


@pytest.mark.parametrize(
    ("changes", "refused", "answer", "failure"),
    [
        ({"smtp_host": ""}, set(), "250 kept", Failure.NO_SERVER),
        ({"smtp_from": ""}, set(), "250 kept", Failure.NO_SERVER),
        ({"smtp_security": "starttls"}, set(), "250 kept", Failure.NO_TLS),
        ({"smtp_port": 1}, set(), "250 kept", Failure.UNREACHABLE),
        ({}, {"ada@example.com", "bo@example.com"}, "250 kept", Failure.RECIPIENTS),
        ({}, {"bo@example.com"}, "250 kept", Failure.SOME_RECIPIENTS),
        ({}, set(), "554 spam", Failure.REFUSED),
        ({"smtp_user": "u", "smtp_password": "p"}, set(), "250 kept", Failure.LOGIN),
        ({"smtp_host": "mail..example.com"}, set(), "250 kept", Failure.UNREACHABLE),
    ],
)
async def test_what_keeps_a_mail_from_arriving_is_said(
    changes: dict[str, object], refused: set[str], answer: str, failure: Failure
) -> None:
    async with mailbox() as box:
        box.refused, box.answer = refused, answer
        with pytest.raises(Undelivered) as said:
            await send_mail(_settings(box, **changes), ["ada@example.com", "bo@example.com"], "Test", "Test")
        assert said.value.failure is failure
        assert len(box.mails) == (1 if failure is Failure.SOME_RECIPIENTS else 0)


async def test_a_password_is_never_sent_in_clear_where_encryption_was_asked_for() -> None:
    async with mailbox() as box:
        settings = _settings(box, smtp_security="starttls", smtp_user="u", smtp_password="p")
        with pytest.raises(Undelivered) as said:
            await send_mail(settings, ["ada@example.com"], "Test", "Test")
        assert said.value.failure is Failure.NO_TLS


async def test_a_password_that_no_mail_server_can_be_sent_is_a_login_that_fails() -> None:
    async with mailbox() as box:
        box.extensions = ("AUTH PLAIN LOGIN",)
        settings = _settings(box, smtp_user="u", smtp_password="hasło")
        with pytest.raises(Undelivered) as said:
            await send_mail(settings, ["ada@example.com"], "Test", "Test")
        assert said.value.failure is Failure.LOGIN
