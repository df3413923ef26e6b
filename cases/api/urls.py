"""Addresses of the cases room below ``/api/v1/``."""

from django.urls import path

from cases.api import keeping, views

urlpatterns = [
    *keeping.urlpatterns,
    path("cases", views.CasesView.as_view(), name="cases"),
    path("cases/<uuid:case_id>", views.CaseView.as_view(), name="case"),
    path("cases/<uuid:case_id>/close", views.CloseCaseView.as_view(), name="case_close"),
    path("cases/<uuid:case_id>/reopen", views.ReopenCaseView.as_view(), name="case_reopen"),
    path("cases/<uuid:case_id>/members", views.MembersView.as_view(), name="members"),
    path("cases/<uuid:case_id>/members/<str:username>", views.MemberView.as_view(), name="member"),
    path("cases/<uuid:case_id>/evidence", views.CaseEvidenceView.as_view(), name="case_evidence"),
    path("cases/<uuid:case_id>/notes", views.NotesView.as_view(), name="notes"),
    path("cases/<uuid:case_id>/ledger", views.CaseLedgerView.as_view(), name="case_ledger"),
    path("cases/<uuid:case_id>/ledger/proof", views.CaseProofView.as_view(), name="case_proof"),
    path("evidence", views.EvidenceView.as_view(), name="evidence"),
    path("evidence/<uuid:exhibit_id>", views.ExhibitView.as_view(), name="exhibit"),
    path(
        "evidence/<uuid:exhibit_id>/content",
        views.ExhibitContentView.as_view(),
        name="exhibit_content",
    ),
    path("evidence/<uuid:exhibit_id>/custody", views.CustodyView.as_view(), name="custody"),
    path("evidence/<uuid:exhibit_id>/verify", views.VerifyExhibitView.as_view(), name="verify"),
]
