"""Kafka's way of working on the Redis you already run, and on Kafka: one setting apart."""

from streamfacade.admin import Admin, KafkaAdminClient
from streamfacade.consumer import Consumer, ConsumerRebalanceListener, KafkaConsumer
from streamfacade.producer import KafkaProducer, Producer
from streamfacade.serializer import DefaultSerializer, Deserializer, JsonSerializer, Serializer
from streamfacade.structs import (
    ConsumerGroupMetadata,
    ConsumerRecord,
    IsolationLevel,
    OffsetAndMetadata,
    OffsetAndTimestamp,
    OffsetSpec,
    RecordMetadata,
    TopicPartition,
    TopicPartitionReplica,
)

__version__ = "0.1.0"

__all__ = [
    "Admin",
    "Consumer",
    "ConsumerGroupMetadata",
    "ConsumerRebalanceListener",
    "ConsumerRecord",
    "DefaultSerializer",
    "Deserializer",
    "IsolationLevel",
    "JsonSerializer",
    "KafkaAdminClient",
    "KafkaConsumer",
    "KafkaProducer",
    "OffsetAndMetadata",
    "OffsetAndTimestamp",
    "OffsetSpec",
    "Producer",
    "RecordMetadata",
    "Serializer",
    "TopicPartition",
    "TopicPartitionReplica",
    "__version__",
]
