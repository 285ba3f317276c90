"""What other libraries offer for the load that portl_load.py measures: python portl_peers.py NAME DSN FILE"""

import sys
import tempfile
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from portl_contenders import CHUNK, COLUMNS, rows


def sqlalchemy(dsn: str, file: str) -> int:
    """SQLAlchemy Core, as its documentation shows an upsert, in pages of its own size."""
    import sqlalchemy as sa
    from sqlalchemy.dialects.postgresql import insert

    engine = sa.create_engine(dsn.replace("postgresql://", "postgresql+psycopg://", 1))
    table = sa.Table("bench_load", sa.MetaData(), autoload_with=engine)
    statement = insert(table)
    updated = {name: statement.excluded[name] for name in COLUMNS if name not in ("code", "source")}
    statement = statement.on_conflict_do_update(index_elements=["code", "source"], set_=updated).returning(table.c.id)
    count = 0
    with engine.begin() as connection:
        for chunk in rows(file):
            values = [dict(zip(COLUMNS, row, strict=True)) for row in chunk]
            for value in values:
                value["flag"] = value["flag"] == "t"
            count += len(connection.execute(statement, values).all())
    return count


def pandas(dsn: str, file: str) -> int:
    """pandas.to_sql, which cannot upsert: into a table of its own, without a unique index."""
    import pandas as pd
    import sqlalchemy as sa

    engine = sa.create_engine(dsn.replace("postgresql://", "postgresql+psycopg://", 1))
    count = 0
    for frame in pd.read_csv(file, chunksize=CHUNK):
        frame.to_sql("bench_pandas", engine, if_exists="append" if count else "replace", index=False)
        count += len(frame)
    return count


def _with_host(dsn: str) -> str:
    """The dsn with a socket's folder where dlt looks for the host."""
    parts = urlsplit(dsn)
    folder = parse_qs(parts.query).get("host", [""])[0]
    if parts.hostname or not folder:
        return dsn
    who = parts.netloc.rpartition("@")[0].partition(":")[0] or "postgres"
    return f"postgresql://{who}:none@{quote(folder, safe='')}:5432{parts.path}"


def dlt(dsn: str, file: str) -> int:
    """dlt, given dicts as its documentation shows: it merges into a table of its own, through one for staging."""
    import dlt as library

    with tempfile.TemporaryDirectory(prefix="bench-dlt-") as folder:
        server = library.destinations.postgres(_with_host(dsn))
        pipeline = library.pipeline("bench", pipelines_dir=folder, destination=server, dataset_name="bench_dlt")
        items = (dict(zip(COLUMNS, row, strict=True)) for chunk in rows(file) for row in chunk)
        pipeline.run(items, table_name="load", write_disposition="merge", primary_key=["code", "source"])
        return int(pipeline.last_trace.last_normalize_info.row_counts["load"])


CONTENDERS = {"sqlalchemy": sqlalchemy, "pandas": pandas, "dlt": dlt}

if __name__ == "__main__":
    print(CONTENDERS[sys.argv[1]](*sys.argv[2:4]))
