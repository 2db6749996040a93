"""The error of a page that is not fit to be published."""

from __future__ import annotations

from whatworks.errors import WhatworksError


class PublishError(WhatworksError):
    """A report or site that must not go out as it is; nothing was written."""

    exit_status = 1
