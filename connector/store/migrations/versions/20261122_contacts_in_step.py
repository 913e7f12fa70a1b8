"""Contacts in step."""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

import connector.store.tables

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "brake",
        sa.Column("installation_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("cause", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("tripped_at", connector.store.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("writes", sa.Integer(), nullable=False),
        sa.Column("released_at", connector.store.tables.UtcDateTime(timezone=True), nullable=True),
        sa.Column("allowance", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("installation_id", "cause"),
    )
    op.create_table(
        "change",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("installation_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("cause", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("at", connector.store.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("entity", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("side", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("record_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("centre_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("values_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("undone_at", connector.store.tables.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("change", schema=None) as batch_op:
        batch_op.create_index("ix_change_cause", ["installation_id", "cause", "at"], unique=False)
        batch_op.create_index("ix_change_run", ["installation_id", "run_id"], unique=False)

    op.create_table(
        "creation",
        sa.Column("installation_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("entity", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("side", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("source_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("claim_no", sa.Integer(), nullable=False),
        sa.Column("lease_until", connector.store.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("server_time", connector.store.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("sent_at", connector.store.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("not_before", connector.store.tables.UtcDateTime(timezone=True), nullable=True),
        sa.Column("sent", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("installation_id", "entity", "side", "source_id"),
    )
    op.create_table(
        "dirty",
        sa.Column("installation_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("entity", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("side", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("record_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("cause", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("marked_at", connector.store.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("seen", sa.Text(), nullable=False),
        sa.Column("not_before", connector.store.tables.UtcDateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("owner", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("lease_until", connector.store.tables.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("installation_id", "entity", "side", "record_id"),
    )
    with op.batch_alter_table("dirty", schema=None) as batch_op:
        batch_op.create_index(
            "ix_dirty_due", ["installation_id", "lane", "entity", "marked_at", "record_id"], unique=False
        )
        batch_op.create_index("ix_dirty_record", ["record_id", "installation_id"], unique=False)

    op.create_table(
        "load",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("installation_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("source", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("settings_version", sa.Integer(), nullable=False),
        sa.Column("preview", sa.Text(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("problems", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("owner", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("lease_until", connector.store.tables.UtcDateTime(timezone=True), nullable=True),
        sa.Column("begun_at", connector.store.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("read_at", connector.store.tables.UtcDateTime(timezone=True), nullable=True),
        sa.Column("started_at", connector.store.tables.UtcDateTime(timezone=True), nullable=True),
        sa.Column("ended_at", connector.store.tables.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("load", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_load_installation_id"), ["installation_id"], unique=False)

    op.create_table(
        "question",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("installation_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("subject", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("candidates", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("asked_at", connector.store.tables.UtcDateTime(timezone=True), nullable=False),
        sa.Column("decided_at", connector.store.tables.UtcDateTime(timezone=True), nullable=True),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("installation_id", "kind", "subject", name="uq_question_subject"),
    )
    op.create_table(
        "staged",
        sa.Column("installation_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("load_id", sa.BigInteger(), nullable=False),
        sa.Column("entity", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("record_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("until", connector.store.tables.UtcDateTime(timezone=True), nullable=True),
        sa.Column("payload_sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("installation_id", "load_id", "entity", "record_id"),
    )
    with op.batch_alter_table("staged", schema=None) as batch_op:
        batch_op.create_index(
            "ix_staged_state", ["installation_id", "load_id", "state", "entity", "record_id"], unique=False
        )

    with op.batch_alter_table("binding", schema=None) as batch_op:
        batch_op.add_column(sa.Column("connection", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("card_id", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("state", sa.String(), nullable=False, server_default="bound"))
        batch_op.add_column(sa.Column("base", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("overwrote", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("sent", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("problems", sa.Text(), nullable=False, server_default="[]"))
        batch_op.add_column(
            sa.Column("in_step_at", connector.store.tables.UtcDateTime(timezone=True), nullable=True)
        )
    _carry_bindings_over()
    with op.batch_alter_table("binding", schema=None) as batch_op:
        batch_op.drop_column("alias")
        batch_op.create_index(
            "ix_binding_card",
            ["installation_id", "card_id"],
            unique=False,
            sqlite_where=sa.text("card_id IS NOT NULL"),
            postgresql_where=sa.text("card_id IS NOT NULL"),
        )
        batch_op.create_index(
            "uq_binding_bound",
            ["installation_id", "connection", "entity", "crm_id"],
            unique=True,
            sqlite_where=sa.text("state = 'bound'"),
            postgresql_where=sa.text("state = 'bound'"),
        )
    # The index is read anew from Pipedrive's lists: it now holds more, and is told apart by kind.
    op.drop_table("indexed_key")
    op.create_table(
        "indexed_key",
        sa.Column("installation_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("entity", sa.String(), nullable=False),
        sa.Column("crm_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key", "installation_id", "entity", "crm_id"),
    )
    with op.batch_alter_table("indexed_key", schema=None) as batch_op:
        batch_op.create_index(
            "ix_indexed_key_record", ["crm_id", "installation_id", "entity", "key"], unique=False
        )
    op.execute("DELETE FROM index_pass")
    op.execute("DELETE FROM indexed_record")


def _carry_bindings_over() -> None:
    """Give each binding its contact centre and state; of several customers of one person the first stays bound."""
    binding = sa.table(
        "binding",
        *(
            sa.column(name)
            for name in ("installation_id", "entity", "centre_id", "crm_id", "alias", "connection", "state")
        ),
    )
    db = op.get_bind()
    taken: set[tuple[str, ...]] = set()
    rows = db.execute(sa.select(binding).order_by(binding.c.alias, binding.c.centre_id)).all()
    for row in rows:
        connection = row.centre_id.rpartition("/")[0]
        key = (row.installation_id, connection, row.entity, row.crm_id)
        state = "alias" if row.alias or key in taken else "bound"
        taken.add(key)
        where = [binding.c[name] == getattr(row, name) for name in ("installation_id", "entity", "centre_id")]
        db.execute(sa.update(binding).where(*where).values(connection=connection, state=state))


def downgrade() -> None:
    op.drop_table("indexed_key")
    op.create_table(
        "indexed_key",
        sa.Column("installation_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("crm_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("installation_id", "key", "crm_id"),
    )
    with op.batch_alter_table("indexed_key", schema=None) as batch_op:
        batch_op.create_index("ix_indexed_key_record", ["installation_id", "crm_id"], unique=False)
    op.execute("DELETE FROM index_pass")
    op.execute("DELETE FROM indexed_record")
    op.execute("DELETE FROM binding WHERE state = 'gone'")
    with op.batch_alter_table("binding", schema=None) as batch_op:
        batch_op.drop_index("uq_binding_bound")
        batch_op.drop_index("ix_binding_card")
        batch_op.add_column(sa.Column("alias", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute("UPDATE binding SET alias = (state = 'alias')")
    with op.batch_alter_table("binding", schema=None) as batch_op:
        for name in ("in_step_at", "problems", "sent", "overwrote", "base", "state", "card_id", "connection"):
            batch_op.drop_column(name)
    for name in ("staged", "question", "load", "dirty", "creation", "change", "brake"):
        op.drop_table(name)
