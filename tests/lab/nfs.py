"""A real NFS server on one node of the lab and its mounts on the other, with reads and writes that can be counted.

I/O is direct: each block of at most 64 KiB is one READ or WRITE on the wire, whatever the client could cache.
"""

from typing import Literal

from tests.lab.nodes import Node

Version = Literal["3", "4.2"]
EXPORT = "/srv/export"
THREADS = 4
LEASE = 10
"""Seconds after which the server thinks a client dead that has not renewed its lease: the least that Linux takes."""
PREPARE = f"""mkdir -p {EXPORT} /run/rpc_pipefs
echo '{EXPORT} 10.77.0.0/24(rw,sync,no_root_squash,no_subtree_check,fsid=0)' >/etc/exports
mount -t rpc_pipefs rpc_pipefs /run/rpc_pipefs
rpcbind -w"""
START = f"""modprobe nfsd
mount -t nfsd nfsd /proc/fs/nfsd
exportfs -a
echo {LEASE} >/proc/fs/nfsd/nfsv4leasetime
rpc.nfsd {THREADS}
rpc.mountd
echo Y >/proc/fs/nfsd/v4_end_grace"""
"""The last line: no client was there before, so that none need be waited for (90 s)."""
STOP = """exportfs -au
rpc.nfsd 0
kill $(pidof rpc.mountd)
while pidof rpc.mountd; do sleep 0.1; done
umount /proc/fs/nfsd
rmmod nfsd"""


def serve(server: Node) -> None:
    """Prepare and start the NFS server with its one export, which is also the root of NFSv4's names."""
    server.run(PREPARE)
    start(server)


def start(server: Node) -> None:
    """Start the NFS server, which nobody has mounted."""
    server.run(START)


def stop(server: Node) -> None:
    """Stop the NFS server, which nobody has mounted, and unload it: as after a boot at which it did not start."""
    server.run(STOP)


def set_threads(server: Node, number: int) -> None:
    """Give the running server so many threads; none stops it."""
    server.run(f"rpc.nfsd {number}")


def mount(client: Node, server: Node, version: Version) -> str:
    """Mount the export; returns where."""
    path, export = f"/mnt/v{version}", EXPORT if version == "3" else "/"
    options = f"vers={version},proto=tcp" + (",nolock" if version == "3" else "")
    client.run(f"mkdir -p {path}; mount -t nfs -o {options} {server.name}:{export} {path}")
    return path


def write(client: Node, path: str, *, blocks: int, size: int) -> None:
    """Write so many blocks of so many bytes to a file below a mount, each straight to the server."""
    client.run(f"dd if=/dev/zero of={path} bs={size} count={blocks} oflag=direct conv=notrunc")


def storm(client: Node, path: str) -> None:
    """Eight programs read a file of at least 64 KiB at one time, in small blocks."""
    one = f"dd if={path} of=/dev/null bs=1k count=64 iflag=direct"
    client.run(f"for number in 1 2 3 4 5 6 7 8; do {one} & done; wait")


def unmount(client: Node, path: str) -> None:
    """Take a mount away; its client says goodbye to the server when it was the last."""
    client.run(f"umount {path}")


def unheard(server: Node) -> int:
    """Seconds since the server heard of the client that it has not heard of for longest."""
    ages = server.run("sed -n 's/^seconds from last renew: //p' /proc/fs/nfsd/clients/*/info")
    return max(map(int, ages.split()))


def read(client: Node, path: str, *, blocks: int, size: int) -> None:
    """Read so many blocks of so many bytes of a file below a mount, each straight from the server."""
    client.run(f"dd if={path} of=/dev/null bs={size} count={blocks} iflag=direct")
