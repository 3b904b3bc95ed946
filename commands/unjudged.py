"""Why a check may have no verdict at all: nothing of the estate is its business."""

WHY = {
    "mirror": "nothing is judged: no service with a member has enclumeProvides mirror, and no NFS server shows one",
    "puppet": "nothing is judged: no Puppet run was ever reported here",
    "storage": "nothing is judged: no service with a member has enclumeProvides nfs",
}
"""In words, by check. The plugin reads it too, so that it loads nothing."""
