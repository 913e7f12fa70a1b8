"""Everything that is kept: installations, the ledger, the index and bindings.

Work on the database is a plain function of a connection, run in a thread: it cannot await, so no transaction can be
held over a network call.
"""
