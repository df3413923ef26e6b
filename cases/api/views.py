"""Cases, members, exhibits, custody and notes over HTTP; every write is a service call."""

from __future__ import annotations

import base64
import uuid
from typing import Any

from django.http.response import HttpResponseBase
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.filters import OrderingFilter
from rest_framework.parsers import FormParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actors import actor_for
from accounts.api.filters import Filters
from accounts.api.pages import Pages
from accounts.api.parsers import Multipart
from accounts.api.views import Resource, http_request
from accounts.models import User
from audit.api import LedgerEntrySerializer, LedgerFilter
from audit.models import AuditEvent
from audit.proofs import case_slice
from audit.selectors import events_for
from cases import selectors, services
from cases.api.filters import CaseFilter, ExhibitFilter
from cases.api.serializers import (
    CaseSerializer,
    CustodySerializer,
    EvidenceUploadSerializer,
    ExhibitSerializer,
    MemberSerializer,
    NoteSerializer,
    ReasonSerializer,
    VerificationSerializer,
)
from cases.models import Case, CaseMembership, CustodyEvent, Exhibit, Note
from cases.views.ranges import ranged_response


class OldestFirst(Pages):
    """Histories read in the order in which they happened."""

    ordering = ("pk",)


class ByNumber(Pages):
    """Exhibits newest first."""

    ordering = ("-received_at", "-pk")


class NotesInOrder(Pages):
    """Notes, oldest first."""

    ordering = ("created_at", "pk")


class CasesView(Resource):
    """The cases the caller may see."""

    queryset = Case.objects.none()
    serializer_class = CaseSerializer
    filterset_class = CaseFilter
    filter_backends = (Filters, OrderingFilter)
    ordering_fields = ("created_at", "number")

    @extend_schema(operation_id="cases_list", responses=CaseSerializer(many=True))
    def get(self, request: Request) -> Response:
        return self.page(selectors.cases_for(actor_for(request)))

    @extend_schema(operation_id="cases_create", responses={201: CaseSerializer})
    def post(self, request: Request) -> Response:
        data = self.get_serializer(data=request.data)
        data.is_valid(raise_exception=True)
        case = services.create_case(actor=actor_for(request), **data.validated_data)
        where = reverse("api:case", args=[case.pk])
        return Response(self.get_serializer(case).data, status=201, headers={"Location": where})


