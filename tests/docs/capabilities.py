"""The README's table of capabilities: `python -m tests.docs.capabilities` writes it anew."""

from __future__ import annotations

import re
from pathlib import Path

from streamfacade import _registry
from streamfacade.driver import Capability

README = Path(__file__).parents[2] / "README.md"
_URLS = {"memory": "memory://", "Redis": "redis://localhost", "Kafka": "kafka://localhost:9092"}
_TABLE = re.compile(r"^\| capability \|.*?\n(?=\n)", re.MULTILINE | re.DOTALL)


def table() -> str:
    """Return the table, from what the drivers say of themselves."""
    drivers = {name: _registry.find(url) for name, url in _URLS.items()}
    rows = [
        ["capability", *drivers, "meaning"],
        ["---", *(":-:" for _ in drivers), "---"],
        *(
            [
                f"`{capability.value}`",
                *(
                    "yes" if capability in driver.capabilities else "no"
                    for driver in drivers.values()
                ),
                capability.doc,
            ]
            for capability in Capability
        ),
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def printed() -> str:
    """Return the table as it stands in the README."""
    found = _TABLE.search(README.read_text())
    return found[0] if found else ""


if __name__ == "__main__":
    text, count = _TABLE.subn(lambda _: table(), README.read_text())
    assert count == 1, "README.md has one table that begins with | capability |"
    README.write_text(text)
