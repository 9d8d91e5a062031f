"""Which data sets there are, and opening one. No torch: the window looks at samples and class counts with it.

Families are open: a package may register a `SetFamily` under the entry-point group ``nasstudio.datasets``. A document
of a family that is not installed stays readable; opening it says what it needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from nasstudio.engine.data.cifar import CIFAR10
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.data.family import Option, Progress, SetFamily, options_of
from nasstudio.engine.data.fashion import FULL, SMALL
from nasstudio.engine.data.folder import FOLDER
from nasstudio.engine.data.image_set import ImageSet
from nasstudio.engine.data.places import default_cache_folder, default_data_folder
from nasstudio.engine.errors import NeedsExtra, StudioError

GROUP = "nasstudio.datasets"
DEFAULT = DataDocument("fashion_mnist_small")
_FAMILIES = {family.name: family for family in (SMALL, FULL, CIFAR10, FOLDER)}


@dataclass(frozen=True)
class SetDescription:
    """A family of data sets, for choosing one.

    Attributes
    ----------
    present : whether it can be opened now.
    remedy : how to get it, if not.
    options : what its document may hold; empty for a family of another package, which is not loaded for this.
    """

    family: str
    title: str
    about: str
    present: bool
    remedy: str = ""
    options: tuple[Option, ...] = ()


def sets(data_folder: Path | None = None) -> list[SetDescription]:
    """Every family, the shipped set first. Looks whether files exist and opens none.

    Parameters
    ----------
    data_folder : where the user keeps data sets; None: `places.default_data_folder`.
    """
    folder = data_folder or default_data_folder()
    own = [_described(family, folder) for family in _FAMILIES.values()]
    return own + [
        SetDescription(point.name, point.name, f"From the package {_package(point)}.", present=True)
        for point in entry_points(group=GROUP)
        if point.name not in _FAMILIES
    ]


def open_set(
    document: DataDocument,
    data_folder: Path | None = None,
    *,
    cache_folder: Path | None = None,
    progress: Progress | None = None,
) -> ImageSet:
    """The data set that a document describes. May take minutes for a large image folder that is new.

    Parameters
    ----------
    data_folder : where the user keeps data sets; None: `places.default_data_folder`.
    cache_folder : for decoded image folders; None: `places.default_cache_folder`.
    progress : called with what is done and the total; it may raise to stop.

    Raises
    ------
    NeedsExtra
        The family is not installed.
    InvalidInput
        An option is wrong, or the files are not there or not as they should be; `CorruptFile` if they are damaged.
    """
    family = _family(document.family)
    options = family.checked(document.options)
    return family.open(
        options,
        (data_folder or default_data_folder()).absolute(),
        cache_folder or default_cache_folder(),
        progress or (lambda done, total: None),
    )


def _family(name: str) -> SetFamily:
    if name in _FAMILIES:
        return _FAMILIES[name]
    for point in entry_points(group=GROUP, name=name):
        try:
            family = point.load()
        except (ImportError, AttributeError) as problem:
            raise StudioError(
                f"The data set '{name}' can't be loaded: {problem}.",
                where=f"package {_package(point)}",
                remedy="Install or update that package.",
            ) from problem
        if isinstance(family, SetFamily):
            return family
        raise StudioError(
            f"The data set '{name}' is a {type(family).__name__}, not a SetFamily.",
            where=f"package {_package(point)}",
            remedy="Tell its author.",
        )
    raise NeedsExtra(f"The data set family '{name}'", name, where=f"data set {name}")


def _described(family: SetFamily, folder: Path) -> SetDescription:
    present = family.find(folder) is not None
    return SetDescription(
        family.name,
        family.title,
        family.about,
        present,
        "" if present else family.remedy,
        options_of(family.options),
    )


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist else point.value
