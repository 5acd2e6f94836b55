"""README and migration guide do what they say."""

from __future__ import annotations

import re
import subprocess
import sys
from uuid import uuid4

import pytest

import streamfacade
from streamfacade import Admin, Consumer, OffsetAndMetadata, Producer, TopicPartition, errors
from streamfacade.admin import MemberToRemove, OffsetTimestamp
from streamfacade.config import BY_NAME
from streamfacade.errors import ClusterAuthorizationFailedError, NoError, UnknownMemberIdError
from tests.docs import capabilities
from tests.docs.page import ROOT, Reader, blocks, commands

PAGES = ["README.md", "migration_guide.md"]
DESIGN = "backends/streamfacade_redis/DESIGN.md"
DOCUMENTS = [*PAGES, "CHANGELOG.md", DESIGN]
NO_OPTIONS = {"timestamp_ms", "cluster_id"}  # an argument, a field
REDIS_DRIVER = ROOT / "backends" / "streamfacade_redis"


@pytest.fixture
def reader(request, monkeypatch):
    """Give a reader of pages with a server of their own, and the server in the environment."""

    def sit_down(backend):
        url = f"memory://{uuid4().hex}"
        if backend != "memory":
            url = request.getfixturevalue(f"private_{backend}")().url
        monkeypatch.setenv("STREAMFACADE_URL", url)
        monkeypatch.delenv("REDIS_URL", raising=False)
        return Reader(backend, url)

    return sit_down


@pytest.mark.parametrize("backend", ["memory", "redis", "kafka"])
@pytest.mark.parametrize("page", PAGES)
def test_the_page_runs(reader, page, backend):
    """Every block of a page runs on every backend it is meant for, and prints what it says."""
    assert reader(backend).read(page) > 0


@pytest.mark.parametrize("page", PAGES)
def test_what_is_not_run_compiles(page):
    """Programs for other libraries are Python at least."""
    for block in blocks(page):
        if block.language == "python":
            block.compiled()


def test_no_block_is_overlooked():
    """Every fence is one that the reader knows, or is none to run."""
    known = {"python", "console", "text", "sh", "toml", "ini"}
    for page in PAGES:
        assert {block.language for block in blocks(page)} <= known
        assert len(blocks(page)) * 2 == (ROOT / page).read_text().count("```")


def test_the_first_message_takes_twelve_lines():
    """The first program of the README is short."""
    first = next(block for block in blocks("README.md") if block.language == "python")
    assert len([line for line in first.text.splitlines() if line]) <= 12


def test_the_table_of_capabilities_is_the_drivers():
    """The README says of each backend what its driver says."""
    assert capabilities.printed() == capabilities.table(), "python -m tests.docs.capabilities"


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_make_exist(page):
    """What a page has one make is in the Makefile."""
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake (\w+)", "".join(b.text for b in blocks(page))))
    assert named <= targets


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_exist(document):
    """Every file that a document names is there."""
    text = (ROOT / document).read_text()
    named = set(
        re.findall(r"`((?:examples|streamfacade|tests|lua|membership)/[\w./]*|\w+\.md)`", text)
    )
    folders = [ROOT, REDIS_DRIVER]
    assert [n for n in named if not any((folder / n).exists() for folder in folders)] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_options_and_errors_exist(document):
    """Every option and every error that a document names is one."""
    text = re.sub(
        r"^```\w+ before\n.*?^```$",
        "",
        (ROOT / document).read_text(),
        flags=re.MULTILINE | re.DOTALL,
    )
    options = set(re.findall(r"`(\w+_(?:ms|id|bytes|options|reset|strategy|memory))(?:[=`])", text))
    assert options - set(BY_NAME) - NO_OPTIONS == set()
    named = set(re.findall(r"`(\w+Error)`", text)) - {"ValueError", "BufferError", "TypeError"}
    assert [name for name in named if not hasattr(errors, name)] == []


def test_the_guide_renames_to_what_exists():
    """Every option that the guide names as a new name is in the option table."""
    names = re.findall(r"streamfacade\.(\w+)`", (ROOT / "migration_guide.md").read_text())
    assert [n for n in names if not hasattr(streamfacade, n) and n != "errors"] == []


