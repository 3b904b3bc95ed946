"""The catalogue is whole, documented where it is made, and clean for promtool."""

import importlib
import re
import subprocess
from pathlib import Path

import pytest

from exporters import families
from exporters.catalogue import CATALOGUE
from exporters.family import Family
from tests.exporters.everything import whole

MODULES = (
    "exporters.counts",
    *(f"exporters.families.{one.stem}" for one in Path(families.__path__[0]).glob("[a-z]*.py") if one.stem != "strays"),
)


DOCS = Path(__file__).parents[2] / "docs/metrics.md"


@pytest.fixture(scope="module")
def text() -> str:
    return whole()


@pytest.mark.parametrize("name", MODULES)
def test_a_module_shows_a_sample_of_each_of_its_families_as_it_is_told(name: str, text: str) -> None:
    module = importlib.import_module(name)
    shown = re.findall(r"^((?:enclume|puppet)_\w+[ {].*)$", module.__doc__ or "", re.MULTILINE)
    assert [line for line in shown if line not in text.splitlines()] == []
    names = [re.sub(r"_bucket$", "", re.split(r"[ {]", line)[0]) for line in shown]
    assert names == [family.name for family in module.FAMILIES]


def test_every_module_is_in_the_catalogue() -> None:
    made = {family.name for name in MODULES for family in importlib.import_module(name).FAMILIES}
    assert made == {family.name for family in CATALOGUE}
    assert len(CATALOGUE) == len(made)


def labels_of(text: str, family: Family) -> set[tuple[str, ...]]:
    lines = re.findall(rf"^{family.name}(?:_bucket)?(?:{{(.*)}})? \S+$", text, re.MULTILINE)
    return {tuple(re.findall(r'(\w+)="(?:[^"\\]|\\.)*"', line)) for line in lines}


@pytest.mark.parametrize("family", CATALOGUE, ids=lambda family: family.name)
def test_the_samples_of_a_family_have_the_labels_that_it_declares(family: Family, text: str) -> None:
    found = {tuple(name for name in labels if name != "le") for labels in labels_of(text, family)}
    if family.type == "histogram" or not family.labels:
        assert found == {()}
    elif family.name.startswith("enclume_"):
        assert found == {family.labels}
    else:
        assert {tuple(sorted(labels)) for labels in found} == {tuple(sorted(family.labels))}


def test_promtool_finds_nothing_to_say(text: str) -> None:
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# What other people's dashboards and rules rest on: names and labels that may never change.
CONTRACT = """
build_info version libvirt
generation
generation_held
generation_timestamp_seconds
nodes
node_finding certname finding
source_up site source target
source_last_success_timestamp_seconds site source target
source_duration_seconds site source target
enc_requests_total result
enc_answer_age_seconds
verdict_worst site check
verdict site check subject
guest_info site guest uuid certname intent
guest_expected site guest hypervisor
guest_state site guest hypervisor state
guest_copy site guest hypervisor copy
guest_running_instances site guest
guest_placement_unknown site guest
guest_placement_problem site guest problem
guest_monitor_busy_seconds site hypervisor guest
guest_storage_read_bytes_total site guest storage
guest_storage_written_bytes_total site guest storage
hypervisor_memory_bytes site hypervisor
hypervisor_memory_committed_bytes site hypervisor
hypervisor_memory_failover_bytes site hypervisor
hypervisor_vcpus_committed site hypervisor
hypervisor_cpus site hypervisor
site_imbalance_ratio site
site_survives_hypervisor_loss site hypervisor
layer_violation site host provider effect
backup_last_success_timestamp_seconds site host kind schedule
backup_last_attempt_timestamp_seconds site host kind schedule
backup_max_age_seconds site host kind schedule
backup_expected site host kind schedule
backup_last_duration_seconds site host kind schedule
backup_last_size_bytes site host kind schedule
backup_last_errors site host kind schedule
backup_running site host kind
backup_pool_size_bytes site pool
nfsd_threads site server
nfsd_clients site server status
nfsd_client_last_renew_seconds site server client
nfsd_requests_total site server operation
nfsd_read_bytes_total site server
nfsd_written_bytes_total site server
nfsd_reply_cache_hits_total site server
nfsd_sockets_enqueued_total site server pool
nfsd_packets_arrived_total site server pool
drbd_connected site resource node peer
drbd_connection_state site resource node peer state
drbd_role site resource node state
drbd_disk_state site resource node volume state
drbd_out_of_sync_bytes site resource peer volume
drbd_split_brain site resource
drbd_last_in_sync_timestamp_seconds site resource
puppet_last_run_timestamp_seconds site certname
puppet_last_success_timestamp_seconds site certname
puppet_max_age_seconds site certname
puppet_last_run_duration_seconds site certname
puppet_run_status site certname status
puppet_resources site certname outcome
puppet_cached_catalog site certname
reports_received_total
reports_rejected_total reason
reports_spooled
observation_timestamp_seconds site host kind
"""


@pytest.mark.parametrize("line", CONTRACT.split("\n")[1:-1])
def test_a_metric_keeps_its_name_and_labels(line: str) -> None:
    name, *labels = line.split()
    (family,) = [family for family in CATALOGUE if family.name == f"enclume_{name}"]
    assert family.labels == tuple(labels)
    assert (family.type == "counter") is name.endswith("_total")


def test_every_metric_stands_in_the_reference_as_it_is_declared() -> None:
    rows = re.findall(
        r"^\| `((?:enclume|puppet)_\w+)` \| (\w+) \| ([^|]*) \| ([^|]*) \|", DOCS.read_text(), re.MULTILINE
    )
    assert rows == [(one.name, one.type, ", ".join(one.labels), one.help) for one in CATALOGUE]
