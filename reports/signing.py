"""PAdES signatures of PDF reports, where the laboratory has configured a certificate."""

from __future__ import annotations

import io

from django.conf import settings
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import PdfSignatureMetadata, fields, signers, timestamps

from reports.errors import ReportRefused

FIELD = "Report"


def signed(pdf: bytes) -> bytes:
    """``pdf`` with a PAdES signature; unchanged without DFD_REPORT_CERTIFICATE (PKCS #12).

    Time-stamped where DFD_TIMESTAMP_AUTHORITY is set. Raises ReportRefused when the certificate
    cannot be used or the authority does not answer: an unsigned report must not leave unnoticed.
    """
    if not settings.DFD.report_certificate:
        return pdf
    authority = settings.DFD.timestamp_authority
    metadata = PdfSignatureMetadata(
        field_name=FIELD,
        subfilter=fields.SigSeedSubFilter.PADES,
        md_algorithm="sha256",
        reason="Report of an examination",
    )
    output: io.BytesIO
    try:
        output = signers.sign_pdf(
            IncrementalPdfFileWriter(io.BytesIO(pdf)),
            metadata,
            signer=_signer(),
            timestamper=timestamps.HTTPTimeStamper(authority) if authority else None,
        )
    except (OSError, timestamps.TimestampRequestError) as error:
        raise ReportRefused(
            "not_signed", f"The report could not be signed: {error}. Nothing was exported."
        ) from error
    return output.getvalue()


def _signer() -> signers.SimpleSigner:
    phrase = settings.DFD.report_certificate_passphrase
    # pyHanko answers None, and logs the reason, for a wrong passphrase or a malformed file.
    signer: signers.SimpleSigner | None = signers.SimpleSigner.load_pkcs12(  # type: ignore[no-untyped-call]
        settings.DFD.report_certificate, passphrase=phrase.encode() if phrase else None
    )
    if signer is None:
        raise ReportRefused(
            "certificate",
            "DFD_REPORT_CERTIFICATE cannot be used: it must be a PKCS #12 file that "
            "DFD_REPORT_CERTIFICATE_PASSPHRASE opens. Nothing was exported.",
        )
    return signer
