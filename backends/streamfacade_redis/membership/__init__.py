"""The membership room: who owns which partition, agreed by heartbeats that are scripts.

`state` decides and is pure, `heart` is the thread that drives it, `member` is the face that the
polling thread talks to. `wire` speaks with the scripts, `target` computes who shall get what,
`solo` is for those who commit without being members.
"""

from streamfacade_redis.membership.member import Member
from streamfacade_redis.membership.solo import number_for_outsider, remove_member
from streamfacade_redis.membership.wire import Owned, Turn

__all__ = ["Member", "Owned", "Turn", "number_for_outsider", "remove_member"]
