-- Which workunits have their row in a dataset. BOINC can ask for a workunit a second time: one that was cancelled
-- while its results ran gets a canonical result when they are reported.

CREATE TABLE IF NOT EXISTS cobblestone_assimilated (
    workunitid INT         NOT NULL PRIMARY KEY,
    dataset    VARCHAR(32) NOT NULL,
    time       DOUBLE      NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
