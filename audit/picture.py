"""The picture of a host: all that is known of it, declared and observed, in one value."""

from msgspec import Struct

from audit.keepers import Keepers
from audit.load import Load, Lodger
from audit.max_age import NONE, Ages
from audit.reach import Reach
from facts.estate import Node
from facts.facter.node_facts import Claims, Shipped
from facts.findings import Finding
from facts.fleet import Found
from facts.observations import BackupKind
from facts.observatory import HostSeen
from facts.puppet import Run
from facts.source import SourceKey


class BackupSeen(Struct, frozen=True, kw_only=True, gc=False):
    """What is known of one kind of backup of a host, from one source (`by`: the certname of the host that says so).

    Times in seconds since the epoch, 0 for never; `kept_full` is the newest full backup that is still kept, `verified`
    says of a container's copy that it was compared with its source, `peer` where that is. `to_come`: when it is said to
    have been made, where that is to come: the times are 0 then, since nobody knows them.
    """

    kind: BackupKind
    by: str
    last_success: float
    last_full: float
    kept_full: float
    last_attempt: float
    last_attempt_failed: bool
    last_duration_seconds: float
    last_size_bytes: int
    previous_size_bytes: int
    last_errors: int
    verified: bool = False
    peer: str = ""
    running: bool = False
    message: str = ""
    to_come: float = 0.0


class DataSource(Struct, frozen=True):
    """A service that a host gets data from by NFS: its name, its members at the host's site (certnames, sorted), and
    all names and addresses that these are known by.
    """

    service: str
    servers: tuple[str, ...]
    names: frozenset[str]


class Picture(Struct, frozen=True, kw_only=True, gc=False):
    """What is known of one host. It stays the same object as long as nothing of it changes.

    - `production`, `backup`: the certnames of the hypervisors that should run it and hold its copy, None where LDAP
      names none.
    - `copies`: its domain on every hypervisor that shows it; `namesakes`: domains at its site of its domain's name (of
      its own, while it has no domain) with another UUID, that are no other entry's; `sharing`: running domains of
      others that write to one of its disks; `reaches`: those of the hypervisors of its copies, in the same order.
    - `blind`: hypervisors that may hold it and cannot be read, or never were, sorted; `unread`: those that show its
      `namesakes` or `sharing`, and cannot be read now.
    - `own`: what it says of itself; `claims`: what its facts say of it that the estate knows better; `shipped`: what
      the module's own fact says of a guest; None where there are no facts.
    - `sizes`: the virtual size in bytes of its disks by target, where libvirt's statistics gave it, else the module's
      fact; `stuck`: its monitor is busy with one job for too long.
    - `data`: the services that it, or a service of it, requires and that provide nfs.
    - `load`: what it takes of its hypervisor, None unless it is a guest that should run; `lodges`: where it runs and is
      no load.
    - `ages`: the backups that it must have, and how old they may be; `backups`: what is known of its backups;
      `keepers`: who should know it.
    - `run`: its last Puppet run; `reporting`: whether this instance knows of runs at all; `runs_unread`: newer
      ones may have been reported and not be known.
    - `rests_on`: the targets that its answer rests on.
    - `findings`: what is wrong with what was stated of it; `held`: the guard holds a newer answer of it; `answered`: it
      has an answer.
    """

    node: Node
    production: str | None = None
    backup: str | None = None
    copies: tuple[Found, ...] = ()
    namesakes: tuple[Found, ...] = ()
    sharing: tuple[Found, ...] = ()
    reaches: tuple[Reach, ...] = ()
    blind: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    own: HostSeen | None = None
    claims: Claims | None = None
    shipped: Shipped | None = None
    ages: Ages = NONE
    backups: tuple[BackupSeen, ...] = ()
    keepers: Keepers = Keepers()
    sizes: tuple[tuple[str, int], ...] = ()
    stuck: bool = False
    data: tuple[DataSource, ...] = ()
    load: Load | None = None
    lodges: tuple[Lodger, ...] = ()
    run: Run | None = None
    reporting: bool = False
    runs_unread: bool = False
    rests_on: tuple[SourceKey, ...] = ()
    findings: tuple[Finding, ...] = ()
    held: bool = False
    answered: bool = True

    @property
    def name(self) -> str:
        """The host's certname."""
        return self.node.host.name

    @property
    def site(self) -> str:
        """The name of the host's site, "" for none."""
        return self.node.site.name if self.node.site else ""

    def reach(self, hypervisor: str) -> Reach:
        """The reach of a hypervisor that shows its domain."""
        return next((one for one in self.reaches if one.hypervisor == hypervisor), Reach(hypervisor))

    @property
    def running_on(self) -> tuple[str, ...]:
        """The hypervisors that were seen to run it, sorted."""
        return tuple(sorted(one.hypervisor for one in self.copies if one.domain.running))
