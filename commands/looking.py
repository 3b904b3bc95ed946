"""The state folder, looked at and left as it is."""

from facts.shelf import Shelf


class ReadOnlyShelf(Shelf):
    """A shelf that leaves every file where it is; what cannot be read stands in `set_aside` alone."""

    def put_aside(self, name: str, reason: str) -> None:
        self.set_aside.append(f"{self.folder / name}: {reason}")
