"""Everything that can be switched: readings of what the vendor leaves open, and bad habits on request.

This is the one place where an undocumented key or answer is decided. Each switch says what it stands for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass(slots=True)
class Switches:
    """The switches of one system; `POST /_sandbox/switches` sets them by name."""

    # Readings: the vendor's pages are silent or were not readable.
    customers_envelope: bool = False
    """Lists of customers and companies as `{count, result}` instead of a bare array."""
    topic_missing: str = "404"
    """Answer of `connections/:id/topic` for a call without a topic: `404`, or `nulls` for null values."""
    topics_shape: str = "list"
    """`include_topics=true` adds `topics`: `list` of `{"id", "name"}`, list of `names`, or `none` for nothing."""
    named_ids: bool = False
    """Directory rows (queues, topics, campaigns, statuses) use `queue_id`, `topic_id`… instead of `id`."""
    chat_text_key: str = "text"
    """Key of the text in a chat message, beside `sent_by` (`CLIENT`, `AGENT`, `SYSTEM`) and `created_at`."""
    chat_source: bool = False
    """Chats carry `source` and `topic`."""
    list_messages: bool = True
    """Rows of the ticket list carry `messages`."""
    second_email: bool = False
    """Customers carry `emails` with all addresses; otherwise only the first one can be read back."""
    bounds: str = "inclusive"
    """Whether `date_to` itself belongs to the window: `inclusive` or `exclusive`. Seconds count, though unseen."""
    read_only_ticket_fields: str = "refuse"
    """`PUT tickets/:id` on a read-only field: `refuse` (400), `ignore`, or `accept`."""
    fill_ticket_fields: str = "refuse"
    """`fill_read_only_custom_fields` on tickets: unknown (`refuse`, 400), `ignore`, or `accept` fills."""
    list_ticket_fields: bool = True
    """Rows of the ticket list carry `custom_fields` where asked."""
    comment_keys: str = "comment"
    """Keys of a ticket's comment: `comment`, `body`, or `body,user_login` where both must be there."""
    field_items_shape: str = "listed"
    """Rows of repeating groups: values `listed` by the field's id, `named` by its name, or `bare`, not saying whose."""
    field_items_merge: bool = False
    """`PUT customer_field_group_items/:id` leaves fields that are not named as they are."""
    read_only_customer_fields: str = "accept"
    """`fill_read_only_custom_fields` on customers and companies: `accept` fills, `ignore` leaves such fields as they are."""
    change_customers: str = "both"
    """Ways to change a customer: `both`, only `PUT customers/:id` (`single`), or only `PUT batch/customers` (`batch`)."""
    series_body: str = "both"
    """Body of `batch/customers`: `both`, only `{"customers": […]}` (`named`), or only an array (`bare`)."""
    ignored_filters: bool = False
    """Filters of customers and companies change nothing: the whole list comes."""
    unique_names: bool = False
    """A second customer or company of the same name is refused: "Duplicated customer name."."""
    hook_custom_data: bool = True
    """Hooks of a call repeat the `custom_data` of a click-to-call."""
    live_hooks: str = "all"
    """Hooks of a call as it goes on, beside `AGENT_RINGING`: `all` of `AGENT_ANSWERED`, `CLIENT_ANSWERED` (where the agent
    dialled) and `AGENT_ENDED_CALL`; only those of the `agent`, of which the vendor says that they exist; or none (`ringing`).
    Their names and keys are our own. A hook that is not sent can't be subscribed to either.
    """

    # Bad habits.
    moving_tickets: int = 0
    """So many times (-1: always) the oldest listed ticket is touched just after a page of tickets was answered."""
    repeat_lists: bool = False
    """Rows of event lists come shuffled, and twice where the page has room."""
    slow: float = 0.0
    """Seconds that every answer takes longer."""
    doubled_hooks: bool = False
    """Each webhook is sent twice."""
    shuffled_hooks: bool = False
    """Webhooks of the last 50 ms are sent in random order."""
    late_hooks: float = 0.0
    """Seconds that every webhook comes later."""
    lost_hooks: float = 0.0
    """Share of webhooks that are never sent, 0 to 1."""

    # Click-to-call.
    dial_result: str = "ANSWERED"
    """How a dialled call ends: `ANSWERED`, `BUSY`, `NO ANSWER` or `FAILED`."""
    dial_seconds: float = 2.0
    """Seconds of real time from ringing until a call that runs by itself has ended and is listed."""
    refused_numbers: str = ""
    """Beginnings of numbers that are not dialled (400), a space between two."""
    phones: str = "auto"
    """Who answers and hangs up a dialled call: timers (`auto`), or people at the phones' page and tests (`manual`)."""
    ring_seconds: float = 30.0
    """Seconds of real time until a phone that nobody answers stops ringing."""

    def set_all(self, values: Mapping[str, object]) -> None:
        """Set switches by name, all or none.

        Raises:
            ValueError: there is no such switch, or a value isn't one of its values.
        """
        read = {name: self._read(name, value) for name, value in values.items()}
        for name, value in read.items():
            setattr(self, name, value)

    def _read(self, name: str, value: object) -> object:
        kinds = {field.name: type(getattr(self, field.name)) for field in fields(self)}
        if name not in kinds:
            raise ValueError(f"no switch {name}")
        kind = kinds[name]
        if kind is int and isinstance(value, bool):
            value = -1 if value else 0
        if kind is float and isinstance(value, int):
            value = float(value)
        if type(value) is not kind or (name in CHOICES and value not in CHOICES[name]):
            raise ValueError(f"{value!r} is no value of {name}")
        return value


CHOICES: dict[str, tuple[str, ...]] = {
    "topic_missing": ("404", "nulls"),
    "topics_shape": ("list", "names", "none"),
    "bounds": ("inclusive", "exclusive"),
    "read_only_ticket_fields": ("refuse", "ignore", "accept"),
    "fill_ticket_fields": ("refuse", "ignore", "accept"),
    "comment_keys": ("comment", "body", "body,user_login"),
    "field_items_shape": ("listed", "named", "bare"),
    "read_only_customer_fields": ("accept", "ignore"),
    "change_customers": ("both", "single", "batch"),
    "series_body": ("both", "named", "bare"),
    "live_hooks": ("all", "agent", "ringing"),
    "phones": ("auto", "manual"),
    "dial_result": ("ANSWERED", "BUSY", "NO ANSWER", "FAILED"),
}
