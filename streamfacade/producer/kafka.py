"""The producer's face: check, serialize, choose the partition, hand over."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Generic

from streamfacade import _lifetime, _registry, serializer
from streamfacade.driver import Capability
from streamfacade.errors import (
    IllegalStateError,
    KafkaTimeoutError,
    UnknownTopicOrPartitionError,
    UnsupportedCapabilityError,
)
from streamfacade.future import FutureRecordMetadata
from streamfacade.partitioner import DefaultPartitioner
from streamfacade.producer import _checks
from streamfacade.producer._delivery import Delivery
from streamfacade.structs import ConsumerGroupMetadata, K, RecordMetadata, V
from streamfacade.topic_names import topic_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from typing_extensions import Self

    from streamfacade.driver import Deliver, TransactionalProducerDriver
    from streamfacade.structs import Headers, OffsetAndMetadata, TopicPartition

log = logging.getLogger(__name__)
_EXIT_SECONDS = 1


class Producer(Generic[K, V]):
    """Sends records to topics; any number of threads may share one.

    Takes options by keyword in kafka-python's names and milliseconds, or a dict with Kafka's
    dotted names. Connects at once.

    Raises:
        KafkaConfigurationError: an unknown option or a wrong value; also a `ValueError`.
        NoBrokersAvailable: nobody answered within `bootstrap_timeout_ms`.
        KafkaError: somebody answered who cannot serve; says why.

    """

    def __init__(self, configs: Mapping[str, Any] | None = None, /, **options: Any) -> None:
        """Connect to the server that the options name."""
        self._unusable = "the producer was not opened"
        self._backend, self.config = _registry.prepare("P", configs, options)
        self._key = serializer.bind(self.config["key_serializer"], "serialize")
        self._value = serializer.bind(self.config["value_serializer"], "serialize")
        self._max_size = self.config["max_request_size"]
        self._max_block = self.config.seconds("max_block_ms")
        self._known: set[str] = set()
        self._delivery = Delivery(acknowledged=self.config["acks"] != 0)
        self._driver = self._backend.open_producer(self.config, self._delivery)
        self._choose = self._chooser(self.config["partitioner"])
        self._unusable = ""
        _lifetime.opened(self)

    def _chooser(self, partitioner: Any) -> Callable[..., int] | None:
        """Return what chooses partitions: None, where librdkafka hashes alike and faster."""
        if isinstance(partitioner, DefaultPartitioner):
            if self._backend.chooses_partitions and type(partitioner) is DefaultPartitioner:
                return None
            return self._by_key(partitioner.choose)
        if hasattr(partitioner, "partition"):
            return lambda *record: self._checked(record[0], partitioner.partition(*record, self))
        return lambda topic, _k, key, _v, _value: self._checked(
            topic, partitioner(key, sorted(self.partitions_for(topic)), [])
        )

    def _by_key(self, choose: Callable[[bytes | None, int], int]) -> Callable[..., int]:
        count, wait = self._driver.partitions, self._max_block

        def chosen(topic: str, _key: Any, key: bytes | None, _value: Any, _raw: Any) -> int:
            there = count(topic, wait)
            return 0 if there == 1 else choose(key, there)

        return chosen

    def send(
        self,
        topic: str,
        value: V | None = None,
        key: K | None = None,
        headers: Headers | None = None,
        partition: int | None = None,
        timestamp_ms: int | None = None,
    ) -> FutureRecordMetadata:
        """Send a record; return the future of its `RecordMetadata`.

        Args:
            topic: created if it does not exist and `allow_auto_create_topics`.
            value: bytes, or what `value_serializer` takes; None is a tombstone.
            key: records of one key go to one partition and keep their order.
            headers: a list of (str, bytes); order and repeated names are kept.
            partition: this one, instead of the partitioner's choice.
            timestamp_ms: milliseconds since 1970; defaults to now.

        Raises:
            IllegalStateError: the producer is closed.
            TypeError, ValueError: a wrong argument; nothing is sent.
            MessageSizeTooLargeError: larger than `max_request_size`.
            KafkaTimeoutError: no room, or no such topic, within `max_block_ms`.

        """
        future = FutureRecordMetadata()
        self.produce(topic, value, key, headers, partition, timestamp_ms, future._delivered)  # noqa: SLF001 - ours
        return future

    def produce(  # noqa: C901 - the hot path: a call costs more than a branch
        self,
        topic: str,
        value: V | None = None,
        key: K | None = None,
        headers: Headers | None = None,
        partition: int | None = None,
        timestamp_ms: int | None = None,
        on_delivery: Deliver | None = None,
    ) -> None:
        """Send a record; the fast path: no future is made.

        Takes and raises what `send` does. `on_delivery(error, metadata)` is called once, on the
        producer's background thread: error None and the record's `RecordMetadata`, or an error
        and metadata with topic and partition, offset -1. What it raises is logged.
        """
        if self._unusable:
            raise _lifetime.refuse(self._unusable)
        if topic not in self._known:
            self._meet(topic)
        if key is None and value is None:
            msg = "a record needs a key or a value"
            raise ValueError(msg)
        raw_key: Any = key if self._key is None else self._key(topic, headers or [], key)
        raw_value: Any = value if self._value is None else self._value(topic, headers or [], value)
        if type(raw_value) is not bytes:
            raw_value = _checks.raw("value", raw_value)
        if type(raw_key) is not bytes:
            raw_key = _checks.raw("key", raw_key)
        if on_delivery is not None and not callable(on_delivery):
            raise _checks.not_callable(on_delivery)
        if headers is not None:
            headers = _checks.headers_list(headers)
        if timestamp_ms is not None:
            self._check_timestamp(timestamp_ms)
        size = _checks.estimated_size(raw_key, raw_value, headers)
        if size > self._max_size:
            raise _checks.too_large(size, self._max_size)
        if partition is not None:
            self._checked(topic, partition)
        elif self._choose is not None:
            partition = self._choose(topic, key, raw_key, value, raw_value)
        record = (raw_key, raw_value, headers, timestamp_ms, on_delivery)
        self._driver.send(topic, partition, record, size, self._max_block)

    def _meet(self, topic: str) -> None:
        """Check a topic's name, and wait until it is there, before its first record."""
        try:
            self._driver.partitions(topic_name(topic), self._max_block)
        except UnknownTopicOrPartitionError as error:
            # kafka-python waits for the topic and ends with this class; the wait cannot help here
            msg = f"no topic {topic}: create it, or allow_auto_create_topics"
            raise KafkaTimeoutError(msg) from error
        self._known.add(topic)

    def _check_timestamp(self, timestamp_ms: int) -> None:
        zero = Capability.TIMESTAMP_ZERO
        if _checks.timestamp(timestamp_ms) == 0 and zero not in self._backend.capabilities:
            msg = f"the {self._backend.name} backend lacks {zero.value}: {zero.doc}"
            raise ValueError(msg)

    def _checked(self, topic: str, partition: Any) -> int:
        if not isinstance(partition, int) or isinstance(partition, bool):
            msg = f"a partition must be an int, not {type(partition).__name__}"
            raise (ValueError if partition is None else TypeError)(msg)
        there = self._driver.partitions(topic, self._max_block)
        if not 0 <= partition < there:
            msg = f"topic {topic} has no partition {partition}: it has {there}, from 0"
            raise ValueError(msg)
        return partition

    def flush(self, timeout: float | None = None) -> None:
        """Wait until every record sent before is settled, and its callback done.

        A record that failed says so to its callback or future, not here.

        Args:
            timeout: seconds; None waits until `delivery_timeout_ms` has settled everything.

        Raises:
            KafkaTimeoutError: some are not settled yet.

        """
        if self._unusable:
            return
        remaining = self._driver.flush(_checks.timeout(timeout))
        if remaining:
            msg = f"{remaining} records are not settled after {timeout} seconds"
            raise KafkaTimeoutError(msg)

    def poll(self, timeout: float = 0) -> int:
        """Return 0: callbacks need no call here. For programs that come from confluent-kafka."""
        return 0

    def close(self, timeout: float | None = None, null_logger: bool = False) -> None:  # noqa: FBT001, FBT002 - kafka-python's signature
        """Send what is left, then close; again is harmless.

        Args:
            timeout: seconds to wait; what is unsent then fails. None: `delivery_timeout_ms`.
            null_logger: taken for kafka-python's sake.

        """
        timeout = _checks.timeout(timeout)
        if self._unusable:
            return
        self._unusable = "the producer is closed"
        _lifetime.closed(self)
        limit = self.config.seconds("delivery_timeout_ms")
        self._driver.close(limit if timeout is None else min(timeout, limit))
        serializer.release(self.config["key_serializer"], self.config["value_serializer"])

    def _at_exit(self) -> None:
        deadline = time.monotonic() + _EXIT_SECONDS
        lost = self._driver.flush(_EXIT_SECONDS)
        if lost:
            log.error("%d records were not sent before the program ended: close() waits", lost)
        self.close(max(0, deadline - time.monotonic()))

    def partitions_for(self, topic: str) -> set[int]:
        """Return the partitions of a topic, creating it like `send` does.

        Raises:
            KafkaTimeoutError: no answer within `max_block_ms`, or no such topic.

        """
        if self._unusable:
            raise _lifetime.refuse(self._unusable)
        if topic not in self._known:
            self._meet(topic)
        return set(range(self._driver.partitions(topic, self._max_block)))

    # What a kafka-python partitioner may ask of a "cluster".
    partitions_for_topic = available_partitions_for_topic = partitions_for

    def topics(self) -> set[str]:
        """Return the names of the topics that this producer has met."""
        return set(self._known)

    def bootstrap_connected(self) -> bool:
        """Return whether the producer is open."""
        return not self._unusable

    @classmethod
    def max_usable_produce_magic(cls, api_version: Any = None) -> int:  # noqa: ARG003 - kafka-python's signature
        """Return 2: records have headers and timestamps."""
        return 2

    def metrics(self, raw: bool = False) -> dict[str, dict[str, float]] | None:  # noqa: FBT001, FBT002 - kafka-python's signature
        """Return figures as {group: {name: value}}; None with `metrics_enabled=False`."""
        if not self.config["metrics_enabled"]:
            return None
        totals = self._delivery.totals
        return {
            "producer-metrics": {
                "record-send-total": float(totals["delivered"]),
                "record-error-total": float(totals["failed"]),
            },
            f"{self._backend.name}-metrics": dict(self._driver.metrics()),
        }

    def _transactional(self) -> TransactionalProducerDriver:
        if self._unusable:
            raise _lifetime.refuse(self._unusable)
        needed = Capability.TRANSACTIONS
        if needed not in self._backend.capabilities:
            raise UnsupportedCapabilityError(needed.value, f"not on {self._backend.name}")
        if self.config["transactional_id"] is None:
            msg = "transactions need the option transactional_id"
            raise IllegalStateError(msg)
        return self._driver  # type: ignore[return-value] # the capability says so

    def init_transactions(self) -> None:
        """Fence older producers of this `transactional_id`; first call of all (KIP-98)."""
        self._transactional().init_transactions(self._max_block)

    def begin_transaction(self) -> None:
        """Start a transaction."""
        self._transactional().begin_transaction()

    def send_offsets_to_transaction(
        self,
        offsets: Mapping[TopicPartition, OffsetAndMetadata],
        group_metadata: ConsumerGroupMetadata | str,
    ) -> None:
        """Commit a group's offsets together with the transaction's records."""
        group = group_metadata
        if isinstance(group, str):
            group = ConsumerGroupMetadata(group)
        self._transactional().send_offsets_to_transaction(offsets, group, self._max_block)

    def commit_transaction(self) -> None:
        """Flush, then make the transaction's records visible."""
        self._transactional().commit_transaction(self._max_block)

    def abort_transaction(self) -> None:
        """Drop the transaction's records."""
        self._transactional().abort_transaction(self._max_block)

    def __enter__(self) -> Self:
        """Return the producer."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the producer."""
        self.close()

    def __repr__(self) -> str:
        """Name the backend and its address."""
        return f"<Producer {self.config['client_id']} at {self._backend.address}>"


KafkaProducer = Producer

__all__ = ["KafkaProducer", "Producer", "RecordMetadata"]
