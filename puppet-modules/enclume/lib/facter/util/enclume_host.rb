# frozen_string_literal: true

require 'ipaddr'
require 'socket'

# Reads the fact `enclume_host` from /proc, /sys, /etc and /var/log. Never from a mounted file system of another host:
# with a dead server that would hang for ever, and no Ruby timeout ends it. What could not be read in time is nil, which
# is left out: it is not known, and never said to be nothing.
class EnclumeHost
  NFS = /\Anfs4?\z/.freeze
  NETWORK = /\A(?:nfs|autofs|cifs|smb|ceph|glusterfs|lustre|9p|virtiofs|afs|fuse)/.freeze
  DISKS = /\A(?:vd|sd|xvd|hd|nvme\d+n|mmcblk\d+\z)/.freeze
  SECTOR = 512
  MEBIBYTE = 1024 * 1024
  LISTEN = '0A'
  UNCONNECTED = '07'
  SOCKETS = { 'tcp' => LISTEN, 'tcp6' => LISTEN, 'udp' => UNCONNECTED, 'udp6' => UNCONNECTED }.freeze
  MOST = 1000
  RSYSLOG = ['/etc/rsyslog.conf', '/etc/rsyslog.d/*.conf'].freeze
  SYSLOG_NG = ['/etc/syslog-ng/syslog-ng.conf', '/etc/syslog-ng/conf.d/*.conf'].freeze
  JOURNAL = ['/etc/systemd/journal-upload.conf', '/etc/systemd/journal-upload.conf.d/*.conf'].freeze
  LEGACY_ACTION = /(?:\A|[\s;&])(?:@@?(?:\([^)]*\))?|:omrelp:)(\[[0-9A-Fa-f:.%]+\]|\w[\w.-]*)(?::\d+)?(?=[\s;]|\z)/.freeze

  # root: where / is, for tests; seconds: how long each of the two slow parts may take.
  def initialize(root: '', seconds: 0.04)
    @root = root
    @seconds = seconds
  end

  def to_h
    {
      'nfs_mounts' => tried { nfs_mounts },
      'disks' => tried { disks },
      'logs' => tried { logs },
      'services' => tried { services },
    }.reject { |_, value| value.nil? }
  end

  # NFS mounts as the kernel lists them.
  def nfs_mounts
    mounts.select { |mount| mount[:type] =~ NFS }.map { |mount|
      server, export = split_source(mount[:source])
      version = mount[:options][/(?:\A|,)vers=([\d.]+)/, 1] || (mount[:type] == 'nfs4' ? '4' : '')
      { 'path' => mount[:path], 'server' => server, 'export' => export, 'version' => version }
    }.first(MOST)
  end

  # Disks as the kernel has them, in bytes; what is made of them (LVM, RAID) and what can be taken out is left out.
  def disks
    names = Dir.children("#{@root}/sys/block").grep(DISKS).sort
    found = names.map { |name| { 'name' => name, 'size_bytes' => read("/sys/block/#{name}/size").to_i * SECTOR } }
    found.select { |disk| disk['size_bytes'].positive? && read("/sys/block/#{disk['name']}/removable").to_i.zero? }.first(64)
  end

  # Bytes of logs on disks of this host's own, and whether logs go to a log server.
  def logs
    bytes = local_log_bytes
    bytes.nil? ? nil : { 'bytes' => bytes, 'remote' => remote_logs? }
  end

  # Sockets that listen, and the process that does; without its name where it could not be found in time.
  def services
    sockets = SOCKETS.flat_map { |table, state| listening(table, state) }
    owners = processes(sockets.map { |socket| socket[:inode] })
    sockets.map { |socket|
      { 'protocol' => socket[:protocol], 'address' => socket[:address], 'port' => socket[:port],
        'process' => owners.fetch(socket[:inode], '') }
    }.uniq.sort_by { |service| [service['port'], service['protocol'], service['address'], service['process']] }.first(MOST)
  end

  private

  # A part that cannot be read spoils no other.
  def tried
    yield
  rescue SystemCallError, IOError, ArgumentError, EncodingError => e
    Facter.debug("enclume_host: #{e.message}") if defined?(Facter)
    nil
  end

  def read(path)
    File.binread("#{@root}#{path}").force_encoding(Encoding::UTF_8).scrub
  end

  def now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end

  # proc(5): ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [TAGS…] - TYPE SOURCE SUPER-OPTIONS
  def mounts
    @mounts ||= read('/proc/self/mountinfo').each_line.map { |line|
      before, after = line.chomp.split(' - ', 2)
      next if after.nil?

      type, source, options = after.split(' ', 3)
      { path: unescape(before.split(' ')[4].to_s), type: type, source: unescape(source.to_s), options: options.to_s }
    }.compact
  end

  def unescape(text)
    text.gsub(/\\([0-7]{3})/) { Regexp.last_match(1).oct.chr }.force_encoding(Encoding::UTF_8).scrub
  end

  # SERVER:/EXPORT; an IPv6 address stands in brackets, or does not.
  def split_source(source)
    match = source.match(/\A(?:\[(?<v6>[^\]]+)\]|(?<name>.*?)):(?<export>\/.*)?\z/m)
    match.nil? ? [source, ''] : [match[:v6] || match[:name], match[:export].to_s]
  end

  def local_log_bytes
    folder = '/var/log'
    return 0 if on_another_host?(folder)
    return nil unless File.lstat("#{@root}#{folder}").directory?

    elsewhere = mounts.select { |mount| mount[:type] =~ NETWORK }.map { |mount| mount[:path] }
    walk(folder, elsewhere, now + @seconds)
  end

  # Whether the file system that holds a folder is another host's; that is told from names alone.
  def on_another_host?(folder)
    above = mounts.select { |mount| folder == mount[:path] || folder.start_with?("#{mount[:path].chomp('/')}/") }
    holder = above.max_by.with_index { |mount, index| [mount[:path].length, index] }
    !holder.nil? && !(holder[:type] =~ NETWORK).nil?
  end

  def walk(folder, elsewhere, deadline)
    waiting = [folder]
    bytes = 0
    until waiting.empty?
      here = waiting.pop
      Dir.children("#{@root}#{here}").each do |name|
        return nil if now > deadline

        path = "#{here}/#{name}"
        next if elsewhere.include?(path)

        bytes += size_of(path, waiting)
      end
    end
    bytes
  end

  # The bytes of a file on disk: lastlog and its like have holes. A file that was rotated away meanwhile has none.
  def size_of(path, waiting)
    stat = File.lstat("#{@root}#{path}")
    waiting << path if stat.directory?
    return 0 unless stat.file?

    stat.size < MEBIBYTE ? stat.size : [stat.size, stat.blocks.to_i * SECTOR].min
  rescue Errno::ENOENT
    0
  end

  def remote_logs?
    [*rsyslog_targets, *syslog_ng_targets, *journal_targets].any? { |target| !own?(target) }
  end

  def configuration(patterns)
    files = patterns.flat_map { |pattern| Dir.glob("#{@root}#{pattern}") }.sort
    files.map { |file| File.file?(file) ? read(file.delete_prefix(@root)) : '' }
         .map { |text| text.each_line.reject { |line| line.lstrip.start_with?('#') }.join }
  end

  def rsyslog_targets
    configuration(RSYSLOG).flat_map { |text|
      actions = text.scan(/\baction\s*\(([^)]*)\)/i).flatten
      forwarding = actions.grep(/type\s*=\s*"om(?:fwd|relp)"/i)
      named = forwarding.flat_map { |action| action.scan(/\btarget\s*=\s*"([^"]+)"/i).flatten }
      named + text.gsub(/\baction\s*\([^)]*\)/i, '').each_line.flat_map { |line| line.chomp.scan(LEGACY_ACTION).flatten }
    }
  end

  def syslog_ng_targets
    configuration(SYSLOG_NG).flat_map { |text| text.scan(/\b(?:network|tcp6?|udp6?|syslog)\s*\(\s*"([^"]+)"/).flatten }
  end

  def journal_targets
    configuration(JOURNAL).flat_map { |text| text.scan(/^\s*URL\s*=\s*(?:https?:\/\/)?(\[[^\]]+\]|[^\s:\/]+)/).flatten }
  end

  def own?(target)
    name = target.delete('[]').downcase
    return true if name.empty? || name == 'localhost' || name.start_with?('127.') || name == '::1'

    own = Socket.gethostname.downcase
    [own, own.split('.').first].include?(name)
  end

  # /proc/net: SL LOCAL REMOTE STATE … INODE at 9; addresses are hexadecimal, in the host's byte order by 32 bits.
  def listening(table, state)
    return [] unless File.exist?("#{@root}/proc/net/#{table}")

    lines = read("/proc/net/#{table}").each_line.drop(1).map { |line| line.split(' ') }
    lines.select { |fields| fields[3] == state && fields[2].to_s.match?(/\A0+:0000\z/) }.map do |fields|
      address, port = fields[1].split(':')
      { protocol: table.delete('6'), address: address_of(address), port: port.to_i(16), inode: fields[9] }
    end
  end

  def address_of(hexadecimal)
    words = hexadecimal.scan(/.{8}/).map { |word| word.to_i(16) }
    IPAddr.new_ntoh(words.pack('L*')).to_s
  end

  # The names of the processes that hold these sockets, by inode.
  def processes(inodes)
    wanted = inodes.each_with_object({}) { |inode, links| links["socket:[#{inode}]"] = inode }
    found = {}
    deadline = now + @seconds
    Dir.children("#{@root}/proc").grep(/\A\d+\z/).each do |process|
      break if wanted.empty? || now > deadline

      links_of(process).each do |link|
        inode = wanted.delete(link)
        found[inode] = read("/proc/#{process}/comm").chomp unless inode.nil?
      end
    rescue SystemCallError
      # It has ended, or is another user's.
      next
    end
    found
  end

  def links_of(process)
    folder = "#{@root}/proc/#{process}/fd"
    Dir.children(folder).map { |name| link_of("#{folder}/#{name}") }.compact
  end

  # Where a link leads, without going there.
  def link_of(path)
    File.readlink(path)
  rescue SystemCallError
    nil
  end
end
