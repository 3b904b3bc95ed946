# The hosts at this node's site that need what it provides, by certname, below the name of the service that needs it. Hosts
# whose own entry requires it stand below the name of this node's own service. Retired hosts and templates need nothing.
#
# @param what
#   What is provided, as `enclumeProvides` says it.
function neighbours::requiring(String[1] $what) >> Hash[String[1], Hash[String[1], Hash]] {
  $own = neighbours::providing($what)
  lookup('enclume::services').reduce({}) |$found, $entry| {
    [$name, $service] = $entry
    $members = $service['requires'].any |$required| { $required in $own } ? {
      true    => $service['members'],
      default => {},
    }
    $clients = $name in $own ? {
      true    => $service['clients'],
      default => {},
    }
    # Members of a service that provides something are told of at all sites.
    $hosts = ($members + $clients).filter |$certname, $host| {
      $host['site'] == $enclume['site'] and !($host['intent'] in ['retired', 'template'])
    }
    $found + { $name => $hosts }
  }
}
