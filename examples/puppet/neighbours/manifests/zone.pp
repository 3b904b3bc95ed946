# A zone of a DNS server (BIND): the addresses of the hosts at its site whose names end with the zone's. The serial number grows
# with each change, and with nothing else.
#
# @param zone
#   Name of the zone. Hosts with other names are left out, and names with `_`, for which BIND would refuse the zone.
# @param file
#   The file of the zone; `.in` beside it is the zone without its serial number.
# @param reload
#   What makes the name server follow.
class neighbours::zone (
  Pattern[/\A[a-z0-9]([a-z0-9.-]*[a-z0-9])?\z/] $zone,
  Neighbours::Path $file = "/var/lib/bind/db.${zone}",
  String[1] $reload = "rndc reload ${zone}",
) {
  $named = "\\A[a-z0-9][a-z0-9.-]*\\.${regsubst($zone, '\.', '\\.', 'G')}\\z"
  # The servers themselves, too: a zone is refused when its name servers have no address.
  $servers = neighbours::providing('dns').values.reduce({}) |$all, $service| { $all + $service['members'] }
  $hosts = ($servers.filter |$certname, $host| { $host['site'] == $enclume['site'] }) + neighbours::hosts('dns')

  file { "${file}.in":
    ensure  => file,
    mode    => '0644',
    content => epp('neighbours/zone.epp', {
      'zone'    => $zone,
      'servers' => $enclume['providers']['dns'],
      'hosts'   => $hosts.filter |$certname, $host| { $certname =~ $named },
    }),
  }
  -> exec { "neighbours: serial number of ${zone}":
    command  => "sed \"s/@SERIAL@/$(date +%s)/\" ${file}.in >${file}.new && mv ${file}.new ${file}",
    unless   => "test ${file} -nt ${file}.in",
    provider => shell,
    path     => ['/usr/bin', '/bin'],
  }
  ~> exec { "neighbours: zone ${zone}":
    command     => $reload,
    path        => ['/usr/sbin', '/usr/bin', '/sbin', '/bin'],
    refreshonly => true,
  }
}
