# How long DuckDB takes to count a million results by day, before and after compaction. Takes one part of a real dataset
# (table results) and multiplies it:
#   ~/.cache/cobblestone/test-tools-2/bin/python benches/count_by_day.py PROJECT/results/APP/results/campaign=X/day=Y/part-….parquet
import os
import shutil
import sys
import tempfile
import time

import duckdb

part = os.path.abspath(sys.argv[1])
connection = duckdb.connect()
rows = connection.execute(f"SELECT count(*) FROM read_parquet('{part}', hive_partitioning = false)").fetchone()[0]
folder = tempfile.mkdtemp(dir=os.environ.get("TMPDIR"))
query = f"SELECT day, count(*) FROM read_parquet('{folder}/*/*/*.parquet', hive_partitioning = true) GROUP BY day"


def measure(what):
    times = []
    for _ in range(5):
        began = time.monotonic()
        count = sum(row[1] for row in connection.execute(query).fetchall())
        times.append(time.monotonic() - began)
    files = sum(len(names) for _, _, names in os.walk(folder))
    print(f"{what}: {count} rows in {files} files, median {sorted(times)[2]:.3f} s")
    return sorted(times)[2]


try:
    days = [f"{folder}/campaign=c/day=2026-11-{day + 1:02}" for day in range(30)]
    each = -(-1_000_000 // (rows * len(days)))
    for day in days:
        os.makedirs(day)
        for number in range(each):
            shutil.copyfile(part, f"{day}/part-{number}.parquet")
    before = measure("as written")
    for day in days:
        merged = f"{folder}/merged"
        connection.execute(f"COPY (SELECT * FROM read_parquet('{day}/*.parquet', hive_partitioning = false)) TO '{merged}' (FORMAT parquet)")
        shutil.rmtree(day)
        os.makedirs(day)
        os.rename(merged, f"{day}/part-merged.parquet")
    after = measure("compacted")
    print(f"ratio {before / after:.1f}")
finally:
    shutil.rmtree(folder)
