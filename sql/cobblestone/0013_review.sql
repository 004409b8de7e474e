-- What people, and the assimilator by itself, say of results. Every statement is safe to repeat.

-- Rows are only added; the last one of a workunit holds. db_purge leaves them.
CREATE TABLE IF NOT EXISTS cobblestone_review (
    id         BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
    time       DOUBLE       NOT NULL,
    appid      INT          NOT NULL,
    workunitid INT          NOT NULL,
    resultid   INT          NOT NULL,
    who        VARCHAR(128) NOT NULL,
    verdict    VARCHAR(16)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    comment    VARCHAR(4000) NOT NULL,
    KEY review_workunit (workunitid),
    KEY review_app (appid, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
