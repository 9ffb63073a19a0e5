"""Repairing: the registry of a database made to say what the plan and the scripts say, and the dry run of that."""

from __future__ import annotations

from collections.abc import Callable

from sqitchpy import events
from sqitchpy.engines.protocol import Relink
from sqitchpy.errors import Refusal
from sqitchpy.files import Digests, digests
from sqitchpy.registering import check_registration
from sqitchpy.relinking import Diagnosis, diagnose
from sqitchpy.report import Mended, RepairReport
from sqitchpy.workplace import Workplace


class Repairing:
    """One repair, of what is deployed of the plan's project."""

    def __init__(self, place: Workplace) -> None:
        self._place = place
        self._registry = place.engine.registry
        self._scripts: dict[str, Digests] = {}

    def preview(self) -> RepairReport:
        """What would be changed, and what left alone."""
        return self._report(self._diagnose())

    def run(self, confirm: Callable[[RepairReport], bool] | None) -> RepairReport:
        """Repair, all of it in one transaction. The deployment lock is held. Raises Refusal when nobody agrees."""
        diagnosis = self._diagnose()
        report = self._report(diagnosis)
        if not diagnosis.links:
            return report
        if confirm is not None and not confirm(report):
            raise Refusal("Nothing repaired")
        self._registry.relink(self._place.plan.project, diagnosis.links)
        return report._replace(done=True)

    def _diagnose(self) -> Diagnosis:
        place = self._place
        plan, registry = place.plan, self._registry
        place.tell(events.CheckStarted(place.destination))
        rows = registry.deployed_changes(plan.project)
        if rows:
            check_registration(registry.projects(), place.project_row())
        self._scripts = {change.id: digests(place.files.source("deploy", change)) for change in plan.changes}
        elsewhere = {wanted for change in plan.changes for wanted in change.requires if wanted.project}
        foreign = {wanted: registry.find_foreign(wanted) for wanted in elsewhere}
        return diagnose(plan, rows, self._scripts, foreign)

    def _report(self, diagnosis: Diagnosis) -> RepairReport:
        mended = tuple(self._mended(link) for link in diagnosis.links)
        return RepairReport(self._place.destination, mended, diagnosis.left)

    def _mended(self, link: Relink) -> Mended:
        row, change = link.row, link.change
        return Mended(
            label=change.label,
            change=change.name,
            change_id=change.id,
            script=self._place.files.source("deploy", change).name,
            script_hash=link.script_hash,
            deployed_as=row.name,
            deployed_id=row.id,
            deployed_hash=row.script_hash,
            line_ends=self._scripts[change.id].line_ends(row.script_hash),
            tags=tuple(str(tag) for _, tag in link.tags),
        )
