"""The rules of placement: each says of a guest what is wrong with it and what to do, or "" where nothing is."""

from audit.drift import differences
from audit.standing import Standing, state_of, where
from facts.fleet import Found


def split_brain(stands: Standing) -> str:
    running = (*stands.running, *stands.doubles)
    if len(running) < 2:
        return ""
    how = ", there as domains of one name with different UUIDs" if stands.doubles else ""
    return (
        f"{stands.name} runs on {where(running)} at once{how}: destroy all but the one with the good data before they "
        "write to the same disks"
    )


def not_running(stands: Standing) -> str:
    if stands.intent != "running" or stands.running or stands.moving or stands.unknown:
        return ""
    if not stands.seen:
        return f"{stands.name} should run, and no hypervisor has its domain"
    states = ", ".join(f"{state_of(one.domain)} on {one.hypervisor}" for one in stands.seen)
    double = (
        f", though a domain of its name with another UUID runs on {where(stands.doubles)}" if stands.doubles else ""
    )
    return f"{stands.name} should run, and runs nowhere{double}: it is {states}; start it on {_home(stands)}"


def _home(stands: Standing) -> str:
    return stands.picture.production or stands.picture.node.placement.hypervisor or where(stands.seen)


def runs_unintended(stands: Standing) -> str:
    if stands.intent == "running" or not stands.running:
        return ""
    meant = {"off": "meant to be off", "template": "a template", "retired": "retired"}[stands.intent]
    undefine = " and undefine it" if stands.intent == "retired" else ""
    return (
        f"{stands.name} is {meant} and runs on {where(stands.running)}: shut it down{undefine}, or correct its "
        "enclumeIntent"
    )


def wrong_hypervisor(stands: Standing) -> str:
    picture, running = stands.picture, stands.running
    if not running or picture.production is None or stands.intent != "running" or stands.runs_on(picture.production):
        return ""
    copy = ", which holds its backup copy" if stands.runs_on(picture.backup) else ""
    return (
        f"{stands.name} runs on {where(running)}{copy}, not on its production hypervisor {picture.production}: move it "
        "back, or correct its enclumeProduction and enclumeBackup"
    )


def backup_copy_running(stands: Standing) -> str:
    picture = stands.picture
    if picture.backup is None or picture.backup == picture.production or stands.intent != "running":
        return ""
    if not stands.runs_on(picture.backup):
        return ""
    return (
        f"the backup copy of {stands.name} runs, on {picture.backup}, so its disks there are the good ones, and a "
        f"container copy from {picture.production} would overwrite them: make {picture.backup} its enclumeProduction, "
        "or bring its disks and itself back"
    )


def missing_backup_copy(stands: Standing) -> str:
    picture = stands.picture
    production, backup, host = picture.production, picture.backup, picture.node.host
    if not stands.seen or production is None or host.intent == "retired":
        return ""
    if backup is None or backup == production:
        return _no_backup(stands) if host.intent == "running" and len(stands.seen) == len(picture.copies) == 1 else ""
    missing = [one for one in (production, backup) if one not in picture.blind and stands.on(one) is None]
    if not missing:
        return ""
    there = [one for one in picture.namesakes if one.hypervisor in missing]
    hint = f"; {where(tuple(there))} has a domain of its name with another UUID" if there else ""
    return (
        f"{stands.name} has no copy on {' and '.join(missing)}, so that nothing can take over from "
        f"{where(stands.seen)}{hint}: copy its definition (virsh dumpxml, virsh define) and its disks there"
    )


def _no_backup(stands: Standing) -> str:
    host, only = stands.picture.node.host, where(stands.seen)
    if host.backup is None:
        why = "LDAP names no hypervisor for its copy: give enclumeBackup, and copy its definition and disks there"
    elif stands.picture.backup is None:
        why = f"its enclumeBackup {host.backup} is no host: correct it"
    else:
        why = "its enclumeBackup is its enclumeProduction: name another hypervisor, and copy it there"
    return f"{stands.name} is on {only} only, so that nothing can take over; {why}"


