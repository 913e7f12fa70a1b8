"""E-mail over the operator's SMTP server. https://www.rfc-editor.org/rfc/rfc5321"""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr

from connector.notices import Failure, Undelivered
from connector.settings import Settings

_TIMEOUT_S = 20


def can_mail(settings: Settings) -> bool:
    """Whether the service has a mail server and an address to send from."""
    return bool(settings.smtp_host and settings.smtp_from)


async def send_mail(settings: Settings, recipients: Sequence[str], subject: str, text: str) -> None:
    """Send a plain text to all of `recipients`; Undelivered with SOME_RECIPIENTS where it has gone to the others."""
    if not can_mail(settings):
        raise Undelivered(Failure.NO_SERVER)
    sender = parseaddr(settings.smtp_from)[1]
    message = EmailMessage()
    message["From"], message["To"] = settings.smtp_from, ", ".join(recipients)
    message["Subject"] = " ".join(subject.split())
    message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain=sender.rpartition("@")[2])
    # Holiday notices are not answers to this. https://www.rfc-editor.org/rfc/rfc3834
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    await asyncio.to_thread(_send, settings, message)


def _send(settings: Settings, message: EmailMessage) -> None:
    try:
        with _open(settings) as server:
            if settings.smtp_user:
                _log_in(server, settings)
            refused = server.send_message(message)
    except smtplib.SMTPNotSupportedError as error:
        raise Undelivered(Failure.NO_TLS) from error
    except smtplib.SMTPRecipientsRefused as error:
        raise Undelivered(Failure.RECIPIENTS) from error
    except smtplib.SMTPResponseException as error:
        raise Undelivered(Failure.REFUSED, str(error.smtp_code)) from error
    except ssl.SSLError as error:
        raise Undelivered(Failure.NO_TLS) from error
    except (OSError, smtplib.SMTPException, UnicodeError) as error:  # the last where a host has no such name
        raise Undelivered(Failure.UNREACHABLE) from error
    if refused:
        raise Undelivered(Failure.SOME_RECIPIENTS)


def _log_in(server: smtplib.SMTP, settings: Settings) -> None:
    try:
        server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
    except smtplib.SMTPResponseException as error:
        raise Undelivered(Failure.LOGIN, str(error.smtp_code)) from error
    except (smtplib.SMTPNotSupportedError, UnicodeError) as error:
        # The server takes no login, or the password has letters that smtplib cannot send.
        raise Undelivered(Failure.LOGIN) from error


def _open(settings: Settings) -> smtplib.SMTP:
    """A connection that is as safe as the settings ask for."""
    host, port = settings.smtp_host, settings.smtp_port
    if settings.smtp_security == "tls":
        return smtplib.SMTP_SSL(host, port, timeout=_TIMEOUT_S, context=ssl.create_default_context())
    server = smtplib.SMTP(host, port, timeout=_TIMEOUT_S)
    if settings.smtp_security == "starttls":
        try:
            server.starttls(context=ssl.create_default_context())
        except BaseException:
            server.close()
            raise
    return server
