"""A real Apache Kafka broker (KRaft mode) for the tests of the stream. Needs Maven and Java 17.

python -m tools.kafka            fetch, start, run the suite of the stream on it, measure, stop
python -m tools.kafka run        fetch, start, name its address, and wait for Ctrl-C
python -m tools.kafka fetch      only fetch
python -m tools.kafka lock       fetch and write tools/kafka.sha256 anew, after a change of VERSION

Maven fetches by its own settings into build/kafka; every file must have the checksum that
tools/kafka.sha256 names. The broker listens on free loopback ports and keeps its data in
build/kafka, where they are thrown away at the end.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO

from donablock.roles.ports import free_port
from tools.paths import ROOT

VERSION = "4.1.0"
SCALA = "2.13"
SLF4J = "1.7.36"
PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
JAVA = 17

FOLDER = ROOT / "build" / "kafka"
LIBRARIES = FOLDER / f"libs-{VERSION}"
LOCK = ROOT / "tools" / "kafka.sha256"
SUITE = ("tests/store/test_stream.py", "tests/store/test_real_kafka.py")

POM = f"""<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>donablock</groupId>
  <artifactId>broker</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_{SCALA}</artifactId>
      <version>{VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>{SLF4J}</version>
    </dependency>
  </dependencies>
</project>
"""

PROPERTIES = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={data}
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
"""


class KafkaToolError(Exception):
    """What is missing, and how to mend it."""


# --- fetching -------------------------------------------------------------------------------------


def why_not() -> str | None:
    """What this machine lacks; None if nothing."""
    if shutil.which("mvn") is None:
        return "there is no Maven (`mvn`) on PATH: install it"
    if shutil.which("java") is None:
        return f"there is no Java on PATH: install version {JAVA} or newer"
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    if found is None or int(found[1]) < JAVA:
        return f"Java {JAVA} or newer is needed, and there is {said.splitlines()[:1]}"
    return None


def is_fetched() -> bool:
    return LIBRARIES.is_dir() and not differences(LIBRARIES)


def fetch(*, is_checked: bool = True) -> Path:
    """The broker's files, whole and as locked. Raises KafkaToolError."""
    if is_checked and is_fetched():
        return LIBRARIES
    lack = why_not()
    if lack is not None:
        raise KafkaToolError(lack)
    FOLDER.mkdir(parents=True, exist_ok=True)
    pom = FOLDER / "pom.xml"
    pom.write_text(POM)
    half = Path(tempfile.mkdtemp(prefix="libs-", dir=FOLDER))
    command = ["mvn", "-q", "-B", "-f", str(pom), f"{PLUGIN}:copy-dependencies"]
    print(f"kafka: fetching {VERSION}", flush=True)
    done = subprocess.run(
        [*command, f"-DoutputDirectory={half}"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        shutil.rmtree(half)
        raise KafkaToolError(f"Maven did not fetch the broker:\n{done.stdout.strip()[-2000:]}")
    if is_checked and (wrong := differences(half)):
        raise KafkaToolError(
            f"{len(wrong)} file(s) are not what tools/kafka.sha256 names: {', '.join(wrong[:5])};"
            f" look at them in {half} before using any"
        )
    shutil.rmtree(LIBRARIES, ignore_errors=True)
    half.rename(LIBRARIES)
    return LIBRARIES


def checksums(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.glob("*.jar"))
    }


def locked() -> dict[str, str]:
    lines = [line.split() for line in LOCK.read_text().splitlines() if line.strip()]
    return {name: digest for digest, name in lines}


def differences(folder: Path) -> list[str]:
    """Names of files that are missing, strange or changed."""
    found, wanted = checksums(folder), locked()
    return sorted(name for name in found | wanted if found.get(name) != wanted.get(name))


# --- running --------------------------------------------------------------------------------------


class Broker:
    """One broker, which is its own controller, as our child."""

    def __init__(self, libraries: Path | None = None) -> None:
        self._libraries = libraries or fetch()
        self._folder = Path(tempfile.mkdtemp(prefix="broker-", dir=FOLDER))
        self._properties = self._folder / "server.properties"
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._port = free_port("127.0.0.1", 2)
        self._properties.write_text(
            PROPERTIES.format(
                port=self._port, controller=self._port + 1, data=self._folder / "data"
            )
        )

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def log(self) -> Path:
        return self._folder / "log"

    def start(self, timeout: float = 90.0) -> Broker:
        """Returns when it takes connections. Raises KafkaToolError."""
        if not (self._folder / "data").exists():
            cluster = self._java("kafka.tools.StorageTool", "random-uuid").split()[-1]
            self._java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", self._properties)
        self._log = self.log.open("ab")
        begin = self._log.tell()
        self._process = subprocess.Popen(
            self._command("kafka.Kafka", self._properties),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
        deadline = time.monotonic() + timeout
        while b"Kafka Server started" not in self.log.read_bytes()[begin:]:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise KafkaToolError(f"the broker did not start:\n{self._tail()}")
            time.sleep(0.1)
        return self

    def stop(self) -> None:
        """In order, after half a minute by force."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Like a power cut; `start` takes it up again on the same ports."""
        self._end(signal.SIGKILL)

    def _end(self, sign: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(sign)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._log is not None:
            self._log.close()
        self._process = self._log = None

    def _java(self, main: str, *arguments: str | Path) -> str:
        command = self._command(main, *arguments)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise KafkaToolError(f"{main} failed:\n{(done.stderr or done.stdout)[-2000:]}")
        return done.stdout

    def _command(self, main: str, *arguments: str | Path) -> list[str]:
        java = ["java", "-Xmx512m", "-XX:+ExitOnOutOfMemoryError", "-cp", f"{self._libraries}/*"]
        return [*java, main, *map(str, arguments)]

    def _tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])

    def __enter__(self) -> Broker:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


# --- commands -------------------------------------------------------------------------------------


def test() -> int:
    """The suite of the stream, and what the stream does in a second, on a broker of its own."""
    with Broker() as broker:
        print(f"kafka: {VERSION} runs at {broker.bootstrap}", flush=True)
        environment = {**os.environ, "KAFKA_BOOTSTRAP": broker.bootstrap}
        code = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *SUITE], cwd=ROOT, env=environment, check=False
        ).returncode
        return (
            code
            or subprocess.run(
                [sys.executable, "-m", "bench.stream"], cwd=ROOT, env=environment, check=False
            ).returncode
        )


def run() -> int:
    with Broker() as broker:
        print(f"kafka: {VERSION} runs; Ctrl-C ends it\nDONABLOCK_KAFKA={broker.bootstrap}")
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
    print("kafka: ended")
    return 0


def lock() -> int:
    found = checksums(fetch(is_checked=False))
    LOCK.write_text("".join(f"{digest}  {name}\n" for name, digest in found.items()))
    print(f"kafka: {len(found)} files are locked; look at `git diff {LOCK.relative_to(ROOT)}`")
    return 0


def main(arguments: list[str]) -> int:
    commands: dict[str, Callable[[], int]] = {
        "test": test,
        "run": run,
        "lock": lock,
        "fetch": lambda: int(not fetch()),
    }
    name = arguments[0] if arguments else "test"
    if len(arguments) > 1 or name not in commands:
        print(f"no such command: {' '.join(arguments)} ({', '.join(commands)})", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the broker's data go either way
    try:
        return commands[name]()
    except KafkaToolError as error:
        print(f"kafka: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
