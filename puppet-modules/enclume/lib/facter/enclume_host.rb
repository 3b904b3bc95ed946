# frozen_string_literal: true

require_relative 'util/enclume_host'

# What Enclume asks of a host that has no enclume-observe: its NFS mounts, its disks, its local logs, and the services
# that listen. It is not called `enclume`, since that is the variable of Enclume's answers.
Facter.add(:enclume_host) do
  confine kernel: 'Linux'

  setcode do
    EnclumeHost.new.to_h
  end
end
