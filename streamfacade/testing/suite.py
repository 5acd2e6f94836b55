"""The whole conformance suite, to import with `*` beside a fixture `backend` (see `harness`)."""

# ruff: noqa: E402, F403 - pytest must be told before the first test is imported

import pytest

pytest.register_assert_rewrite(
    *(
        f"{__package__}.suite_{subject}"
        for subject in (
            "closing",
            "committing",
            "consuming",
            "group_admin",
            "group_offsets",
            "groups",
            "partitioning",
            "positions",
            "producing",
            "records",
            "refusals",
            "resuming",
            "sending",
            "subscribing",
            "topics",
        )
    )
)

from streamfacade.testing.harness import harness as harness  # noqa: PLC0414 - the tests' fixture
from streamfacade.testing.suite_closing import *
from streamfacade.testing.suite_committing import *
from streamfacade.testing.suite_consuming import *
from streamfacade.testing.suite_group_admin import *
from streamfacade.testing.suite_group_offsets import *
from streamfacade.testing.suite_groups import *
from streamfacade.testing.suite_partitioning import *
from streamfacade.testing.suite_positions import *
from streamfacade.testing.suite_producing import *
from streamfacade.testing.suite_records import *
from streamfacade.testing.suite_refusals import *
from streamfacade.testing.suite_resuming import *
from streamfacade.testing.suite_sending import *
from streamfacade.testing.suite_subscribing import *
from streamfacade.testing.suite_topics import *