class CaseView(Resource):
    """One case."""

    serializer_class = CaseSerializer

    @extend_schema(operation_id="cases_read")
    def get(self, request: Request, case_id: uuid.UUID) -> Response:
        case = selectors.get_case_by_id(actor_for(request), case_id)
        return Response(self.get_serializer(case).data)

    @extend_schema(operation_id="cases_edit")
    def patch(self, request: Request, case_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        case = selectors.get_case_by_id(actor, case_id)
        data = self.get_serializer(case, data=request.data, partial=True)
        data.is_valid(raise_exception=True)
        changed = {"title": case.title, "description": case.description} | data.validated_data
        case = services.edit_case(actor=actor, case=case, **changed)
        return Response(self.get_serializer(case).data)


class CloseCaseView(Resource):
    """Close a case: nothing more may be added to it."""

    serializer_class = ReasonSerializer

    @extend_schema(operation_id="cases_close", responses=CaseSerializer)
    def post(self, request: Request, case_id: uuid.UUID) -> Response:
        return _with_reason(self, request, case_id, services.close_case)


class ReopenCaseView(Resource):
    """Reopen a closed case."""

    serializer_class = ReasonSerializer

    @extend_schema(operation_id="cases_reopen", responses=CaseSerializer)
    def post(self, request: Request, case_id: uuid.UUID) -> Response:
        return _with_reason(self, request, case_id, services.reopen_case)


class MembersView(Resource):
    """Who works on a case, and adding somebody or changing a role."""

    queryset = CaseMembership.objects.none()
    serializer_class = MemberSerializer
    pagination_class = None

    @extend_schema(operation_id="members_list", responses=MemberSerializer(many=True))
    def get(self, request: Request, case_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        members = selectors.members_of(actor, selectors.get_case_by_id(actor, case_id))
        return Response(self.get_serializer(members, many=True).data)

    @extend_schema(operation_id="members_add", responses={201: MemberSerializer})
    def post(self, request: Request, case_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        case = selectors.get_case_by_id(actor, case_id)
        data = self.get_serializer(data=request.data)
        data.is_valid(raise_exception=True)
        member = services.add_member(actor=actor, case=case, **data.validated_data)
        return Response(self.get_serializer(member).data, status=201)


class MemberView(Resource):
    """One member of a case."""

    serializer_class = MemberSerializer

    @extend_schema(operation_id="members_remove", responses={204: None})
    def delete(self, request: Request, case_id: uuid.UUID, username: str) -> Response:
        actor = actor_for(request)
        case = selectors.get_case_by_id(actor, case_id)
        user = User.objects.get(case_memberships__case=case, username=username)
        services.remove_member(actor=actor, case=case, user=user)
        return Response(status=204)


class CaseEvidenceView(Resource):
    """The exhibits of one case; a POST takes a recording into evidence."""

    queryset = Exhibit.objects.none()
    serializer_class = ExhibitSerializer
    filterset_class = ExhibitFilter
    pagination_class = ByNumber
    parser_classes = (Multipart, FormParser)

    @extend_schema(operation_id="case_evidence_list", responses=ExhibitSerializer(many=True))
    def get(self, request: Request, case_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        case = selectors.get_case_by_id(actor, case_id)
        return self.page(selectors.exhibits_of(actor, case))

    @extend_schema(
        operation_id="evidence_upload",
        request={"multipart/form-data": EvidenceUploadSerializer},
        responses={201: ExhibitSerializer},
    )
    def post(self, request: Request, case_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        case = selectors.get_case_by_id(actor, case_id)
        data = EvidenceUploadSerializer(data=request.data)
        data.is_valid(raise_exception=True)
        file = data.validated_data["file"]
        exhibit = services.receive_evidence(
            actor=actor,
            case=case,
            stream=file.chunks(),
            filename=file.name,
            declared_sha256=data.validated_data.get("sha256"),
            acquisition=data.acquisition(),
        )
        where = reverse("api:exhibit", args=[exhibit.pk])
        return Response(self.get_serializer(exhibit).data, status=201, headers={"Location": where})


class EvidenceView(Resource):
    """Exhibits of every case the caller may see."""

    queryset = Exhibit.objects.none()
    serializer_class = ExhibitSerializer
    filterset_class = ExhibitFilter
    pagination_class = ByNumber

    @extend_schema(operation_id="evidence_list", responses=ExhibitSerializer(many=True))
    def get(self, request: Request) -> Response:
        return self.page(selectors.exhibits_for(actor_for(request)))


class ExhibitView(Resource):
    """One exhibit."""

    serializer_class = ExhibitSerializer

    @extend_schema(operation_id="evidence_read")
    def get(self, request: Request, exhibit_id: uuid.UUID) -> Response:
        exhibit = selectors.get_exhibit(actor_for(request), exhibit_id)
        return Response(self.get_serializer(exhibit).data)


class ExhibitContentView(Resource):
    """The original bytes, re-hashed before they are sent; a custody event each time."""

    serializer_class = None

    @extend_schema(operation_id="evidence_download", responses={(200, "*/*"): OpenApiTypes.BINARY})
    def get(self, request: Request, exhibit_id: uuid.UUID) -> HttpResponseBase:
        actor = actor_for(request)
        exhibit = selectors.get_exhibit(actor, exhibit_id)
        purpose = request.query_params.get("purpose", "download through the API")
        path = services.open_exhibit(actor=actor, exhibit=exhibit, purpose=purpose)
        response = ranged_response(http_request(request), path, exhibit.mime_type, exhibit.sha256)
        response["Content-Disposition"] = "attachment"
        response["Repr-Digest"] = f"sha-256=:{_base64(exhibit.sha256)}:"
        return response


class CustodyView(Resource):
    """The life of an exhibit, oldest step first."""

    queryset = CustodyEvent.objects.none()
    serializer_class = CustodySerializer
    pagination_class = OldestFirst

    @extend_schema(operation_id="evidence_custody", responses=CustodySerializer(many=True))
    def get(self, request: Request, exhibit_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        return self.page(selectors.custody_of(actor, selectors.get_exhibit(actor, exhibit_id)))


class VerifyExhibitView(Resource):
    """Re-hash the stored bytes now."""

    serializer_class = VerificationSerializer

    @extend_schema(operation_id="evidence_verify", request=None)
    def post(self, request: Request, exhibit_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        exhibit = selectors.get_exhibit(actor, exhibit_id)
        intact = services.verify_exhibit(actor=actor, exhibit=exhibit)
        return Response({"intact": intact, "sha256": exhibit.sha256})


class NotesView(Resource):
    """Notes on a case, oldest first; they are only ever added."""

    queryset = Note.objects.none()
    serializer_class = NoteSerializer
    pagination_class = NotesInOrder

    @extend_schema(operation_id="notes_list", responses=NoteSerializer(many=True))
    def get(self, request: Request, case_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        return self.page(selectors.notes_of(actor, selectors.get_case_by_id(actor, case_id)))

    @extend_schema(operation_id="notes_add", responses={201: NoteSerializer})
    def post(self, request: Request, case_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        case = selectors.get_case_by_id(actor, case_id)
        data = NoteSerializer(data=request.data)
        fields: Any = data.fields
        fields["exhibit"].queryset = selectors.exhibits_of(actor, case)
        fields["corrects"].queryset = selectors.notes_of(actor, case)
        data.is_valid(raise_exception=True)
        note = services.add_note(actor=actor, case=case, **data.validated_data)
        return Response(self.get_serializer(note).data, status=201)


class CaseLedgerView(Resource):
    """The ledger entries of one case, in the order in which they were chained."""

    queryset = AuditEvent.objects.none()
    serializer_class = LedgerEntrySerializer
    filterset_class = LedgerFilter
    pagination_class = OldestFirst

    @extend_schema(operation_id="case_ledger", responses=LedgerEntrySerializer(many=True))
    def get(self, request: Request, case_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        case = selectors.get_case_by_id(actor, case_id)
        return self.page(events_for(actor, case.pk))


class CaseProofView(Resource):
    """Every entry of a case with its inclusion proof under a freshly signed checkpoint."""

    serializer_class = None

    @extend_schema(operation_id="case_ledger_proof", request=None, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, case_id: uuid.UUID) -> Response:
        actor = actor_for(request)
        case = selectors.get_case_by_id(actor, case_id)
        events_for(actor, case.pk)
        return Response(case_slice(case.pk, reason="api"))


def _base64(sha256: str) -> str:
    """A hash as header fields write it (RFC 9530)."""
    return base64.b64encode(bytes.fromhex(sha256)).decode()


def _with_reason(view: Resource, request: Request, case_id: uuid.UUID, service: Any) -> Response:
    actor = actor_for(request)
    case = selectors.get_case_by_id(actor, case_id)
    data = view.get_serializer(data=request.data)
    data.is_valid(raise_exception=True)
    case = service(actor=actor, case=case, reason=data.validated_data["reason"])
    return Response(CaseSerializer(case).data)
