"""What a stranger's machine is set up from, and what the repository must not give away."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

CONDA_NAMES = {"matplotlib": "matplotlib-base"}
"""Where conda-forge calls a distribution something else; `matplotlib-base` comes without a window system."""

FICTIONAL_ACCOUNTS = {"123456789012", "111122223333", "444455556666", "012345678901"}
"""The account ids of AWS's own documentation, and one with the leading zero that YAML makes trouble of."""

GIVEAWAYS = {
    "a path of one machine": r"(?<![\w.$}*-])/(?:root|work|home/\w+|Users/\w+)/\w",
    "a host of a package registry": r"(?i)\b(?:pypi"
    + r"\.org|pythonhosted\.org|files\.pypi|npmjs\.(?:org|com)|anaconda\.org)",
    "a private key": "-----BEGIN [A-Z ]*PRIVATE" + " KEY-----",
    "a pinned index": r"--(?:extra-)?index" + "-url[ =]",
}


def _tracked(root: Path) -> dict[str, str]:
    """The text of every tracked file."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout
    texts = {}
    for name in filter(None, names.split("\0")):
        path = root / name
        if path.is_file() and b"\0" not in (content := path.read_bytes()):
            texts[name] = content.decode("utf-8")
    return texts


@pytest.fixture(scope="module")
def tracked(root: Path) -> dict[str, str]:
    """The text of every tracked file by its name."""
    return _tracked(root)


@pytest.fixture(scope="module")
def project(root: Path) -> dict[str, Any]:
    """The whole of pyproject.toml."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def locked(root: Path) -> dict[str, str]:
    """Each requirement of the lock, with its lines."""
    entries = re.split(
        r"^(?=[a-zA-Z0-9])", (root / "requirements.lock").read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    return {re.split(r"[=\[ ;]", entry)[0]: entry for entry in entries if entry.strip()}


def _conda_spec(requirement: Requirement) -> tuple[str, frozenset[str]]:
    name = CONDA_NAMES.get(requirement.name, requirement.name)
    return name, frozenset(str(specifier) for specifier in requirement.specifier)


def test_conda_gets_the_same_libraries(root: Path, project: dict[str, Any]) -> None:
    """environment.yml names exactly the libraries of pyproject.toml, each with the same limits."""
    environment = yaml.safe_load((root / "environment.yml").read_text(encoding="utf-8"))
    plain = [dependency for dependency in environment["dependencies"] if isinstance(dependency, str)]
    assert plain[:2] == ["python=3.11", "pip"]
    wanted = {_conda_spec(Requirement(dependency)) for dependency in project["project"]["dependencies"]}
    assert {
        (requirement.name, frozenset(str(s) for s in requirement.specifier))
        for requirement in map(Requirement, plain[2:])
    } == wanted
    assert environment["dependencies"][-1] == {"pip": ["-e ."]}


def test_conda_uses_one_channel(root: Path) -> None:
    """Only conda-forge is asked, and nothing of one machine is kept."""
    environment = yaml.safe_load((root / "environment.yml").read_text(encoding="utf-8"))
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    assert "prefix" not in environment


def test_lock_holds_everything_declared(project: dict[str, Any], locked: dict[str, str]) -> None:
    """Every library and tool of pyproject.toml is locked at a version that it allows."""
    declared = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    for requirement in map(Requirement, declared):
        version = re.match(r"\S+?==([^ \\]+)", locked[requirement.name.lower()])
        assert version, requirement
        assert requirement.specifier.contains(version.group(1)), requirement


def test_lock_is_hashed_and_names_no_host(locked: dict[str, str]) -> None:
    """Every entry is pinned and hashed, and none says where it must be fetched from."""
    assert len(locked) > 100
    for name, entry in locked.items():
        assert re.match(r"\S+==\S+", entry), name
        assert "--hash=sha256:" in entry, name
        assert "://" not in entry, name


@pytest.mark.parametrize("what", GIVEAWAYS)
def test_repository_gives_nothing_away(what: str, tracked: dict[str, str]) -> None:
    """No tracked file holds what belongs to one machine, one network or one person."""
    own = Path(__file__).name
    found = {
        name: match.group()
        for name, text in tracked.items()
        if not name.endswith(own) and (match := re.search(GIVEAWAYS[what], text))
    }
    assert found == {}


def test_accounts_are_fictional(tracked: dict[str, str]) -> None:
    """Every account id is one of those that AWS uses for examples."""
    twelve_digits = re.compile(r"(?<![\w.+/-])\d{12}(?![\w.+/=-])|(?<=:)\d{12}(?=:)|(?<=/)\d{12}(?=/)")
    found = {
        (name, number)
        for name, text in tracked.items()
        if name != "requirements.lock"
        for number in twelve_digits.findall(text)
        if number not in FICTIONAL_ACCOUNTS
    }
    assert found == set()


TARGET = re.compile(r"^([a-z][a-z-]*):(?!=)", re.MULTILINE)


def _targets(root: Path) -> set[str]:
    return set(TARGET.findall((root / "Makefile").read_text(encoding="utf-8")))


def test_bare_make_explains_every_target(root: Path) -> None:
    """`make` alone lists every target with a word about it, and does nothing else."""
    helped = subprocess.run(["make"], cwd=root, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^  make ([a-z-]+) +\w", helped, re.MULTILINE)) == _targets(root)


def test_every_target_is_phony(root: Path) -> None:
    """A file or folder that has the name of a target (`docs`, `notebooks`) does not keep it from running."""
    phony = re.findall(r"^\.PHONY: (.*)$", (root / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(" ".join(phony).split()) == _targets(root)


def test_makefile_keeps_to_old_make(root: Path) -> None:
    """Nothing is used that GNU make 3.81 (macOS) does not understand."""
    text = (root / "Makefile").read_text(encoding="utf-8")
    assert re.findall(r"^\.ONESHELL|!=|&:|\$\((?:file|let|intcmp) |::=", text, re.MULTILINE) == []


def test_scripts_can_be_run(root: Path) -> None:
    """CI's script is executable and stops at the first failure."""
    script = root / ".ci/run"
    assert script.stat().st_mode & 0o111 == 0o111
    assert "set -euo pipefail" in script.read_text(encoding="utf-8")
