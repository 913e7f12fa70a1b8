"""One contact centre that is down, or hangs, does not hold up what is written for the others."""

from __future__ import annotations

from collections import Counter

#: After so many failures in a row nothing more is asked of a contact centre in that pass.
_FAILURES = 3


class Patience:
    """Which contact centres still answer in one pass; a refusal is an answer too."""

    def __init__(self) -> None:
        """Begin with patience for everybody."""
        self._failures = Counter[str]()

    def answered(self, connection: str) -> None:
        """It did what was asked, or refused."""
        self._failures.pop(connection, None)

    def failed(self, connection: str) -> None:
        """It did not answer, or could not."""
        self._failures[connection] += 1

    def is_out(self, connection: str) -> bool:
        """Whether the rest shall wait."""
        return self._failures[connection] >= _FAILURES
