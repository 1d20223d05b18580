"""The reference page of error codes, from the table itself."""

from api.errors import GROUPS
from api.problem import TYPE_PREFIX

_HEADER = f"""# Errors

Every error is answered as `application/problem+json` (RFC 9457) with these members: `type`
(`{TYPE_PREFIX}CODE`), `title`, `status`, `code`, `detail`, `correlation_id`; `field` and `errors`
where input is at fault; `order_id`, `position` and `verdicts` where a pre-trade control refused an
order. `code` is stable: decide by it, not by the texts. This page is generated from the code:
`make docs`.
"""


def render() -> str:
    """The page as Markdown."""
    sections = [_HEADER]
    for name, codes in GROUPS.items():
        rows = "\n".join(
            f"| `{code}` | {error.status} | {error.meaning} |" for code, error in codes.items()
        )
        sections.append(f"## {name}\n\n| code | status | meaning |\n|---|---|---|\n{rows}\n")
    return "\n".join(sections)
