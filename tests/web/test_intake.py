"""PUT /observations/CERTNAME: taken where the host may say it, refused with a reason where not, and nothing lost."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facts.keep import restore_hosts
from facts.observations import Kinds, Logs, NfsServer
from facts.shelf import Shelf
from tests.waiting import until
from tests.web.serving import BASE, LDIF, Service, service

WEB, KVM = "web.lab.test", "hv1.lab.test"
LOGS = {"bytes": 5, "remote": True}
NFSD = {"threads": 8, "requests": {"read": 50}}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("state")) as served:
        served.wait_for(WEB)
        yield served


_times = itertools.count(1000)


def said(certname: str, **kinds: Any) -> dict[str, Any]:
    """An observation, each later than the one before."""
    return {"format": 1, "certname": certname, "observed_at": next(_times), "kinds": kinds}


def put(served: Service, certname: str, body: Any) -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return served.client.put(f"/observations/{certname}", data=data)


def kinds(served: Service, certname: str) -> Kinds:
    return served.runtime.observatory.hosts()[certname].kinds


def test_what_a_host_says_of_itself_is_taken(served: Service) -> None:
    response = put(served, WEB, said(WEB, logs=LOGS))
    assert (response.status_code, response.data) == (204, b"")
    assert kinds(served, WEB).logs == Logs(5, remote=True)


MIRROR = {"resource": "r0", "role": "Primary"}
VOLUME = {"volume": 0, "disk": "UpToDate"}
PEER = {"name": "kvm2", "connection": "Connected", "role": "Secondary"}


@pytest.mark.parametrize(
    ("twice", "said_twice"),
    [
        ({"nfsd": NFSD | {"pools": [{"pool": "0"}] * 2}}, "the pool 0"),
        ({"mirrors": [MIRROR] * 2}, "the mirror r0"),
        ({"mirrors": [MIRROR | {"volumes": [VOLUME] * 2}]}, "the volume of r0 0"),
        ({"mirrors": [MIRROR | {"peers": [PEER] * 2}]}, "the peer of r0 kvm2"),
        ({"mirrors": [MIRROR | {"peers": [PEER | {"volumes": [VOLUME] * 2}]}]}, "kvm2's volume 0"),
        ({"backups": {"pools": [{"pool": "p", "size_bytes": 1}] * 2}}, "the backup pool p"),
    ],
)
def test_what_stands_twice_in_one_observation_is_refused(
    served: Service, twice: dict[str, Any], said_twice: str
) -> None:
    response = put(served, KVM, said(KVM, **twice))
    assert response.status_code == 400
    assert f"{said_twice} stands twice" in response.json["error"]


def test_what_it_may_not_say_is_refused_and_the_rest_is_taken(served: Service) -> None:
    response = put(served, WEB, said(WEB, logs=LOGS, nfsd=NFSD, containers=[]))
    assert response.status_code == 403
    assert response.json["taken"] == ["logs"]
    assert set(response.json["refused"]) == {"nfsd", "containers"}
    assert "enclumeProvides" in response.json["refused"]["nfsd"]
    assert kinds(served, WEB).nfsd is None


def test_a_hypervisor_may_speak_of_containers(served: Service) -> None:
    assert put(served, KVM, said(KVM, containers=[{"guest": "web"}])).status_code == 204


def test_who_is_assigned_to_a_service_that_provides_nfs_may_speak_of_its_nfs_server(served: Service) -> None:
    served.modify(
        f"dn: cn=files,ou=services,{BASE}",
        "changetype: add",
        "objectClass: enclumeService",
        "cn: files",
        "enclumeProvides: nfs",
        f"member: cn=mail.lab.test,ou=hosts,{BASE}",
    )
    served.until(lambda: put(served, "mail.lab.test", said("mail.lab.test", nfsd=NFSD)).status_code == 204, "authority")
    assert kinds(served, "mail.lab.test").nfsd == NfsServer(8, {"read": 50})


def test_a_host_that_is_not_in_the_directory_is_refused_whole(served: Service) -> None:
    response = put(served, "who.lab.test", said("who.lab.test", logs=LOGS))
    assert response.status_code == 403
    assert "not in the directory" in response.json["error"]
    assert "who.lab.test" not in served.runtime.observatory.hosts()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "truncated"),
        (b"[]", "object"),
        (b"{", "truncated"),
        (b"\xff\xfe", "malformed"),
        (b"null", "object"),
        (b"[" * 100_000, "object"),
        (said(WEB) | {"format": 2}, "$.format"),
        (said(WEB) | {"observed_at": "now"}, "$.observed_at"),
        (said(WEB) | {"observed_at": -1}, "$.observed_at"),
        (said(WEB, logs={"bytes": -1, "remote": True}), "$.kinds.logs.bytes"),
        (said(WEB, logs={"bytes": 2**70, "remote": True}), "$.kinds.logs.bytes"),
        (said(WEB, nfsd={"threads": 1, "requests": {"read": "x"}}), "$.kinds.nfsd.requests"),
        (said(WEB, backups={"hosts": [{"host": "x", "kind": "hourly"}]}), "$.kinds.backups.hosts"),
        (said(WEB, uses=[{"what": "magic", "name": "x"}]), "$.kinds.uses"),
        (said("other.lab.test"), "other.lab.test"),
    ],
)
def test_what_is_no_observation_is_refused_and_the_last_good_one_stays(served: Service, body: Any, says: str) -> None:
    assert put(served, WEB, said(WEB, logs=LOGS)).status_code == 204
    response = put(served, WEB, body)
    assert response.status_code == 400
    assert says in response.json["error"]
    assert kinds(served, WEB).logs == Logs(5, remote=True)


MOUNTS = [{"path": "/srv", "server": "nfs1", "export": "/srv"}]
GOOD = json.dumps(said(WEB, logs=LOGS, mounts=MOUNTS)).encode()


@hypothesis.settings(max_examples=150, deadline=None)
@given(cut=st.integers(0, len(GOOD) - 1), noise=st.binary(max_size=8), at=st.integers(0, len(GOOD)))
def test_cut_or_spoiled_observations_are_refused_or_whole(served: Service, cut: int, noise: bytes, at: int) -> None:
    assert put(served, WEB, GOOD).status_code == 204
    assert put(served, WEB, GOOD[:cut]).status_code == 400
    spoiled = put(served, WEB, GOOD[:at] + noise + GOOD[at:])
    assert spoiled.status_code in (204, 400, 403)
    assert kinds(served, WEB).logs is not None or spoiled.status_code == 204


@pytest.mark.parametrize("name", ["Web.lab.test", "web..lab", "a/b", "%00"])
def test_what_is_no_certname_is_refused(served: Service, name: str) -> None:
    assert put(served, name, said(WEB)).status_code == 400


def test_before_the_directory_was_read_it_is_to_be_delivered_again(tmp_path: Path) -> None:
    from app import Runtime, create_app  # noqa: PLC0415 - a runtime that was never started
    from tests.web.serving import configured  # noqa: PLC0415

    client = create_app(Runtime(configured(tmp_path))).test_client()
    assert client.put(f"/observations/{WEB}", data=json.dumps(said(WEB))).status_code == 503


def test_observations_outlive_a_restart_and_a_spoiled_file_is_set_aside(tmp_path: Path) -> None:
    with service(tmp_path, LDIF) as first:
        first.wait_for(WEB)
        assert put(first, WEB, said(WEB, logs=LOGS)).status_code == 204
    (tmp_path / "host-spoiled").write_bytes(b"{}")
    assert restore_hosts(Shelf(tmp_path))[WEB].kinds.logs == Logs(5, remote=True)
    (tmp_path / "host-spoiled").write_bytes(b"{}")
    with service(tmp_path, LDIF) as second:
        until(lambda: WEB in second.runtime.observatory.hosts(), 10, "what was on disk")
        assert kinds(second, WEB).logs == Logs(5, remote=True)
        assert any("host-spoiled" in problem for problem in second.runtime.builder.problems)


def test_an_observation_has_the_verdicts_made_anew(served: Service) -> None:
    put(served, WEB, said(WEB, logs={"bytes": 77, "remote": False}))

    def known() -> bool:
        view = served.runtime.audited.view
        picture = view.pictures.by_host.get(WEB) if view else None
        return picture is not None and picture.own is not None and picture.own.kinds.logs == Logs(77, remote=False)

    served.until(known, "the verdicts' picture of the host")
