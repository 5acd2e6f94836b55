"""Reading records."""

from streamfacade.consumer.group import Consumer, KafkaConsumer
from streamfacade.consumer.subscription_state import ConsumerRebalanceListener

__all__ = ["Consumer", "ConsumerRebalanceListener", "KafkaConsumer"]
