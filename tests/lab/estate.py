"""The estate of the two nodes: a site with an NFS server, its mirror, and a guest that neither of them may use."""

from tests.live.service.estate import BASE, SITE, dn_of, host, service

SERVER, MIRROR = "nfs1.lab.test", "nfs2.lab.test"
GUEST, GUEST_ADDRESS = "resolver.lab.test", "10.49.0.53"

LDIF = "\n".join(
    (
        f"""\
dn: {BASE}
objectClass: dcObject
objectClass: organization
dc: lab
o: Laboratory

dn: ou=sites,{BASE}
objectClass: organizationalUnit
ou: sites

dn: {SITE}
objectClass: organizationalUnit
objectClass: puppetClient
objectClass: enclumeSite
ou: larema
environment: production

dn: ou=profiles,{BASE}
objectClass: organizationalUnit
ou: profiles

dn: cn=base,ou=profiles,{BASE}
objectClass: device
objectClass: puppetClient
objectClass: enclumeProfile
cn: base
puppetClass: profile_base

dn: ou=hosts,{BASE}
objectClass: organizationalUnit
ou: hosts

dn: ou=services,{BASE}
objectClass: organizationalUnit
ou: services
""",
        host(SERVER, "physical"),
        host(MIRROR, "physical"),
        host(GUEST, "guest", f"ipHostNumber: {GUEST_ADDRESS}"),
        service("storage", "enclumeProvides: nfs", f"member: {dn_of(SERVER)}"),
        service("storage_mirror", "enclumeProvides: mirror", f"member: {dn_of(MIRROR)}"),
    )
)
