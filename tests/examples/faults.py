"""The faults that the examples hold on purpose, as `docs/examples.md` lists them; there are no others."""

WRONG_HYPERVISOR = {"lab": set[str](), "platform": {"webmail1.plm.test"}}
ONE_DEFINITION = {"lab": set[str](), "platform": {"conf2.plm.test"}}
GUEST_UNDER_LAYER_1 = {"lab": set[str](), "platform": {"ns-lille.plm.test"}}
DANGLING = {"lab": set[str](), "platform": {"cn=lists-old.plm.test,ou=hosts,dc=plm,dc=test"}}
BROKEN_JSON = {"lab": set[str](), "platform": {"compute2.plm.test"}}
PUBLIC_WITHOUT_SERVICE = {"lab": set[str](), "platform": {"agenda2.plm.test"}}
LARGE_DISK = {"lab": set[str](), "platform": {"shares2.plm.test"}}
ALL = (
    WRONG_HYPERVISOR,
    ONE_DEFINITION,
    GUEST_UNDER_LAYER_1,
    DANGLING,
    BROKEN_JSON,
    PUBLIC_WITHOUT_SERVICE,
    LARGE_DISK,
)
