"""Deals and access."""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

import connector.store.tables

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("installation_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("made_at", connector.store.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("used_at", connector.store.tables.UtcDateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", connector.store.tables.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key_hash"),
    )
    with op.batch_alter_table("api_key", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_api_key_installation_id"), ["installation_id"], unique=False)

    op.create_table(
        "card",
        sa.Column("installation_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("record_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("page_due_at", connector.store.tables.UtcDateTime(timezone=True), nullable=True),
        sa.Column("page_at", connector.store.tables.UtcDateTime(timezone=True), nullable=True),
        sa.Column("changed_before", connector.store.tables.UtcDateTime(timezone=True), nullable=True),
        sa.Column("mirror_due_at", connector.store.tables.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("installation_id", "record_id"),
    )
    with op.batch_alter_table("card", schema=None) as batch_op:
        batch_op.create_index(
            "ix_card_mirror",
            ["installation_id", "mirror_due_at"],
            unique=False,
            sqlite_where=sa.text("mirror_due_at IS NOT NULL"),
            postgresql_where=sa.text("mirror_due_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_card_page",
            ["installation_id", "page_due_at"],
            unique=False,
            sqlite_where=sa.text("page_due_at IS NOT NULL"),
            postgresql_where=sa.text("page_due_at IS NOT NULL"),
        )

    op.create_table(
        "mirrored_deal",
        sa.Column("installation_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("deal_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("customer_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("installation_id", "deal_id", "customer_id"),
    )
    op.create_table(
        "one_time_code",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("installation_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("purpose", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("user_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("agent", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("expires_at", connector.store.tables.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("one_time_code", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_one_time_code_installation_id"), ["installation_id"], unique=False
        )

    op.create_table(
        "opened_deal",
        sa.Column("installation_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("source", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("request_key", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("customer_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("ticket_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("marker", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("deal_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("person_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("organization_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("made_by", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("made_at", connector.store.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("claim_no", sa.Integer(), nullable=False),
        sa.Column("lease_until", connector.store.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("server_time", connector.store.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("not_before", connector.store.tables.UtcDateTime(timezone=True), nullable=True),
        sa.Column("link_state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("link_reason", sa.Text(), nullable=False),
        sa.Column("link_attempts", sa.Integer(), nullable=False),
        sa.Column("link_not_before", connector.store.tables.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("installation_id", "source", "ordinal"),
        sa.UniqueConstraint("installation_id", "request_key", name="uq_opened_deal_request"),
    )
    with op.batch_alter_table("opened_deal", schema=None) as batch_op:
        batch_op.create_index(
            "ix_opened_deal_customer", ["installation_id", "customer_id", "made_at"], unique=False
        )
        batch_op.create_index("ix_opened_deal_deal", ["installation_id", "deal_id"], unique=False)
        batch_op.create_index(
            "ix_opened_deal_heal",
            ["installation_id", "not_before"],
            unique=False,
            sqlite_where=sa.text("state = 'made' AND not_before IS NOT NULL"),
            postgresql_where=sa.text("state = 'made' AND not_before IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_opened_deal_link",
            ["installation_id", "link_state"],
            unique=False,
            sqlite_where=sa.text("link_state = 'due'"),
            postgresql_where=sa.text("link_state = 'due'"),
        )
        batch_op.create_index(
            "ix_opened_deal_sending",
            ["installation_id", "state"],
            unique=False,
            sqlite_where=sa.text("state = 'sending'"),
            postgresql_where=sa.text("state = 'sending'"),
        )
        batch_op.create_index("ix_opened_deal_ticket", ["installation_id", "ticket_id"], unique=False)

    op.create_table(
        "session",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("installation_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("user_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("agent", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("begun_at", connector.store.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("seen_at", connector.store.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", connector.store.tables.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("session", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_session_installation_id"), ["installation_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("session", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_session_installation_id"))

    op.drop_table("session")
    with op.batch_alter_table("opened_deal", schema=None) as batch_op:
        batch_op.drop_index("ix_opened_deal_ticket")
        batch_op.drop_index(
            "ix_opened_deal_sending",
            sqlite_where=sa.text("state = 'sending'"),
            postgresql_where=sa.text("state = 'sending'"),
        )
        batch_op.drop_index(
            "ix_opened_deal_heal",
            sqlite_where=sa.text("state = 'made' AND not_before IS NOT NULL"),
            postgresql_where=sa.text("state = 'made' AND not_before IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_opened_deal_link",
            sqlite_where=sa.text("link_state = 'due'"),
            postgresql_where=sa.text("link_state = 'due'"),
        )
        batch_op.drop_index("ix_opened_deal_deal")
        batch_op.drop_index("ix_opened_deal_customer")

    op.drop_table("opened_deal")
    with op.batch_alter_table("one_time_code", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_one_time_code_installation_id"))

    op.drop_table("one_time_code")
    op.drop_table("mirrored_deal")
    with op.batch_alter_table("card", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_card_page",
            sqlite_where=sa.text("page_due_at IS NOT NULL"),
            postgresql_where=sa.text("page_due_at IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_card_mirror",
            sqlite_where=sa.text("mirror_due_at IS NOT NULL"),
            postgresql_where=sa.text("mirror_due_at IS NOT NULL"),
        )

    op.drop_table("card")
    with op.batch_alter_table("api_key", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_api_key_installation_id"))

    op.drop_table("api_key")
