# This node's own services that provide something, by name.
#
# @param what
#   What is provided, as `enclumeProvides` says it.
function neighbours::providing(String[1] $what) >> Hash[String[1], Hash] {
  lookup('enclume::services').filter |$name, $service| {
    'own' in $service['relations'] and $what in $service['provides']
  }
}
