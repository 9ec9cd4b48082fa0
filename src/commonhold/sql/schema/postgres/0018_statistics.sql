-- Nothing to be changed: Postgres analyses its tables by itself. SQLite is told what it assumes wrongly.

SELECT 1;
