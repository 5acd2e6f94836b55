"""Managing topics and groups."""

from streamfacade.admin._types import MemberToRemove, NewTopic, OffsetTimestamp
from streamfacade.admin.client import Admin, KafkaAdminClient
from streamfacade.driver_groups import GroupState, GroupType
from streamfacade.structs import OffsetSpec

__all__ = [
    "Admin",
    "GroupState",
    "GroupType",
    "KafkaAdminClient",
    "MemberToRemove",
    "NewTopic",
    "OffsetSpec",
    "OffsetTimestamp",
]