def definition_drift(stands: Standing) -> str:
    seen = stands.seen
    if len(seen) < 2 or stands.intent == "retired":
        return ""
    home = next((one for one in seen if one.hypervisor == _home(stands)), seen[0])
    said = [
        f"{' and '.join(different)} on {other.hypervisor}"
        for other in seen
        if other is not home and (different := _differences(stands, home, other))
    ]
    if not said:
        return ""
    return (
        f"{stands.name} is not defined on {home.hypervisor} as elsewhere: {'; '.join(said)}; carry the right "
        "definition over (virsh dumpxml --inactive, virsh define)"
    )


def _differences(stands: Standing, home: Found, copy: Found) -> list[str]:
    here, there = stands.picture.reach(home.hypervisor), stands.picture.reach(copy.hypervisor)
    return differences(home.domain.definition, copy.domain.definition, here, there)


def no_domain(stands: Standing) -> str:
    if stands.picture.copies or stands.unknown or stands.intent == "retired":
        return ""
    namesakes = stands.picture.namesakes
    hint = f"; {where(namesakes)} has a domain of its name with another UUID" if namesakes else ""
    return (
        f"{stands.name} has an entry, and no hypervisor has its domain{hint}: define it, correct its "
        "enclumeDomainUUID, or set enclumeIntent to retired"
    )


def paused_io_error(stands: Standing) -> str:
    found = tuple(one for one in stands.running if one.domain.state == "paused" and one.domain.reason == "ioerror")
    if not found:
        return ""
    return (
        f"{stands.name} is paused on {where(found)} by an I/O error of its disk: look at its storage (full? gone?), "
        f"then virsh resume {found[0].domain.name}"
    )


def paused(stands: Standing) -> str:
    """Paused for another reason: a copy of its container takes less than a second."""
    if stands.intent != "running":
        return ""
    for one in stands.running:
        domain = one.domain
        if (domain.state == "paused" and domain.reason != "ioerror") or domain.state == "pmsuspended":
            wake = "resume" if domain.state == "paused" else "dompmwakeup"
            return f"{stands.name} is {state_of(domain)} on {one.hypervisor}: virsh {wake} {domain.name}"
    return ""


def stuck(stands: Standing) -> str:
    if not stands.picture.stuck or not stands.running or stands.intent != "running":
        return ""
    return (
        f"{stands.name} on {where(stands.running)} does not answer its hypervisor: QEMU, or the storage below it, is "
        "stuck; look at that storage, and at the process"
    )


def shared_disk(stands: Standing) -> str:
    if not stands.picture.sharing or not stands.running:
        return ""
    others = [one for one in stands.picture.sharing if one.hypervisor not in stands.picture.unread]
    if not others:
        return ""
    named = " and ".join(f"{one.domain.name} on {one.hypervisor}" for one in others)
    return (
        f"{stands.name} on {where(stands.running)} writes to a disk that {named} writes to as well: destroy one of "
        "them and give each a disk of its own, or mark the disk <shareable/>"
    )


def double_autostart(stands: Standing) -> str:
    starting = tuple([one for one in stands.seen if one.domain.autostart])
    if len(starting) < 2:
        return ""
    return (
        f"{stands.name} starts by itself on {where(starting)}, so that it runs twice after a power cut: "
        f"virsh autostart --disable {starting[0].domain.name} on all but {_home(stands)}"
    )


def unknown(stands: Standing) -> str:
    picture = stands.picture
    if not stands.unknown and not picture.unread:
        return ""
    said = []
    if picture.blind:
        last = [one.hypervisor for one in picture.copies if one.hypervisor in picture.blind and one.domain.running]
        ran = f" (it last ran on {' and '.join(last)})" if last else ""
        blind = " and ".join(picture.blind)
        said.append(f"{blind} cannot be read, so whether {stands.name} is and runs there is not known{ran}")
    if stands.ambiguous:
        said.append(f"several domains could be {stands.name}: give its enclumeDomainUUID")
    if picture.unread:
        said.append(
            f"{' and '.join(picture.unread)} cannot be read, where a domain of the same name, or one on a disk of "
            f"{stands.name}, was last seen"
        )
    see = "; enclume check sources says why" if picture.blind or picture.unread else ""
    return "; ".join(said) + see
