"""`GET /layers`: the paths, what waits for itself, the cold start and what is left; for readers alone."""

from typing import Any

import msgspec
import pytest
from flask import Flask

from audit import all as engine
from audit.all import Audited
from audit.verdict import Judged
from audit.view import Group, View
from settings import Settings, parse
from tests.audit.situations import Scene
from tests.examples.reading import example
from tests.examples.scenes import scene_of
from tests.factories import settings
from web import layers
from web.access import Access
from web.bodies import Layers
from web.peer import PEER


class Judging:
    """Who says so."""

    def __init__(self, audited: Audited) -> None:
        self.audited = audited


def get(audited: Audited, query: str = "", access: Settings | None = None, peer: str = "") -> Any:
    """The response to a query."""
    app = Flask("layers")
    app.register_blueprint(layers.blueprint(Judging(audited), Access(access or settings())))
    return app.test_client().get(f"/layers{query}", environ_base={PEER: peer} if peer else {})


@pytest.fixture(scope="module")
def platform() -> Audited:
    return scene_of(example("platform")).audit()


def test_all_that_is_known_of_the_layers_is_told(platform: Audited) -> None:
    body = msgspec.json.decode(get(platform).data, type=Layers)
    assert len(body.paths) == 4
    assert body.paths[0].hops[0].what == "dns"
    assert [one.what for one in body.guests_only] == ["dns"]
    assert [one.site for one in body.sites] == ["angers", "bordeaux", "grenoble", "lille", "lyon"]
    assert (body.cycles, body.left_out, body.outside, body.unknown) == ((), (), (), ())


def test_one_site_is_told_alone(platform: Audited) -> None:
    whole, lille, lyon = (get(platform, query).json for query in ("", "?site=lille", "?site=lyon"))
    assert lille["paths"] == whole["paths"]
    assert lille["sites"] == [one for one in whole["sites"] if one["site"] == "lille"]
    assert (lyon["paths"], lyon["guests_only"]) == ([], [])


def test_what_is_not_known_is_told() -> None:
    scene = scene_of(example("platform"))
    scene.fail("kvm1.lyon.plm.test")
    (unknown,) = get(scene.audit()).json["unknown"]
    assert unknown["site"] == "lyon"
    assert "kvm1.lyon.plm.test cannot be read" in unknown["sentence"]


def test_a_site_that_is_not_there_is_no(platform: Audited) -> None:
    reply = get(platform, "?site=nantes")
    assert reply.status_code == 404
    assert reply.json["error"] == "there is no site 'nantes'; there are angers, bordeaux, grenoble, lille, lyon"


def test_a_parameter_that_is_unknown_is_refused(platform: Audited) -> None:
    reply = get(platform, "?host=kvm1")
    assert (reply.status_code, reply.json["error"]) == (400, "unknown parameter 'host': expected site")


def test_before_all_was_read_it_is_not_known() -> None:
    assert get(Audited()).status_code == 503


def test_while_the_check_fails_it_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Judged:
        raise ValueError("no such luck")

    def groups(_view: View) -> list[Group]:
        return [Group("layers", (), broken)]

    monkeypatch.setattr(engine, "GROUP_AUDITS", {"layers": groups})
    reply = get(Scene().audit())
    assert reply.status_code == 503
    assert "the check of the layers failed" in reply.json["error"]


def test_only_readers_may_ask(platform: Audited, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.access.certificate_name", lambda _file: "enclume.lab.test")
    files = dict.fromkeys(("certificate", "key", "ca"), str(tmp_path / "x.pem"))
    stated = parse(
        {
            "directory": {"uri": "ldap://x", "base": "dc=x"},
            "tls": files,
            "access": {"servers": ["puppet.lab.test"]},
        }
    )
    asked = {peer: get(platform, "", stated, peer).status_code for peer in ("puppet.lab.test", "web.lab.test")}
    assert asked == {"puppet.lab.test": 200, "web.lab.test": 403}