@pytest.mark.parametrize("document", [DESIGN])
def test_the_file_map_is_complete(document):
    """The design page names every file of the driver, and no other."""
    there = {
        str(path.relative_to(REDIS_DRIVER))
        for path in [*REDIS_DRIVER.rglob("*.py"), *REDIS_DRIVER.rglob("*.lua")]
    }
    text = (ROOT / document).read_text()
    named = set(re.findall(r"^\| `([\w/]+\.(?:py|lua))`", text, re.MULTILINE))
    assert named == {name for name in there if not name.endswith("__init__.py")}


# What the README says of Redis


@pytest.fixture
def users(private_redis):
    """Give a Redis with the README's users: `users("producer")` is the options of one."""
    server = private_redis()
    reader = Reader("redis", server.url)
    listed = [b for b in blocks("README.md") if "ACL SETUSER" in b.text]
    for command, printed in commands(listed[0].text):
        assert reader.shell(command) == printed

    def options(role):
        return {
            "bootstrap_servers": server.url,
            "sasl_plain_username": f"streams-{role}",
            "sasl_plain_password": "secret",
        }

    yield options
    assert reader.shell("redis-cli ACL LOG") in {"", "\n"}


def test_the_users_of_the_readme_can_do_their_work(users):
    """An admin, a producer and a consumer with the README's rights are never refused."""
    topics = {"t": {"num_partitions": 3}, "small": {"configs": {"retention.bytes": 100_000}}}
    with Admin(**users("admin")) as admin:
        admin.create_topics({**topics, "gone": None})
        admin.delete_topics(["gone"])
        assert admin.list_topics() == ["small", "t"]
        assert admin.describe_cluster()["brokers"]
    with Producer(**users("producer")) as producer:
        assert producer.send("made by its first use".replace(" ", "-"), b"v").get(10).offset == 0
        for i in range(3000):
            producer.produce("small", b"x" * 1000)
            producer.produce("t", b"x", key=b"%d" % i, headers=[("a", b"b")])
    _consume(users("consumer"))


def test_the_admin_of_the_readme_can_manage_groups(users):
    """The README's admin is never refused by what an operator asks about groups."""
    place = TopicPartition("t", 0)
    with Admin(**users("admin")) as admin:
        admin.create_topics(["t"])
        offsets = {place: OffsetAndMetadata(0)}
        assert admin.alter_group_offsets("g", offsets) == {place: NoError}
        assert admin.list_groups()[0]["group_state"] == "Empty"
        assert admin.list_group_lag("g")[place]["lag"] == 0
        assert admin.reset_group_offsets("g", {place: OffsetTimestamp(1)})[place]["offset"] == 0
        gone = admin.remove_group_members("g", [MemberToRemove("nobody")])
        assert gone == {"nobody": UnknownMemberIdError}
        assert admin.delete_group_offsets("g", [place]) == {place: NoError}
        assert admin.delete_groups(["g"]) == {"g": "OK"}


def _consume(options):
    """Do all that a consumer can."""
    reading = {**options, "allow_auto_create_topics": False, "auto_offset_reset": "earliest"}
    with (
        Consumer("t", group_id="g", **reading) as one,
        Consumer("t", group_id="g", **reading) as two,
    ):
        found = 0
        while found < 3000 or not (one.assignment() and two.assignment()):
            found += sum(map(len, one.poll(100).values())) + sum(map(len, two.poll(100).values()))
        one.commit()
        committed = two.commit_async()
        while not committed.is_done:
            two.poll(100)
    place = TopicPartition("small", 0)
    with Consumer(group_id="alone", **reading) as alone:
        assert alone.topics() >= {"t", "small"}
        assert alone.offsets_for_times({place: 1})[place].offset > 0
        alone.assign([place])
        alone.seek(place, 0)
        while not alone.poll(1000):
            pass
        alone.commit()


def test_a_consumer_of_the_readme_cannot_append(private_redis):
    """The README's consumer is refused when it tries to send."""
    server = private_redis()
    reader = Reader("redis", server.url)
    listed = next(b for b in blocks("README.md") if "ACL SETUSER" in b.text)
    for command, _ in commands(listed.text):
        reader.shell(command)
    with Admin(bootstrap_servers=server.url) as admin:
        admin.create_topics(["t"])
    url = server.url.replace("://", "://streams-consumer:secret@")
    with (
        Producer(bootstrap_servers=url) as producer,
        pytest.raises(ClusterAuthorizationFailedError),
    ):
        producer.send("t", b"v").get(10)


