"""How cases, members, exhibits, custody and notes look in JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import serializers

from accounts.api.fields import Reference, SparseMixin, Text, TextModelSerializer
from accounts.models import User
from cases.acquisition import Acquisition
from cases.models import Case, CaseMembership, CustodyEvent, Exhibit, Note
from cases.permissions import CaseRole


class CaseSerializer(SparseMixin, TextModelSerializer):
    """A case; only title and description are writable."""

    created_by = serializers.CharField(source="created_by_label", read_only=True)

    class Meta:
        model = Case
        fields = (
            "id",
            "number",
            "title",
            "description",
            "status",
            "created_by",
            "created_at",
            "closed_at",
        )
        read_only_fields = ("id", "number", "status", "created_at", "closed_at")


class ReasonSerializer(serializers.Serializer[Any]):
    """Why something is done."""

    reason = Text(required=False, allow_blank=True, default="")


class MemberSerializer(serializers.ModelSerializer[CaseMembership]):
    """A person's role in a case, by user name."""

    user = serializers.SlugRelatedField(slug_field="username", queryset=User.objects.all())
    role = serializers.ChoiceField(choices=CaseRole.choices)
    added_by = serializers.CharField(source="added_by_label", read_only=True)

    class Meta:
        model = CaseMembership
        fields = ("user", "role", "added_at", "added_by")
        read_only_fields = ("added_at",)


class ExhibitSerializer(SparseMixin, serializers.ModelSerializer[Exhibit]):
    """An exhibit with its hashes, state and acquisition record."""

    case = serializers.UUIDField(source="case_id", read_only=True)
    label = serializers.CharField(read_only=True)  # type: ignore[assignment]
    received_by = serializers.CharField(source="received_by_label", read_only=True)

    class Meta:
        model = Exhibit
        fields = (
            "id",
            "case",
            "number",
            "label",
            "name",
            "kind",
            "mime_type",
            "size",
            "sha256",
            "sha512",
            "md5",
            "sha1",
            "declared_sha256",
            "state",
            "state_reason",
            "received_at",
            "received_by",
            "last_verified_at",
            "source",
            "collector",
            "authority",
            "acquisition_method",
            "acquired_at",
            "acquired_utc_offset",
        )
        read_only_fields = fields


class MomentField(serializers.DateTimeField):
    """A moment with its stated UTC offset, which is kept as it was given."""

    default_error_messages = {
        "offset": "Give the time with its UTC offset: 2026-05-01T10:00+02:00."
    }

    def enforce_timezone(self, value: datetime) -> datetime:
        if value.utcoffset() is None:
            self.fail("offset")
        return value


class EvidenceUploadSerializer(serializers.Serializer[Any]):
    """A recording as ``multipart/form-data``; everything but the file is optional."""

    file = serializers.FileField(allow_empty_file=True)
    sha256 = serializers.RegexField(
        r"^[0-9a-fA-F]{64}$", required=False, help_text="compared with what arrives"
    )
    source = serializers.CharField(required=False, default="")  # type: ignore[assignment]
    collector = serializers.CharField(required=False, default="")
    authority = serializers.CharField(required=False, default="")
    method = serializers.CharField(required=False, default="")
    acquired_at = MomentField(required=False, default=None)

    def acquisition(self) -> Acquisition:
        """The acquisition record that was sent along."""
        names = ("source", "collector", "authority", "method", "acquired_at")
        return Acquisition(**{name: self.validated_data[name] for name in names})


class CustodySerializer(serializers.ModelSerializer[CustodyEvent]):
    """One step in the life of an exhibit."""

    actor = serializers.CharField(source="actor_label", read_only=True)

    class Meta:
        model = CustodyEvent
        fields = (
            "id",
            "kind",
            "occurred_at",
            "actor_kind",
            "actor",
            "purpose",
            "authority",
            "result",
            "sha256_before",
            "sha256_after",
        )
        read_only_fields = fields


class VerificationSerializer(serializers.Serializer[Any]):
    """Whether the stored bytes are still the ones received."""

    intact = serializers.BooleanField()
    sha256 = serializers.CharField()


class NoteSerializer(TextModelSerializer):
    """A Markdown note; ``corrects`` names the note it corrects."""

    case = serializers.UUIDField(source="case_id", read_only=True)
    exhibit = Reference(queryset=Exhibit.objects.all(), required=False, allow_null=True)
    corrects = Reference(queryset=Note.objects.all(), required=False, allow_null=True)
    author = serializers.CharField(source="author_label", read_only=True)

    class Meta:
        model = Note
        fields = ("id", "case", "exhibit", "corrects", "text", "created_at", "author")
        read_only_fields = ("id", "created_at")
