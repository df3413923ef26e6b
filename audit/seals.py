"""The seal of a chain's head: a signature that the database's administrator cannot make.

Whoever cuts a chain's tail must also set its head back, and has no key to sign the new head. What
a seal cannot show is a head put back together with a copy of its own earlier seal, taken before
the cut; that shows at the first entry that a checkpoint attests beyond the cut.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings

from audit import keys, signed_notes
from audit.models import ChainHead


def seal(head: ChainHead) -> str:
    """The signed note that states chain, length and last hash of ``head``."""
    keys.current_verifier_key()
    return signed_notes.sign(_text(head), settings.DFD.ledger_origin, keys.signing_key())


def is_sealed(head: ChainHead, verifier_keys: Sequence[str]) -> bool:
    """Whether one of ``verifier_keys`` signed exactly this head."""
    try:
        return signed_notes.open_note(head.seal, verifier_keys) == _text(head)
    except signed_notes.BadNote:
        return False


def _text(head: ChainHead) -> str:
    return f"dfd.head.v1\n{head.chain}\n{head.seq}\n{head.hash}\n"
