-- The books: every grant of credit, what trickles paid and did not pay, and what every total was when the
-- toolkit came. Times are Unix seconds on the server's clock, credit is in cobblestones. An id of 0 is "none".

CREATE TABLE IF NOT EXISTS cobblestone_ledger (
    id           BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
    time         DOUBLE       NOT NULL,
    kind         VARCHAR(16)  NOT NULL,
    messageid    INT          NULL,
    resultid     INT          NOT NULL,
    workunitid   INT          NOT NULL,
    hostid       INT          NOT NULL,
    userid       INT          NOT NULL,
    teamid       INT          NOT NULL,
    appid        INT          NOT NULL,
    seconds      DOUBLE       NOT NULL,
    flops        DOUBLE       NOT NULL,
    credit       DOUBLE       NOT NULL,
    rule_version INT          NOT NULL,
    reason       VARCHAR(255) NOT NULL,
    -- The database itself refuses to pay a message twice.
    UNIQUE KEY ledger_message (messageid),
    KEY ledger_result (resultid),
    KEY ledger_host (hostid),
    KEY ledger_user (userid)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS cobblestone_mark (
    resultid     INT    NOT NULL PRIMARY KEY,
    hostid       INT    NOT NULL,
    appid        INT    NOT NULL,
    seconds_paid DOUBLE NOT NULL,
    largest_claim DOUBLE NOT NULL,
    credit_paid  DOUBLE NOT NULL,
    messages     INT    NOT NULL,
    time         DOUBLE NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS cobblestone_disallowed (
    messageid INT          NOT NULL PRIMARY KEY,
    resultid  INT          NOT NULL,
    hostid    INT          NOT NULL,
    appid     INT          NOT NULL,
    claimed   DOUBLE       NOT NULL,
    allowed   DOUBLE       NOT NULL,
    reason    VARCHAR(255) NOT NULL,
    time      DOUBLE       NOT NULL,
    KEY disallowed_host (hostid)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS cobblestone_opening (
    kind         VARCHAR(8) NOT NULL,
    id           INT        NOT NULL,
    total_credit DOUBLE     NOT NULL,
    PRIMARY KEY (kind, id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

INSERT IGNORE INTO cobblestone_opening (kind, id, total_credit)
    SELECT 'host', id, total_credit FROM host WHERE total_credit <> 0;
INSERT IGNORE INTO cobblestone_opening (kind, id, total_credit)
    SELECT 'user', id, total_credit FROM user WHERE total_credit <> 0;
INSERT IGNORE INTO cobblestone_opening (kind, id, total_credit)
    SELECT 'team', id, total_credit FROM team WHERE total_credit <> 0;

-- Messages that were handled by others before.
CREATE TABLE IF NOT EXISTS cobblestone_opening_message (
    variety VARCHAR(254) NOT NULL PRIMARY KEY,
    handled BIGINT       NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

INSERT IGNORE INTO cobblestone_opening_message (variety, handled)
    SELECT variety, COUNT(*) FROM msg_from_host WHERE handled <> 0 GROUP BY variety;
