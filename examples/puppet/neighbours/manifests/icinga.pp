# Host objects of Icinga 2 for the hosts that a monitoring server watches, but for those that are meant to be off; apply
# rules of the site do the rest, as `assign where "web_hosting" in host.vars.services`.
#
# @param file
#   The file to write, in a folder that Icinga reads.
# @param reload
#   What makes Icinga follow. Debian's looks at the configuration first, and goes on with the old one if it is wrong.
class neighbours::icinga (
  Neighbours::Path $file = '/etc/icinga2/conf.d/neighbours.conf',
  String[1] $reload = 'systemctl reload icinga2',
) {
  $requiring = neighbours::requiring('monitoring')
  $running = neighbours::hosts('monitoring').filter |$certname, $host| { $host['intent'] == 'running' }
  $hosts = $running.map |$certname, $host| {
    $services = $requiring.filter |$name, $members| { $certname in $members }
    $host + { 'name' => $certname, 'services' => $services.keys }
  }

  file { $file:
    ensure  => file,
    mode    => '0644',
    content => epp('neighbours/icinga.epp', { 'hosts' => $hosts }),
  }
  ~> exec { 'neighbours: icinga':
    command     => $reload,
    path        => ['/usr/sbin', '/usr/bin', '/sbin', '/bin'],
    refreshonly => true,
  }
}
