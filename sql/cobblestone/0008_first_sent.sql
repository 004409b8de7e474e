-- When a result was first sent: the scheduler sets result.sent_time anew when it resends a lost one to its host. Every
-- statement is safe to repeat; the ALTER is done whole or not at all.

SET @ddl = IF(EXISTS(SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE()
              AND table_name = 'cobblestone_mark' AND column_name = 'sent_time'), 'DO 0',
    'ALTER TABLE cobblestone_mark ADD COLUMN sent_time INT NOT NULL DEFAULT 0');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;

UPDATE cobblestone_mark k JOIN result r ON r.id = k.resultid SET k.sent_time = r.sent_time WHERE k.sent_time = 0;
