-- Through which token or role somebody acted who is named as the actor; null where the actor came by itself.

ALTER TABLE edurange.points_ledger ADD COLUMN via text;
