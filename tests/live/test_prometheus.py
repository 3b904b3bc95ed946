"""A real Prometheus over a running service: it finds its targets, reads everything, and raises a shipped alarm."""

import subprocess
from collections.abc import Iterator

import pytest

from tests import leaks
from tests.exporters.telling import samples
from tests.live.prometheus import Prometheus
from tests.live.service.estate import GUESTS, HYPERVISORS, NODES, SITE, SmallEstate, dn_of, small_estate
from tests.live.service.running import Service
from tests.waiting import until

ALPHA = "alpha.lab.test"


@pytest.fixture(scope="module", autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    """Looked at once for the file, since its tests share what runs."""
    before = leaks.traces()
    yield
    found = leaks.left_since(before)
    assert not found, "the file's tests left behind: " + "; ".join(found)


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallEstate]:
    with small_estate(tmp_path_factory.mktemp("estate"), tcp=True) as running:
        yield running


@pytest.fixture(scope="module")
def service(estate: SmallEstate) -> Iterator[Service]:
    ports = {"metrics": {"ports": {"node": 9, "libvirt": 9}}}
    with Service({**estate.settings(), **ports}) as running:
        until(lambda: running.ready["nodes"] == len(NODES), 20, "every node's answer")
        until(lambda: running.status("/metrics") == 200, 10, "the first verdicts")
        yield running


@pytest.fixture(scope="module")
def prometheus(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    def discovered(job: str) -> dict[str, object]:
        url = f"http://127.0.0.1:{service.port}/sd/{job}"
        named = {"source_labels": ["__meta_enclume_certname"], "target_label": "instance"}
        services = {"source_labels": ["__meta_enclume_services"], "target_label": "services"}
        sd = {"url": url, "refresh_interval": "1s"}
        return {"job_name": job, "http_sd_configs": [sd], "relabel_configs": [named, services]}

    own = {"job_name": "enclume", "static_configs": [{"targets": [f"127.0.0.1:{service.port}"]}]}
    with Prometheus(tmp_path_factory.mktemp("prometheus"), [own, discovered("node"), discovered("libvirt")]) as running:
        until(lambda: running.value("enclume_nodes"), 20, "the first scrape")
        yield running


def test_what_the_running_service_tells_is_clean_for_promtool(service: Service) -> None:
    text = service.get("/metrics").body.decode()
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(samples(text)) > 100


def test_prometheus_reads_where_each_guest_runs(prometheus: Prometheus) -> None:
    found = prometheus.query('enclume_guest_state{state="running"} == 1')
    assert {one["metric"]["guest"]: one["metric"]["hypervisor"] for one in found} == {
        f"{name}.lab.test": f"{hypervisor}.lab.test" for name, hypervisor in GUESTS.items()
    }


def test_prometheus_finds_every_host_and_what_it_is_a_member_of(prometheus: Prometheus) -> None:
    until(lambda: len(prometheus.targets("node")) > 0, 20, "the targets")
    nodes = {one["labels"]["instance"] for one in prometheus.targets("node").values()}
    # They all have one address here, and so are one target; each is known by its own name.
    assert nodes <= set(NODES)
    assert {one["labels"]["instance"] for one in prometheus.targets("libvirt").values()} <= set(HYPERVISORS)


def test_a_guest_that_is_started_twice_raises_the_shipped_alarm_until_one_is_ended(
    prometheus: Prometheus, estate: SmallEstate
) -> None:
    assert prometheus.firing("EnclumeGuestSplitBrain") == []
    (uuid,) = {one["metric"]["uuid"] for one in prometheus.query(f'enclume_guest_info{{guest="{ALPHA}"}}')}
    estate.two.define("alpha", uuid)
    estate.two.start("alpha")
    (alert,) = until(lambda: prometheus.firing("EnclumeGuestSplitBrain"), 30, "the alarm")
    assert alert["labels"]["guest"] == ALPHA
    assert alert["labels"]["severity"] == "critical"
    assert alert["annotations"]["summary"] == f"{ALPHA} runs on two hypervisors"
    assert prometheus.value(f'enclume_guest_running_instances{{guest="{ALPHA}"}}') == 2
    estate.two.destroy("alpha")
    until(lambda: not prometheus.firing("EnclumeGuestSplitBrain"), 30, "the end of the alarm")


def test_a_host_that_is_removed_is_gone_for_prometheus(
    prometheus: Prometheus, estate: SmallEstate, service: Service
) -> None:
    name = "omega.lab.test"
    entry = f"dn: {dn_of(name)}\nchangetype: add\nobjectClass: device\nobjectClass: enclumeHost\ncn: omega.lab.test\n"
    estate.slapd.modify(f"{entry}enclumeKind: guest\nenclumeAtSite: {SITE}\n")
    until(lambda: prometheus.query(f'enclume_guest_info{{guest="{name}"}}'), 20, "the new guest")
    until(lambda: f"{name}" in service.get("/sd/node").body.decode(), 10, "it as a target")
    estate.slapd.modify(f"dn: {dn_of(name)}\nchangetype: delete\n")
    until(lambda: not prometheus.query(f'enclume_guest_info{{guest="{name}"}}'), 20, "its end")
    assert name not in service.get("/sd/node").body.decode()
