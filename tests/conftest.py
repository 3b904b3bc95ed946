"""What holds for every test: no skip in CI, nothing left behind, no network beyond this machine, a known hypothesis."""

import os
import resource
import secrets
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import psutil
import pytest

from tests import leaks, network
from tests.waiting import until

IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ
LIVE = Path(__file__).parent / "live"
PASSED = pytest.StashKey[bool]()

# The machine may be busy with other work: time is no property of a value. CI tries the same examples each time.
hypothesis.settings.register_profile(
    "enclume", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.register_profile("ci", hypothesis.settings.get_profile("enclume"), derandomize=True, database=None)
hypothesis.settings.load_profile("ci" if IN_CI else "enclume")


def pytest_configure() -> None:
    """Mark this run, so that every process it starts can be told from all others, and close the network."""
    if not IS_WORKER:
        os.environ[leaks.MARK] = secrets.token_hex(8)
        # slapd, losetup and their like live where a user's PATH may not look.
        os.environ["PATH"] += ":/usr/local/sbin:/usr/sbin:/sbin"
        # Debian lets a process open 1,024 files unless it asks for more; some tests are thousands of clients.
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    network.guard()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow tests begin first, so that no process is left alone with one; both parts stay in random order."""
    items.sort(key=lambda item: LIVE not in item.path.parents)


@pytest.fixture(autouse=True)
def _nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Threads, child processes and sockets that a test starts end with it; shared fixtures keep theirs."""
    before = leaks.traces()
    yield
    # The traceback of a test that failed keeps its objects alive: that is not a second fault.
    if request.node.stash.get(PASSED, False):
        found = leaks.left_since(before)
        assert not found, "the test left behind: " + "; ".join(found)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skipped test has shown nothing: in CI it has failed."""
    report = yield
    if report.when == "call":
        item.stash[PASSED] = report.passed
    if IN_CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, which is a failure in CI: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole file that skips itself."""
    report = yield
    if IN_CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, which is a failure in CI: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    """No process that the run started may outlive it. What does is named, ended, and fails the run."""
    yield
    if IS_WORKER:
        return
    run, own = os.environ[leaks.MARK], frozenset({os.getpid()})
    try:
        until(lambda: not leaks.survivors(run, own), timeout=5, what="every process of this run to end")
    except AssertionError:
        left = leaks.survivors(run, own)
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.write("\n")
        for process in left:
            _end(process, reporter)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _end(process: psutil.Process, reporter: pytest.TerminalReporter | None) -> None:
    try:
        line = f"outlived the tests, and was ended: {process.pid} {' '.join(process.cmdline())[:200]}"
        process.send_signal(signal.SIGKILL)
    except psutil.NoSuchProcess:
        return
    if reporter is not None:
        reporter.write_line(line, red=True)
