"""kafka-python's module of the same name."""

from streamfacade.future import FutureRecordMetadata
from streamfacade.structs import RecordMetadata

__all__ = ["FutureRecordMetadata", "RecordMetadata"]
