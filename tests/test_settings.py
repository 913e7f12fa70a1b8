"""The service's settings: where they come from, what is refused, and whom credentials may reach."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import ValidationError
from yarl import URL

from connector.settings import Settings


@pytest.fixture(autouse=True)
def _nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of this machine and no `.env` beside the tests."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"CONNECTOR_{name.upper()}", raising=False)
    monkeypatch.chdir(tmp_path)


def _settings(**values: object) -> Settings:
    return Settings(**values)  # type: ignore[arg-type]


def test_the_defaults_run_without_any_setting() -> None:
    settings = Settings()
    assert settings.database_url == "sqlite:///connector.db"
    assert settings.listen == "127.0.0.1:8080"
    assert not settings.clock_control


def test_variables_are_read_and_lists_are_split_at_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONNECTOR_TRUSTED_HOSTS", " 127.0.0.1:8090, crm.example.com:443,, ")
    monkeypatch.setenv("CONNECTOR_RETRY_WAITS", "1, 2.5,60")
    monkeypatch.setenv("CONNECTOR_SECRET_KEYS", "new,old")
    monkeypatch.setenv("CONNECTOR_TRUSTED_PROXIES", "10.0.0.7, fd00::/8")
    settings = Settings()
    assert settings.trusted_proxies == (ip_network("10.0.0.7/32"), ip_network("fd00::/8"))
    assert settings.trusted_hosts == ("127.0.0.1:8090", "crm.example.com:443")
    assert settings.retry_waits == (1, 2.5, 60)
    assert [key.get_secret_value() for key in settings.secret_keys] == ["new", "old"]


def test_a_file_is_read_and_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text(
        "# of the service\nCONNECTOR_LISTEN=127.0.0.1:9000\nCONNECTOR_LOG_FORMAT=text\nOTHER_THING=1\n"
    )
    monkeypatch.setenv("CONNECTOR_LOG_FORMAT", "json")
    settings = Settings()
    assert (settings.listen, settings.log_format) == ("127.0.0.1:9000", "json")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PIPEDRIVE_DAILY_SHARE", "0"),
        ("PIPEDRIVE_DAILY_SHARE", "1.1"),
        ("PIPEDRIVE_CONNECTIONS", "0"),
        ("PIPEDRIVE_TIMEOUT", "0"),
        ("PIPEDRIVE_BURST", "perhaps"),
        ("THULIUM_CONNECTIONS", "65"),
        ("THULIUM_REQUESTS_PER_SECOND", "-1"),
        ("SYNC_INTERVAL", "often"),
        ("LISTEN", "localhost"),
        ("LISTEN", "8080"),
        ("LISTEN", "127.0.0.1:65536"),
        ("TRUSTED_PROXIES", "proxy.example.com"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("RETRY_WAITS", "1,soon"),
        ("RETRY_WAITS", ""),
        ("HEALING_LOOKS", " , "),
        ("TOPIC_WAITS", "-1"),
        ("RETRY_LIMIT", "0"),
        ("LOG_FORMAT", "xml"),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_name(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"CONNECTOR_{name}", value)
    with pytest.raises(ValidationError) as refusal:
        Settings()
    assert name.lower() in str(refusal.value)


def test_addresses_lose_their_last_slash() -> None:
    settings = _settings(
        public_url="https://connector.example.com/", thulium_url="http://127.0.0.1:1/{system}/"
    )
    assert settings.public_url == "https://connector.example.com"
    assert settings.public.scheme == "https"
    assert settings.thulium_url == "http://127.0.0.1:1/{system}"


def test_secrets_show_in_no_text() -> None:
    settings = _settings(secret_keys="first-key,second-key", pipedrive_client_secret="app-secret")
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert not [secret for secret in ("first-key", "second-key", "app-secret") if secret in shown]


def test_settings_do_not_change_while_the_service_runs() -> None:
    with pytest.raises(ValidationError):
        Settings().listen = "0.0.0.0:80"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("https://pipedrive.com/x", True),
        ("https://example-company.pipedrive.com/api/v2/persons", True),
        ("https://example-company.pipedrive.com:443/", True),
        ("https://example-company.pipedrive.com:8443/", False),
        ("http://example-company.pipedrive.com/", False),
        ("https://notpipedrive.com/", False),
        ("https://pipedrive.com.example.com/", False),
        ("https://pipedrive.com@example.com/", False),
        ("https://example.com/?pipedrive.com", False),
        ("http://127.0.0.1:8090/", True),
        ("https://127.0.0.1:8090/", True),
        ("http://127.0.0.1:8091/", False),
        ("http://127.0.0.1/", False),
        ("https://crm.example.com/", True),
        ("http://crm.example.com/", False),
        ("ftp://127.0.0.1:8090/", False),
        ("/relative", False),
    ],
)
def test_credentials_go_to_the_vendor_and_to_trusted_hosts_only(address: str, allowed: bool) -> None:
    settings = _settings(trusted_hosts="127.0.0.1:8090,crm.example.com:443")
    assert settings.may_send_secrets_to(URL(address), vendor="pipedrive.com") is allowed
