"""Targets. Values and messages were observed with Sqitch 1.3.1, but for what 1.5 changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqitchpy.config import Config, load_config
from sqitchpy.errors import ConfigError, SqitchpyError, TargetError
from sqitchpy.target import Target, TargetOverrides, configured_targets, resolve_target, target_reference


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def config_of(text: str, environ: dict[str, str] | None = None, *, name: str = "sqitch.conf") -> Config:
    Path(name).write_text(text, encoding="utf-8")
    return load_config(directory=Path(), environ=environ or {}, home=None, system_dir=Path("none"))


def resolve(
    text: str,
    name: str | None = None,
    environ: dict[str, str] | None = None,
    overrides: TargetOverrides | None = None,
) -> Target:
    config = config_of(text, environ)
    return resolve_target(config, name, environ=environ or {}, overrides=overrides, system_user="root")


def refusal(text: str, name: str | None = None, environ: dict[str, str] | None = None) -> SqitchpyError:
    with pytest.raises(SqitchpyError) as caught:
        resolve(text, name, environ)
    return caught.value


def paths(target: Target) -> dict[str, str]:
    names = ("top_dir", "plan_file", "deploy_dir", "revert_dir", "verify_dir", "reworked_dir")
    more = ("reworked_deploy_dir", "reworked_revert_dir", "reworked_verify_dir")
    return {name: getattr(target, name) for name in (*names, *more)}


@pytest.mark.parametrize(
    ("text", "environ", "uri"),
    [
        ("[core]\nengine = pg\n", {}, "db:pg:"),
        ('[core]\nengine = "pg "\n', {}, "db:pg:"),
        ("[core]\nengine = postgres\n", {}, "db:postgres:"),
        ('[core]\nengine = pg\n[engine "pg"]\ntarget = db:sqlite:zz.db\n', {}, "db:sqlite:zz.db"),
        ('[core]\nengine = pg\n[engine "pg"]\ntarget = t\n[target "t"]\nuri = db:pg:t\n', {}, "db:pg:t"),
        ('[core]\nengine = pg\ntarget = db:pg:c\n[engine "pg"]\ntarget = db:pg:e\n', {}, "db:pg:c"),
        ("[core]\nengine = pg\ntarget = db:pg:c\n", {"SQITCH_TARGET": "db:pg:v"}, "db:pg:v"),
        ("[core]\nengine = pg\ntarget = db:pg:c\n", {"SQITCH_TARGET": ""}, "db:pg:c"),
        ("[core]\nengine = pg\n", {"DATABASE_URL": "db:pg:never"}, "db:pg:"),
    ],
)
def test_the_default_target(text: str, environ: dict[str, str], uri: str) -> None:
    assert str(resolve(text, None, environ).uri) == uri


def test_the_argument_beats_the_environment() -> None:
    assert resolve("", "sqlite:y.db", {"SQITCH_TARGET": "db:pg:v"}).name == "db:sqlite:y.db"


FAULTS = """
[core]
engine = pg
[target "section"]
registry = x
[target "empty"]
uri =
[target "noeng"]
uri = db:foo
[target "bad"]
uri = db:frob:x
[target "A.b"]
uri = db:sqlite:x.db
"""


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nope", 'Cannot find target "nope"'),
        ("a.b", 'Cannot find target "a.b"'),
        ("section", 'No URI associated with target "section"'),
        ("empty", 'No URI associated with target "empty"'),
        ("noeng", 'No engine specified by URI db:foo; URI must start with "db:$engine:"'),
        ("db:", 'No engine specified by URI db:; URI must start with "db:$engine:"'),
        (":x", 'No engine specified by URI db::x; URI must start with "db:$engine:"'),
        ("bad", "Unknown engine: frob"),
        ("frob:x", "Unknown engine: frob"),
    ],
)
def test_refusals_have_the_words_of_sqitch(name: str, message: str) -> None:
    error = refusal(FAULTS, name)
    assert isinstance(error, TargetError)
    assert str(error) == message
    assert error.code == 2
    assert error.hint


def test_an_unknown_name_lists_the_known_ones() -> None:
    hint = refusal(FAULTS, "nope").hint
    assert hint == "The configured targets are section, empty, noeng, bad, A.b; a database URI begins with db:"


def test_without_any_configuration() -> None:
    config = load_config(directory=Path(), environ={}, home=None, system_dir=Path("none"))
    with pytest.raises(TargetError) as caught:
        resolve_target(config, None, environ={})
    message = 'No project configuration found. Run the "init" command to initialize a project'
    assert str(caught.value) == message


@pytest.mark.parametrize("text", ["[core]\n", "[core]\nengine\n", "[core]\nengine =\n"])
def test_without_an_engine(text: str) -> None:
    assert str(refusal(text)) == "No engine specified; specify via target or core.engine"


def test_two_engines() -> None:
    assert str(refusal("[core]\nengine = pg\nengine = sqlite\n")) == 'More then one value for the key "core.engine"'


def test_a_target_by_name_with_all_defaults() -> None:
    target = resolve(FAULTS, "A.b")
    assert (target.name, target.engine, target.registry, target.extension) == ("A.b", "sqlite", "sqitch", "sql")
    assert target.client in ("sqlite3", "sqlite3.exe")
    assert paths(target) == {
        "top_dir": ".",
        "plan_file": "sqitch.plan",
        "deploy_dir": "deploy",
        "revert_dir": "revert",
        "verify_dir": "verify",
        "reworked_dir": ".",
        "reworked_deploy_dir": "deploy",
        "reworked_revert_dir": "revert",
        "reworked_verify_dir": "verify",
    }


def test_paths_stay_relative_and_lose_what_says_nothing() -> None:
    text = '[target "t"]\nuri = db:sqlite:x\ntop_dir = ./a//b/../c/\nplan_file = ./p//q.plan\n'
    target = resolve(text, "t")
    assert (target.top_dir, target.plan_file, target.deploy_dir) == ("a/b/../c", "p/q.plan", "a/b/../c/deploy")
    assert (target.reworked_dir, target.reworked_verify_dir) == ("a/b/../c", "a/b/../c/verify")


def test_reworked_directories_follow_the_configured_ones_as_since_1_5_2() -> None:
    text = (
        '[target "t"]\nuri = db:pg:x\ntop_dir = sql\ndeploy_dir = dep\nreworked_dir = old\nreworked_revert_dir = rr\n'
    )
    target = resolve(text, "t")
    assert (target.deploy_dir, target.reworked_deploy_dir) == ("dep", "old/dep")
    assert (target.revert_dir, target.reworked_revert_dir) == ("sql/revert", "rr")
    assert (target.verify_dir, target.reworked_verify_dir) == ("sql/verify", "old/verify")


PRECEDENCE = """
[core]
engine = pg
registry = core_reg
client = core_client
extension = core_ext
top_dir = core_top
[engine "pg"]
registry = engine_reg
client = engine_client
extension =
[target "dev"]
uri = db:postgres://h/tv
registry = target_reg
"""


def test_the_target_beats_the_engine_and_the_engine_the_core() -> None:
    target = resolve(PRECEDENCE, "dev")
    assert (target.registry, target.client) == ("target_reg", "engine_client")
    assert (target.extension, target.top_dir) == ("core_ext", "core_top")


def test_the_command_line_beats_everything() -> None:
    overrides = TargetOverrides(registry="r", client="c", plan_file="p.plan", top_dir="t")
    target = resolve(PRECEDENCE, "dev", None, overrides)
    assert (target.registry, target.client, target.plan_file, target.top_dir) == ("r", "c", "p.plan", "t")
    assert target.deploy_dir == "t/deploy"


def test_a_target_given_as_a_uri_has_no_section_of_its_own() -> None:
    assert resolve(PRECEDENCE, "db:pg:tv").registry == "engine_reg"


@pytest.mark.parametrize(
    ("engine", "client"),
    [
        ("pg", "psql"),
        ("yugabyte", "psql"),
        ("cockroach", "psql"),
        ("sqlite", "sqlite3"),
        ("mysql", "mysql"),
        ("maria", "mysql"),
    ],
)
def test_default_clients(engine: str, client: str) -> None:
    assert resolve("", f"db:{engine}:x").client.removesuffix(".exe") == client


@pytest.mark.parametrize(
    ("name", "environ", "overrides", "shown"),
    [
        (None, {}, {}, "db:pg:root"),
        (None, {"PGDATABASE": "pgd"}, {}, "db:pg:pgd"),
        (None, {"PGDATABASE": "my db"}, {}, "db:pg:my%20db"),
        (None, {"PGUSER": "pgu"}, {}, "db:pg:pgu"),
        (None, {"SQITCH_USERNAME": "su", "PGUSER": "x"}, {}, "db:pg:su"),
        ("db:pg://uu@", {}, {}, "db:pg://uu@/uu"),
        ("db:pg://uu:pw@h:1", {}, {}, "db:pg://uu:@h:1/uu"),
        ("db:pg:?host=/nope", {}, {}, "db:pg:root?host=/nope"),
        ("db:postgres://:pw@nohost", {}, {}, "db:postgres://nohost/root"),
        ("db:pg://u:secret@/x", {}, {}, "db:pg://u:@/x"),
        ("db:cockroach:", {}, {}, "db:cockroach:root"),
        ("db:sqlite:y.db", {}, {}, "db:sqlite:y.db"),
        (None, {}, {"dbname": "my db"}, "db:pg:my%20db"),
        (None, {}, {"host": "hh", "user": "uu", "port": "77"}, "db:pg://uu@hh:77/uu"),
        ("n", {}, {}, "n"),
        ("n", {}, {"dbname": "foo"}, "n"),
        ("embedded:", {}, {}, "embedded:"),
    ],
)
def test_the_destination_is_that_of_sqitch(
    name: str | None, environ: dict[str, str], overrides: dict[str, str], shown: str
) -> None:
    text = '[core]\nengine = pg\n[target "n"]\nuri = db:pg:\n'
    target = resolve(text, name, environ, TargetOverrides(**overrides))
    assert target.destination == shown
    if target.engine == "pg":
        assert target.registry_destination == shown


def test_overrides_reach_the_uri_of_a_named_target() -> None:
    target = resolve(PRECEDENCE, "dev", None, TargetOverrides(dbname="other", port="1"))
    assert (target.uri.dbname, target.uri.host, target.uri.port) == ("other", "h", "1")


@pytest.mark.parametrize(
    ("uri", "registry", "shown"),
    [
        ("db:sqlite:flipr.db", None, "db:sqlite:sqitch.db"),
        ("db:sqlite:flipr.db", "meta", "db:sqlite:meta.db"),
        ("db:sqlite:flipr.db", "/tmp/abs.sqlite", "db:sqlite:/tmp/abs.sqlite"),
        ("db:sqlite:a.b.db", None, "db:sqlite:sqitch.b.db"),
        ("db:sqlite:a.b.db", "meta.db", "db:sqlite:meta.db"),
        ("db:sqlite:foo", None, "db:sqlite:sqitch"),
        ("db:sqlite:d/x.db", "meta", "db:sqlite:d/meta.db"),
        ("db:sqlite:///y.db", None, "db:sqlite:///sqitch.db"),
        ("db:sqlite:///y.db", "/tmp/abs.sqlite", "db:sqlite:////tmp/abs.sqlite"),
        ("db:sqlite:/t/z.db", None, "db:sqlite:/t/sqitch.db"),
        ("db:sqlite:a%20b.db", None, "db:sqlite:sqitch.db"),
        ("db:sqlite:", None, "db:sqlite:"),
        ("db:mysql://u:p@h/x", None, "db:mysql://u:@h/sqitch"),
        ("db:mysql:x", "meta", "db:mysql:meta"),
        ("db:pg://u:p@h/x", "meta", "db:pg://u:@h/x"),
    ],
)
def test_where_the_registry_is(uri: str, registry: str | None, shown: str) -> None:
    assert resolve("", uri, None, TargetOverrides(registry=registry)).registry_destination == shown


VARIABLES = """
[core "variables"]
a = core
b = core
c = core
d = core
Case = x
[deploy "variables"]
b = deploy
c = deploy
d = deploy
[revert "variables"]
c = revert
d = revert
[engine "pg.variables"]
d = engine
e = engine
[target "dev"]
uri = db:pg:tv
[target "dev.variables"]
e = target
"""


def test_variables_of_each_command() -> None:
    target = resolve(VARIABLES, "dev")
    assert target.variables == {"d": "engine", "e": "target"}
    deploy = {"a": "core", "b": "deploy", "c": "deploy", "d": "engine", "Case": "x", "e": "target"}
    assert target.variables_for("deploy") == deploy
    assert target.variables_for("verify", {"s": "v"}) == {**deploy, "s": "v"}
    assert target.variables_for("revert", {"s": "r", "e": "over"}) == {**deploy, "c": "revert", "s": "r", "e": "over"}


def test_a_variable_of_the_environment_in_a_target_of_sqitch_conf() -> None:
    text = '[core]\nengine = pg\n[target "prod"]\nuri = ${DATABASE_URL}\n[target "dev"]\nuri = db:pg:dev\n'
    target = resolve(text, "prod", {"DATABASE_URL": "postgres://u:p@h/app"})
    assert (target.name, target.destination, target.uri.password) == ("prod", "prod", "p")
    assert resolve(text, "dev").uri.dbname == "dev"
    error = refusal(text, "prod")
    assert isinstance(error, ConfigError)
    file = Path.cwd().resolve() / "sqitch.conf"
    message = f"target.prod.uri in {file}:4 uses ${{DATABASE_URL}}, but DATABASE_URL is not set in the environment"
    assert str(error) == message


@pytest.mark.parametrize(
    ("text", "name", "environ"),
    [
        ("[core]\ntarget = ${URL}\n", None, {}),
        ('[core]\nengine = pg\n[engine "pg"]\ntarget = ${URL}\n', None, {}),
        ("", None, {"SQITCH_TARGET": "${URL}"}),
        ("", "${URL}", {}),
        ('[target "t"]\nuri = ${URL}\n', "t", {}),
    ],
)
def test_every_place_that_holds_a_target_may_use_the_environment(
    text: str, name: str | None, environ: dict[str, str]
) -> None:
    target = resolve(text, name, {**environ, "URL": "db:pg://u:hunter2${NOPE}@h/app"})
    assert target.uri.password == "hunter2${NOPE}"  # a value is not looked at again
    assert "hunter2" not in repr(target) + target.name + target.destination + str(target.uri)


def test_an_unset_variable_names_the_key_of_the_default_target() -> None:
    file = Path.cwd().resolve() / "sqitch.conf"
    message = f"engine.pg.target in {file}:4 uses ${{URL}}, but URL is not set in the environment"
    assert str(refusal('[core]\nengine = pg\n[engine "pg"]\ntarget = ${URL}\n')) == message
    assert str(refusal("", "${URL}")) == "The target uses ${URL}, but URL is not set in the environment"


def test_a_target_of_pyproject_is_expanded_once() -> None:
    environ = {"URL": "db:pg://u:a${B}c@h/app", "B": "no"}
    config = config_of('[tool.sqitchpy.target.prod]\nuri = "${URL}"\n', environ, name="pyproject.toml")
    assert resolve_target(config, "prod", environ=environ).uri.password == "a${B}c"


def test_all_configured_targets_the_default_first_and_none_twice() -> None:
    config = config_of(
        '[core]\nengine = pg\n[engine "sqlite"]\ntarget = lite\n[engine "mysql"]\nclient = my\n[engine "pg"]\n'
        'client = p\n[target "section"]\nregistry = x\n[target "prod"]\nuri = ${URL}\n[target "lite"]\n'
        'uri = db:sqlite:l\n[engine "cockroach"]\ntarget = db:cockroach:${NAME}\n'
    )
    assert configured_targets(config) == ("db:pg:", "prod", "lite", "db:cockroach:${NAME}", "db:mysql:")
    assert configured_targets(config_of("[core]\n")) == ()


@pytest.mark.parametrize(
    ("argument", "reference"),
    [
        ("prod", "prod"),
        ("db:pg:x", "db:pg:x"),
        ("DB:pg:x", "DB:pg:x"),
        ("postgresql://h/x", "postgresql://h/x"),
        ("embedded:", "embedded:"),
        ("pg", "db:pg:"),
        ("sqlite", "lite"),
        ("section", None),
        ("users", None),
        ("users@v1", None),
        ("foo:users", None),
    ],
)
def test_which_arguments_mean_a_target(argument: str, reference: str | None) -> None:
    config = config_of(
        '[engine "sqlite"]\ntarget = lite\n[target "prod"]\nuri = ${URL}\n[target "section"]\nclient = x\n'
    )
    assert target_reference(config, argument) == reference


PROD = '[target "prod"]\nuri = db:pg://deployer:secret@db.internal/shop\n'


@pytest.mark.parametrize(
    ("text", "protected"),
    [
        (PROD, False),
        (f"{PROD}protected = true\n", True),
        (f"{PROD}protected\n", True),
        (f"{PROD}protected = yes\n", True),
        (f"{PROD}protected = off\n", False),
        (f'[engine "pg"]\nprotected = true\n{PROD}', True),
        (f'[engine "sqlite"]\nprotected = true\n{PROD}', False),
        (f"[core]\nprotected = 1\n{PROD}", True),
        (f'[core]\nprotected = 1\n[engine "pg"]\nprotected = 0\n{PROD}', False),
        (f'[engine "pg"]\nprotected = true\n{PROD}protected = false\n', False),
    ],
)
def test_a_target_is_protected_by_its_own_word_its_engines_or_that_of_core(text: str, protected: bool) -> None:
    assert resolve(text, "prod").protected is protected


def test_what_is_no_boolean_protects_nothing_silently() -> None:
    error = refusal(f"{PROD}protected = perhaps\n", "prod")
    assert isinstance(error, ConfigError)
    assert error.message == "Invalid bool 'perhaps'"


@pytest.mark.parametrize(
    ("uri", "protected"),
    [
        ("db:pg://db.internal/shop", True),
        ("db:postgres://somebody@db.internal/shop?sslmode=require", True),
        ("postgresql://db.internal/shop", True),
        ("db:pg:shop?host=db.internal", True),
        ("db:pg://db.internal/other", False),
        ("db:pg:shop", False),
        ("db:sqlite:shop", False),
    ],
)
def test_the_database_of_a_protected_target_is_so_under_its_uri_too(uri: str, protected: bool) -> None:
    assert resolve(f"{PROD}protected = true\n", uri).protected is protected


@pytest.mark.parametrize("uri", ["db:sqlite:./prod.db", "db:sqlite:x/../prod.db", "db:sqlite:/srv/app/prod.db"])
def test_a_protected_file_is_so_however_its_path_is_written(uri: str) -> None:
    config = config_of('[target "prod"]\nuri = db:sqlite:prod.db\nprotected = true\n')
    assert resolve_target(config, uri, environ={}, directory="/srv/app").protected
    assert not resolve_target(config, "db:sqlite:dev.db", environ={}, directory="/srv/app").protected


def test_a_part_that_is_replaced_counts_for_what_is_protected() -> None:
    text = f'{PROD}protected = true\n[target "dev"]\nuri = db:pg://db.internal/dev\n'
    assert not resolve(text, "dev").protected
    assert resolve(text, "dev", overrides=TargetOverrides(dbname="shop")).protected


def test_another_name_for_the_database_may_say_that_it_is_not_protected() -> None:
    alias = '[target "alias"]\nuri = db:pg://db.internal/shop\n'
    assert resolve(f"{PROD}protected = true\n{alias}", "alias").protected
    assert not resolve(f"{PROD}protected = true\n{alias}protected = false\n", "alias").protected


def test_a_protected_target_whose_variable_is_not_set_does_not_stop_the_others() -> None:
    text = '[target "prod"]\nuri = ${NO_SUCH}\nprotected = true\n[target "dev"]\nuri = db:pg:dev\n'
    assert not resolve(text, "dev").protected
