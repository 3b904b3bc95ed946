# The hosts that BackupPC saves. It reads the file again by itself, at each wakeup. What it has of a host that is gone
# stays in its pool until somebody removes it.
#
# @param user
#   Who owns the backups in BackupPC's pages.
# @param file
#   The file to write.
class neighbours::backuppc (
  Pattern[/\A\w+\z/] $user = 'backuppc',
  Neighbours::Path $file = '/etc/backuppc/hosts',
) {
  file { $file:
    ensure  => file,
    mode    => '0644',
    content => epp('neighbours/backuppc.epp', { 'hosts' => neighbours::hosts('backup').keys, 'user' => $user }),
  }
}
