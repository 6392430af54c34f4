"""The user's own choice of Maven repositories is honoured."""

from pathlib import Path

import pytest
from jgo.constants import MAVEN_CENTRAL_URL

from heartline.embedded.repositories import chosen_repositories, mirror_of

SETTINGS = (
    "<settings{namespace}><mirrors><mirror><id>house</id><mirrorOf>{mirror_of}</mirrorOf>"
    "<url>https://maven.example.com/all/</url></mirror></mirrors></settings>"
)
OLD_NAMESPACE = ' xmlns="http://maven.apache.org/SETTINGS/1.0.0"'


@pytest.fixture(autouse=True)
def no_jgo_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    configuration = tmp_path / "jgo.conf"
    configuration.touch()
    monkeypatch.setenv("JGO_CONFIG_FILE", str(configuration))
    return configuration


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [
        pytest.param("central", True, id="by its id"),
        pytest.param("*", True, id="every repository"),
        pytest.param("external:*", True, id="every one that is not local"),
        pytest.param("snapshots, central", True, id="one of several"),
        pytest.param("*,!central", False, id="every one but this"),
        pytest.param("snapshots", False, id="another"),
    ],
)
def test_a_mirror_stands_for_what_it_says(pattern: str, meant: bool) -> None:
    found = mirror_of(SETTINGS.format(namespace=OLD_NAMESPACE, mirror_of=pattern), "central")

    assert found == ("https://maven.example.com/all" if meant else None)


def test_the_mirror_in_the_home_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / ".m2").mkdir()
    (tmp_path / ".m2" / "settings.xml").write_text(SETTINGS.format(namespace="", mirror_of="*"))

    assert chosen_repositories(tmp_path) == {"central": "https://maven.example.com/all"}


@pytest.mark.parametrize("content", [None, "<settings/>", "<settings><mirr"], ids=["no file", "no mirror", "broken"])
def test_without_a_choice_the_public_repository_is_used(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / ".m2").mkdir()
        (tmp_path / ".m2" / "settings.xml").write_text(content)

    assert chosen_repositories(tmp_path) == {"central": MAVEN_CENTRAL_URL}


def test_jgo_s_own_configuration_wins(tmp_path: Path, no_jgo_configuration: Path) -> None:
    no_jgo_configuration.write_text("[repositories]\ncentral = https://jgo.example.com/maven\n")
    (tmp_path / ".m2").mkdir()
    (tmp_path / ".m2" / "settings.xml").write_text(SETTINGS.format(namespace="", mirror_of="*"))

    assert chosen_repositories(tmp_path) == {"central": "https://jgo.example.com/maven"}
