"""The program: its commands, and what becomes of errors.

Exit codes: 0 fine, 1 failure, 2 wrong usage, 130 Ctrl-C. An error is one sentence on stderr.
"""

from __future__ import annotations

import errno
from typing import Any

import click

from streamfacade import __version__
from streamfacade.cli import _server
from streamfacade.cli._failed import Failed, Misused
from streamfacade.cli._options import common
from streamfacade.cli.consume import consume
from streamfacade.cli.groups import groups
from streamfacade.cli.produce import produce
from streamfacade.cli.topics import topics
from streamfacade.cli.version import version
from streamfacade.errors import KafkaConfigurationError, KafkaError

_INTERRUPTED = 130  # as shells count: 128 and the number of SIGINT


class Program(click.Group):
    """Commands whose errors are sentences; click writes them and ends with their exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(_INTERRUPTED)
        except KafkaConfigurationError as error:
            raise Misused(_sentence(error)) from error
        except (KafkaError, ValueError) as error:
            raise Failed(_sentence(error)) from error
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # the reader has seen enough: click ends quietly
            raise Failed(_sentence(error)) from error


def _sentence(error: Exception) -> str:
    text = " ".join(map(str, error.args)) or getattr(error, "description", "")
    sentence = f"{' '.join(text.split())} ({type(error).__name__})"
    return _server.without_password(sentence)


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
@common(envvar=["STREAMFACADE_URL", "REDIS_URL"])
def main() -> None:
    """Produce and consume records, manage topics and groups, on Redis or on Kafka.

    The server is --url, else $STREAMFACADE_URL, else $REDIS_URL.
    """


for _command in (topics, groups, produce, consume, version):
    main.add_command(_command)
