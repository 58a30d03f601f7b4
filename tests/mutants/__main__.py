"""Plant the mutants, print one line for each, and how many were caught."""

from __future__ import annotations

import sys

from tests.mutants.catching import catch

if __name__ == "__main__":
    planted = caught = alarms = 0
    for name, caught_by, is_mutant in catch(*sys.argv[1:]):
        planted += is_mutant
        caught += is_mutant and bool(caught_by)
        alarms += not is_mutant and bool(caught_by)
        if is_mutant or caught_by:
            print(f"{name}: {'; '.join(caught_by) or 'SURVIVED'}", flush=True)
    print(f"caught {caught} of {planted}, false alarms {alarms}")
    sys.exit(caught < planted or alarms > 0)
