-- What keeps the books provable while they grow: rows that were folded together, what was counted and then cleaned
-- away, and what a person settled. Every statement is safe to repeat; each ALTER is done whole or not at all.

SET @ddl = IF(EXISTS(SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE()
              AND table_name = 'cobblestone_ledger' AND column_name = 'messages'), 'DO 0',
    'ALTER TABLE cobblestone_ledger
        ADD COLUMN messages INT NOT NULL DEFAULT 0,
        ADD COLUMN rows_folded INT NOT NULL DEFAULT 1,
        ADD COLUMN since DOUBLE NOT NULL DEFAULT 0,
        ADD COLUMN by_app TINYINT NOT NULL DEFAULT 0,
        ADD COLUMN app_userid INT NOT NULL DEFAULT 0,
        ADD COLUMN app_teamid INT NOT NULL DEFAULT 0,
        ADD KEY ledger_time (time)');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

UPDATE cobblestone_ledger SET since = time, messages = (messageid IS NOT NULL OR kind = 'uptime') WHERE since = 0;

-- Per application, too.
SET @ddl = IF(EXISTS(SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE()
              AND table_name = 'cobblestone_opening' AND column_name = 'appid'), 'DO 0',
    'ALTER TABLE cobblestone_opening
        MODIFY COLUMN kind VARCHAR(16) NOT NULL,
        ADD COLUMN appid INT NOT NULL DEFAULT 0,
        DROP PRIMARY KEY,
        ADD PRIMARY KEY (kind, id, appid)');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

INSERT IGNORE INTO cobblestone_opening (kind, id, appid, total_credit)
    SELECT 'credit_user', userid, appid, SUM(total) FROM credit_user GROUP BY userid, appid HAVING SUM(total) <> 0;
INSERT IGNORE INTO cobblestone_opening (kind, id, appid, total_credit)
    SELECT 'credit_team', teamid, appid, SUM(total) FROM credit_team GROUP BY teamid, appid HAVING SUM(total) <> 0;

-- One row per message, or for several that were folded together.
SET @ddl = IF(EXISTS(SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE()
              AND table_name = 'cobblestone_disallowed' AND column_name = 'id'), 'DO 0',
    'ALTER TABLE cobblestone_disallowed
        DROP PRIMARY KEY,
        ADD COLUMN id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY FIRST,
        MODIFY COLUMN messageid INT NULL,
        ADD COLUMN messages INT NOT NULL DEFAULT 1,
        ADD COLUMN paid_in_part INT NOT NULL DEFAULT 0,
        ADD COLUMN since DOUBLE NOT NULL DEFAULT 0,
        ADD UNIQUE KEY disallowed_message (messageid),
        ADD KEY disallowed_result (resultid),
        ADD KEY disallowed_time (time)');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

UPDATE cobblestone_disallowed SET since = time WHERE since = 0;

CREATE TABLE IF NOT EXISTS cobblestone_counter (
    name  VARCHAR(64) NOT NULL PRIMARY KEY,
    value BIGINT      NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- What a person settled for good, with the reason. Rows are only ever added.
CREATE TABLE IF NOT EXISTS cobblestone_reconciliation (
    id     BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
    time   DOUBLE       NOT NULL,
    kind   VARCHAR(16)  NOT NULL,
    owner  INT          NOT NULL,
    appid  INT          NOT NULL,
    amount DOUBLE       NOT NULL,
    reason VARCHAR(255) NOT NULL,
    KEY reconciliation_owner (kind, owner)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
