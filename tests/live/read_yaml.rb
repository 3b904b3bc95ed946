# Reads batches of YAML documents as Puppet does, and says as JSON what it saw.
# In: a 32-bit count, then each document as a 32-bit length and its bytes. Out: one line of JSON for a batch.
# Ruby's types are told apart: a string that is no UTF-8, a number or any other object becomes a tagged hash.

require "json"
require "yaml"

def told(value)
  case value
  when true, false, nil then value
  when Hash then { "hash" => value.map { |key, item| [told(key), told(item)] } }
  when Array then value.map { |item| told(item) }
  when Integer then { "integer" => value.to_s }
  when Float then { "float" => [value].pack("G").unpack1("H*") }
  when String then told_string(value)
  else { "object" => value.class.to_s, "text" => value.to_s }
  end
end

def told_string(value)
  text = value.dup.force_encoding(Encoding::UTF_8)
  readable = text.valid_encoding? && (text.ascii_only? || value.encoding == Encoding::UTF_8)
  readable ? text : { "object" => "String #{value.encoding}", "text" => value.unpack1("H*") }
end

def read(document)
  document.force_encoding(Encoding::UTF_8)
  { "value" => told(YAML.safe_load(document, permitted_classes: [Symbol], aliases: true)) }
rescue StandardError, Psych::Exception => e
  { "error" => "#{e.class}: #{e.message}".force_encoding(Encoding::UTF_8).scrub }
end

$stdin.binmode
$stdout.binmode
while (head = $stdin.read(4))
  documents = Array.new(head.unpack1("N")) do
    length = $stdin.read(4).unpack1("N")
    length.zero? ? +"" : $stdin.read(length)
  end
  $stdout.write(JSON.generate(documents.map { |document| read(document) }, max_nesting: 0), "\n")
  $stdout.flush
end
