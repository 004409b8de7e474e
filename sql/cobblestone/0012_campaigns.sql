-- Campaigns: their state, where they stand in files of rows, which seeds they have, and which jobs are to be tried again.
-- Every statement is safe to repeat; each ALTER is done whole or not at all.

SET @ddl = IF(EXISTS(SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE()
              AND table_name = 'cobblestone_campaign' AND column_name = 'state'), 'DO 0',
    'ALTER TABLE cobblestone_campaign
        ADD COLUMN state     VARCHAR(16)  NOT NULL DEFAULT ''active'',
        ADD COLUMN source    VARCHAR(16)  NOT NULL DEFAULT ''counter'',
        ADD COLUMN jobs      BIGINT       NULL,
        ADD COLUMN made      BIGINT       NOT NULL DEFAULT 0,
        ADD COLUMN set_aside BIGINT       NOT NULL DEFAULT 0,
        ADD COLUMN repeated  BIGINT       NOT NULL DEFAULT 0,
        ADD COLUMN retried   BIGINT       NOT NULL DEFAULT 0,
        ADD COLUMN note      VARCHAR(255) NOT NULL DEFAULT '''',
        ADD COLUMN changed   DOUBLE       NOT NULL DEFAULT 0');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

-- Before there were states, a campaign was a counter.
UPDATE cobblestone_campaign SET made = next_job WHERE made = 0 AND source = 'counter';

SET @ddl = IF(EXISTS(SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE()
              AND table_name = 'cobblestone_job' AND column_name = 'retry'), 'DO 0',
    'ALTER TABLE cobblestone_job
        ADD COLUMN identity BINARY(16) NULL,
        ADD COLUMN fileid   INT        NOT NULL DEFAULT 0,
        ADD COLUMN place    BIGINT     NOT NULL DEFAULT 0,
        ADD COLUMN copy     INT        NOT NULL DEFAULT 0,
        ADD COLUMN retry    INT        NOT NULL DEFAULT 0,
        ADD COLUMN retry_of INT        NOT NULL DEFAULT 0,
        DROP KEY job_once,
        ADD UNIQUE KEY job_once (campaignid, job, retry),
        ADD UNIQUE KEY job_identity (campaignid, identity)');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

CREATE TABLE IF NOT EXISTS cobblestone_campaign_file (
    id         INT          NOT NULL AUTO_INCREMENT PRIMARY KEY,
    campaignid INT          NOT NULL,
    name       VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    place      BIGINT       NOT NULL,
    rows_read  BIGINT       NOT NULL,
    tail       VARCHAR(32)  NOT NULL,
    state      VARCHAR(16)  NOT NULL,
    time       DOUBLE       NOT NULL,
    UNIQUE KEY campaign_file (campaignid, name)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS cobblestone_seed_range (
    appid      INT    NOT NULL,
    -- 0: first_seed is the first seed that no campaign of the application has.
    campaignid INT    NOT NULL,
    first_job  BIGINT NOT NULL,
    first_seed BIGINT NOT NULL,
    seeds      BIGINT NOT NULL,
    PRIMARY KEY (appid, campaignid, first_job)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS cobblestone_retry (
    campaignid INT    NOT NULL,
    job        BIGINT NOT NULL,
    workunitid INT    NOT NULL,
    time       DOUBLE NOT NULL,
    PRIMARY KEY (campaignid, job)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- Seeds that campaigns had before: job n had the first seed + n.
INSERT IGNORE INTO cobblestone_seed_range (appid, campaignid, first_job, first_seed, seeds)
    SELECT c.appid, c.id, 0, MIN(j.seed - j.job), MAX(j.job) + 1
    FROM cobblestone_campaign c JOIN cobblestone_job j ON j.campaignid = c.id GROUP BY c.appid, c.id;
INSERT IGNORE INTO cobblestone_seed_range (appid, campaignid, first_job, first_seed, seeds)
    SELECT * FROM (SELECT appid, 0 AS campaignid, 0 AS first_job, MAX(first_seed + seeds), 0 AS seeds
                   FROM cobblestone_seed_range GROUP BY appid) AS next;
