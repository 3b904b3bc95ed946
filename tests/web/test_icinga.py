"""Who gets Icinga's configuration, and when nobody does."""

from pathlib import Path

from flask import Flask

from audit.all import Audited
from tests.factories import settings
from tests.web.judging import WEB, Judging, audited, verdict
from tests.web.serving import service
from web import icinga
from web.access import Access


def get(judging: Judging, query: str = "") -> tuple[int, dict[str, object]]:
    app = Flask("icinga")
    app.register_blueprint(icinga.blueprint(judging, Access(settings())))
    response = app.test_client().get(f"/icinga{query}")
    return response.status_code, response.json or {}


def test_the_files_are_told_of_all_sites_or_of_one(tmp_path: Path) -> None:
    with service(tmp_path) as served:
        served.until(lambda: served.get("/icinga").status_code == 200, "the verdicts")
        everything = served.get("/icinga").json
        assert everything["generation"] == 1
        assert 'object Host "hv1.lab.test" {' in everything["files"]["hosts.conf"]
        assert served.get("/icinga?site=angers").json == everything
        refused = served.get("/icinga?site=lyon")
        assert (refused.status_code, "expected one of angers" in refused.json["error"]) == (404, True)


def test_an_unknown_parameter_is_refused() -> None:
    assert get(Judging(audited()), "?sites=angers")[0] == 400


def test_nothing_is_told_that_would_not_be_whole() -> None:
    failing = audited(verdict(WEB, "unknown", code="check_failed"))
    for judging, expected in (
        (Judging(Audited()), "no verdicts have been made yet"),
        (Judging(audited(), "making the verdicts failed"), "making the verdicts failed"),
        (Judging(audited(old=61)), "expected less than 60 s"),
        (Judging(audited(known=False)), "have not been read completely yet"),
        (Judging(failing), "the check placement fails"),
    ):
        status, body = get(judging)
        assert (status, expected in str(body["error"])) == (503, True), body
