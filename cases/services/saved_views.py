"""Named filters of the case table, each person's own. A convenience and no record: no entry."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.http import QueryDict
from django.utils.translation import gettext as _

from accounts.models import User
from cases.errors import ViewRefused
from cases.models import SavedView

MOST_VIEWS = 30
KEPT = ("q", "status", "sort")


def save_view(*, user: User, name: str, query: str) -> SavedView:
    """Keep ``query`` (as in an address) under ``name``; an older one of the name is replaced.

    Raises ViewRefused (no_name, too_many).
    """
    name = " ".join(name.split())[: SavedView.NAME_LENGTH]
    if not name:
        raise ViewRefused("no_name", _("Give the view a name."))
    with transaction.atomic():
        mine = SavedView.objects.select_for_update().filter(user=user)
        if mine.exclude(name=name).count() >= MOST_VIEWS:
            raise ViewRefused(
                "too_many",
                _("You have %(most)s views already. Remove one you no longer need.")
                % {"most": MOST_VIEWS},
            )
        saved, _created = SavedView.objects.update_or_create(
            user=user, name=name, defaults={"query": _kept(query)}
        )
    return saved


def remove_view(*, user: User, view_id: uuid.UUID) -> None:
    """Forget one of the person's own views; nothing happens to anybody else's."""
    SavedView.objects.filter(user=user, pk=view_id).delete()


def _kept(query: str) -> str:
    """Only what the table knows, so that a saved address can lead nowhere else."""
    given = QueryDict(query.lstrip("?")[: SavedView.QUERY_LENGTH])
    kept = QueryDict(mutable=True)
    for name in KEPT:
        if given.get(name):
            kept[name] = str(given[name])
    return kept.urlencode()[: SavedView.QUERY_LENGTH]
