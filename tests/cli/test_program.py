"""What all commands have in common."""

from __future__ import annotations

import errno
import subprocess
import sys

import click
import pytest

from streamfacade import __version__
from streamfacade.cli import _output, _server, main
from streamfacade.cli.groups import groups
from streamfacade.cli.topics import topics
from streamfacade.errors import KafkaTimeoutError, RebalanceInProgressError

COMMANDS = {
    **main.commands,
    **{f"{room.name} {n}": c for room in (topics, groups) for n, c in room.commands.items()},
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_every_command_takes_url_and_json(command):
    """--url and --json may stand behind every command's name."""
    assert {"url", "json"} <= {option.name for option in command.params}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_every_command_is_explained(command):
    """Every command has a help text, and so has every option."""
    assert command.help
    assert [o.name for o in command.params if isinstance(o, click.Option) and not o.help] == []


def test_version(alone):
    """Version names this program first."""
    result = alone("version")
    assert (result.exit_code, result.stdout.split()[:2]) == (0, ["streamfacade", __version__])


def test_version_as_json(alone):
    """With --json the versions are one object."""
    assert f'"streamfacade": "{__version__}"' in alone("version", "--json").stdout


def test_it_runs_as_a_module():
    """`python -m streamfacade.cli` is the program too."""
    program = [sys.executable, "-m", "streamfacade.cli", "--version"]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    assert done.stdout == f"streamfacade {__version__}\n"


def test_without_a_server_it_says_how_to_name_one(alone):
    """No URL at all is wrong usage, told in one sentence."""
    result = alone("topics")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: no server given: pass --url or set STREAMFACADE_URL")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("url", ["memory://", "MEMORY://x", "memory:"])
@pytest.mark.parametrize("command", [["topics"], ["produce", "t"], ["consume", "t"]])
def test_memory_is_refused(alone, url, command):
    """Another process would see nothing of memory://: one sentence, wrong usage."""
    result = alone("--url", url, *command)
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: memory:// lives inside one process")
    assert result.stderr.count("\n") == 1


def test_an_unknown_scheme_is_wrong_usage(alone):
    """A URL that names no backend ends with 2, and its password is not shown."""
    result = alone("topics", "--url", "rabbit://me:s3cret@host")
    assert (result.exit_code, "no backend for rabbit://" in result.stderr) == (2, True)
    assert "s3cret" not in result.output


def test_the_environment_names_the_server(alone):
    """STREAMFACADE_URL wins over REDIS_URL, and --url over both, wherever it stands."""
    env = {"STREAMFACADE_URL": "one://", "REDIS_URL": "two://"}
    assert "no backend for one://" in alone("topics", env=env).stderr
    assert "no backend for two://" in alone("topics", env={"REDIS_URL": "two://"}).stderr
    assert "no backend for 3://" in alone("topics", "--url", "3://", env=env).stderr
    assert "no backend for 3://" in alone("--url", "3://", "topics", env=env).stderr


@pytest.mark.parametrize("scheme", ["redis", "kafka"])
def test_a_server_that_is_not_there(alone, monkeypatch, scheme):
    """An unreachable server is a failure in one sentence, without traceback and password."""
    monkeypatch.setattr(_server, "_BOOTSTRAP_MS", 300)
    result = alone("--url", f"{scheme}://127.0.0.1:1", "topics")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1


def test_a_password_is_never_shown(alone, monkeypatch):
    """The password is in nothing that is printed when the server is not there."""
    monkeypatch.setattr(_server, "_BOOTSTRAP_MS", 300)
    result = alone("--url", "redis://me:s3%21cret@127.0.0.1:1/0", "topics")
    assert result.exit_code == 1
    assert "cret" not in result.output


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (KafkaTimeoutError("no answer\nfor 3 s"), 1, "no answer for 3 s (KafkaTimeoutError)"),
        (RebalanceInProgressError(), 1, RebalanceInProgressError.description),
        (ValueError("redis://me:s3cret@host is odd"), 1, "redis://***@host is odd (ValueError)"),
        (RuntimeError("s3cret"), 1, ""),
        (OSError(errno.ENOSPC, "No space left"), 1, "28 No space left (OSError)"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 1, ""),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_what_errors_become(alone, monkeypatch, error, code, sentence):
    """Each error has its exit code and at most one line on stderr."""

    def fail():
        raise error

    monkeypatch.setattr(_server, "admin", fail)
    result = alone("topics", "--url", "redis://me:s3cret@host")
    assert (result.exit_code, result.stdout) == (code, "")
    assert sentence in result.stderr
    assert result.stderr.count("\n") == bool(sentence)


def test_a_terminal_gets_a_table(monkeypatch, capsys):
    """On a terminal rows have headings and lines around them."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    with click.Context(click.Command("c")):
        _output.show([{"topic": "orders", "in_sync": [0, 1]}])
    shown = capsys.readouterr().out
    assert all(text in shown for text in ("topic", "in sync", "orders", "0,1", "│"))
