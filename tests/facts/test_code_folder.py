"""What Puppet Server says of its classes: which parameters are secrets, and what stays when a file is wrong."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from facts.code_folder import CodeFolder
from facts.source import Code, SourceKey
from facts.upkeep import Upkeep
from tests.waiting import until

# As Puppet Server 7.9 answers, shortened.
PRODUCTION: dict[str, Any] = {
    "name": "production",
    "files": [
        {
            "path": "/etc/puppetlabs/code/environments/production/modules/db/manifests/init.pp",
            "classes": [
                {
                    "name": "db",
                    "params": [
                        {"name": "port", "type": "Integer", "default_literal": 5432, "default_source": "5432"},
                        {"name": "password", "type": "Sensitive[String[1]]"},
                        {"name": "either", "type": "Variant[String, Sensitive[String]]", "default_source": "undef"},
                        {"name": "untyped"},
                        {"name": "nearly", "type": "Db::Insensitive"},
                    ],
                },
                {"name": "db::client", "params": []},
            ],
        },
        {"path": "/etc/puppetlabs/code/environments/production/manifests/site.pp", "classes": []},
    ],
}
SECRETS = frozenset({"db::password", "db::either"})


class Watched:
    """A folder that is watched, and what was seen there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.upkeep = folder, Upkeep()
        self.source = CodeFolder(str(folder), interval=0.01)
        self.key = SourceKey("code", str(folder))

    def put(self, file: str, content: Any) -> None:
        temporary = self.folder / ".new"
        temporary.write_text(content if isinstance(content, str) else json.dumps(content))
        temporary.rename(self.folder / file)

    @property
    def sensitive(self) -> frozenset[str] | None:
        value = self.upkeep.values("code").get(str(self.folder))
        return value.sensitive if isinstance(value, Code) else None

    @property
    def unread(self) -> str:
        value = self.upkeep.values("code").get(str(self.folder))
        return value.unread if isinstance(value, Code) else ""

    def shows(self, sensitive: frozenset[str]) -> None:
        until(lambda: self.sensitive == sensitive, what=f"{sorted(sensitive)} to be secrets")

    def fails(self, words: str) -> None:
        until(lambda: words in self.upkeep.fresh(self.key).error, what=words)

    def looked(self) -> None:
        """Wait for a whole look that began after now."""
        for _ in range(2):
            before = self.upkeep.fresh(self.key)
            until(lambda before=before: self.upkeep.fresh(self.key) != before, what="another look")  # type: ignore[misc]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    found = Watched(tmp_path)
    found.source.start(found.upkeep)
    yield found
    found.source.stop()


def test_parameters_whose_type_names_sensitive_are_secrets(watched: Watched) -> None:
    watched.put("production.json", PRODUCTION)
    watched.shows(SECRETS)


def test_what_is_a_secret_in_any_environment_is_one(watched: Watched) -> None:
    watched.put("production.json", PRODUCTION)
    other = {"path": "x.pp", "classes": [{"name": "a", "params": [{"name": "b", "type": "Sensitive"}]}]}
    watched.put("test.json", {"name": "test", "files": [other]})
    watched.shows(SECRETS | {"a::b"})
    watched.put("test.json", {"name": "test", "files": []})
    watched.shows(SECRETS)


def test_a_file_that_is_gone_takes_no_secret_along_until_it_says_so_itself(watched: Watched) -> None:
    watched.put("production.json", PRODUCTION)
    other = {"path": "x.pp", "classes": [{"name": "a", "params": [{"name": "b", "type": "Sensitive"}]}]}
    watched.put("test.json", {"name": "test", "files": [other]})
    watched.shows(SECRETS | {"a::b"})
    (watched.folder / "test.json").unlink()
    watched.looked()
    assert watched.sensitive == SECRETS | {"a::b"}
    watched.put("test.json", {"name": "test", "files": []})
    watched.shows(SECRETS)


def test_a_manifest_that_was_never_read_is_told_until_it_is(watched: Watched) -> None:
    broken = {"path": "new.pp", "error": "Syntax error at '}'"}
    watched.put("production.json", {"name": "production", "files": [*PRODUCTION["files"], broken]})
    watched.shows(SECRETS)
    assert watched.unread.startswith("new.pp in production.json has an error and was never read, so its secrets are ")
    watched.looked()
    assert not watched.upkeep.fresh(watched.key).error
    watched.put("production.json", PRODUCTION)
    until(lambda: not watched.unread, what="the problem to go")


def test_a_new_manifest_that_cannot_be_read_is_told_and_keeps_no_other_secret_back(watched: Watched) -> None:
    watched.put("production.json", PRODUCTION)
    watched.shows(SECRETS)
    broken = [{"path": path, "error": "Syntax error at '}'"} for path in ("new.pp", "newer.pp")]
    extra = {"path": "x.pp", "classes": [{"name": "a", "params": [{"name": "b", "type": "Sensitive"}]}]}
    watched.put("production.json", {"name": "production", "files": [*PRODUCTION["files"], extra, *broken]})
    watched.shows(SECRETS | {"a::b"})
    assert "new.pp in production.json and 1 more has an error and was never read" in watched.unread


def test_a_manifest_that_has_an_error_now_leaves_what_was_known_of_it(watched: Watched) -> None:
    watched.put("production.json", PRODUCTION)
    watched.shows(SECRETS)
    wrong = [{"path": file["path"], "error": "Syntax error at '}'"} for file in PRODUCTION["files"]]
    extra = {"path": "new.pp", "classes": [{"name": "n", "params": [{"name": "s", "type": "Sensitive"}]}]}
    watched.put("production.json", {"name": "production", "files": [*wrong, extra]})
    watched.shows(SECRETS | {"n::s"})


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": 1}', '{"name": "production"}'])
def test_a_file_that_makes_no_sense_leaves_the_last_good_one_or_is_a_failure(watched: Watched, text: str) -> None:
    watched.put("production.json", text)
    watched.fails("production.json is no answer of environment_classes")
    assert watched.sensitive is None
    watched.put("production.json", PRODUCTION)
    watched.shows(SECRETS)
    watched.put("production.json", text)
    watched.looked()
    assert watched.sensitive == SECRETS


def test_an_empty_folder_says_nothing_rather_than_that_there_are_no_secrets(watched: Watched) -> None:
    watched.fails("holds no file")
    watched.put("production.json", PRODUCTION)
    watched.shows(SECRETS)
    (watched.folder / "production.json").unlink()
    watched.fails("holds no file")
    assert watched.sensitive == SECRETS
