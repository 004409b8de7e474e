# Reads a dataset with DuckDB again and again while it grows, with a plain glob, until standard input ends. No row may
# ever be there twice, none may vanish, no file may be half there. Prints how often it looked and what it saw last.
import sys
import threading

import duckdb

glob = sys.argv[1]
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()

looks = gone = rows = 0
connection = duckdb.connect()
while True:
    last = ended.is_set()
    try:
        found, distinct = connection.execute(
            f"SELECT count(*), count(DISTINCT workunit_id) FROM read_parquet('{glob}', hive_partitioning = true)"
        ).fetchone()
    except duckdb.IOException as error:
        # Nothing there yet, or a file was merged between the listing and the reading: an error, no wrong number.
        if "No files found" not in str(error):
            gone += 1
            if "No such file" not in str(error) and "Cannot open file" not in str(error):
                sys.exit(f"can't be read: {error}")
        if last and "No files found" in str(error):
            sys.exit(f"nothing is there: {error}")
        continue
    looks += 1
    if found != distinct:
        sys.exit(f"{found} rows of {distinct} workunits")
    if found < rows:
        sys.exit(f"{rows} rows became {found}")
    rows = found
    if last:
        break
print(looks, gone, rows)
