"""Conversations with another implementation of TLS that breaks the rules.

``make conversations`` holds all of them with this package and with pyOpenSSL, and writes
``docs/conversations.md``.
"""
