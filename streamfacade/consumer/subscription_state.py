"""What a consumer wants to read, and who is told when that changes."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from streamfacade.errors import IllegalStateError
from streamfacade.topic_names import topic_name

if TYPE_CHECKING:
    from streamfacade.structs import TopicPartition


class ConsumerRebalanceListener(ABC):
    """Told when partitions come and go.

    Called inside `poll`, `unsubscribe` and `close`, on the thread that called those, and only
    with what changed. A listener may commit, seek and pause.
    """

    @abstractmethod
    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> Any:
        """Finish with partitions that are about to go; the last chance to commit for them."""

    @abstractmethod
    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> Any:
        """Prepare for partitions that have come; `seek` here starts them elsewhere."""

    def on_partitions_lost(self, lost: set[TopicPartition]) -> Any:
        """Drop partitions that another member may own already. Defaults to the revoked call."""
        return self.on_partitions_revoked(lost)


class Subscription:
    """Topics, or a pattern, or partitions by hand: one of the three, until `clear`."""

    def __init__(self) -> None:
        """Start with nothing wanted."""
        self.topics: frozenset[str] = frozenset()
        self.pattern: re.Pattern[str] | None = None
        self.by_hand = False
        self.listener: ConsumerRebalanceListener | None = None

    @property
    def wanted(self) -> bool:
        """Whether topics or a pattern are subscribed to."""
        return bool(self.topics) or self.pattern is not None

    def subscribe(
        self,
        topics: Sequence[str],
        pattern: str | None,
        listener: ConsumerRebalanceListener | None,
    ) -> None:
        """Want topics or a pattern from now on; nothing changes if an argument is refused."""
        self._check_exclusive(topics, pattern)
        names = frozenset(map(topic_name, _listed(topics)))
        if listener is not None and not isinstance(listener, ConsumerRebalanceListener):
            msg = f"listener must be a ConsumerRebalanceListener, not {type(listener).__name__}"
            raise TypeError(msg)
        self.pattern = re.compile(pattern) if pattern is not None else None
        self.topics, self.listener = names, listener

    def _check_exclusive(self, topics: Sequence[str], pattern: str | None) -> None:
        if self.by_hand:
            msg = "partitions were assigned by hand: unsubscribe() before subscribe()"
            raise IllegalStateError(msg)
        if topics and pattern is not None:
            msg = "subscribe to topics or to a pattern, not both"
            raise IllegalStateError(msg)
        if not topics and pattern is None:
            msg = "subscribe needs topics or a pattern"
            raise ValueError(msg)
        if (topics and self.pattern is not None) or (pattern is not None and self.topics):
            msg = "topics and patterns do not mix: unsubscribe() in between"
            raise IllegalStateError(msg)

    def assign(self) -> None:
        """Read partitions chosen by hand."""
        if self.wanted:
            msg = "subscribed already: unsubscribe() before assign()"
            raise IllegalStateError(msg)
        self.by_hand = True

    def clear(self) -> None:
        """Want nothing."""
        self.__init__()  # type: ignore[misc]

    def matching(self, existing: Collection[str], *, skip_internal: bool) -> frozenset[str]:
        """Return the topics wanted of those that exist; patterns match from the start of a name."""
        if self.pattern is None:
            return self.topics
        names = (t for t in existing if not (skip_internal and t.startswith("__")))
        return frozenset(filter(self.pattern.match, names))


def _listed(topics: Any) -> Sequence[str]:
    if isinstance(topics, str) or not isinstance(topics, Sequence):
        msg = f"topics must be a list of names, not {type(topics).__name__}"
        raise TypeError(msg)
    return topics
