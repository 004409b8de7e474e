-- Work in and out: campaigns and their jobs, what was set aside, and files of the assimilator's datasets.

CREATE TABLE IF NOT EXISTS cobblestone_campaign (
    id       INT          NOT NULL AUTO_INCREMENT PRIMARY KEY,
    appid    INT          NOT NULL,
    name     VARCHAR(128) NOT NULL,
    next_job BIGINT       NOT NULL,
    time     DOUBLE       NOT NULL,
    UNIQUE KEY campaign_name (appid, name)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS cobblestone_job (
    workunitid INT    NOT NULL PRIMARY KEY,
    campaignid INT    NOT NULL,
    job        BIGINT NOT NULL,
    seed       BIGINT NOT NULL,
    events     BIGINT NOT NULL,
    -- The database itself refuses to make a job twice.
    UNIQUE KEY job_once (campaignid, job)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS cobblestone_quarantine (
    id      BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
    time    DOUBLE       NOT NULL,
    daemon  VARCHAR(32)  NOT NULL,
    kind    VARCHAR(16)  NOT NULL,
    refid   BIGINT       NOT NULL,
    hostid  INT          NOT NULL,
    reason  VARCHAR(255) NOT NULL,
    raw     MEDIUMBLOB   NULL,
    tries   INT          NOT NULL,
    UNIQUE KEY quarantine_once (daemon, kind, refid),
    KEY quarantine_host (hostid)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS cobblestone_dataset_file (
    id      BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
    appid   INT          NOT NULL,
    dataset VARCHAR(32)  NOT NULL,
    path    VARCHAR(512) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    items   BIGINT       NOT NULL,
    bytes   BIGINT       NOT NULL,
    state   VARCHAR(16)  NOT NULL,
    time    DOUBLE       NOT NULL,
    UNIQUE KEY dataset_path (path),
    KEY dataset_state (appid, state)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
