# The hosts at this node's site that need what it provides, by certname, whichever service needs it.
#
# @param what
#   What is provided, as `enclumeProvides` says it.
function neighbours::hosts(String[1] $what) >> Hash[String[1], Hash] {
  neighbours::requiring($what).values.reduce({}) |$all, $some| { $all + $some }
}
