"""How fast scripts are split: sqitchpy's lexer next to sqlparse.

    python benchmarks/lexer.py [--megabytes 100]

Three kinds of script are made up: single-line INSERTs, what pg_dump writes (tables, COPY data, indexes, comments), and
functions in plpgsql. We read each from a file of that size, three times. In between sqlparse, which would need minutes
for all of it, gets one of the three slices of 150 kB that the file repeats; with 50 or 600 kB it is about as fast.
What is compared are bytes per second of CPU time; peak memory is ours.
"""

from __future__ import annotations

import argparse
import itertools
import random
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import sqlparse

from sqitchpy.script.lexer import Lexer, Statement
from sqitchpy.script.source import Source
from sqitchpy.script.statements import Kind

SLICE = 150_000
SLICES = 3
WORDS = ["lorem", "ipsum", "dolor", "sit", "amet", "consectetur", "adipiscing", "elit", "sed", "eiusmod", "tempor"]


def inserts(rng: random.Random) -> str:
    name, when = " ".join(rng.sample(WORDS, 2)), f"2024-0{rng.randint(1, 9)}-1{rng.randint(0, 9)} 12:34:56+00"
    return (
        f"INSERT INTO public.users (id, name, email, created_at, score) VALUES ({rng.randint(1, 10**6)}, '{name}', "
        f"'{name.replace(' ', '.')}@example.com', '{when}', {rng.random():.4f});\n"
    )


def dump(rng: random.Random) -> str:
    table = f"{rng.choice(WORDS)}_{rng.randint(1, 10**6)}"
    rows = "".join(f"{n}\t{' '.join(rng.sample(WORDS, 4))}\t\\N\t2024-01-01 00:00:00+00\n" for n in range(20))
    return f"""--
-- Name: {table}; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.{table} (
    id bigint NOT NULL,
    name character varying(100) DEFAULT 'none'::character varying NOT NULL,
    price numeric(10,2),
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT {table}_check CHECK (((price >= (0)::numeric) AND (price < (1000)::numeric)))
);


--
-- Data for Name: {table}; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.{table} (id, name, price, created_at) FROM stdin;
{rows}\\.


ALTER TABLE ONLY public.{table}
    ADD CONSTRAINT {table}_pkey PRIMARY KEY (id);


CREATE INDEX {table}_name_idx ON public.{table} USING btree (lower((name)::text), created_at DESC);


COMMENT ON TABLE public.{table} IS 'It''s a table';
"""


def functions(rng: random.Random) -> str:
    name = f"{rng.choice(WORDS)}_{rng.randint(1, 10**6)}"
    body = "\n".join(
        f"""    -- {" ".join(rng.sample(WORDS, 5))}
    IF v_count > {n} THEN
        UPDATE {name} SET total = total + {n}, note = 'it''s {n}' WHERE id = p_id AND kind <> 'x;y';
        RAISE NOTICE 'done % of %', {n}, v_count;
    END IF;"""
        for n in range(rng.randint(2, 6))
    )
    return f"""CREATE OR REPLACE FUNCTION {name}(p_id integer, p_kind text DEFAULT 'a') RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    v_count integer := 0;
BEGIN
    SELECT count(*) INTO v_count FROM {name} WHERE id = p_id;
{body}
    RETURN NEW;
END;
$function$;

GRANT EXECUTE ON FUNCTION {name}(integer, text) TO app_user;
CREATE TRIGGER {name}_trigger BEFORE INSERT OR UPDATE ON {name}
    FOR EACH ROW EXECUTE FUNCTION {name}();

"""


def split(lines: Iterator[bytes]) -> int:
    """Read a script as the interpreter does; how many statements there were."""
    lexer, count = Lexer(lines), 0
    while (item := lexer.next()) is not None:
        count += 1
        if isinstance(item, Statement) and item.kind is Kind.COPY_IN:
            for _ in lexer.data_lines():
                pass
    return count


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def measure(make: Callable[[random.Random], str], megabytes: int, folder: Path) -> None:
    rng = random.Random(1)
    slices = []
    for _ in range(SLICES):
        text = ""
        while len(text) < SLICE:
            text += make(rng)
        slices.append(text)
    times = -(-megabytes * 1_000_000 // len("".join(slices)))
    with (folder / make.__name__).open("w", newline="\n") as file:
        file.writelines(slices * times)
        size = file.tell()
    source = Source(make.__name__, folder)
    took = [(seconds(lambda: split(source.lines())), seconds(partial(sqlparse.split, text))) for text in slices]
    ours = size * SLICES / sum(mine for mine, _ in took) / 1e6
    theirs = len("".join(slices)) / sum(other for _, other in took) / 1e6
    statements = split(source.lines())
    tracemalloc.start()
    split(itertools.islice(source.lines(), 20))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(
        f"{make.__name__:10} {statements:9,} statements   sqitchpy {ours:6.1f} MB/s   sqlparse {theirs:5.2f} MB/s   "
        f"{ours / theirs:5.0f} times   peak {peak / 1024:,.0f} KiB"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=20, help="size of each script (default: 20)")
    megabytes = parser.parse_args().megabytes
    with tempfile.TemporaryDirectory() as folder:
        for kind in (inserts, dump, functions):
            measure(kind, megabytes, Path(folder))
