"""Why an end does not do what is wanted of it."""

from __future__ import annotations

from conversations.conversation import Conversation


def why(conversation: Conversation, seen: str) -> str | None:
    return None
