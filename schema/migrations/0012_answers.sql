-- Answers that are kept with idempotency keys, of a row type that has grown since.

SET LOCAL search_path = edurange;

-- An import said how it went in four columns; it had always written, and never warned.
UPDATE idempotency SET response = regexp_replace(response, ',([tf]),([0-9]+),([0-9]+)[)]$', E',\\1,t,\\2,\\3,{})')
WHERE function IN ('cdf_import', 'cdf_update');
