"""What the cases room stores. Rows are written by ``cases.services`` only."""

from cases.models.case import BreakGlass, Case, CaseMembership, CaseYear, SavedView
from cases.models.evidence import LOOKUP_ONLY, CustodyEvent, Exhibit, Transfer, Upload
from cases.models.keeping import DestructionCertificate, DestructionRequest, LegalHold, Note

__all__ = [
    "LOOKUP_ONLY",
    "BreakGlass",
    "Case",
    "CaseMembership",
    "CaseYear",
    "CustodyEvent",
    "DestructionCertificate",
    "DestructionRequest",
    "Exhibit",
    "LegalHold",
    "Note",
    "SavedView",
    "Transfer",
    "Upload",
]
