"""Apache Kafka on this machine: one node, broker and controller in one."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.brokers import kafka_jars
from tests.brokers.server import HOST, Server, Unavailable, free_port, listens

_CLUSTER = "streamfacade-test-0001"  # 22 characters: Kafka's own length

_ALONE = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
}

# Kafka's own values are for networks: with them every redelivery test would wait 15 s.
_QUICK = {
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "500",
    "group.share.min.record.lock.duration.ms": "1000",
    "group.share.min.session.timeout.ms": "1000",
    "group.share.session.timeout.ms": "3000",
    "group.share.min.heartbeat.interval.ms": "200",
    "group.share.heartbeat.interval.ms": "300",
    "group.share.max.delivery.count.limit": "10",
    # A killed broker may come back only when its session has run out.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
}


class KafkaServer(Server):
    """A Kafka of one's own.

    `fast` starts in two seconds with half of Java's compiler; benchmarks want all of it.
    """

    scheme = "kafka"
    patience = 60.0

    def __init__(self, *, fast: bool = True, settings: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self._controller = free_port()
        self._compiler = ["-XX:TieredStopAtLevel=1"] if fast else []
        self._settings = settings or {}

    def _command(self) -> list[str]:
        program = shutil.which("java")
        if not program:
            raise Unavailable("no java program here to run Kafka with (17 or later)")
        java = [program, *self._compiler, "-XX:+UseSerialGC", "-cp", f"{kafka_jars.folder()}/*"]
        config = self.directory / "server.properties"
        if not config.exists():
            self._format(java, config)
        return [*java, "-Xms128m", "-Xmx512m", *_LOG, "kafka.Kafka", str(config)]

    def _format(self, java: list[str], config: Path) -> None:
        here = {"log.dirs": str(self.directory / "data"), **self._settings}
        config.write_text(lines(properties(HOST, self.port, self._controller) | here))
        tool = [
            *java,
            *_LOG,
            "kafka.tools.StorageTool",
            "format",
            "-t",
            _CLUSTER,
            "-c",
            str(config),
        ]
        with self._log.open("ab") as log:
            subprocess.run(tool, stdout=log, stderr=log, check=True)

    def _answers(self) -> bool:
        return ready(HOST, self.port)


def properties(listen: str, port: int, controller: int) -> dict[str, str]:
    """Settings of a single quick node that clients of this machine reach at this port."""
    return {
        "listeners": f"PLAINTEXT://{listen}:{port},CONTROLLER://{HOST}:{controller}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "controller.quorum.voters": f"1@{HOST}:{controller}",
        **_ALONE,
        **_QUICK,
    }


def lines(settings: Mapping[str, str]) -> str:
    """Write settings as Java reads them."""
    return "".join(f"{key}={value}\n" for key, value in settings.items())


def ready(host: str, port: int) -> bool:
    """Whether a broker serves there: the port opens before the broker does."""
    if not listens(host, port):
        return False
    admin = AdminClient({"bootstrap.servers": f"{host}:{port}", "log_level": 0})
    try:
        return bool(admin.list_topics(timeout=1).brokers)
    except KafkaException:
        return False


_LOG = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",)
