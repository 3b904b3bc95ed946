"""What `enclume doctor` says of the directory: each server, the bind, sync, schema, search bases, entries."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from errors import SourceError
from facts.directory.connection import close, connect
from facts.directory.content import Content, NoSync, RefreshRequired, Scope, scope_of
from facts.directory.names import below
from facts.directory.pulse import context_of
from facts.directory.refresh import Sync, load
from facts.directory.sync import Link
from settings import DirectorySettings

_CLASSES = ("puppetClient", "enclumeHost", "enclumeSite", "enclumeService", "enclumeProfile")


class Checked(Struct, frozen=True):
    """One thing looked at: whether it is well, and a sentence with what to do if not."""

    well: bool
    sentence: str


def check(settings: DirectorySettings) -> list[Checked]:
    """Look at every server of `directory.uri`; takes at most some deadlines for each that does not answer."""
    try:
        scope = scope_of(settings)
    except SourceError as error:
        return [Checked(well=False, sentence=str(error))]
    return [checked for uri in settings.uris for checked in _server(settings, scope, uri)]


def _server(settings: DirectorySettings, scope: Scope, uri: str) -> Iterator[Checked]:
    try:
        connection = connect(settings, uri)
    except SourceError as error:
        yield Checked(well=False, sentence=str(error))
        return
    try:
        yield Checked(well=True, sentence=f"{uri}: connected, bound {_identity(settings, uri)}")
        link = Link(connection, uri, settings.deadline)
        root = link.ask("", ["namingContexts", "subschemaSubentry"])
        yield _schema(settings, link, root.get("subschemasubentry", ()))
        yield from _bases(scope, link)
        yield _context(settings, link, root.get("namingcontexts", ()))
        yield from _entries(settings, scope, link)
    except SourceError as error:
        yield Checked(well=False, sentence=str(error))
    finally:
        close(connection)


def _identity(settings: DirectorySettings, uri: str) -> str:
    if settings.bind_dn is not None:
        return f"as {settings.bind_dn}"
    return "by EXTERNAL as this system user" if uri.startswith("ldapi:") else "as nobody (anonymous)"


def _schema(settings: DirectorySettings, link: Link, subentries: Iterable[str]) -> Checked:
    text = " ".join(value for subentry in subentries for value in _object_classes(link, subentry)).lower()
    wanted = _CLASSES[:1] if settings.legacy else _CLASSES
    missing = [name for name in wanted if f"'{name.lower()}'" not in text]
    if not text:
        return Checked(well=False, sentence=f"{link.target}: the schema cannot be read; allow reading of cn=Subschema")
    if missing:
        advice = "load schema/puppet.ldif and schema/enclume.ldif into it"
        return Checked(
            well=False, sentence=f"{link.target}: the server does not know the classes {', '.join(missing)}; {advice}"
        )
    return Checked(well=True, sentence=f"{link.target}: the schema is loaded")


def _object_classes(link: Link, subentry: str) -> tuple[str, ...]:
    return link.ask(subentry, ["objectClasses"]).get("objectclasses", ())


def _bases(scope: Scope, link: Link) -> Iterator[Checked]:
    for base in scope.bases:
        if link.ask(base, ["objectClass"]):
            yield Checked(well=True, sentence=f"{link.target}: the search base {base} is there")
        else:
            advice = "create it, or name another one in the settings below directory, or let the bound identity read it"
            yield Checked(
                well=False, sentence=f"{link.target}: there is no search base {base} that can be read; {advice}"
            )


def _context(settings: DirectorySettings, link: Link, contexts: tuple[str, ...]) -> Checked:
    context = context_of(settings.base, contexts)
    if link.ask(context, ["contextCSN"]).get("contextcsn"):
        return Checked(well=True, sentence=f"{link.target}: contextCSN of {context} can be read")
    advice = f"everything is read again every {settings.reload_interval:g} s to know that nothing was missed"
    return Checked(well=False, sentence=f"{link.target}: contextCSN of {context} cannot be read; {advice}")


def _entries(settings: DirectorySettings, scope: Scope, link: Link) -> Iterator[Checked]:
    content = Content(scope)
    try:
        sync = Sync(link, content, None)
        sync.refresh()
        content = sync.content
        yield Checked(well=True, sentence=f"{link.target}: changes are followed by RFC 4533 sync")
    except (NoSync, RefreshRequired):
        load(link, scope, content)
        yield Checked(
            well=False,
            sentence=f"{link.target}: there is no RFC 4533 sync for {settings.base}; load the overlay syncprov there,"
            f" or changes are found by a full load every {settings.reload_interval:g} s",
        )
    counts = [f"{sum(below(key, base) for key in content.view)} below {base}" for base in scope.bases]
    found = bool(content.view)
    yield Checked(
        well=found, sentence=f"{link.target}: {len(content.view)} entries that Enclume reads: {', '.join(counts)}"
    )
