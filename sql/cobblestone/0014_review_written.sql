-- Which reviews stand in the dataset already. Every statement is safe to repeat; the ALTER is done whole or not at all.

SET @ddl = IF(EXISTS(SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE()
              AND table_name = 'cobblestone_review' AND column_name = 'written'), 'DO 0',
    'ALTER TABLE cobblestone_review
        ADD COLUMN written TINYINT NOT NULL DEFAULT 0,
        ADD KEY review_unwritten (appid, written, id)');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;
