"""Where each derived file comes from: exhibit, frame or crop, heat map, each with its hash."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from accounts.actors import Actor
from detection import selectors
from detection.models import Analysis, Artefact


@dataclass(frozen=True)
class Node:
    """One file: the exhibit itself (no ``artefact``) or something derived from its parent.

    ``t``: seconds into the recording. ``broken``: its stated parent is not a file of this run.
    """

    label: str
    kind: str
    sha256: str
    producer: str = ""
    t: float | None = None
    track: int | None = None
    artefact: Artefact | None = None
    broken: bool = False
    children: tuple[Node, ...] = ()

    @property
    def size(self) -> int:
        """How many files come from this one, directly or not."""
        return sum(1 + child.size for child in self.children)


def lineage(actor: Actor, analysis: Analysis) -> Node:
    """The tree of files under the exhibit of ``analysis`` as far as ``actor`` may see it.

    Artefacts whose parent is unknown hang on the exhibit, marked ``broken``.
    """
    artefacts = list(selectors.artefacts_for(actor, analysis))
    exhibit = analysis.exhibit
    children: dict[str, list[Artefact]] = defaultdict(list)
    known = {exhibit.sha256} | {artefact.sha256 for artefact in artefacts}
    lost: list[Artefact] = []
    for artefact in artefacts:
        orphan = artefact.parent_sha256 not in known or artefact.parent_sha256 == artefact.sha256
        (lost if orphan else children[artefact.parent_sha256]).append(artefact)
    return Node(
        label=f"{exhibit.label} {exhibit.name}",
        kind="exhibit",
        sha256=exhibit.sha256,
        children=(
            *_grow(children, exhibit.sha256, frozenset({exhibit.sha256})),
            *(_node(artefact, (), broken=True) for artefact in lost),
        ),
    )


def _grow(
    children: dict[str, list[Artefact]], parent: str, above: frozenset[str]
) -> Iterable[Node]:
    for artefact in children[parent]:
        # Two files with the same bytes share a hash; the path above stops a circle.
        below: tuple[Node, ...] = ()
        if artefact.sha256 not in above:
            below = tuple(_grow(children, artefact.sha256, above | {artefact.sha256}))
        yield _node(artefact, below)


def _node(artefact: Artefact, children: tuple[Node, ...], *, broken: bool = False) -> Node:
    return Node(
        label=artefact.name,
        kind=artefact.kind,
        sha256=artefact.sha256,
        producer=artefact.producer,
        t=artefact.t,
        track=artefact.track,
        artefact=artefact,
        broken=broken,
        children=children,
    )
