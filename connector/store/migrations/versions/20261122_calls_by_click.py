"""Calls by click: browsers and terminals that agents paired, and calls as they go on."""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

import connector.store.tables

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "device",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("installation_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("user_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("agent", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("client", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("origin", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("token_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("made_at", connector.store.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("seen_at", connector.store.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", connector.store.tables.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
    )
    with op.batch_alter_table("device", schema=None) as batch_op:
        batch_op.create_index("ix_device_agent", ["installation_id", "agent"], unique=False)

    op.create_table(
        "live_call",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("installation_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("connection", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("agent", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("direction", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("number_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("number_key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("record_entity", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("record_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("person_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("org_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("deal_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("lead_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("external_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("dedup", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("began_at", connector.store.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("answered_at", connector.store.tables.UtcDateTime(timezone=True), nullable=True),
        sa.Column("ended_at", connector.store.tables.UtcDateTime(timezone=True), nullable=True),
        sa.Column("changed_at", connector.store.tables.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("installation_id", "connection", "agent", "dedup", name="uq_live_call_order"),
    )
    with op.batch_alter_table("live_call", schema=None) as batch_op:
        batch_op.create_index(
            "ix_live_call_agent", ["installation_id", "connection", "agent", "began_at"], unique=False
        )
        batch_op.create_index("ix_live_call_external", ["installation_id", "external_id"], unique=False)
        batch_op.create_index(
            "ix_live_call_going",
            ["installation_id", "began_at"],
            unique=False,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )


def downgrade() -> None:
    with op.batch_alter_table("live_call", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_live_call_going",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.drop_index("ix_live_call_external")
        batch_op.drop_index("ix_live_call_agent")

    op.drop_table("live_call")
    with op.batch_alter_table("device", schema=None) as batch_op:
        batch_op.drop_index("ix_device_agent")

    op.drop_table("device")
