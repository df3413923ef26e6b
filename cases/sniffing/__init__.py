"""What a file is, decided by its content and never by its name."""

from cases.sniffing.media_type import DamagedFile, MediaType
from cases.sniffing.sniff import describe_unsupported, sniff

__all__ = ["DamagedFile", "MediaType", "describe_unsupported", "sniff"]
