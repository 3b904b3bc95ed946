"""The rules that verdicts come from. `docs/verdicts.md` says of each what it means and what to do; a test holds it to
this list.
"""

CODES: dict[str, str] = {
    "check_failed": "a check of ours failed by an error of our own: what it would have said is unknown",
    "backup": "a backup is young enough",
    "backup_late": "a backup is older than enclumeMaxAge; critical beyond `thresholds.backup_critical` times that",
    "backup_never": "a backup that must be there was never made, says the source that knows it",
    "backup_missing": "LDAP says that a host must be backed up, and no backup knows it",
    "backup_nobody": "LDAP says that a host must be backed up, and there is nobody who could do it",
    "backup_unknown": "whoever should speak of a backup is silent, so that nobody knows how old it is",
    "backup_failed": "the last attempt at a backup failed",
    "backup_shrunk": "the last backup is far smaller than the one before",
    "backup_server": "a backup server speaks, and keeps backups of known hosts only",
    "backup_server_silent": "a backup server's own observer is missing or silent",
    "backup_of_nobody": "a backup server keeps backups of hosts that nobody has",
    "nfsd": "an NFS server speaks and serves; its rates, and who loads it most",
    "nfsd_silent": "an NFS server's own observer is missing or silent",
    "nfsd_down": "a host that provides nfs runs no thread of its NFS server",
    "nfsd_starved": "too many packets found no idle thread of an NFS server",
    "nfsd_client_silent": "a client has not renewed its lease with an NFS server for long",
    "mirror": "a mirror is in sync, or has not been out of sync for long",
    "mirror_behind": "a mirror has not been in sync for long",
    "mirror_split_brain": "both ends of a mirror went their own ways",
    "mirror_two_primaries": "both ends of a mirror are primary",
    "mirror_no_primary": "no end of a mirror is primary",
    "mirror_disk": "an end of a mirror has lost its disk",
    "mirror_missing": "a host that should be an end of a mirror shows none",
    "mirror_silent": "the observer of an end of a mirror is missing or silent",
}
