"""The console: administrators, the audit trail, alerts, self-tests, erased people, and indexes to look at events by."""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

import connector.store.tables

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_PARTIAL = (
    (
        "binding",
        "ix_binding_odd",
        ["installation_id", "entity", "centre_id"],
        "state <> 'bound' OR problems <> '[]'",
    ),
    (
        "dirty",
        "ix_dirty_failing",
        ["installation_id", "marked_at"],
        "attempts > 0",
    ),
)

_SUBJECTS = {
    "ix_ledger_number": "number_key",
    "ix_ledger_email": "email_key",
    "ix_ledger_customer": "customer_id",
}


def upgrade() -> None:
    op.create_table(
        "alert",
        sa.Column("installation_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("is_on", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", connector.store.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.Column("told_at", connector.store.tables.UtcDateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", connector.store.tables.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("installation_id", "kind"),
    )
    op.create_table(
        "audit",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("installation_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("at", connector.store.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("by", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("action", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("settings_version", sa.Integer(), nullable=True),
        sa.Column("document", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("installation_id", "settings_version", name="uq_audit_version"),
    )
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.create_index("ix_audit_shown", ["installation_id", "id"], unique=False)

    op.create_table(
        "self_test",
        sa.Column("installation_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("at", connector.store.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("problems", sa.Text(), nullable=False),
        sa.Column("found", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("installation_id"),
    )
    op.create_table(
        "suppressed_key",
        sa.Column("key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("installation_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("since", connector.store.tables.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", "installation_id"),
    )
    for table in ("session", "one_time_code"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(
                sa.Column("is_admin", sa.Boolean(), server_default=sa.false(), nullable=False)
            )

    with op.batch_alter_table("ledger", schema=None) as batch_op:
        batch_op.create_index(
            "ix_ledger_shown", ["installation_id", "kind", "state", "occurred_at"], unique=False
        )
        batch_op.create_index(
            "ix_ledger_settled",
            ["installation_id", "settled_at"],
            unique=False,
            sqlite_where=sa.text("settled_at IS NOT NULL"),
            postgresql_where=sa.text("settled_at IS NOT NULL"),
        )

        for name, column in _SUBJECTS.items():
            batch_op.drop_index(name)
            # Whoever is asked about is found whatever became of his events.
            batch_op.create_index(
                name, ["installation_id", column, "occurred_at"], unique=False,
                sqlite_where=sa.text(f"{column} IS NOT NULL"), postgresql_where=sa.text(f"{column} IS NOT NULL"),
            )  # fmt: skip
    for table, name, columns, where in _PARTIAL:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.create_index(
                name, columns, unique=False, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
            )
    with op.batch_alter_table("binding", schema=None) as batch_op:
        batch_op.create_index(
            "ix_binding_latest", ["installation_id", "entity", "state", "bound_at"], unique=False
        )
    with op.batch_alter_table("change", schema=None) as batch_op:
        batch_op.create_index(
            "ix_change_pair", ["installation_id", "entity", "centre_id", "id"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("change", schema=None) as batch_op:
        batch_op.drop_index("ix_change_pair")
    with op.batch_alter_table("binding", schema=None) as batch_op:
        batch_op.drop_index("ix_binding_latest")
    for table, name, _, where in _PARTIAL:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_index(name, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
    with op.batch_alter_table("ledger", schema=None) as batch_op:
        asleep = sa.text("state IN ('waiting', 'undecided')")
        for name, column in _SUBJECTS.items():
            batch_op.drop_index(name)
            batch_op.create_index(
                name, ["installation_id", column], unique=False, sqlite_where=asleep, postgresql_where=asleep
            )
        batch_op.drop_index(
            "ix_ledger_settled",
            sqlite_where=sa.text("settled_at IS NOT NULL"),
            postgresql_where=sa.text("settled_at IS NOT NULL"),
        )
        batch_op.drop_index("ix_ledger_shown")

    for table in ("one_time_code", "session"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column("is_admin")

    op.drop_table("suppressed_key")
    op.drop_table("self_test")
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_shown")

    op.drop_table("audit")
    op.drop_table("alert")
