"""The ledger in Django admin: reading, searching, verifying, exporting. Never writing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, get_args

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from accounts.actors import ActorKind, actor_for
from audit import export
from audit.actions import Action
from audit.models import AuditEvent, Checkpoint, StampRequest
from audit.services import append
from audit.verification import verify_all

if TYPE_CHECKING:  # generic for the type checker only
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin


class ReadOnlyAdmin(ModelAdmin):
    """Looking only, for administrators and auditors."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(getattr(request.user, "site_role", ""))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)


class KnownValues(admin.SimpleListFilter):
    """A filter on the column ``parameter_name`` whose choices are known without reading it."""

    values: ClassVar[tuple[str, ...]] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, value) for value in self.values]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        return queryset.filter(**{str(self.parameter_name): chosen}) if chosen else queryset


class ActionFilter(KnownValues):
    """By what was done."""

    title = parameter_name = "action"
    values = tuple(sorted(Action))


class ActorKindFilter(KnownValues):
    """By who did it: a person, a key, a worker, the system."""

    title = "actor kind"
    parameter_name = "actor_kind"
    values = get_args(ActorKind)


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """Entries, newest first; filter by case, actor, action and time."""

    list_display = ("occurred_at", "action", "actor_label", "subject", "chain", "seq", "ip")
    # No filter reads the whole ledger for its choices, as a date hierarchy would.
    list_filter = (ActionFilter, ActorKindFilter, ("occurred_at", admin.DateFieldListFilter))
    search_fields = ("=chain", "actor_label", "=actor_id", "subject", "payload_text", "=hash")
    search_help_text = "Case id, actor, subject, payload or the whole hash of an entry"
    ordering = ("-id",)
    list_per_page = 100
    show_full_result_count = False
    actions = ("export_csv", "export_json")
    change_list_template = "admin/audit/auditevent/change_list.html"

    def get_urls(self) -> list[Any]:
        verify = self.admin_site.admin_view(require_POST(self.verify))
        return [path("verify/", verify, name="audit_verify"), *super().get_urls()]

    def verify(self, request: HttpRequest) -> HttpResponse:
        """Verify the whole ledger and say what was found."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        report = verify_all()
        _record(request, Action.LEDGER_VERIFIED, report.entries, problems=len(report.problems))
        for problem in report.problems:
            where = f"{problem.chain} entry {problem.seq}: " if problem.chain else ""
            messages.error(request, f"{problem.code}: {where}{problem.message}")
        if report.ok:
            messages.success(
                request,
                f"The ledger is intact: {report.entries} entries in {report.chains} chains and "
                f"{report.checkpoints} checkpoints verified.",
            )
        return HttpResponseRedirect(reverse("admin:audit_auditevent_changelist"))

    @admin.action(description="Export the selected entries as CSV")
    def export_csv(self, request: HttpRequest, entries: QuerySet[AuditEvent]) -> HttpResponse:
        return self._export(request, entries, export.csv_lines(entries), "text/csv", "csv")

    @admin.action(description="Export the selected entries as JSON lines")
    def export_json(self, request: HttpRequest, entries: QuerySet[AuditEvent]) -> HttpResponse:
        lines = export.json_lines(entries)
        return self._export(request, entries, lines, "application/x-ndjson", "jsonl")

    def _export(
        self,
        request: HttpRequest,
        entries: QuerySet[AuditEvent],
        lines: Iterator[str],
        content_type: str,
        suffix: str,
    ) -> HttpResponse:
        _record(request, Action.LEDGER_EXPORTED, entries.count(), format=suffix)
        answer = StreamingHttpResponse(lines, content_type=content_type)
        answer["Content-Disposition"] = f'attachment; filename="ledger.{suffix}"'
        # Both are answers of a view; Django's action protocol names the plain one only.
        return answer  # type: ignore[return-value]


@admin.register(Checkpoint)
class CheckpointAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "size", "reason", "root")
    list_filter = ("reason",)
    ordering = ("-id",)


@admin.register(StampRequest)
class StampRequestAdmin(ReadOnlyAdmin):
    list_display = ("checkpoint", "authority", "attempts", "stamped_at", "last_error")
    exclude = ("response",)


def _record(request: HttpRequest, action: Action, entries: int, **facts: Any) -> None:
    with transaction.atomic():
        append(
            actor=actor_for(request),
            action=action,
            subject="audit.ledger",
            payload={"entries": entries, **facts},
        )
