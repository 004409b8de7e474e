-- Control totals of all columns of the ledger: seconds, and a checksum of what is no sum. Every statement is safe to
-- repeat; the ALTER is done whole or not at all.

SET @ddl = IF(EXISTS(SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE()
              AND table_name = 'cobblestone_ledger_control' AND column_name = 'checksum'), 'DO 0',
    'ALTER TABLE cobblestone_ledger_control
        ADD COLUMN seconds DOUBLE NOT NULL DEFAULT 0,
        ADD COLUMN checksum BIGINT NOT NULL DEFAULT 0');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

-- What there was before. No program of before writes the new columns, and none runs now.
UPDATE cobblestone_ledger_control SET
    seconds = (SELECT COALESCE(SUM(l.seconds), 0) FROM cobblestone_ledger l),
    checksum = (SELECT CAST(COALESCE(SUM(CRC32(CONCAT_WS('|', l.kind, COALESCE(l.messageid, 0), l.resultid, l.workunitid,
        l.hostid, l.userid, l.teamid, l.appid, l.rule_version, l.messages, l.rows_folded, l.by_app, l.app_userid,
        l.app_teamid, CAST(FLOOR(l.time) AS SIGNED), CAST(FLOOR(l.since) AS SIGNED), l.reason))), 0) AS SIGNED)
        FROM cobblestone_ledger l)
    WHERE part = -1;
