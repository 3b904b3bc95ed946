"""libvirt's errors as sentences that say what to do."""

import libvirt  # type: ignore[import-untyped]

from facts.inventory.domains import HypervisorTarget

GONE = frozenset({libvirt.VIR_ERR_NO_DOMAIN})
UNSUPPORTED = frozenset({libvirt.VIR_ERR_NO_SUPPORT, libvirt.VIR_ERR_OPERATION_UNSUPPORTED})
# What libvirt's messages hold, in lower case, and what an administrator does about it; the first that fits is said.
ADVICE = (
    ("host key verification failed", "accept its host key once: run `ssh HOST true` as the user of this service"),
    ("permission denied (", "put the public ssh key of this service's user on the hypervisor"),
    ("name or service not known", "correct the host name in its libvirt URI, or DNS"),
    ("unable to resolve address", "correct the host name in its libvirt URI, or DNS"),
    ("no such file or directory", "check that libvirtd runs there and that the URI names its socket"),
    ("permission denied", "let this service's user read the libvirt socket (group libvirt)"),
    ("authentication", "let this service's user read libvirt there (group libvirt, or its certificate)"),
    ("connection refused", "check that libvirtd runs and listens there"),
    ("certificate", "check the certificates in /etc/pki/libvirt and /etc/pki/CA, here and on the hypervisor"),
    ("keepalive timeout", "libvirtd there is stopped or the line is cut: look at the hypervisor"),
    ("end of file", "libvirtd there ended or was restarted; it is tried again by itself"),
    ("broken pipe", "libvirtd there ended or was restarted; it is tried again by itself"),
    ("client socket is closed", "libvirtd there ended or was restarted; it is tried again by itself"),
    ("connection reset", "libvirtd there ended or was restarted; it is tried again by itself"),
)


def sentence(error: libvirt.libvirtError, target: HypervisorTarget) -> str:
    """What libvirt says, on one line, and what to do about it."""
    said = " ".join((error.get_error_message() or str(error)).split())[:300]
    folded = said.lower()
    for sign, advice in ADVICE:
        if sign in folded:
            return f"{said}; {advice}"
    return f"{said}; try `{by_hand(target)}` on this machine"


def no_answer(target: HypervisorTarget, deadline: float) -> str:
    """What is said of a hypervisor that is past its deadline."""
    return (
        f"did not answer within {deadline:g} s; its last observation stays until it answers: "
        f"look at libvirtd there and at the network, or try `{by_hand(target)}`"
    )


def by_hand(target: HypervisorTarget) -> str:
    """The command that asks the hypervisor the same by hand."""
    return f"virsh --readonly -c '{target.uri}' list --all"


def is_gone(error: libvirt.libvirtError) -> bool:
    """Whether the domain that was asked about does not exist any more."""
    return error.get_error_code() in GONE


def is_unsupported(error: libvirt.libvirtError) -> bool:
    """Whether the hypervisor's driver does not know this call."""
    return error.get_error_code() in UNSUPPORTED
