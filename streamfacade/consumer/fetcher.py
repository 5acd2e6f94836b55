"""kafka-python's module of the same name."""

from streamfacade.structs import ConsumerRecord

__all__ = ["ConsumerRecord"]
