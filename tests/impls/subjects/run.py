"""All checks of one framework's subject, in a process of their own: `python -m tests.impls.subjects.run tensorflow`.

Prints one line of JSON: each check's name, and what it raised, or nothing.
"""

from __future__ import annotations

import importlib
import json
import sys
import traceback
from collections.abc import Callable

from impls.subject import Subject
from tests.impls.subjects import contract


def outcome(check: Callable[..., None], *arguments: Subject) -> str:
    try:
        check(*arguments)
    except Exception:
        return traceback.format_exc()
    return ""


def main(framework: str) -> None:
    own = importlib.import_module(f"tests.impls.subjects.{framework}")
    outcomes = {name: outcome(vars(own)[name]) for name in vars(own) if name.startswith("check_")}
    for name, check in vars(contract).items():
        if name.startswith("check_"):
            outcomes[name] = outcome(check, own.subject())
    print(json.dumps(outcomes))


if __name__ == "__main__":
    main(sys.argv[1])
