"""The broker's settings, files and command."""

import os
from pathlib import Path

import pytest

from heartline.embedded.kafka_config import (
    argument_file_text,
    java_arguments,
    properties_text,
    random_id,
    server_properties,
)


def test_the_broker_listens_on_loopback_only(tmp_path: Path) -> None:
    properties = server_properties(tmp_path, 20001, 20002)

    listeners = properties["listeners"].split(",")
    assert listeners == ["PLAINTEXT://127.0.0.1:20001", "CONTROLLER://127.0.0.1:20002"]
    assert properties["advertised.listeners"] == "PLAINTEXT://127.0.0.1:20001"
    assert properties["controller.quorum.voters"] == "1@127.0.0.1:20002"


def test_given_settings_win_over_ours(tmp_path: Path) -> None:
    properties = server_properties(tmp_path, 1, 2, {"log.segment.bytes": "1048576", "message.max.bytes": "7"})

    assert properties["log.segment.bytes"] == "1048576"
    assert properties["message.max.bytes"] == "7"
    assert properties["auto.create.topics.enable"] == "false"


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        pytest.param("a.b", "c", "a.b=c\n", id="plain"),
        pytest.param("log.dirs", r"C:\data", "log.dirs=C:\\\\data\n", id="a backslash would escape what follows"),
        pytest.param("a", "one\ntwo", "a=one\\ntwo\n", id="a line break would end the setting"),
        pytest.param("a", " led by a space", "a=\\ led by a space\n", id="leading space would be lost"),
        pytest.param("a=b", "c", "a\\=b=c\n", id="the separator inside a key"),
    ],
)
def test_a_properties_file_gives_java_what_was_meant(key: str, value: str, line: str) -> None:
    assert properties_text({key: value}) == line


def test_java_gets_a_small_heap_and_every_jar(tmp_path: Path) -> None:
    arguments = java_arguments([Path("/jars/a.jar"), Path("/jars/b.jar")], tmp_path, heap_mib=64)

    assert arguments[:2] == ["-Xms64m", "-Xmx64m"]
    assert arguments[-2:] == ["-cp", f"/jars/a.jar{os.pathsep}/jars/b.jar"]


def test_an_argument_file_keeps_spaces_quotes_and_backslashes() -> None:
    assert argument_file_text(["-cp", r'/my "jars"\x.jar']) == '"-cp"\n"/my \\"jars\\"\\\\x.jar"\n'


def test_ids_have_kafka_s_form_and_never_look_like_an_option() -> None:
    ids = {random_id() for _ in range(500)}

    assert len(ids) == 500
    assert {len(text) for text in ids} == {22}
    assert [text for text in ids if text.startswith("-")] == []
