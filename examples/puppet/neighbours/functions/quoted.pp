# A text as Icinga's language writes it, safe for whatever it holds.
#
# @param text
#   The text.
function neighbours::quoted(String $text) >> String {
  $line = regsubst($text, '[[:cntrl:]]', ' ', 'G')
  "\"${regsubst(regsubst($line, '["\\\\]', '\\\\\0', 'G'), '\$', '$$', 'G')}\""
}