def test_with_the_append_only_file_a_kill_loses_nothing(private_redis):
    """What was acknowledged is there after SIGKILL of the server, in order, once."""
    server = private_redis(aof=True)
    options = {"bootstrap_servers": server.url}
    with Producer(**options) as producer:
        for i in range(1000):
            producer.produce("t", b"%d" % i)
        producer.flush()
        server.kill()
        server.start()
        assert producer.send("t", b"1000").get(30).offset == 1000
    with Consumer(auto_offset_reset="earliest", **options) as consumer:
        consumer.assign([TopicPartition("t", 0)])
        values = []
        while len(values) < 1001:
            values += [int(r.value) for records in consumer.poll(1000).values() for r in records]
    assert values == list(range(1001))


def test_the_settings_of_the_readme_are_understood(private_redis):
    """Redis starts with the README's settings."""
    shown = next(block for block in blocks("README.md") if block.language == "ini")
    lines = [line.split() for line in shown.text.splitlines() if not line.startswith("#")]
    server = private_redis(args=[word for name, value in lines for word in (f"--{name}", value)])
    printed = Reader("redis", server.url).shell("redis-cli CONFIG GET appendonly")
    assert printed == "appendonly\nyes\n"


def test_a_server_that_evicts_streams_is_refused(private_redis):
    """An allkeys policy with a memory limit is refused, unless one insists."""
    server = private_redis(args=["--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"])
    with pytest.raises(errors.InvalidConfigurationError, match="allkeys-lru"):
        Producer(bootstrap_servers=server.url)
    Producer(bootstrap_servers=server.url, redis_options={"allow_eviction": True}).close()


@pytest.mark.parametrize(
    ("count", "kind", "options"),
    [
        (2, Producer, {}),
        (5, Consumer, {"group_id": "g"}),
        (2, Consumer, {}),
        (1, Admin, {}),
    ],
)
def test_clients_take_so_many_connections(private_redis, count, kind, options):
    """The README's numbers for a server's limit of connections are right."""
    server = private_redis()
    with Producer(bootstrap_servers=server.url) as producer:
        producer.send("t", b"v").get(10)
    client = kind(bootstrap_servers=server.url, client_id="counted", **options)
    if kind is Producer:
        client.send("t", b"v").get(10)
    elif kind is Admin:
        client.list_topics()
    elif options:
        client.subscribe(["t"])
        while not client.assignment():
            client.poll(100)
        client.commit()
    else:
        client.assign([TopicPartition("t", 0)])
        client.poll(100)
    listed = Reader("redis", server.url).shell("redis-cli CLIENT LIST")
    client.close()
    assert listed.count(" name=counted ") == count


def test_an_entry_by_hand_harms_nothing(private_redis):
    """After XADD with `*` sending and reading go on as if it were not there."""
    server = private_redis()
    options = {"bootstrap_servers": server.url}
    with Producer(**options) as producer:
        producer.send("t", b"one").get(10)
        shell = Reader("redis", server.url).shell
        key = shell("redis-cli --scan --pattern 'sf:t:*:log'").strip()
        shell(f"redis-cli XADD '{key}' '*' a b")
        assert producer.send("t", b"two").get(10).offset == 1
    with Consumer(auto_offset_reset="earliest", **options) as consumer:
        consumer.assign([TopicPartition("t", 0)])
        found = []
        while len(found) < 2:
            found += [
                (r.offset, r.value) for records in consumer.poll(500).values() for r in records
            ]
    assert found == [(0, b"one"), (1, b"two")]


def test_the_authors_test_file_runs_the_suite(tmp_path):
    """The test file that the README shows to a driver's author runs the conformance suite."""
    shown = next(block for block in blocks("README.md") if "test" in block.words)
    (tmp_path / "test_pulsar.py").write_text(shown.text)
    (tmp_path / "conftest.py").write_text(
        "import pytest\n\n\n@pytest.fixture(scope='module')\n"
        "def pulsar_url():\n    return 'memory://pulsar'\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-k", "tombstone or replay", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout
