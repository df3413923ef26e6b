"""Who works on a case, in which role."""

from __future__ import annotations

import uuid

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.actors import actor_for
from cases import services
from cases.forms import MemberForm
from cases.permissions import ROLE_ACTIONS, CaseRole
from cases.selectors import break_glass_of, members_of
from cases.views.frame import case_or_404, case_page, telling


@login_required
def people(request: HttpRequest, number: str) -> HttpResponse:
    """The members of the case; its manager adds and changes them here."""
    context = case_page(request, number, tab="people")
    form = MemberForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user, role = form.cleaned_data["username"], form.cleaned_data["role"]
        added = telling(
            lambda: services.add_member(
                actor=context["actor"], case=context["case"], user=user, role=role
            ),
            request,
            done=_("%(user)s is now %(role)s.") % {"user": user, "role": CaseRole(role).label},
        )
        if added:
            return redirect("cases:people", number)
    roles = [(role.label, sorted(ROLE_ACTIONS[role])) for role in CaseRole]
    members = members_of(context["actor"], context["case"])
    return render(
        request,
        "cases/people.html",
        {
            **context,
            "form": form,
            "members": members,
            "roles": roles,
            "emergencies": break_glass_of(context["actor"], context["case"]),
            "now": timezone.now(),
        },
    )


@login_required
@require_POST
def remove(request: HttpRequest, number: str, user_id: int) -> HttpResponse:
    """Take a person out of the case."""
    actor = actor_for(request)
    case = case_or_404(actor, number)
    membership = members_of(actor, case).filter(user_id=user_id).first()
    if membership is None:
        raise Http404
    telling(
        lambda: services.remove_member(actor=actor, case=case, user=membership.user),
        request,
        done=_("%(user)s no longer works on this case.") % {"user": membership.user},
    )
    return redirect("cases:people", number)


@login_required
@require_POST
def end_emergency(request: HttpRequest, number: str, access_id: uuid.UUID) -> HttpResponse:
    """End an administrator's emergency access before its time."""
    actor = actor_for(request)
    case = case_or_404(actor, number)
    access = break_glass_of(actor, case).filter(pk=access_id).first()
    if access is None:
        raise Http404
    telling(
        lambda: services.end_break_glass(actor=actor, access=access),
        request,
        done=_("The emergency access has ended."),
    )
    # Who held it may not see the case any more.
    return redirect("cases:people", number) if actor.user != access.user else redirect("cases:list")
