"""Django admin of cases: to look, and to break the glass. Every edit has a service of its own.

Administrators see that cases exist, who manages them and how much they hold. Titles, exhibits and
custody show only for people who may read the case: auditors, members, and administrators who broke
the glass.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, Sum
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import path, reverse

from accounts.actors import actor_for
from accounts.reauthentication import require_recent_sign_in
from audit.admin import ReadOnlyAdmin
from cases import services
from cases.errors import InvalidInput
from cases.models import (
    BreakGlass,
    Case,
    CaseMembership,
    CustodyEvent,
    DestructionCertificate,
    DestructionRequest,
    Exhibit,
    LegalHold,
    Note,
    Transfer,
    Upload,
)
from cases.permissions import CaseAction, CaseRole, access_filter, allowed
from cases.services.break_glass import MAX_HOURS

if TYPE_CHECKING:  # generic for the type checker only
    TabularInline = admin.TabularInline[Any, Any]
else:
    TabularInline = admin.TabularInline

OUTSIDE = ("number", "status", "created_at", "closed_at", "managers", "exhibits", "bytes_held")
CONTENT = ("title", "description", "created_by_label")


class BreakGlassForm(forms.Form):
    """Why an administrator must see a case, and for how long."""

    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), max_length=2000)
    hours = forms.IntegerField(min_value=1, max_value=MAX_HOURS, initial=1)


class MembershipInline(TabularInline):
    """Who works on the case; names of people are no case content."""

    model = CaseMembership
    fields = readonly_fields = ("user", "role", "added_at", "added_by_label")
    extra = 0
    can_delete = False

    def has_add_permission(self, *_args: Any) -> bool:
        return False

    def has_view_permission(self, *_args: Any) -> bool:
        return True


@admin.register(Case)
class CaseAdmin(ReadOnlyAdmin):
    """Every case from the outside, and the way to break the glass."""

    list_display = OUTSIDE
    list_filter = ("status", "created_at")
    search_fields = ("number", "memberships__user__username")
    search_help_text = "Number or member"
    inlines = (MembershipInline,)
    change_form_template = "admin/cases/case/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        kept = ~Q(state=Exhibit.State.DESTROYED)
        cases: QuerySet[Any] = super().get_queryset(request).prefetch_related("memberships__user")
        # Subqueries: a join would add up the exhibits of every case before the page is cut out.
        held = Exhibit.objects.filter(case=OuterRef("pk")).order_by().values("case")
        annotated: QuerySet[Any] = cases.annotate(
            exhibit_count=Subquery(held.annotate(n=Count("pk")).values("n")),
            byte_count=Subquery(held.annotate(n=Sum("size", filter=kept)).values("n")),
        )
        return annotated

    def get_fields(self, request: HttpRequest, obj: Case | None = None) -> list[Any]:
        readable = obj is not None and allowed(actor_for(request), obj, CaseAction.VIEW)
        return [*OUTSIDE, *(CONTENT if readable else ())]

    @admin.display(description="managers")
    def managers(self, case: Case) -> str:
        """User names; a dash shows a case that has lost its last active manager."""
        members = case.memberships.all()
        names = [
            member.user.get_username()
            for member in members
            if member.role == CaseRole.MANAGER and member.user.is_active
        ]
        return ", ".join(names) or "–"

    @admin.display(description="exhibits", ordering="exhibit_count")
    def exhibits(self, case: Any) -> int:
        return int(case.exhibit_count or 0)

    @admin.display(description="size", ordering="byte_count")
    def bytes_held(self, case: Any) -> str:
        return filesizeformat(case.byte_count or 0)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(require_recent_sign_in(self.break_glass))
        route = path("<uuid:case_id>/break-glass/", view, name="cases_break_glass")
        return [route, *super().get_urls()]

    def break_glass(self, request: HttpRequest, case_id: uuid.UUID) -> HttpResponse:
        """Ask for reason and time, then open the case to this administrator."""
        case = get_object_or_404(Case, pk=case_id)
        form = BreakGlassForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                services.open_break_glass(actor=actor_for(request), case=case, **form.cleaned_data)
            except InvalidInput as error:
                form.add_error(None, error.message)
            else:
                messages.warning(
                    request,
                    f"Case {case.number} is open to you for {form.cleaned_data['hours']} h. Its "
                    "managers were told, and everything you do is on the ledger.",
                )
                return HttpResponseRedirect(reverse("admin:cases_case_change", args=[case.pk]))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Break the glass of case {case.number}",
            "case": case,
            "form": form,
            "opts": self.model._meta,
        }
        return TemplateResponse(request, "admin/cases/case/break_glass.html", context)


class RestrictedAdmin(ReadOnlyAdmin):
    """Rows of cases that the signed-in person may read, and no others."""

    action = CaseAction.VIEW

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.filter(access_filter(actor_for(request), self.action, self.model.case_path))


@admin.register(Exhibit)
class ExhibitAdmin(RestrictedAdmin):
    """Exhibits with their hashes and acquisition record."""

    list_display = ("label", "name", "kind", "size", "state", "received_at", "custodian", "sha256")
    list_filter = ("kind", "state", "received_at")
    search_fields = ("=sha256", "=sha512", "=md5", "=sha1", "name", "case__number")
    list_select_related = ("case", "custodian")


@admin.register(CustodyEvent)
class CustodyEventAdmin(RestrictedAdmin):
    """Every step in the life of every exhibit."""

    list_display = ("occurred_at", "exhibit_label", "kind", "actor_label", "purpose", "result")
    list_filter = ("kind", "occurred_at")
    search_fields = ("exhibit__case__number", "actor_label", "purpose", "=sha256_after")
    list_select_related = ("exhibit__case",)
    ordering = ("-id",)

    @admin.display(description="exhibit")
    def exhibit_label(self, event: CustodyEvent) -> str:
        return event.exhibit.label


@admin.register(LegalHold)
class LegalHoldAdmin(RestrictedAdmin):
    """Holds, released ones included."""

    list_display = ("matter", "case", "exhibit", "placed_at", "placed_by_label", "released_at")
    list_filter = (("released_at", admin.EmptyFieldListFilter),)
    search_fields = ("matter", "case__number")
    list_select_related = ("case", "exhibit__case")


@admin.register(Transfer)
class TransferAdmin(RestrictedAdmin):
    """Offers of custody and their answers."""

    list_display = ("exhibit", "giver_label", "receiver", "status", "offered_at", "answered_at")
    list_filter = ("status",)
    list_select_related = ("exhibit__case", "receiver")


@admin.register(DestructionRequest)
class DestructionRequestAdmin(RestrictedAdmin):
    """Requests to destroy exhibits and their answers."""

    list_display = (
        "exhibit",
        "status",
        "requested_by",
        "requested_at",
        "answered_by",
        "answered_at",
    )
    list_filter = ("status",)
    list_select_related = ("exhibit__case", "requested_by", "answered_by")


@admin.register(DestructionCertificate)
class DestructionCertificateAdmin(RestrictedAdmin):
    """What remains of destroyed exhibits."""

    list_display = ("request", "issued_at", "sha256")
    list_select_related = ("request__exhibit__case",)


@admin.register(Note)
class NoteAdmin(RestrictedAdmin):
    """Notes of examiners."""

    action = CaseAction.VIEW_FINDINGS
    list_display = ("created_at", "case", "exhibit", "author_label")
    search_fields = ("text", "case__number", "author_label")
    list_select_related = ("case", "exhibit__case")


@admin.register(Upload)
class UploadAdmin(RestrictedAdmin):
    """Resumable uploads and what became of them."""

    list_display = ("created_at", "case", "owner", "filename", "size", "offset", "state")
    list_filter = ("state",)
    list_select_related = ("case", "owner")


@admin.register(BreakGlass)
class BreakGlassAdmin(ReadOnlyAdmin):
    """Every emergency access, for every administrator and auditor to see."""

    list_display = ("opened_at", "case_number", "user", "expires_at", "reason")
    list_filter = ("opened_at",)
    search_fields = ("case__number", "user__username", "reason")
    list_select_related = ("case", "user")
    fields = ("case_number", "user", "reason", "opened_at", "expires_at")

    @admin.display(description="case", ordering="case__number")
    def case_number(self, access: BreakGlass) -> str:
        """The number only: the title is case content."""
        return access.case.number
