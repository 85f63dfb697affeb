# SPDX-License-Identifier: EUPL-1.2
"""Send an e-mail that something waits, through the agency's own mail server (RFC 5321, STARTTLS by RFC 3207).

Nothing of this machine stands in it. Not here: what it says (``telling_words.py``), when it is sent.
"""

import smtplib
import ssl
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Final

from agency_client.telling_settings import SmtpSettings
from agency_client.telling_words import Words
from protocol.errors import Code, ConfigurationError, UnavailableError

SECONDS: Final = 30.0
"""For each step of a mail server; slow ones take a few."""
_NAMELESS: Final = "[127.0.0.1]"
"""How we greet: a mail server need not learn this machine's name (RFC 5321, section 4.1.3)."""
_MAX_PASSWORD: Final = 4_096


class UncertainError(UnavailableError):
    """The message may have gone out: the connection broke after it was handed over."""


def mail_of(settings: SmtpSettings, to: str, words: Words, key: str, now: datetime) -> EmailMessage:
    """Return the message. ``key`` is the same for every try, so that mail servers can tell a repeat."""
    message = EmailMessage()
    message["From"] = settings.sender
    message["To"] = to
    message["Subject"] = words.subject
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{key}@{settings.sender.partition('@')[2]}>"
    # RFC 3834: no out-of-office answers to this.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(words.text)
    return message


def send_mail(settings: SmtpSettings, message: EmailMessage) -> None:
    """Hand a message to the mail server; for a thread.

    Raises ``UnavailableError`` when it did not take it, ``UncertainError`` when nothing says whether it did, and
    ``ConfigurationError`` for a password or certificates that cannot be read.
    """
    password = _password(settings)
    try:
        server = _connect(settings)
    except (OSError, smtplib.SMTPException) as error:
        raise _away(error) from None
    try:
        _prepare(server, settings, password)
        server.send_message(message)
    except smtplib.SMTPServerDisconnected:
        raise UncertainError(Code.UNAVAILABLE, "The connection to the mail server broke.") from None
    except smtplib.SMTPException as error:
        raise _away(error) from None
    except OSError:
        raise UncertainError(Code.UNAVAILABLE, "The connection to the mail server broke.") from None
    finally:
        server.close()


def _connect(settings: SmtpSettings) -> smtplib.SMTP:
    if settings.security == "tls":
        return smtplib.SMTP_SSL(
            settings.host, settings.port, local_hostname=_NAMELESS, timeout=SECONDS, context=_context(settings)
        )
    return smtplib.SMTP(settings.host, settings.port, local_hostname=_NAMELESS, timeout=SECONDS)


def _prepare(server: smtplib.SMTP, settings: SmtpSettings, password: str | None) -> None:
    """Make the connection secret and say who we are; nothing was handed over yet."""
    try:
        if settings.security == "starttls":
            server.starttls(context=_context(settings))
        if settings.username is not None and password is not None:
            server.login(settings.username, password)
        server.ehlo_or_helo_if_needed()
    except (OSError, smtplib.SMTPException) as error:
        raise _away(error) from None


def _context(settings: SmtpSettings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except OSError:
        raise ConfigurationError(
            Code.SETTINGS_INVALID, "The certificates for the mail server cannot be read."
        ) from None


def _password(settings: SmtpSettings) -> str | None:
    if settings.password_file is None:
        return None
    try:
        return Path(settings.password_file).read_text(encoding="utf-8")[:_MAX_PASSWORD].rstrip("\n")
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(
            Code.SETTINGS_INVALID, "The file with the mail server's password cannot be read."
        ) from None


def _away(error: Exception) -> UnavailableError:
    # Never the server's own text: it may repeat addresses.
    code = f" ({error.smtp_code})" if isinstance(error, smtplib.SMTPResponseException) else ""
    return UnavailableError(Code.UNAVAILABLE, f"The mail server did not take the message{code}.")
