"""W(N) as the peers have it: each function writes a folder of migrations, and what configures the tool."""

from __future__ import annotations

import hashlib
from pathlib import Path

from workload import changes


def write_all(folder: Path, count: int) -> None:
    """Limit a: every script in one file, as they stand but for their transactions."""
    folder.mkdir(parents=True)
    wanted = changes(count)
    (folder / "deploy.all").write_text("\n".join(text for change in wanted for text in change.up))
    (folder / "one.all").write_text("\n".join(wanted[-1].up))
    (folder / "verify.all").write_text("\n".join(text for change in wanted for text in change.check))
    (folder / "revert.all").write_text("\n".join(text for change in reversed(wanted) for text in change.down))


# -- alembic ----------------------------------------------------------------------------------------------------------

_ALEMBIC_ENV = """
import os
from alembic import context
from sqlalchemy import create_engine, pool

engine = create_engine(os.environ["BENCH_URL"], poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, transaction_per_migration=bool(os.environ.get("BENCH_PER_MIGRATION")))
    with context.begin_transaction():
        context.run_migrations()
"""

_ALEMBIC_REVISION = '''"""Change {number}"""
from alembic import op

revision = "{name}"
down_revision = {before}
branch_labels = None
depends_on = None


def upgrade():
    op.execute("""{up}""")


def downgrade():
    op.execute("""{down}""")
'''


def write_alembic(folder: Path, count: int) -> None:
    (folder / "migrations/versions").mkdir(parents=True)
    (folder / "alembic.ini").write_text("[alembic]\nscript_location = migrations\n")
    (folder / "migrations/env.py").write_text(_ALEMBIC_ENV)
    for change in changes(count):
        before = repr(f"c{change.number - 1:06}") if change.number > 1 else "None"
        text = _ALEMBIC_REVISION.format(
            number=change.number, name=change.name, before=before, up="\n".join(change.up), down=change.down[0]
        )
        (folder / f"migrations/versions/{change.name}.py").write_text(text)


# -- django -----------------------------------------------------------------------------------------------------------

_DJANGO_SETTINGS = """
import os
SECRET_KEY = "bench"
INSTALLED_APPS = ["bench"]
USE_TZ = True
DATABASES = {"default": {
    "ENGINE": "django.db.backends.postgresql", "HOST": "127.0.0.1", "PORT": os.environ["BENCH_PORT"],
    "NAME": os.environ["BENCH_DATABASE"], "USER": "postgres",
}}
"""
_DJANGO_MANAGE = """
import os, sys
from django.core.management import execute_from_command_line
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
execute_from_command_line(sys.argv)
"""
_DJANGO_MIGRATION = '''from django.db import migrations


class Migration(migrations.Migration):
    dependencies = {before}
    operations = [migrations.RunSQL("""{up}""", """{down}""")]
'''


def write_django(folder: Path, count: int) -> None:
    (folder / "bench/migrations").mkdir(parents=True)
    (folder / "settings.py").write_text(_DJANGO_SETTINGS)
    (folder / "manage.py").write_text(_DJANGO_MANAGE)
    for package in ("bench/__init__.py", "bench/migrations/__init__.py"):
        (folder / package).touch()
    for change in changes(count):
        before = [("bench", f"c{change.number - 1:06}")] if change.number > 1 else []
        text = _DJANGO_MIGRATION.format(before=before, up="\n".join(change.up), down=change.down[0])
        (folder / f"bench/migrations/{change.name}.py").write_text(text)


# -- tools with migrations in SQL -------------------------------------------------------------------------------------


def write_yoyo(folder: Path, count: int) -> None:
    (folder / "migrations").mkdir(parents=True)
    for change in changes(count):
        depends = " ".join(f"c{number:06}" for number in change.requires)
        up = "\n".join(change.up)
        (folder / f"migrations/{change.name}.sql").write_text(f"-- depends: {depends}\n{up}\n")
        (folder / f"migrations/{change.name}.rollback.sql").write_text(change.down[0] + "\n")


def write_dbmate(folder: Path, count: int) -> None:
    (folder / "db/migrations").mkdir(parents=True)
    for change in changes(count):
        up = "\n".join(change.up)
        text = f"-- migrate:up\n{up}\n\n-- migrate:down\n{change.down[0]}\n"
        (folder / f"db/migrations/{change.number:014}_{change.name}.sql").write_text(text)


def write_node_pg_migrate(folder: Path, count: int) -> None:
    (folder / "migrations").mkdir(parents=True)
    for change in changes(count):
        up = "\n".join(change.up)
        text = f"-- Up Migration\n{up}\n\n-- Down Migration\n{change.down[0]}\n"
        (folder / f"migrations/{1_600_000_000_000 + change.number}_{change.name}.sql").write_text(text)


def write_graphile(folder: Path, count: int) -> None:
    (folder / "migrations/committed").mkdir(parents=True)
    (folder / "migrations/current.sql").touch()
    (folder / ".gmrc").write_text("{}\n")
    before = "-"
    for change in changes(count):
        body = "\n".join(change.up)
        hashed = f"{before.removeprefix('-')}\n{body}".strip() + "\n"  # what graphile-migrate checks
        digest = hashlib.sha1(hashed.encode()).hexdigest()
        text = f"--! Previous: {before}\n--! Hash: sha1:{digest}\n\n{body}\n"
        (folder / f"migrations/committed/{change.number:06}.sql").write_text(text)
        before = f"sha1:{digest}"
