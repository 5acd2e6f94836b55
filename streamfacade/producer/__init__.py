"""Sending records."""

from streamfacade.producer.kafka import KafkaProducer, Producer

__all__ = ["KafkaProducer", "Producer"]
