"""The database's own refusal to rewrite what left the house."""

from __future__ import annotations

from cases.triggers import ALWAYS, Guard

GUARDS = (Guard("reports_export", "the record of an export is written once", final=ALWAYS),)
