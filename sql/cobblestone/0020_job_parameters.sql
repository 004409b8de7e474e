-- What the template of a job saw. Every statement is safe to repeat; the ALTER is done whole or not at all.

SET @ddl = IF(EXISTS(SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE()
              AND table_name = 'cobblestone_job' AND column_name = 'parameters'), 'DO 0',
    'ALTER TABLE cobblestone_job
        ADD COLUMN parameters MEDIUMTEXT NULL');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;
