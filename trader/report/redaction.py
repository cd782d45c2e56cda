"""Takes secrets out of text before anybody reads it; everything that writes for people or files goes through the one `redactor`.

Imported by whoever learns a secret and by every output. Needs no logging library, so it is there when nothing else is.
"""

from __future__ import annotations

import re
from base64 import b64encode

SHORTEST_SECRET = 8

_PATTERNS = (
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL),
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
    re.compile(r"(?i)\b(authorization|cookie|cb-access-[a-z]+)\b\s*[:=]\s*\S+( \S+)?"),
)


class Redactor:
    """Takes secrets out of text. `know` adds one; everything it knows is masked in raw, escaped, base64 and hex form."""

    def __init__(self) -> None:
        self._forms: set[str] = set()

    def know(self, secret: str) -> None:
        """Mask this secret from now on; ones too short to be told from ordinary text are left to the patterns."""
        for part in (secret, *secret.splitlines()):
            if len(part) < SHORTEST_SECRET or part.startswith("-----"):
                continue
            raw = part.encode()
            self._forms |= {part, part.encode("unicode_escape").decode(), b64encode(raw).decode(), raw.hex()}

    def clean(self, text: str) -> str:
        """Return the text without secrets."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, "[secret]")
        for pattern in _PATTERNS:
            text = pattern.sub("[secret]", text)
        return text


redactor = Redactor()
"""The process's redactor: every sink uses it."""
