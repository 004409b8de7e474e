-- Room for what a script wrote. Safe to repeat.

ALTER TABLE cobblestone_verdict MODIFY place VARCHAR(2000) NOT NULL;
