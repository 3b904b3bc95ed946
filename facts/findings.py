"""Findings: what is wrong with what administrators stated, one sentence each.

`FINDINGS` lists every code with its meaning; `docs/findings.md` is checked against it.
"""

from msgspec import Struct

FINDINGS = {
    "bad_value": "an attribute's value cannot be read: broken JSON, an unknown word, not a number",
    "bad_name": "a class, parameter, variable, environment or certname that Puppet would refuse",
    "reserved_name": "a puppetVar or parameter with a name that Puppet or Enclume keeps for itself; it is left out",
    "bad_uri": "an enclumeLibvirtURI with a scheme, transport or parameter that is not accepted; it is not used",
    "dangling_reference": "a DN that names no entry, or an entry of the wrong kind",
    "duplicate_certname": "two entries say that they are one host",
    "no_site": "a host that is at no known site",
    "unknown_kind": "a host whose kind is not declared and that no hypervisor has shown yet",
    "ambiguous_domain": "a guest that two different domains could be",
    "shared_domain": "two hosts that claim one domain",
    "unread_hypervisor": "a guest that last ran, or should run, on a hypervisor that should be read and never was",
    "no_placement": "a guest that never ran anywhere and has no enclumeProduction",
    "missing_parent": "a parentNode that names no profile, or two",
    "parent_loop": "parentNodes that lead back to where they began",
    "conflict": "two statements of one level that give one thing two values",
    "no_provider": "a required service that has no member at the site",
    "bad_reference": "a rule's ${…} that has no value for this node",
    "not_representable": "a value that Puppet would read differently from how it was written",
    "sensitive_parameter": "a class parameter that the code types as Sensitive; secrets stand in eyaml, never in LDAP",
    "parameter_without_class": "a class parameter for an answer with inline parameters whose class is not assigned",
}


class Finding(Struct, frozen=True, order=True, gc=False):
    """One thing that is wrong, where it stands (DN or file and line, attribute or key), and what to do about it.

    `certname` is the node concerned, "" when it is none in particular. `holds`: that node keeps its last good answer.
    """

    code: str
    where: str
    what: str
    message: str
    certname: str = ""
    holds: bool = False
