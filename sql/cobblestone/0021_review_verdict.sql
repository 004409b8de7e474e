-- Flags of the last weeks are found without reading all reviews. Every statement is safe to repeat.

SET @ddl = IF(EXISTS(SELECT 1 FROM information_schema.statistics WHERE table_schema = DATABASE()
              AND table_name = 'cobblestone_review' AND index_name = 'review_verdict'), 'DO 0',
    'ALTER TABLE cobblestone_review ADD KEY review_verdict (appid, verdict, time)');
PREPARE ddl FROM @ddl;
EXECUTE ddl;
DEALLOCATE PREPARE ddl;
