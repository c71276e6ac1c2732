"""Brokers of librdkafka's mock cluster, in this process, on loopback ports of their own, which can
be broken on purpose. Other processes may connect too. It keeps about 5 MB for each partition."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import confluent_kafka

PRODUCE, METADATA, FETCH = 0, 3, 1

# error codes of Kafka's protocol
NOT_LEADER = 6
NOT_ENOUGH_REPLICAS = 19
MESSAGE_TOO_LARGE = 10


def _library() -> ctypes.CDLL:
    folder = Path(confluent_kafka.__file__).parent.parent / "confluent_kafka.libs"
    found = sorted(folder.glob("librdkafka-*.so*"))
    if not found:
        raise FileNotFoundError("no librdkafka beside confluent_kafka: its wheel is needed")
    library = ctypes.CDLL(str(found[0]))
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    for name, result, arguments in (
        ("rd_kafka_conf_new", pointer, ()),
        ("rd_kafka_conf_set", number, (pointer, text, text, text, ctypes.c_size_t)),
        ("rd_kafka_new", pointer, (number, pointer, text, ctypes.c_size_t)),
        ("rd_kafka_destroy", None, (pointer,)),
        ("rd_kafka_mock_cluster_new", pointer, (pointer, number)),
        ("rd_kafka_mock_cluster_destroy", None, (pointer,)),
        ("rd_kafka_mock_cluster_bootstraps", text, (pointer,)),
        ("rd_kafka_mock_topic_create", number, (pointer, text, number, number)),
        ("rd_kafka_mock_topic_delete", number, (pointer, text)),
        ("rd_kafka_mock_broker_set_down", number, (pointer, ctypes.c_int32)),
        ("rd_kafka_mock_broker_set_up", number, (pointer, ctypes.c_int32)),
        ("rd_kafka_mock_broker_set_rtt", number, (pointer, ctypes.c_int32, number)),
        ("rd_kafka_mock_clear_request_errors", None, (pointer, ctypes.c_int16)),
        (
            "rd_kafka_mock_push_request_errors_array",
            None,
            (pointer, ctypes.c_int16, ctypes.c_size_t, ctypes.POINTER(number)),
        ),
        (
            "rd_kafka_mock_partition_set_leader",
            number,
            (pointer, text, ctypes.c_int32, ctypes.c_int32),
        ),
        (
            "rd_kafka_mock_partition_delete_records",
            number,
            (pointer, text, ctypes.c_int32, ctypes.c_int64),
        ),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class MockKafka:
    """A cluster of `brokers`, numbered from 1."""

    def __init__(self, brokers: int = 3) -> None:
        self._library = _library()
        error = ctypes.create_string_buffer(512)
        conf, producer = self._library.rd_kafka_conf_new(), 0
        self._library.rd_kafka_conf_set(conf, b"log_level", b"2", error, len(error))
        self._client = self._library.rd_kafka_new(producer, conf, error, len(error))
        if not self._client:
            raise RuntimeError(error.value.decode())
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._client, brokers)
        self._brokers = range(1, brokers + 1)

    @property
    def bootstrap(self) -> str:
        return str(self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode())

    def make_topic(self, topic: str, partitions: int = 6, replicas: int = 3) -> None:
        self._do("topic_create", topic.encode(), partitions, replicas)

    def delete_topic(self, topic: str) -> None:
        self._do("topic_delete", topic.encode())

    def delete_records(self, topic: str, partition: int, before: int) -> None:
        """As retention does."""
        self._do("partition_delete_records", topic.encode(), partition, before)

    def set_leader(self, topic: str, partition: int, broker: int) -> None:
        self._do("partition_set_leader", topic.encode(), partition, broker)

    def down(self, *brokers: int) -> None:
        """Without a number: all."""
        for broker in brokers or self._brokers:
            self._do("broker_set_down", broker)

    def up(self, *brokers: int) -> None:
        for broker in brokers or self._brokers:
            self._do("broker_set_up", broker)

    def set_latency(self, milliseconds: int, *brokers: int) -> None:
        for broker in brokers or self._brokers:
            self._do("broker_set_rtt", broker, milliseconds)

    def fail_next(self, request: int, errors: Sequence[int]) -> None:
        """The next requests of the kind are answered with these errors, one after the other."""
        array = (ctypes.c_int * len(errors))(*errors)
        self._library.rd_kafka_mock_push_request_errors_array(
            self._cluster, request, len(errors), array
        )

    def _do(self, name: str, *arguments: object) -> None:
        code = getattr(self._library, f"rd_kafka_mock_{name}")(self._cluster, *arguments)
        if code:
            raise RuntimeError(f"{name}{arguments}: {confluent_kafka.KafkaError(code).str()}")

    def close(self) -> None:
        if self._cluster:
            self._library.rd_kafka_mock_cluster_destroy(self._cluster)
            self._library.rd_kafka_destroy(self._client)
            self._cluster = self._client = None

    def __enter__(self) -> MockKafka:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
