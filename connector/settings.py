"""The service's own settings, read once from `CONNECTOR_…` variables or a `.env` file; docs/settings.md lists them all.

What an admin sets for one installation is elsewhere: `installation_settings.py`.
"""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, IPvAnyNetwork, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from yarl import URL

_EXTENSION_ID = re.compile(r"[a-p]{32}|[\w.-]{0,60}@[\w.-]{1,60}|\{[0-9a-fA-F-]{36}\}", re.ASCII)


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _listen(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{value!r} is no host:port, such as 127.0.0.1:8080 or [::1]:8080")
    return value


def is_extension_id(text: str) -> bool:
    """Whether it is an id as Chrome makes it, or one of Firefox: like an e-mail address, or a UUID in braces."""
    return _EXTENSION_ID.fullmatch(text) is not None


def _extensions(ids: tuple[str, ...]) -> tuple[str, ...]:
    for one in ids:
        if not is_extension_id(one):
            raise ValueError(f"{one!r} is no extension's id: 32 letters a to p, or one like name@example.com")
    return ids


Listed = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Networks = Annotated[tuple[IPvAnyNetwork, ...], NoDecode, BeforeValidator(_split)]
Waits = Annotated[
    tuple[Annotated[float, Field(ge=0)], ...], NoDecode, BeforeValidator(_split), Field(min_length=1)
]
SecretsListed = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split)]


class Settings(BaseSettings):
    """One frozen set of settings; secrets never show in a repr."""

    model_config = SettingsConfigDict(env_prefix="CONNECTOR_", env_file=".env", extra="ignore", frozen=True)

    database_url: str = Field(
        "sqlite:///connector.db", description="Where everything is kept; SQLAlchemy form."
    )
    public_url: str = Field(
        "http://127.0.0.1:8080", description="Address at which browsers and both vendors reach the service."
    )
    listen: Annotated[str, AfterValidator(_listen)] = Field(
        "127.0.0.1:8080", description="Host and port to listen on."
    )
    secret_keys: SecretsListed = Field(
        (), description="Fernet keys, comma-separated: the first encrypts, all of them decrypt."
    )
    trusted_hosts: Listed = Field(
        (),
        description="host:port pairs, beside the vendors' own, that credentials may be sent to, plain http included.",
    )
    trusted_proxies: Networks = Field(
        (ip_network("127.0.0.0/8"), ip_network("::1/128")),
        description="Networks of proxies whose X-Forwarded-For is believed.",
    )
    pipedrive_client_id: str = Field(
        "", description="The Pipedrive app's client id; empty: personal tokens only."
    )
    pipedrive_client_secret: SecretStr = Field(
        SecretStr(""), description="The Pipedrive app's client secret."
    )
    pipedrive_oauth_url: str = Field(
        "https://oauth.pipedrive.com", description="Where installs and tokens are asked."
    )
    pipedrive_api_url: str = Field(
        "https://api.pipedrive.com",
        description="API address for personal tokens; OAuth tokens bring their own.",
    )
    pipedrive_url: str = Field(
        "https://{domain}.pipedrive.com",
        description="Address of a company's pages in Pipedrive, for links; {domain} is optional.",
    )
    pipedrive_connections: int = Field(
        8, ge=1, le=64, description="Requests to Pipedrive at once, per installation."
    )
    pipedrive_timeout: float = Field(30, gt=0, description="Seconds to wait for an answer of Pipedrive.")
    pipedrive_daily_share: float = Field(
        0.5, gt=0, le=1, description="Part of the company's daily Pipedrive tokens the connector may spend."
    )
    pipedrive_burst: bool = Field(
        True, description="Keep to the burst limit Pipedrive announces; off in benchmarks."
    )
    thulium_url: str = Field(
        "https://{system}.thulium.com",
        description="Address of a Thulium system, without /api; {system} is optional.",
    )
    thulium_requests_per_second: float = Field(
        2, ge=0, description="Own limit per Thulium account; 0 is no limit."
    )
    thulium_connections: int = Field(4, ge=1, le=64, description="Requests to one Thulium account at once.")
    thulium_timeout: float = Field(30, gt=0, description="Seconds to wait for an answer of Thulium.")
    thulium_dial_form: Literal["international", "national"] = Field(
        "international",
        description="How Thulium wants numbers to dial: as +48601000001, or as 601000001 and 0049… abroad.",
    )
    thulium_call_actions: Listed = Field(
        (),
        description="Further actions of Thulium's webhooks to ask for, by their names there, such as those of answered and ended calls.",
    )
    sync_interval: float = Field(1800, gt=0, description="Seconds between two runs of the activity flow.")
    sync_jitter: float = Field(120, ge=0, description="Up to this many seconds are added or taken by chance.")
    sweep_interval: float = Field(
        7200, gt=0, description="Seconds between sweeps of the index while webhooks work."
    )
    sweep_interval_without_hooks: float = Field(1800, gt=0, description="The same without working webhooks.")
    lease: float = Field(120, gt=0, description="Seconds a claim holds without renewal.")
    first_look: float = Field(
        180, gt=0, description="Seconds from a send of unknown outcome to the first look for it."
    )
    look_gap: float = Field(60, gt=0, description="Seconds between two looks.")
    healing_looks: Waits = Field(
        (900, 86400), description="Seconds after a second send at which doubles are looked for."
    )
    retry_waits: Waits = Field(
        (30, 120, 600, 1800, 7200), description="Waits in seconds before each retry; the last one repeats."
    )
    retry_limit: int = Field(30, ge=1, description="Retries before a person must look.")
    topic_waits: Waits = Field(
        (1800, 7200, 28800, 86400),
        description="Seconds after a call at which a missing topic is asked for again.",
    )
    lines: int = Field(10_000, ge=1, description="Live lines to agents' browsers and terminals open at once.")
    extension_ids: Annotated[Listed, AfterValidator(_extensions)] = Field(
        ("mamhhpekdoamlgbkfbdfgljfflipojfn", "click-to-call@connector.example.com"),
        description="Ids of browser extensions that agents may pair.",
    )
    smtp_host: str = Field("", description="Mail server for alerts; empty: no e-mail is sent.")
    smtp_port: int = Field(587, ge=1, le=65535, description="Its port.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls",
        description="How the connection is encrypted; none only for a server on the same machine or network.",
    )
    smtp_user: str = Field("", description="User at the mail server; empty: without a login.")
    smtp_password: SecretStr = Field(SecretStr(""), description="Password at the mail server.")
    smtp_from: str = Field("", description="Address that alerts are sent from.")
    clock_control: bool = Field(
        False, description="Let callers on loopback move the clock; only for tests and the demo."
    )
    log_format: Literal["json", "text"] = Field("json", description="Form of log lines.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least severe line logged."
    )

    @field_validator("public_url", "pipedrive_oauth_url", "pipedrive_api_url", "pipedrive_url", "thulium_url")
    @classmethod
    def _without_slash(cls, value: str) -> str:
        return value.rstrip("/")

    def may_send_secrets_to(self, url: URL, *, vendor: str) -> bool:
        """Whether credentials may go to `url`: https within the `vendor` domain, or a trusted host."""
        host = url.host or ""
        if (
            url.scheme == "https"
            and url.explicit_port in (None, 443)
            and (host == vendor or host.endswith("." + vendor))
        ):
            return True
        return f"{host}:{url.port}" in self.trusted_hosts and url.scheme in ("http", "https")

    @property
    def public(self) -> URL:
        """The public address, taken apart."""
        return URL(self.public_url)
