-- Guest reports: what happened inside the virtual machines. Every statement is safe to repeat.

-- What a result's reports of one variety come to.
CREATE TABLE IF NOT EXISTS cobblestone_report (
    resultid   INT          NOT NULL,
    variety    VARCHAR(254) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    hostid     INT          NOT NULL,
    appid      INT          NOT NULL,
    workunitid INT          NOT NULL,
    campaignid INT          NOT NULL,
    received   BIGINT       NOT NULL,
    succeeded  BIGINT       NOT NULL,
    failed     BIGINT       NOT NULL,
    events     BIGINT       NOT NULL,
    messages   INT          NOT NULL,
    time       DOUBLE       NOT NULL,
    PRIMARY KEY (resultid, variety),
    KEY report_app (appid, campaignid),
    KEY report_host (hostid)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- The same by the day on which the messages came. The days of a result add up to its row above.
CREATE TABLE IF NOT EXISTS cobblestone_report_day (
    resultid  INT          NOT NULL,
    variety   VARCHAR(254) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    day       INT          NOT NULL,
    received  BIGINT       NOT NULL,
    succeeded BIGINT       NOT NULL,
    failed    BIGINT       NOT NULL,
    events    BIGINT       NOT NULL,
    PRIMARY KEY (resultid, variety, day),
    KEY report_day (day)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- Increments that count: each message once, however often its client sends it.
CREATE TABLE IF NOT EXISTS cobblestone_report_increment (
    identity BINARY(16) NOT NULL PRIMARY KEY,
    resultid INT        NOT NULL,
    day      INT        NOT NULL,
    KEY report_increment_result (resultid)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
