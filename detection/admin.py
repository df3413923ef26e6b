"""Django admin of the examination room: what an administrator runs, not what the cases say.

Everything is read-only. Administrators see how analyses ran but neither files nor findings; these
show only for people who may read the case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html

from accounts.actors import actor_for
from cases.permissions import CaseAction
from detection import services
from detection.errors import ModelRefused
from detection.health import queue_health
from detection.models import (
    Analysis,
    Finding,
    ModelDecision,
    ModelDecisionKind,
    ModelVersion,
    Review,
)

if TYPE_CHECKING:  # generic for the type checker only
    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
else:
    ModelAdmin = admin.ModelAdmin
    TabularInline = admin.TabularInline


class ReadOnlyAdmin(ModelAdmin):
    """Looking only: every write has a service of its own."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class RestrictedAdmin(ReadOnlyAdmin):
    """Case content: the rows of cases that the signed-in person may read."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = self.model.objects.restrict(
            actor_for(request), CaseAction.VIEW_FINDINGS
        )
        return rows.select_related("analysis__exhibit__case")


@admin.register(Analysis)
class AnalysisAdmin(ReadOnlyAdmin):
    """How analyses ran; also the way to the system's health."""

    change_list_template = "admin/detection/analysis/change_list.html"
    list_display = (
        "short_id",
        "case_number",
        "profile",
        "status",
        "percent",
        "attempt",
        "created_at",
        "finished_at",
        "error_code",
    )
    list_filter = ("status", "profile", "error_code", "created_at")
    search_fields = ("=id", "=exhibit__case__number", "worker", "error_code")
    list_select_related = ("exhibit__case",)
    fields = (
        "id",
        "case_number",
        "profile",
        "rerun_of",
        "submitted_by_kind",
        "submitted_by_label",
        "request_id",
        "status",
        "stage",
        "percent",
        "attempt",
        "lost_workers",
        "worker",
        "created_at",
        "started_at",
        "heartbeat_at",
        "finished_at",
        "evidence_sha256",
        "environment",
        "error_code",
        "log_lines",
    )
    readonly_fields = ("id", "case_number", "log_lines")

    @admin.display(description="id", ordering="id")
    def short_id(self, analysis: Analysis) -> str:
        """Enough to tell one from another."""
        return str(analysis.pk)[:8]

    @admin.display(description="case", ordering="exhibit__case__number")
    def case_number(self, analysis: Analysis) -> str:
        """The number only: titles and file names are case content."""
        return analysis.exhibit.case.number

    @admin.display(description="log")
    def log_lines(self, analysis: Analysis) -> str:
        """One step a line. The reason of a failure may quote a file, so the code stands for it."""
        lines = "\n".join(
            f"{time}  {words.split(':')[0] if words.startswith('failed') else words}"
            for time, words in analysis.log
        )
        return format_html("<pre>{}</pre>", lines)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.health)
        return [path("health/", view, name="detection_health"), *super().get_urls()]

    def health(self, request: HttpRequest) -> HttpResponse:
        """Queues, workers and waiting time."""
        context = {
            **self.admin_site.each_context(request),
            "title": "System health",
            "health": queue_health(),
        }
        return TemplateResponse(request, "admin/detection/health.html", context)


@admin.register(Finding)
class FindingAdmin(RestrictedAdmin):
    """Findings of cases that the signed-in person may read."""

    list_display = ("analysis", "verdict", "log10_lr", "casework_approved", "created_at")
    list_filter = ("verdict", "casework_approved", "created_at")


@admin.register(Review)
class ReviewAdmin(RestrictedAdmin):
    """Opinions, sign-offs and dissents of cases that the signed-in person may read."""

    list_display = ("analysis", "kind", "reviewer", "agrees", "blind", "created_at")
    list_filter = ("kind", "blind", "created_at")


class DecisionForm(forms.Form):
    """A decision about a weight set and its grounds."""

    kind = forms.ChoiceField(choices=ModelDecisionKind.choices, label="Decision")
    statement = forms.CharField(widget=forms.Textarea, label="Grounds")


DECIDE = {
    ModelDecisionKind.PROPOSED: services.propose_model,
    ModelDecisionKind.APPROVED: services.approve_model,
    ModelDecisionKind.WITHDRAWN: services.withdraw_model,
}


class DecisionInline(TabularInline):
    """The decisions so far, oldest first."""

    model = ModelDecision
    fields = readonly_fields = ("kind", "decided_by", "statement", "created_at")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnlyAdmin):
    """Registered weight sets; an administrator proposes, another approves."""

    change_form_template = "admin/detection/modelversion/change_form.html"
    list_display = ("name", "architecture", "sha256", "standing", "registered_at")
    list_filter = ("architecture",)
    search_fields = ("name", "sha256")
    inlines = (DecisionInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related("decisions")

    @admin.display(description="casework")
    def standing(self, model: ModelVersion) -> str:
        """The latest decision in words."""
        decisions = list(model.decisions.all())
        return decisions[-1].get_kind_display() if decisions else "not proposed"

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.decide)
        return [
            path("<uuid:pk>/decide/", view, name="detection_modelversion_decide"),
            *super().get_urls(),
        ]

    def decide(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Propose, approve or withdraw a weight set."""
        model = ModelVersion.objects.get(pk=pk)
        form = DecisionForm(request.POST or None)
        if form.is_valid() and self._decided(request, model, form.cleaned_data):
            return HttpResponseRedirect(
                reverse("admin:detection_modelversion_change", args=[model.pk])
            )
        context = {
            **self.admin_site.each_context(request),
            "title": f"Decide on {model}",
            "model": model,
            "form": form,
        }
        return TemplateResponse(request, "admin/detection/modelversion/decide.html", context)

    def _decided(self, request: HttpRequest, model: ModelVersion, data: dict[str, str]) -> bool:
        decide = DECIDE[ModelDecisionKind(data["kind"])]
        try:
            decide(actor=actor_for(request), model=model, statement=data["statement"])
        except ModelRefused as error:
            messages.error(request, error.message)
            return False
        messages.success(request, "The decision is recorded.")
        return True
