# frozen_string_literal: true

require 'fileutils'
require 'json'
require 'net/http'
require 'openssl'
require 'securerandom'
require 'uri'

# A Hiera 5 backend: what the Enclume service says of the node for which a catalog is made, its class parameters and
# its neighbours (`enclume::services` and so on). It asks once for each catalog, within a deadline, and keeps the
# answer on disk: while no URL can answer, the last one is used as long as it is young enough. Without any, nothing
# is found, the lookup fails and so does the catalog: a node is never configured as if nothing was said of it.
#
# All of it is one file, since Puppet Server would share a file that is loaded by `require` among all environments.
Puppet::Functions.create_function(:'enclume::lookup_key') do
  # @param key The key that is looked up.
  # @param options
  #   `urls`: base URLs of the service (one or several, tried in turn); `state`: folder of the kept answers;
  #   `max_age`: how old one may be (seconds, or a number with s, m, h or d); `deadline`: seconds for all URLs together;
  #   `certificate`, `key`, `ca`, `crl`: PEM files; `unknown`: what a node is that no URL knows, `fail` or `empty`.
  # @param context The lookup's context.
  # @return The value of the key.
  dispatch :lookup_key do
    param 'String[1]', :key
    param 'Hash[String[1], Any]', :options
    param 'Puppet::LookupContext', :context
  end

  def lookup_key(key, options, context)
    document = document_of(options, context)
    context.not_found unless document.key?(key)
    context.explain { "Enclume says #{key}" }
    document[key]
  end

  private

  # A context lives as long as a catalog is made.
  def document_of(options, context)
    node = certname
    return context.cached_value(node) if context.cache_has_key(node)

    context.cache(node, find(settings(options), node))
  end

  # The name that the ENC is asked for: the certificate's, not what the node says of itself.
  def certname
    name = closure_scope.compiler.node.name
    name.match?(/\A(?!.*\.\.)[a-z0-9_][a-z0-9._-]{0,252}\z/) ? name : failed("not a certname: #{name.inspect}")
  end

  # `puppet lookup` says nothing of an error that is only raised.
  def failed(message)
    Puppet.err("enclume: #{message}")
    raise Puppet::Error, "enclume: #{message}"
  end

  # A constant here would be one of all environments.
  def defaults
    {
      'urls' => nil, 'state' => File.join(Puppet[:vardir], 'enclume-hiera'), 'max_age' => '24h', 'deadline' => 3,
      'unknown' => 'fail', 'certificate' => nil, 'key' => nil, 'ca' => nil, 'crl' => nil
    }
  end

  def settings(options)
    given = defaults.merge(options)
    (options.keys - defaults.keys).each { |name| wrong(name, "is no option; known are #{defaults.keys.join(', ')}") }
    given['urls'] = [given['urls']].flatten.compact.map { |url| checked_url(url) }
    wrong('urls', 'no URL to ask: expected https://HOST:8787') if given['urls'].empty?
    given['max_age'] = seconds(given['max_age'].to_s)
    wrong('deadline', 'expected seconds from 1 to 59') unless (1..59).cover?(given['deadline'])
    wrong('unknown', 'expected fail or empty') unless ['fail', 'empty'].include?(given['unknown'])
    wrong('state', 'expected an absolute path') unless given['state'].to_s.start_with?('/')
    with_certificates(given)
  end

  def with_certificates(given)
    wrong('certificate', 'belongs to `key`: give both or neither') if given['certificate'].nil? != given['key'].nil?
    own = { 'certificate' => Puppet[:hostcert], 'key' => Puppet[:hostprivkey], 'ca' => Puppet[:localcacert] }
    given.merge(own) { |_, stated, default| stated || default }
  end

  def checked_url(text)
    url = URI.parse(text.to_s)
    wrong('urls', 'a URL with "@": the host is known by its certificate, not by a password') if url.userinfo
    return url if url.is_a?(URI::HTTPS) && url.hostname
    return url if url.is_a?(URI::HTTP) && ['localhost', '127.0.0.1', '::1'].include?(url.hostname)

    wrong('urls', "#{text}: expected https://HOST:PORT; http:// only to this machine")
  rescue URI::Error
    wrong('urls', 'expected https://HOST:PORT')
  end

  def seconds(text)
    match = /\A([1-9][0-9]{0,6})([smhd]?)\z/.match(text)
    wrong('max_age', "#{text.inspect}: expected seconds, or a number with s, m, h or d") unless match
    match[1].to_i * { 'm' => 60, 'h' => 3600, 'd' => 86_400 }.fetch(match[2], 1)
  end

  def wrong(name, message)
    failed("option #{name} of hiera.yaml: #{message}")
  end

  # The document: from the first URL that has one, else the kept one.
  def find(given, node)
    left = given['deadline'].to_f
    replies = given['urls'].each_with_index.map do |url, index|
      began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      reply, found = ask(url, left / (given['urls'].size - index), given, node)
      return keep(given, node, *found) if reply == :answer

      left -= Process.clock_gettime(Process::CLOCK_MONOTONIC) - began
      [reply, "#{url}: #{found}"]
    end
    reasons = replies.map(&:last).join('; ')
    return unknown(given, node, reasons) if replies.all? { |reply, _| reply == :unknown }

    recall(given, node, reasons)
  end

  # In a thread of its own, for neither name resolution nor a server that dribbles knows a deadline.
  def ask(url, seconds, given, node)
    return [:away, 'no time was left'] if seconds < 0.05

    thread = Thread.new { fetch(url, seconds, given, node) }
    return thread.value if thread.join(seconds)

    thread.kill
    late(seconds)
  end

  def late(seconds)
    [:away, format('no complete answer in %.1f s', seconds)]
  end

  def fetch(url, seconds, given, node)
    connection(url, seconds, given).start do |http|
      request = Net::HTTP::Get.new("#{url.path.chomp('/')}/hiera/#{node}", 'Accept-Encoding' => 'identity')
      http.request(request) { |response| return read(response, node) }
    end
  rescue Errno::ECONNREFUSED, Errno::EHOSTUNREACH, Errno::ENETUNREACH
    [:away, 'no connection']
  rescue Timeout::Error
    late(seconds)
  rescue SocketError
    [:away, 'its host name is not resolved']
  rescue EOFError
    [:away, 'the answer broke off']
  rescue StandardError => e
    [:away, "#{e.class}: #{e.message.gsub(/[^ -~]+/, ' ')}"]
  end

  def connection(url, seconds, given)
    http = Net::HTTP.new(url.hostname, url.port, nil)
    http.open_timeout = http.read_timeout = seconds
    http.max_retries = 0
    return http unless url.is_a?(URI::HTTPS)

    http.use_ssl = true
    http.verify_mode = OpenSSL::SSL::VERIFY_PEER
    http.min_version = OpenSSL::SSL::TLS1_2_VERSION
    http.cert = OpenSSL::X509::Certificate.new(File.read(given['certificate']))
    http.key = OpenSSL::PKey.read(File.read(given['key']))
    http.cert_store = trusted(given)
    http
  end

  # Only the Puppet CA is trusted, never the system's authorities.
  def trusted(given)
    store = OpenSSL::X509::Store.new
    pem(given['ca'], 'CERTIFICATE').each { |text| store.add_cert(OpenSSL::X509::Certificate.new(text)) }
    return store unless given['crl']

    pem(given['crl'], 'X509 CRL').each { |text| store.add_crl(OpenSSL::X509::CRL.new(text)) }
    store.flags = OpenSSL::X509::V_FLAG_CRL_CHECK | OpenSSL::X509::V_FLAG_CRL_CHECK_ALL
    store
  end

  def pem(file, kind)
    File.read(file).scan(/-----BEGIN #{kind}-----.*?-----END #{kind}-----/m)
  end

  def read(response, node)
    case response.code
    when '200' then whole(response)
    when '404' then no_such_node(response.body, node)
    when '401', '403' then [:away, "refuses this host (#{response.code}); see access.servers in its settings"]
    else [:away, "answered #{response.code}"]
    end
  end

  # A server that has no such page says 404, too: only Enclume's own word about this node counts.
  def no_such_node(body, node)
    refusal = JSON.parse(body.to_s)
    return [:unknown, 'knows no such node (404)'] if refusal.is_a?(Hash) && refusal['error'].to_s.start_with?("#{node} is not ")

    [:away, 'answered 404, and not as Enclume does of a node']
  rescue JSON::ParserError
    [:away, 'answered 404, and not as Enclume does of a node']
  end

  # Of a body without a declared length nobody knows whether it was cut off.
  def whole(response)
    return [:away, 'the answer has no declared length'] unless response.content_length || response.chunked?

    body = +''
    response.read_body do |part|
      body << part
      return [:away, 'the answer is too large'] if body.bytesize > 16 * 1024 * 1024
    end
    document = parsed(body)
    document ? [:answer, [body, document]] : [:away, 'what it sent is no answer of Enclume']
  end

  def parsed(text)
    text = text.dup.force_encoding(Encoding::UTF_8)
    document = JSON.parse(text) if text.valid_encoding?
    document if document.is_a?(Hash) && document.key?('enclume::services')
  rescue JSON::ParserError
    nil
  end

  def unknown(given, node, reasons)
    file = File.join(given['state'], node)
    File.delete(file) if ours(given['state']).nil? && File.file?(file)
    given['unknown'] == 'empty' ? {} : failed("#{node}: no URL knows this node: is it in the directory? #{reasons}")
  rescue SystemCallError => e
    failed("#{node}: no URL knows this node, and its kept answer cannot be deleted: #{e.message}")
  end

  def keep(given, node, body, document)
    problem = store(given['state'], node, body)
    Puppet.warning("enclume: #{node}: the answer is not kept: #{problem}") if problem
    document
  end

  # The last line tells the length, so that a file which a crash cut short is known. Returns what went wrong, or nil.
  def store(state, node, body)
    Dir.mkdir(state, 0o700) unless File.directory?(state)
    reason = ours(state)
    return reason if reason

    temporary = File.join(state, ".new.#{SecureRandom.hex(8)}")
    File.open(temporary, File::WRONLY | File::CREAT | File::EXCL | File::BINARY, 0o600) do |file|
      file.write("#{body}\n# #{body.bytesize} bytes\n")
    end
    File.rename(temporary, File.join(state, node))
    nil
  rescue SystemCallError => e
    FileUtils.rm_f(temporary) if temporary
    e.message
  end

  # Why nothing in a folder can be trusted; nil when it can. Whoever may write there chooses what Puppet applies.
  def ours(state)
    stat = File.lstat(state)
    return "#{state} is not a folder of this user" unless stat.directory? && stat.owned?

    "others may write in #{state}; chmod 0700" unless (stat.mode & 0o022).zero?
  rescue SystemCallError => e
    e.message
  end

  def recall(given, node, reasons)
    kept, age, reason = kept_answer(given, node)
    failed("#{node}: no answer: #{reasons}; #{reason}") unless kept

    Puppet.warning("enclume: #{node}: answer of #{age.round} s ago, since no URL can answer: #{reasons}")
    kept
  end

  # Document and age in seconds; or nil, nil and why there is none.
  def kept_answer(given, node)
    return [nil, nil, 'no answer is kept'] unless File.directory?(given['state'])

    reason = ours(given['state'])
    return [nil, nil, reason] if reason

    file = File.join(given['state'], node)
    return [nil, nil, 'no answer is kept'] unless File.lstat(file).file?

    age = Time.now - File.mtime(file)
    return [nil, nil, "the kept answer is older than max_age (#{age.round} s)"] if age > given['max_age']
    return [nil, nil, "the kept answer is from the future; see this host's clock"] if age < -300

    text, _, trailer = File.binread(file).chomp.rpartition("\n")
    document = parsed(text) if trailer == "# #{text.bytesize} bytes"
    document ? [document, [age, 0].max, nil] : [nil, nil, 'the kept answer is damaged']
  rescue Errno::ENOENT
    [nil, nil, 'no answer is kept']
  rescue SystemCallError => e
    [nil, nil, e.message]
  end
end
