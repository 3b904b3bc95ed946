# frozen_string_literal: true

# Looks keys up by Puppet's own Hiera, many times in one process: a Puppet that starts takes a second.
# Usage: ruby looker.rb FOLDER MODULES; each line of standard input is {"node": …, "keys": […]} in JSON, each line of
# standard output {"values": […], "logs": […]} or {"error": …, "logs": […]}. The environment is FOLDER/env/production;
# it is read anew for each line without "again": true (as with environment_timeout = 0), and all keys of a line are
# looked up in one catalog.

require 'json'
require 'puppet'

folder, modules = ARGV
own = { 'confdir' => 'conf', 'vardir' => 'var', 'environmentpath' => 'env' }.flat_map { |name, at| ["--#{name}", "#{folder}/#{at}"] }
Puppet.initialize_settings([*own, '--basemodulepath', modules])
logs = []
Puppet::Util::Log.newdesttype(:lines) { define_method(:handle) { |message| logs << message.to_s } }
Puppet::Util::Log.newdestination(:lines)

def loaded
  loader = Puppet::Environments::Directories.from_path(Puppet[:environmentpath], [Puppet[:basemodulepath]]).first
  [loader, loader.get(:production)]
end

def look(name, keys, loader, environment)
  Puppet.override(environments: loader, current_environment: environment) do
    node = Puppet::Node.new(name, environment: environment)
    node.merge('clientcert' => name)
    compiler = Puppet::Parser::Compiler.new(node)
    found = nil
    compiler.compile do |catalog|
      found = keys.map do |key|
        invocation = Puppet::Pops::Lookup::Invocation.new(compiler.topscope)
        Puppet::Pops::Lookup.lookup(key, nil, '(no such key)', true, nil, invocation)
      end
      catalog
    end
    found
  end
end

kept = nil
$stdin.each_line do |line|
  asked = JSON.parse(line)
  logs.clear
  reply =
    begin
      kept = loaded unless kept && asked['again']
      { values: look(asked['node'], asked['keys'], *kept) }
    rescue StandardError => e
      { error: e.message }
    end
  puts JSON.generate(reply.merge(logs: logs))
  $stdout.flush
end
