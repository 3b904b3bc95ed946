"""Secrets that stand in LDAP, from the code that calls them so to what is served, shown and kept."""

import json
from pathlib import Path

from app import Runtime, create_app
from facts.directory.memory import MemoryDirectory
from facts.inventory.memory import MemoryInventory
from tests.waiting import until
from tests.web.serving import BASE, LDIF, configured, domain, hypervisor, service

PORT = "apache::port"
MAIL = f"dn: cn=mail.lab.test,ou=hosts,{BASE}"


def write_code(folder: Path, *sensitive: str) -> Path:
    """What Puppet Server would say of a class whose parameters of these names are secrets."""
    folder.mkdir(exist_ok=True)
    params = [{"name": name.rpartition("::")[2], "type": "Sensitive[Any]"} for name in sensitive]
    files = [{"path": "x.pp", "classes": [{"name": "apache", "params": params}]}]
    new = folder / ".new"
    new.write_text(json.dumps({"name": "production", "files": files}))
    return new.rename(folder / "production.json").parent


def test_a_node_with_a_secret_in_ldap_has_no_answer_and_the_others_have(tmp_path: Path) -> None:
    code = write_code(tmp_path / "code", PORT)
    with service(tmp_path / "state", code=str(code)) as served:
        for path in ("/enc/web.lab.test", "/hiera/web.lab.test"):
            refusal = served.get(path)
            assert refusal.status_code == 503
            assert f"cn=web_hosting,ou=services,{BASE}: enclumeParameter: {PORT} is Sensitive" in refusal.json["error"]
        assert served.get("/hiera/mail.lab.test").status_code == 200
        for path in ("/findings", "/enc/web.lab.test/why", "/verdicts"):
            assert "8080" not in served.get(path).text


def test_a_parameter_that_becomes_a_secret_is_served_as_it_was_and_no_other_value_of_it(tmp_path: Path) -> None:
    code = write_code(tmp_path / "code")
    with service(tmp_path / "state", code=str(code)) as served:
        good = served.get("/hiera/web.lab.test").data
        runtime = served.runtime
        assert b'"apache::port":8080' in good
        write_code(code, PORT)
        until(lambda: "sensitive_parameter" in served.get("/findings").text, 20, "the finding")
        served.modify(MAIL, "changetype: modify", "add: enclumeParameter", 'enclumeParameter: apache::port="other"')
        until(lambda: "cn=mail" in served.get("/findings").text, 20, "the second finding")
        assert served.get("/hiera/web.lab.test").data == good
        assert "other" not in served.get("/hiera/mail.lab.test").text
        assert runtime.now.classification.sensitive == {PORT}


def test_while_the_code_was_never_read_nothing_new_is_answered_and_it_is_said(tmp_path: Path) -> None:
    code = tmp_path / "code"
    settings = configured(tmp_path / "state", code=str(code))
    inventory = MemoryInventory()
    inventory.set("hv1.lab.test", hypervisor(domain(1, "web"), domain(2, "mail")))
    runtime = Runtime(settings, MemoryDirectory(settings.directory, LDIF), inventory)
    runtime.start()
    try:
        client = create_app(runtime).test_client()
        until(lambda: any("parameters are secrets" in one for one in runtime.builder.problems), 20, "the problem")
        assert client.get("/hiera/web.lab.test").status_code == 503
        assert client.get("/enc/mail.lab.test").status_code == 503
        write_code(code, PORT)
        until(lambda: runtime.now.estate is not None, 20, "the first estate")
        until(lambda: not runtime.builder.problems, 20, "no problem")
        assert client.get("/hiera/web.lab.test").status_code == 503
    finally:
        runtime.stop()


def test_a_manifest_that_nobody_could_read_is_a_problem_of_the_service_and_stops_no_answer(tmp_path: Path) -> None:
    code = write_code(tmp_path / "code", "apache::password")
    text = (code / "production.json").read_text()
    (code / "feature.json").write_text(json.dumps({"name": "feature", "files": [{"path": "y.pp", "error": "Syntax"}]}))
    with service(tmp_path / "state", code=str(code)) as served:
        assert served.get("/hiera/web.lab.test").status_code == 200
        (problem,) = served.runtime.builder.problems
        assert problem.startswith(f"{code}: y.pp in feature.json has an error and was never read")
        until(lambda: "y.pp in feature.json" in served.get("/verdicts?check=enc").text, 20, "the verdict")
        (code / "feature.json").write_text(text)
        until(lambda: not served.runtime.builder.problems, 20, "no problem")
