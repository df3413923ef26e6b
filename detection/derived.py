"""What analyses derived from an exhibit: thumbnails, heat maps, spectrograms, timelines."""

from __future__ import annotations

from cases.derived import DerivedFile
from cases.models import Exhibit
from detection.models import Artefact


def derived_from(exhibit: Exhibit) -> list[DerivedFile]:
    """The stored files of every analysis of ``exhibit``, each once, by hash."""
    own = Artefact.objects.filter(analysis__exhibit=exhibit)
    files = dict(own.values_list("storage_key", "kind"))
    shared = set(
        Artefact.objects.filter(storage_key__in=files)
        .exclude(analysis__exhibit=exhibit)
        .exclude(analysis__exhibit__state=Exhibit.State.DESTROYED)
        .values_list("storage_key", flat=True)
    )
    return [
        DerivedFile(kind, key.rsplit("/", 1)[-1], key, key in shared)
        for key, kind in sorted(files.items())
    ]
