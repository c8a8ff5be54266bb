"""One timing cell: every baseline of a group, interleaved in one process."""

from __future__ import annotations
