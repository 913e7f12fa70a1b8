"""The tables. They are storage only: what enters was validated at the border.

Everything a tenant owns carries `installation_id`. Columns named `…_sealed` are encrypted by the vault.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime, also on databases that know no zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times; SQLite keeps them without zone."""
        if value is None:
            return None
        if value.tzinfo is not UTC:
            if value.tzinfo is None:
                raise ValueError("a naive datetime reached the store")
            value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give back aware UTC."""
        return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)


def _time(*, nullable: bool = True) -> Column[datetime]:
    return Column(UtcDateTime(), nullable=nullable)


def _sealed(*, nullable: bool = False) -> Column[bytes]:
    return Column(LargeBinary, nullable=nullable)


def _no() -> Column[bool]:
    return Column(Boolean, nullable=False, server_default=false())


def _text(*, nullable: bool = False) -> Column[str]:
    return Column(Text, nullable=nullable)


def table_of(model: type[SQLModel]) -> Table:
    """The table behind a model: queries are written against columns, which are typed as what they are."""
    return SQLModel.metadata.tables[str(model.__tablename__)]


#: Entries that a change of the index or of bindings may wake; written out, so that partial indexes serve the query.
ASLEEP = "state IN ('waiting', 'undecided')"


#: Pairs that are none any more, aliases, and those of which something could not be kept the same.
ODD = "state <> 'bound' OR problems <> '[]'"
#: Marks that were worked on in vain.
FAILING = "attempts > 0"

#: Deals that were sent more than once, of which a second one may still come.
HEALING = "state = 'made' AND not_before IS NOT NULL"


def _partial(name: str, *columns: str, where: str) -> Index:
    """An index of few rows of a large table: what is done, nearly all, costs nothing."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


# SQLite counts rows up only in an INTEGER primary key.
_ROW_ID = BigInteger().with_variant(Integer, "sqlite")


