"""`python -m tests.brokers redis|kafka` runs one until Ctrl-C; `setup` only gets both ready."""

from __future__ import annotations

import sys
import threading

from tests.brokers import Unavailable, kafka_broker, programs, redis_broker

_BROKERS = {"redis": redis_broker, "kafka": kafka_broker}


def main(arguments: list[str]) -> str | None:
    """Do what the one argument says; an answer is an error."""
    match arguments:
        case ["setup"]:
            for name in _BROKERS:
                programs.bring(name)
            return None
        case [name] if name in _BROKERS:
            return _run(name)
    return __doc__


def _run(name: str) -> str | None:
    programs.bring(name)
    try:
        with _BROKERS[name]() as broker:
            _greet(broker.url)
            threading.Event().wait()
    except KeyboardInterrupt:
        return None
    except Unavailable as reason:
        return str(reason)
    return None


def _greet(url: str) -> None:
    print(f"{url}\n\n  export STREAMFACADE_URL={url}\n\nCtrl-C ends it.", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
