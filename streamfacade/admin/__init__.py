"""Managing topics."""

from streamfacade.admin._types import NewTopic
from streamfacade.admin.client import Admin, KafkaAdminClient
from streamfacade.structs import OffsetSpec

__all__ = ["Admin", "KafkaAdminClient", "NewTopic", "OffsetSpec"]