class Installation(SQLModel, table=True):
    """A Pipedrive company that uses the connector; `id` is the company's id."""

    __tablename__ = "installation"
    id: str = Field(primary_key=True)
    name: str = Field(sa_column=_text())
    domain: str = Field(sa_column=_text())
    state: str = "active"
    reason: str = Field(default="", sa_column=_text())
    owner_user_id: str
    hook_path: str = Field(unique=True)
    hook_password_sealed: bytes = Field(sa_column=_sealed())
    marker_key_sealed: bytes = Field(sa_column=_sealed())
    hash_keys_sealed: bytes = Field(sa_column=_sealed())
    settings: str = Field(default="{}", sa_column=_text())
    settings_version: int = 0
    installed_at: datetime = Field(sa_column=_time(nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=_time())


class Grant(SQLModel, table=True):
    """What one Pipedrive user allowed us: his tokens, or a personal API token."""

    __tablename__ = "grant"
    installation_id: str = Field(primary_key=True)
    user_id: str = Field(primary_key=True)
    kind: str
    tokens_sealed: bytes | None = Field(sa_column=_sealed(nullable=True))
    version: int = 0
    state: str = "active"
    reason: str = Field(default="", sa_column=_text())
    refreshed_at: datetime = Field(sa_column=_time(nullable=False))
    refreshing_until: datetime | None = Field(default=None, sa_column=_time())


class CentreConnection(SQLModel, table=True):
    """One account of a contact centre that feeds an installation; `id` is vendor and system."""

    __tablename__ = "centre_connection"
    installation_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    vendor: str
    system: str
    user: str
    password_sealed: bytes = Field(sa_column=_sealed())
    state: str = "active"
    reason: str = Field(default="", sa_column=_text())
    hook_path: str = Field(unique=True)
    hook_password_sealed: bytes = Field(sa_column=_sealed())
    subscription_id: str | None = None
    connected_at: datetime = Field(sa_column=_time(nullable=False))


class Cursor(SQLModel, table=True):
    """How far a channel has been read in full."""

    __tablename__ = "cursor"
    installation_id: str = Field(primary_key=True)
    connection: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    until: datetime = Field(sa_column=_time(nullable=False))


class LedgerEntry(SQLModel, table=True):
    """One event of the contact centre and what became of it."""

    __tablename__ = "ledger"
    __table_args__ = (
        UniqueConstraint("installation_id", "connection", "kind", "external_id", name="uq_ledger_event"),
        Index("ix_ledger_state", "installation_id", "state", "lane", "id"),
        Index("ix_ledger_shown", "installation_id", "kind", "state", "occurred_at"),
        _partial("ix_ledger_settled", "installation_id", "settled_at", where="settled_at IS NOT NULL"),
        _partial("ix_ledger_heal", "installation_id", "state", "heal_at", where="heal_at IS NOT NULL"),
        _partial("ix_ledger_topic", "installation_id", "state", "topic_at", where="topic_at IS NOT NULL"),
        _partial(
            "ix_ledger_number", "installation_id", "number_key", "occurred_at", where="number_key IS NOT NULL"
        ),
        _partial(
            "ix_ledger_email", "installation_id", "email_key", "occurred_at", where="email_key IS NOT NULL"
        ),
        _partial(
            "ix_ledger_customer",
            "installation_id",
            "customer_id",
            "occurred_at",
            where="customer_id IS NOT NULL",
        ),
    )
    id: int | None = Field(default=None, sa_column=Column(_ROW_ID, primary_key=True, autoincrement=True))
    installation_id: str
    connection: str
    kind: str
    external_id: str
    occurred_at: datetime = Field(sa_column=_time(nullable=False))
    payload_sealed: bytes | None = Field(default=None, sa_column=_sealed(nullable=True))
    customer_id: str | None = None
    number_key: str | None = None
    email_key: str | None = None
    marker: str
    state: str = "new"
    reason: str = Field(default="", sa_column=_text())
    owner: str | None = None
    claim_no: int = 0
    lease_until: datetime | None = Field(default=None, sa_column=_time())
    first_sent_at: datetime | None = Field(default=None, sa_column=_time())
    last_sent_at: datetime | None = Field(default=None, sa_column=_time())
    looks: int = 0
    sends: int = 0
    attempts: int = 0
    not_before: datetime | None = Field(default=None, sa_column=_time())
    crm_id: str | None = None
    shown: str | None = None
    topic_at: datetime | None = Field(default=None, sa_column=_time())
    topic_no: int = 0
    heal_at: datetime | None = Field(default=None, sa_column=_time())
    heal_no: int = 0
    trace: str | None = Field(default=None, sa_column=_text(nullable=True))
    lane: str = "live"
    seen_at: datetime = Field(sa_column=_time(nullable=False))
    settled_at: datetime | None = Field(default=None, sa_column=_time())


class WaitingKey(SQLModel, table=True):
    """A number or address, as a keyed hash, that an entry's customer has beside the event's own and is waited for by."""

    __tablename__ = "waiting_key"
    installation_id: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    entry_id: int = Field(sa_column=Column(BigInteger, primary_key=True))


class Adopted(SQLModel, table=True):
    """An activity of ours found in Pipedrive whose event the ledger does not know (yet)."""

    __tablename__ = "adopted"
    installation_id: str = Field(primary_key=True)
    marker: str = Field(primary_key=True)
    crm_id: str


class Binding(SQLModel, table=True):
    """This record there is that record here; `base` is what both held when last in step, as keyed hashes.

    `state` is bound, alias (a second record there of one here) or gone (unlinked; nothing is made in its place).
    """

    __tablename__ = "binding"
    __table_args__ = (
        Index("ix_binding_crm", "installation_id", "entity", "crm_id"),
        Index("ix_binding_latest", "installation_id", "entity", "state", "bound_at"),
        _partial("ix_binding_odd", "installation_id", "entity", "centre_id", where=ODD),
        Index("ix_binding_card", "installation_id", "card_id", sqlite_where=text("card_id IS NOT NULL"),
              postgresql_where=text("card_id IS NOT NULL")),
        Index("uq_binding_bound", "installation_id", "connection", "entity", "crm_id", unique=True,
              sqlite_where=text("state = 'bound'"), postgresql_where=text("state = 'bound'")),
    )  # fmt: skip
    installation_id: str = Field(primary_key=True)
    entity: str = Field(primary_key=True)
    centre_id: str = Field(primary_key=True)
    connection: str
    crm_id: str
    card_id: str | None = None
    state: str = "bound"
    base: str | None = Field(default=None, sa_column=_text(nullable=True))
    overwrote: str | None = Field(default=None, sa_column=_text(nullable=True))
    sent: str | None = Field(default=None, sa_column=_text(nullable=True))
    problems: str = Field(default="[]", sa_column=_text())
    bound_at: datetime = Field(sa_column=_time(nullable=False))
    in_step_at: datetime | None = Field(default=None, sa_column=_time())


class DirtyRecord(SQLModel, table=True):
    """A customer, company, person or organization that has to be looked at; `seq` counts the marks."""

    __tablename__ = "dirty"
    __table_args__ = (
        Index("ix_dirty_due", "installation_id", "lane", "entity", "marked_at", "record_id"),
        Index("ix_dirty_record", "record_id", "installation_id"),
        _partial("ix_dirty_failing", "installation_id", "marked_at", where=FAILING),
    )
    installation_id: str = Field(primary_key=True)
    entity: str = Field(primary_key=True)
    side: str = Field(primary_key=True)
    record_id: str = Field(primary_key=True)
    seq: int = 1
    lane: int
    cause: str
    marked_at: datetime = Field(sa_column=_time(nullable=False))
    seen: str = Field(default="{}", sa_column=_text())
    not_before: datetime | None = Field(default=None, sa_column=_time())
    attempts: int = 0
    reason: str = Field(default="", sa_column=_text())
    owner: str | None = None
    lease_until: datetime | None = Field(default=None, sa_column=_time())


class Creation(SQLModel, table=True):
    """A record that is being made on the other side of its source: the claim is committed before it is sent."""

    __tablename__ = "creation"
    installation_id: str = Field(primary_key=True)
    entity: str = Field(primary_key=True)
    side: str = Field(primary_key=True)
    source_id: str = Field(primary_key=True)
    claim_no: int = 1
    lease_until: datetime = Field(sa_column=_time(nullable=False))
    server_time: datetime = Field(sa_column=_time(nullable=False))
    sent_at: datetime = Field(sa_column=_time(nullable=False))
    looks: int = 0
    not_before: datetime | None = Field(default=None, sa_column=_time())
    sent: str | None = Field(default=None, sa_column=_text(nullable=True))


class Change(SQLModel, table=True):
    """One write of ours on one record, with what it overwrote, so that a run can be undone."""

    __tablename__ = "change"
    __table_args__ = (
        Index("ix_change_cause", "installation_id", "cause", "at"),
        Index("ix_change_run", "installation_id", "run_id"),
        Index("ix_change_pair", "installation_id", "entity", "centre_id", "id"),
    )
    id: int | None = Field(default=None, sa_column=Column(_ROW_ID, primary_key=True, autoincrement=True))
    installation_id: str
    run_id: int
    cause: str
    at: datetime = Field(sa_column=_time(nullable=False))
    entity: str
    side: str
    record_id: str
    centre_id: str
    kind: str
    values_sealed: bytes = Field(sa_column=_sealed())
    undone_at: datetime | None = Field(default=None, sa_column=_time())


class Question(SQLModel, table=True):
    """A case that nobody decides but a person; decided ones stay, as the answer to the same case later."""

    __tablename__ = "question"
    __table_args__ = (UniqueConstraint("installation_id", "kind", "subject", name="uq_question_subject"),)
    id: int | None = Field(default=None, sa_column=Column(_ROW_ID, primary_key=True, autoincrement=True))
    installation_id: str
    kind: str
    subject: str
    candidates: str = Field(default="[]", sa_column=_text())
    detail: str = Field(default="{}", sa_column=_text())
    asked_at: datetime = Field(sa_column=_time(nullable=False))
    decided_at: datetime | None = Field(default=None, sa_column=_time())
    decision: str | None = Field(default=None, sa_column=_text(nullable=True))


class Brake(SQLModel, table=True):
    """A cause of writes that is paused until a person has looked, and how much more it was then allowed."""

    __tablename__ = "brake"
    installation_id: str = Field(primary_key=True)
    cause: str = Field(primary_key=True)
    tripped_at: datetime = Field(sa_column=_time(nullable=False))
    writes: int
    released_at: datetime | None = Field(default=None, sa_column=_time())
    allowance: int = 0


class Load(SQLModel, table=True):
    """A first load: what its preview counted, how far it is and what came of it."""

    __tablename__ = "load"
    id: int | None = Field(default=None, sa_column=Column(_ROW_ID, primary_key=True, autoincrement=True))
    installation_id: str = Field(index=True)
    source: str
    state: str
    reason: str = Field(default="", sa_column=_text())
    settings_version: int = 0
    preview: str = Field(default="{}", sa_column=_text())
    counts: str = Field(default="{}", sa_column=_text())
    problems: str = Field(default="[]", sa_column=_text())
    run_id: int | None = None
    owner: str | None = None
    lease_until: datetime | None = Field(default=None, sa_column=_time())
    begun_at: datetime = Field(sa_column=_time(nullable=False))
    read_at: datetime | None = Field(default=None, sa_column=_time())
    started_at: datetime | None = Field(default=None, sa_column=_time())
    ended_at: datetime | None = Field(default=None, sa_column=_time())


class Staged(SQLModel, table=True):
    """A record as a load's one reading found it, sealed; gone when the load has ended."""

    __tablename__ = "staged"
    __table_args__ = (Index("ix_staged_state", "installation_id", "load_id", "state", "entity", "record_id"),)
    installation_id: str = Field(primary_key=True)
    load_id: int = Field(sa_column=Column(BigInteger, primary_key=True))
    entity: str = Field(primary_key=True)
    record_id: str = Field(primary_key=True)
    state: str
    until: datetime | None = Field(default=None, sa_column=_time())
    payload_sealed: bytes = Field(sa_column=_sealed())


class IndexedRecord(SQLModel, table=True):
    """A person, organization or open deal of Pipedrive, or a customer or company, as far as matching needs it."""

    __tablename__ = "indexed_record"
    __table_args__ = (
        Index("ix_indexed_organization", "installation_id", "entity", "organization_id"),
        Index("ix_indexed_person", "installation_id", "entity", "person_id"),
    )
    installation_id: str = Field(primary_key=True)
    entity: str = Field(primary_key=True)
    crm_id: str = Field(primary_key=True)
    person_id: str | None = None
    organization_id: str | None = None
    owner_id: str | None = None
    update_time: datetime | None = Field(default=None, sa_column=_time())
    seen_in: int = 0


class IndexedKey(SQLModel, table=True):
    """One number, e-mail address or name by which a record is found, as a keyed hash.

    Each of its two indexes begins with what it is asked by: SQLite takes a common beginning for a narrow one, and reads
    all that an installation has.
    """

    __tablename__ = "indexed_key"
    __table_args__ = (Index("ix_indexed_key_record", "crm_id", "installation_id", "entity", "key"),)
    key: str = Field(primary_key=True)
    installation_id: str = Field(primary_key=True)
    entity: str = Field(primary_key=True)
    crm_id: str = Field(primary_key=True)


class IndexPass(SQLModel, table=True):
    """How complete the index of one entity is."""

    __tablename__ = "index_pass"
    installation_id: str = Field(primary_key=True)
    entity: str = Field(primary_key=True)
    filled_at: datetime | None = Field(default=None, sa_column=_time())
    swept_until: datetime | None = Field(default=None, sa_column=_time())
    census_at: datetime | None = Field(default=None, sa_column=_time())
    census_no: int = 0


class PipedriveHook(SQLModel, table=True):
    """A webhook we made in Pipedrive."""

    __tablename__ = "pipedrive_hook"
    installation_id: str = Field(primary_key=True)
    entity: str = Field(primary_key=True)
    webhook_id: str
    checked_at: datetime = Field(sa_column=_time(nullable=False))


class Delivery(SQLModel, table=True):
    """A webhook's words as they came, stored before they were acknowledged."""

    __tablename__ = "delivery"
    __table_args__ = (Index("ix_delivery_open", "done_at", "installation_id", "id", "not_before"),)
    id: int | None = Field(default=None, sa_column=Column(_ROW_ID, primary_key=True, autoincrement=True))
    installation_id: str
    source: str
    content_type: str
    body_sealed: bytes = Field(sa_column=_sealed())
    received_at: datetime = Field(sa_column=_time(nullable=False))
    not_before: datetime | None = Field(default=None, sa_column=_time())
    done_at: datetime | None = Field(default=None, sa_column=_time())
    reason: str = Field(default="", sa_column=_text())


class Spent(SQLModel, table=True):
    """Pipedrive tokens spent in a day, by operation, by all processes together."""

    __tablename__ = "spent"
    installation_id: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    operation: str = Field(primary_key=True)
    tokens: int = 0


class Run(SQLModel, table=True):
    """One run of the activity flow and its counts."""

    __tablename__ = "run"
    id: int | None = Field(default=None, sa_column=Column(_ROW_ID, primary_key=True, autoincrement=True))
    installation_id: str = Field(index=True)
    cause: str
    started_at: datetime = Field(sa_column=_time(nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=_time())
    counts: str = Field(default="{}", sa_column=_text())
    outcome: str = Field(default="running", sa_column=_text())


class Session(SQLModel, table=True):
    """A browser of an agent; `id` is the hash of what its cookie holds.

    `user_id` is the agent in Pipedrive, `agent` in the contact centre (connection and login); one of them is known.
    """

    __tablename__ = "session"
    id: str = Field(primary_key=True)
    installation_id: str = Field(index=True)
    user_id: str | None = None
    agent: str | None = None
    name: str = Field(sa_column=_text())
    is_admin: bool = Field(default=False, sa_column=_no())
    begun_at: datetime = Field(sa_column=_time(nullable=False))
    seen_at: datetime = Field(sa_column=_time(nullable=False))
    expires_at: datetime = Field(sa_column=_time(nullable=False))


class OneTimeCode(SQLModel, table=True):
    """What begins a session once: an invitation, or a handover from a pop-up to its frame; `id` is the code's hash."""

    __tablename__ = "one_time_code"
    id: str = Field(primary_key=True)
    installation_id: str = Field(index=True)
    purpose: str
    user_id: str | None = None
    agent: str | None = None
    name: str = Field(sa_column=_text())
    is_admin: bool = Field(default=False, sa_column=_no())
    expires_at: datetime = Field(sa_column=_time(nullable=False))


class AuditEntry(SQLModel, table=True):
    """Something that an administrator did; of a change of settings also the whole document as it was saved.

    `by` is who did it: `user:1001`, `agent:thulium:acme/anna` or `command line`; `name` is what they were called then.
    `detail` holds ids and counts, never names, numbers or texts of customers.
    """

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_shown", "installation_id", "id"),
        UniqueConstraint("installation_id", "settings_version", name="uq_audit_version"),
    )
    id: int | None = Field(default=None, sa_column=Column(_ROW_ID, primary_key=True, autoincrement=True))
    installation_id: str
    at: datetime = Field(sa_column=_time(nullable=False))
    by: str
    name: str = Field(sa_column=_text())
    action: str
    detail: str = Field(default="{}", sa_column=_text())
    settings_version: int | None = None
    document: str | None = Field(default=None, sa_column=_text(nullable=True))


class Alert(SQLModel, table=True):
    """Something that is, or was, wrong with an installation as a whole; told when it begins and when it is well again.

    `told` are the ways by which it was last told that it is on; `failure` is why the last try to tell did not succeed.
    """

    __tablename__ = "alert"
    installation_id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    is_on: bool = Field(default=False, sa_column=_no())
    reason: str = Field(default="", sa_column=_text())
    since: datetime = Field(sa_column=_time(nullable=False))
    told: str = Field(default="[]", sa_column=_text())
    told_at: datetime | None = Field(default=None, sa_column=_time())
    failure: str = Field(default="", sa_column=_text())
    attempts: int = 0
    not_before: datetime | None = Field(default=None, sa_column=_time())


class SelfTest(SQLModel, table=True):
    """What the last daily self-test found; `problems` are sentences, `found` is what it compared."""

    __tablename__ = "self_test"
    installation_id: str = Field(primary_key=True)
    at: datetime = Field(sa_column=_time(nullable=False))
    problems: str = Field(default="[]", sa_column=_text())
    found: str = Field(default="{}", sa_column=_text())


class SuppressedKey(SQLModel, table=True):
    """A number or address, as a keyed hash, of somebody who was erased and whom sync must not bring back."""

    __tablename__ = "suppressed_key"
    key: str = Field(primary_key=True)
    installation_id: str = Field(primary_key=True)
    since: datetime = Field(sa_column=_time(nullable=False))


class ApiKey(SQLModel, table=True):
    """A key of the HTTP API; only its hash is kept."""

    __tablename__ = "api_key"
    id: str = Field(primary_key=True)
    installation_id: str = Field(index=True)
    name: str = Field(sa_column=_text())
    key_hash: str = Field(unique=True)
    made_at: datetime = Field(sa_column=_time(nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=_time())
    revoked_at: datetime | None = Field(default=None, sa_column=_time())


class OpenedDeal(SQLModel, table=True):
    """A deal that an agent or a program opens, once: `source` is the ticket, or the form or request, it is opened from.

    `state` is sending, made, refused or gone (deleted in Pipedrive); `link_state` none, due, field, comment or failed.
    `not_before` and `looks` are of the looks for what was sent without an answer, then of those for doubles.
    """

    __tablename__ = "opened_deal"
    __table_args__ = (
        UniqueConstraint("installation_id", "request_key", name="uq_opened_deal_request"),
        Index("ix_opened_deal_ticket", "installation_id", "ticket_id"),
        Index("ix_opened_deal_deal", "installation_id", "deal_id"),
        Index("ix_opened_deal_customer", "installation_id", "customer_id", "made_at"),
        _partial("ix_opened_deal_sending", "installation_id", "state", where="state = 'sending'"),
        _partial("ix_opened_deal_link", "installation_id", "link_state", where="link_state = 'due'"),
        _partial("ix_opened_deal_heal", "installation_id", "not_before", where=HEALING),
    )
    installation_id: str = Field(primary_key=True)
    source: str = Field(primary_key=True)
    ordinal: int = Field(default=1, primary_key=True)
    request_key: str | None = None
    customer_id: str
    ticket_id: str | None = None
    marker: str
    state: str = "sending"
    reason: str = Field(default="", sa_column=_text())
    deal_id: str | None = None
    person_id: str | None = None
    organization_id: str | None = None
    body_sealed: bytes | None = Field(default=None, sa_column=_sealed(nullable=True))
    made_by: str | None = None
    made_at: datetime = Field(sa_column=_time(nullable=False))
    claim_no: int = 1
    lease_until: datetime = Field(sa_column=_time(nullable=False))
    server_time: datetime = Field(sa_column=_time(nullable=False))
    looks: int = 0
    not_before: datetime | None = Field(default=None, sa_column=_time())
    link_state: str = "none"
    link_reason: str = Field(default="", sa_column=_text())
    link_attempts: int = 0
    link_not_before: datetime | None = Field(default=None, sa_column=_time())


class Card(SQLModel, table=True):
    """A customer (`thulium:acme/7`) or new ticket (`thulium:acme/tickets/9`) on whose card or page we write.

    What is due has a time; `page_at` is when the address of our page was last written, and `changed_before` when others
    had changed the card last before a nightly pass wrote it.
    """

    __tablename__ = "card"
    __table_args__ = (
        _partial("ix_card_page", "installation_id", "page_due_at", where="page_due_at IS NOT NULL"),
        _partial("ix_card_mirror", "installation_id", "mirror_due_at", where="mirror_due_at IS NOT NULL"),
    )
    installation_id: str = Field(primary_key=True)
    record_id: str = Field(primary_key=True)
    page_due_at: datetime | None = Field(default=None, sa_column=_time())
    page_at: datetime | None = Field(default=None, sa_column=_time())
    changed_before: datetime | None = Field(default=None, sa_column=_time())
    mirror_due_at: datetime | None = Field(default=None, sa_column=_time())


class MirroredDeal(SQLModel, table=True):
    """A deal that a customer's card shows."""

    __tablename__ = "mirrored_deal"
    installation_id: str = Field(primary_key=True)
    deal_id: str = Field(primary_key=True)
    customer_id: str = Field(primary_key=True)


class Heartbeat(SQLModel, table=True):
    """When an installation was last kept up with; a restored backup shows an old one."""

    __tablename__ = "heartbeat"
    installation_id: str = Field(primary_key=True)
    at: datetime = Field(sa_column=_time(nullable=False))


class Device(SQLModel, table=True):
    """A browser, or a terminal, that an agent allowed to dial for him; only the hash of its token is kept.

    `agent` is contact centre and login (`thulium:acme/anna`), `user_id` who allowed it in Pipedrive. `client` is the
    extension's id or `terminal`, `origin` the only one from which browsers may send the token, empty for terminals.
    """

    __tablename__ = "device"
    __table_args__ = (Index("ix_device_agent", "installation_id", "agent"),)
    id: str = Field(primary_key=True)
    installation_id: str
    user_id: str | None = None
    agent: str
    name: str = Field(sa_column=_text())
    client: str
    origin: str
    token_hash: str = Field(unique=True)
    made_at: datetime = Field(sa_column=_time(nullable=False))
    seen_at: datetime = Field(sa_column=_time(nullable=False))
    revoked_at: datetime | None = Field(default=None, sa_column=_time())


class LiveCall(SQLModel, table=True):
    """A call as its agent sees it while it goes on, from the order to dial, or the ringing phone, to its end.

    `connection` and `agent` are the contact centre and the agent's login there; `dedup` is the device's own id of an
    order, so that one sent twice dials once. `record_…` is what was clicked on, `…_id` whom and what that leads to;
    `external_id` is the call's own there, under which the ledger tells what became of it.
    """

    __tablename__ = "live_call"
    __table_args__ = (
        Index("ix_live_call_agent", "installation_id", "connection", "agent", "began_at"),
        Index("ix_live_call_external", "installation_id", "external_id"),
        UniqueConstraint("installation_id", "connection", "agent", "dedup", name="uq_live_call_order"),
        _partial("ix_live_call_going", "installation_id", "began_at", where="ended_at IS NULL"),
    )
    id: str = Field(primary_key=True)
    installation_id: str
    connection: str
    agent: str
    direction: str
    number_sealed: bytes = Field(sa_column=_sealed())
    number_key: str
    state: str
    reason: str = Field(default="", sa_column=_text())
    record_entity: str | None = None
    record_id: str | None = None
    person_id: str | None = None
    org_id: str | None = None
    deal_id: str | None = None
    lead_id: str | None = None
    external_id: str | None = None
    dedup: str | None = None
    began_at: datetime = Field(sa_column=_time(nullable=False))
    answered_at: datetime | None = Field(default=None, sa_column=_time())
    ended_at: datetime | None = Field(default=None, sa_column=_time())
    changed_at: datetime = Field(sa_column=_time(nullable=False))
