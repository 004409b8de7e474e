-- What increments, caps per host and day, and messages without a result need. Every statement is safe to repeat.

-- Increments that count: each message once, however often its client sends it.
CREATE TABLE IF NOT EXISTS cobblestone_increment (
    -- The database itself refuses to count a message twice.
    identity BINARY(16) NOT NULL PRIMARY KEY,
    resultid INT        NOT NULL,
    hostid   INT        NOT NULL,
    good_for DOUBLE     NOT NULL,
    time     DOUBLE     NOT NULL,
    KEY increment_result (resultid)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- Their sum per result; belongs to its row in cobblestone_mark.
CREATE TABLE IF NOT EXISTS cobblestone_increment_sum (
    resultid   INT    NOT NULL PRIMARY KEY,
    increments DOUBLE NOT NULL,
    latest     INT    NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS cobblestone_host_day (
    hostid  INT    NOT NULL,
    appid   INT    NOT NULL,
    day     INT    NOT NULL,
    seconds DOUBLE NOT NULL,
    PRIMARY KEY (hostid, appid, day)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS cobblestone_flag (
    hostid      INT    NOT NULL,
    appid       INT    NOT NULL,
    over_claims INT    NOT NULL,
    flagged     DOUBLE NOT NULL,
    time        DOUBLE NOT NULL,
    PRIMARY KEY (hostid, appid)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- Messages that were counted and belong to no result.
CREATE TABLE IF NOT EXISTS cobblestone_host_messages (
    hostid   INT    NOT NULL PRIMARY KEY,
    messages INT    NOT NULL,
    time     DOUBLE NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- Varieties that a trickle handler of the toolkit ever read: the audit asks for their messages.
CREATE TABLE IF NOT EXISTS cobblestone_variety (
    variety VARCHAR(254) NOT NULL PRIMARY KEY,
    time    DOUBLE       NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
