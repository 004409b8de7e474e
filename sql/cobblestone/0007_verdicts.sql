-- What the validator decided, and why. Rows are only added; db_purge leaves them. Every statement is safe to repeat.

-- What "the same" meant, each text once per application.
CREATE TABLE IF NOT EXISTS cobblestone_spec (
    id     INT        NOT NULL AUTO_INCREMENT PRIMARY KEY,
    appid  INT        NOT NULL,
    digest CHAR(64)   CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    text   MEDIUMTEXT NOT NULL,
    time   DOUBLE     NOT NULL,
    UNIQUE KEY spec_once (appid, digest)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- One look at a workunit.
CREATE TABLE IF NOT EXISTS cobblestone_judgement (
    workunitid   INT          NOT NULL,
    n            INT          NOT NULL,
    time         DOUBLE       NOT NULL,
    appid        INT          NOT NULL,
    name         VARCHAR(254) NOT NULL,
    outcome      VARCHAR(20)  NOT NULL,
    canonical    INT          NOT NULL,
    min_quorum   INT          NOT NULL,
    credit_mode  VARCHAR(16)  NOT NULL,
    specid       INT          NOT NULL,
    rule_version INT          NOT NULL,
    matrix       MEDIUMTEXT   NOT NULL,
    files        MEDIUMTEXT   NOT NULL,
    notes        MEDIUMTEXT   NOT NULL,
    PRIMARY KEY (workunitid, n),
    KEY judgement_name (name)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- What it came to for one result.
CREATE TABLE IF NOT EXISTS cobblestone_verdict (
    workunitid    INT          NOT NULL,
    n             INT          NOT NULL,
    resultid      INT          NOT NULL,
    name          VARCHAR(254) NOT NULL,
    hostid        INT          NOT NULL,
    userid        INT          NOT NULL,
    time          DOUBLE       NOT NULL,
    decision      VARCHAR(16)  NOT NULL,
    reason        VARCHAR(255) NOT NULL,
    partner       INT          NOT NULL,
    deviation     DOUBLE       NULL,
    place         VARCHAR(255) NOT NULL,
    value         VARCHAR(255) NOT NULL,
    partner_value VARCHAR(255) NOT NULL,
    formula       VARCHAR(255) NOT NULL,
    credit        DOUBLE       NOT NULL,
    PRIMARY KEY (workunitid, n, resultid),
    KEY verdict_result (resultid)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
