"""Why a field or a record is not carried over, in the reader's language."""

from __future__ import annotations

import pytest

from connector.flows.contacts.comparing import NO_COMPANY, NO_OWNER, VANISHED
from connector.i18n import translator
from connector.web.console.customers.words import reason


@pytest.mark.parametrize("sentence", [VANISHED, NO_COMPANY, NO_OWNER])
def test_why_a_field_is_not_carried_over_is_said_in_polish(sentence: str) -> None:
    words, english = reason(sentence, translator("pl"))
    assert words not in ("", reason(sentence, translator("en"))[0])
    assert english == ""
