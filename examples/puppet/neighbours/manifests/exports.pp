# An NFS server's exports: each folder to those hosts alone that need it, by their addresses.
#
# @param folders
#   Names of the services that mount a folder, by its path. The name of the NFS servers' own service stands for the hosts
#   whose own entry requires it.
# @param options
#   Options of every export, as exports(5) has them.
# @param file
#   The file to write.
# @param reload
#   What makes the kernel follow.
class neighbours::exports (
  Hash[Neighbours::Path, Array[String[1]]] $folders,
  String[1] $options = 'rw,sync,no_subtree_check',
  Neighbours::Path $file = '/etc/exports',
  String[1] $reload = 'exportfs -ra',
) {
  $requiring = neighbours::requiring('nfs')
  $clients = $folders.reduce({}) |$all, $entry| {
    $addresses = $entry[1].map |$service| { $requiring[$service].lest || { {} }.map |$certname, $host| { $host['addresses'] } }
    $all + { $entry[0] => $addresses.flatten.unique }
  }

  # A folder with no clients behind it would be exported to everybody.
  file { $file:
    ensure  => file,
    mode    => '0644',
    content => epp('neighbours/exports.epp', {
      'clients' => $clients.filter |$folder, $addresses| { !$addresses.empty },
      'options' => $options,
    }),
  }
  ~> exec { 'neighbours: exports':
    command     => $reload,
    path        => ['/usr/sbin', '/usr/bin', '/sbin', '/bin'],
    refreshonly => true,
  }
}
