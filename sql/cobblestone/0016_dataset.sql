-- Datasets on S3, their compaction, and summaries. Every statement is safe to repeat.

-- Parts that are about to be put on S3: what one who is gone left behind is found by it.
CREATE TABLE IF NOT EXISTS cobblestone_dataset_intent (
    path  VARCHAR(512) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    appid INT          NOT NULL,
    time  DOUBLE       NOT NULL,
    KEY intent_app (appid, time)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- Files of a partition that is being compacted, and the file that takes their place.
CREATE TABLE IF NOT EXISTS cobblestone_dataset_merge (
    path        VARCHAR(512) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    appid       INT          NOT NULL,
    merged_into VARCHAR(512) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    time        DOUBLE       NOT NULL,
    KEY merge_app (appid)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- Campaigns and batches whose summary was made, or is tried.
CREATE TABLE IF NOT EXISTS cobblestone_summary (
    appid INT          NOT NULL,
    kind  VARCHAR(16)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    refid BIGINT       NOT NULL,
    state VARCHAR(16)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    tries INT          NOT NULL,
    time  DOUBLE       NOT NULL,
    PRIMARY KEY (appid, kind, refid)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
