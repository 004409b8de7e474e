-- Control totals of the ledger: how many rows were written, and how much credit, beside the rows themselves. A row that
-- is added, changed or deleted by hand shows. Every statement is safe to repeat.

CREATE TABLE IF NOT EXISTS cobblestone_ledger_control (
    -- Writers have rows of their own, so that they don't wait for one another. -1: what there was before.
    part   INT    NOT NULL PRIMARY KEY,
    `rows` BIGINT NOT NULL,
    credit DOUBLE NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

INSERT IGNORE INTO cobblestone_ledger_control (part, `rows`, credit)
    SELECT -1, COUNT(*), COALESCE(SUM(credit), 0) FROM cobblestone_ledger;
