"""A form of settings as it is shown: what stands in its fields, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError

from connector.installation_settings import InstallationSettings


@dataclass(frozen=True, slots=True)
class Filled:
    """Values and mistakes by the name of the field."""

    values: Mapping[str, str]
    errors: Mapping[str, str] = field(default_factory=dict)

    def value(self, name: str) -> str:
        """What stands in a field."""
        return self.values.get(name, "")

    def error(self, name: str) -> str:
        """What is wrong with it, or an empty text."""
        return self.errors.get(name, "")


def changed(
    settings: InstallationSettings, changes: Mapping[str, object], told: Mapping[str, str]
) -> tuple[InstallationSettings | None, dict[str, str]]:
    """The settings with `changes` (of the document's outermost keys), or the mistakes by the field: `told` has a sentence for each."""
    try:
        return InstallationSettings.model_validate(settings.model_dump(mode="json") | dict(changes)), {}
    except ValidationError as error:
        names = ["_".join(str(part) for part in one["loc"]) for one in error.errors()]
        return None, {name: told.get(name, "") for name in names}
